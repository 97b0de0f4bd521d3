//! A certificate authority of the server's own, and what it signs.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Under which names and addresses the server can be called.
const NAMES: [&str; 5] = ["127.0.0.1", "::1", "localhost", "api.test", "kubernetes.default.svc"];

/// The authority.
pub(super) struct Authority {
    pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that a client shows, and its key.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub(super) fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test api server");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).expect("a certificate of its own");
        Authority {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Its certificate, PEM.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a user; also as DER.
    pub(super) fn client(&self, user: &str) -> (ClientCertificate, Vec<u8>) {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.distinguished_name.push(DnType::CommonName, user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("the authority signs");
        let certificate = ClientCertificate { certificate: signed.pem(), key: key.serialize_pem() };
        (certificate, signed.der().to_vec())
    }

    /// A server's certificate and key, PEM.
    pub(super) fn server_pair(&self) -> (String, String) {
        let (signed, key) = self.sign_server();
        (signed.pem(), key.serialize_pem())
    }

    /// What the server shows; it takes clients with and without a certificate, as API servers do.
    pub(super) fn server(&self) -> Arc<ServerConfig> {
        let (signed, key) = self.sign_server();
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("the authority's own certificate");
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .expect("an authority for clients");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in DER");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks them")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![signed.der().clone()], key)
            .expect("key and certificate belong together");
        Arc::new(config)
    }

    fn sign_server(&self) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).expect("names");
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("the authority signs");
        (signed, key)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}
