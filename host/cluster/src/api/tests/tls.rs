//! TLS: who vouches for the server, and who asks it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use super::double::Reply;
use super::*;

/// A certificate authority that was made for one test.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("lab")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate.
    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server with a certificate for this name or address.
    pub(super) fn server(&self, name: &str) -> ServerConfig {
        self.serve(name, None)
    }

    /// A server that wants to see a certificate of this authority.
    pub(super) fn strict_server(&self, name: &str) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        self.serve(name, Some(roots))
    }

    fn serve(&self, name: &str, clients: Option<RootCertStore>) -> ServerConfig {
        let provider = Arc::new(crypto::ring::default_provider());
        let (certificate, key) = self.issue(name, ExtendedKeyUsagePurpose::ServerAuth);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        builder.with_single_cert(vec![certificate.der().clone()], key).unwrap()
    }

    /// Certificate and key of a client, as PEM.
    pub(super) fn client(&self) -> (String, String) {
        let (certificate, key) = self.issue("multus", ExtendedKeyUsagePurpose::ClientAuth);
        (certificate.pem(), key.serialize_pem())
    }

    /// A certificate for this name, and its key.
    pub(super) fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }
}

pub(super) fn data(pem: &str) -> String {
    STANDARD.encode(pem)
}

pub(super) fn asked(folder: &Folder, cluster: &str, user: &str) -> Result<Option<Pod>, SourceError> {
    let kubeconfig = folder.kubeconfig(cluster, user);
    folder.connect(&access(&kubeconfig, LONG))?.pod("red", "web")
}

#[test]
fn a_server_is_believed_for_its_authority_inline_or_by_path() {
    let authority = Authority::new();
    let double = Double::https(authority.server("127.0.0.1"), |_, _| Reply::json(POD));
    let folder = Folder::new();
    folder.write("pki/ca.crt", authority.pem());
    for trust in [
        format!("certificate-authority-data: {}", data(&authority.pem())),
        "certificate-authority: pki/ca.crt".to_owned(),
        "insecure-skip-tls-verify: true".to_owned(),
    ] {
        let cluster = format!("server: \"{}\", {trust}", double.url);
        assert!(asked(&folder, &cluster, "token: t").unwrap().is_some(), "{trust}");
    }
}

#[test]
fn without_an_authority_the_nodes_own_certificates_count() {
    let (ours, theirs) = (Authority::named("ours"), Authority::named("theirs"));
    let double = Double::https(ours.server("127.0.0.1"), |_, _| Reply::json(POD));
    let folder = Folder::new();
    let server = format!("server: \"{}\"", double.url);
    let error = asked(&folder, &server, "").unwrap_err().to_string();
    let store = folder.path("store.crt");
    assert!(error.contains("nobody vouches for the server") && error.contains("kubeconfig "), "{error}");
    assert!(error.contains(store.to_str().unwrap()), "{error}");
    assert!(error.ends_with("name the cluster's in `certificate-authority`"), "{error}");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    folder.write("store.crt", format!("{broken}{}{}", theirs.pem(), ours.pem()));
    assert!(asked(&folder, &server, "").unwrap().is_some());
    let named = format!("{server}, certificate-authority-data: {}", data(&theirs.pem()));
    let error = asked(&folder, &named, "").unwrap_err().to_string();
    assert!(error.contains("UnknownIssuer"), "an authority that is given is the only one: {error}");
}

/// Final, and at once: a certificate does not get better by asking again.
#[test]
fn a_stranger_is_not_believed() {
    let (ours, theirs) = (Authority::named("ours"), Authority::named("theirs"));
    let stranger = Double::https(theirs.server("127.0.0.1"), |_, _| Reply::json(POD));
    let other_name = Double::https(ours.server("kubernetes.lab"), |_, _| Reply::json(POD));
    let folder = Folder::new();
    let trust = format!("certificate-authority-data: {}", data(&ours.pem()));
    for (double, said) in [(&stranger, "UnknownIssuer"), (&other_name, "not valid for name")] {
        let cluster = format!("server: \"{}\", {trust}", double.url);
        let error = asked(&folder, &cluster, "token: secret-token").unwrap_err().to_string();
        assert!(
            error.contains(said) && error.contains("check `certificate-authority`, `tls-server-name`"),
            "{error}"
        );
        assert!(error.contains(&format!("(API server {})", double.url)), "asked once: {error}");
        assert_eq!(double.lines(), Vec::<String>::new(), "the token must not go there");
    }
}

#[test]
fn a_server_may_have_another_name_than_its_address() {
    let authority = Authority::new();
    let double = Double::https(authority.server("kubernetes.lab"), |_, _| Reply::json(POD));
    let cluster = format!(
        "server: \"{}\", tls-server-name: kubernetes.lab, certificate-authority-data: {}",
        double.url,
        data(&authority.pem())
    );
    assert!(asked(&Folder::new(), &cluster, "").unwrap().is_some());
    let error = asked(&Folder::new(), &cluster.replace("kubernetes.lab", "'two words'"), "").unwrap_err();
    assert!(error.to_string().contains("`tls-server-name` `two words`"), "{error}");
}

#[test]
fn a_client_certificate_speaks_for_us_inline_or_by_path() {
    let authority = Authority::new();
    let double = Double::https(authority.strict_server("127.0.0.1"), |_, _| Reply::json(POD));
    let folder = Folder::new();
    let (certificate, key) = authority.client();
    folder.write("pki/multus.crt", &certificate);
    folder.write("pki/multus.key", &key);
    let cluster =
        format!("server: \"{}\", certificate-authority-data: {}", double.url, data(&authority.pem()));
    for user in [
        format!("client-certificate-data: {}, client-key-data: {}", data(&certificate), data(&key)),
        "client-certificate: pki/multus.crt, client-key: pki/multus.key".to_owned(),
    ] {
        assert!(asked(&folder, &cluster, &user).unwrap().is_some(), "{user}");
    }
    assert!(double.seen().iter().all(|seen| seen.header("authorization").is_empty()));
}

#[test]
fn the_wrong_client_certificate_is_an_error_about_it() {
    let authority = Authority::new();
    let double = Double::https(authority.strict_server("127.0.0.1"), |_, _| Reply::json(POD));
    let folder = Folder::new();
    let cluster =
        format!("server: \"{}\", certificate-authority-data: {}", double.url, data(&authority.pem()));
    let (certificate, _) = authority.client();
    let (_, another_key) = authority.client();
    let user =
        format!("client-certificate-data: {}, client-key-data: {}", data(&certificate), data(&another_key));
    let error = asked(&folder, &cluster, &user).unwrap_err().to_string();
    assert!(error.contains("TLS can't be set up") && error.contains("kubeconfig "), "{error}");
    let (certificate, key) = Authority::new().client();
    let user = format!("client-certificate-data: {}, client-key-data: {}", data(&certificate), data(&key));
    let kubeconfig = folder.kubeconfig(&cluster, &user);
    let source = folder.connect(&access(&kubeconfig, Duration::from_secs(5))).unwrap();
    assert!(source.pod("red", "web").is_err());
    assert_eq!(double.lines(), Vec::<String>::new());
}

#[test]
fn a_401_says_which_certificate_was_shown() {
    let authority = Authority::new();
    let double =
        Double::https(authority.strict_server("127.0.0.1"), |_, _| Reply::refuse(401, "Unauthorized"));
    let (certificate, key) = authority.client();
    let cluster =
        format!("server: \"{}\", certificate-authority-data: {}", double.url, data(&authority.pem()));
    let user = format!("client-certificate-data: {}, client-key-data: {}", data(&certificate), data(&key));
    let error = asked(&Folder::new(), &cluster, &user).unwrap_err().to_string();
    assert!(
        error.contains("no token was sent (the client certificate of user `multus`, kubeconfig "),
        "{error}"
    );
}

/// Two would both be linked in, and which of them TLS takes would be a panic.
#[test]
fn there_is_one_provider_of_cryptography() {
    let lock = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));
    let packages: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("name = ")).collect();
    assert!(packages.contains(&"\"ring\""), "the lock file is not read as it was");
    for other in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls", "rustls-openssl", "boring"] {
        assert!(!packages.contains(&format!("{other:?}").as_str()), "{other}");
    }
}
