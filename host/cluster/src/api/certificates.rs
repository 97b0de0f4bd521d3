//! Certificates and keys as PEM.

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who we are, in TLS.
pub(super) struct Identity {
    /// Our own certificate, and those between it and its authority.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// The certificates of a PEM text.
///
/// # Errors
/// What is wrong with the text; one without a certificate is wrong as well.
pub(super) fn read(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| format!("not PEM certificates: {error}"))?;
    if certificates.is_empty() {
        return Err("there is no PEM certificate in it".to_owned());
    }
    Ok(certificates)
}

/// Certificate chain and key of two PEM texts.
///
/// # Errors
/// Which of the two is wrong, and how. Whether they belong together shows only later.
pub(super) fn identity(certificate: &[u8], key: &[u8]) -> Result<Identity, (Part, String)> {
    let chain = read(certificate).map_err(|problem| (Part::Certificate, problem))?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| (Part::Key, format!("not a PEM private key: {error}")))?;
    Ok(Identity { chain, key })
}

/// One half of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Certificate,
    Key,
}
