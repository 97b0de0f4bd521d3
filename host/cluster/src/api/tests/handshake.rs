//! TLS handshakes: what is agreed on, and what a server must prove even if nobody vouches for it.

use std::sync::Arc;

use rcgen::ExtendedKeyUsagePurpose;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, crypto};

use super::double::Reply;
use super::tls::{Authority, asked, data};
use super::*;

/// A server that speaks one version, shows the certificate of 127.0.0.1, and signs with its key or, if
/// it is not its own, with another.
fn server(authority: &Authority, version: &'static SupportedProtocolVersion, own: bool) -> ServerConfig {
    let provider = Arc::new(crypto::ring::default_provider());
    let (certificate, key) = authority.issue("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let (_, another) = authority.issue("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let key = if own { key } else { another };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let shown = CertifiedKey::new(vec![certificate.der().clone()], key);
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
}

/// How a kubeconfig may say whom to believe.
fn trusts(authority: &Authority) -> [String; 2] {
    [
        format!("certificate-authority-data: {}", data(&authority.pem())),
        "insecure-skip-tls-verify: true".to_owned(),
    ]
}

#[test]
fn both_versions_are_spoken() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let double = Double::https(server(&authority, version, true), |_, _| Reply::json(POD));
        for trust in trusts(&authority) {
            let cluster = format!("server: \"{}\", {trust}", double.url);
            assert!(asked(&Folder::new(), &cluster, "").unwrap().is_some(), "{version:?}, {trust}");
        }
    }
}

/// Certificates are public; only who has the key may show one.
#[test]
fn a_certificate_without_its_key_is_refused_even_where_any_is_believed() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let double = Double::https(server(&authority, version, false), |_, _| Reply::json(POD));
        for trust in trusts(&authority) {
            let cluster = format!("server: \"{}\", {trust}", double.url);
            let error = asked(&Folder::new(), &cluster, "token: t").unwrap_err().to_string();
            assert!(error.contains("BadSignature"), "{version:?}, {trust}: {error}");
        }
        assert_eq!(double.lines(), Vec::<String>::new(), "the token must not go there");
    }
}

/// Nothing of a certificate is believed there but its key.
#[test]
fn any_certificate_will_do_where_that_is_asked_for() {
    let authority = Authority::new();
    let double = Double::https(authority.server("kubernetes.lab"), |_, _| Reply::json(POD));
    let cluster = format!("server: \"{}\", insecure-skip-tls-verify: true", double.url);
    assert!(asked(&Folder::new(), &cluster, "").unwrap().is_some());
}

#[test]
fn http_1_is_agreed_on() {
    let authority = Authority::new();
    let rows: [(&[&str], Option<&str>); 3] =
        [(&[], None), (&["h2", "http/1.1"], None), (&["h2"], Some("NoApplicationProtocol"))];
    for (offered, refused) in rows {
        let mut tls = authority.server("127.0.0.1");
        tls.alpn_protocols = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let double = Double::https(tls, |_, _| Reply::json(POD));
        let cluster = format!("server: \"{}\", insecure-skip-tls-verify: true", double.url);
        match (asked(&Folder::new(), &cluster, ""), refused) {
            (Ok(pod), None) => assert!(pod.is_some()),
            (Err(error), Some(said)) => assert!(error.to_string().contains(said), "{error}"),
            (answer, _) => panic!("{offered:?}: {answer:?}"),
        }
    }
}
