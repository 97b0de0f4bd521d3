//! Certificates and keys as PEM.

use secrecy::SecretString;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who we are, in TLS: certificate chain and private key, both PEM.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: SecretString,
}

/// The certificates of a PEM text, as DER.
///
/// # Errors
/// What is wrong with the text; one without a certificate is wrong as well.
pub(super) fn read(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| format!("not PEM certificates: {error}"))?;
    if certificates.is_empty() {
        return Err("there is no PEM certificate in it".to_owned());
    }
    Ok(certificates.iter().map(|certificate| certificate.to_vec()).collect())
}

/// Certificate and key as text, after a look into both.
///
/// # Errors
/// Which of the two is wrong, and how. Whether they belong together shows only later.
pub(super) fn identity(certificate: Vec<u8>, key: Vec<u8>) -> Result<Identity, (Part, String)> {
    read(&certificate).map_err(|problem| (Part::Certificate, problem))?;
    PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| (Part::Key, format!("not a PEM private key: {error}")))?;
    let text = |bytes, part| String::from_utf8(bytes).map_err(|_| (part, "it is not text".to_owned()));
    Ok(Identity { certificate: text(certificate, Part::Certificate)?, key: text(key, Part::Key)?.into() })
}

/// One half of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Certificate,
    Key,
}
