//! TLS as a kubeconfig describes it: whom to believe, and as whom to speak.

use std::sync::Arc;

use hyper_rustls::{DefaultServerNameResolver, FixedServerNameResolver, ResolveServerName};
use rustls_native_certs::CertificateResult;
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, ConfigBuilder, RootCertStore, crypto, version};

use super::any_server::AnyServer;
use super::certificates::Identity;
use super::endpoint::{Cluster, Endpoint};

/// No HTTP/2: a call asks a handful of questions, and its code would be in the plugin for nothing.
const ALPN: &[u8] = b"http/1.1";

/// The client's side of TLS for this endpoint. `of_node` gives the node's own certificates; it is asked
/// only if they are needed.
///
/// # Errors
/// A certificate that can't be used, a key that is not the certificate's, or nobody to vouch for the
/// server.
pub(super) fn config(
    endpoint: &Endpoint,
    of_node: impl Fn() -> CertificateResult,
) -> Result<ClientConfig, String> {
    let builder = believing(&endpoint.cluster, of_node)?;
    let mut config =
        speaking_as(endpoint.user.identity.as_ref(), builder).map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// The name that the server's certificate must have: `tls-server-name`, else the URL's host.
///
/// # Errors
/// `tls-server-name` is neither a host name nor an address.
pub(super) fn name(cluster: &Cluster) -> Result<Arc<dyn ResolveServerName + Send + Sync>, String> {
    let Some(name) = &cluster.server_name else {
        return Ok(Arc::new(DefaultServerNameResolver::default()));
    };
    let server_name = ServerName::try_from(name.clone())
        .map_err(|error| format!("`tls-server-name` `{}`: {error}", name.escape_debug()))?;
    Ok(Arc::new(FixedServerNameResolver::new(server_name)))
}

type Builder = ConfigBuilder<ClientConfig, WantsClientCert>;

fn believing(cluster: &Cluster, of_node: impl Fn() -> CertificateResult) -> Result<Builder, String> {
    // Named, so that nothing depends on what else is linked in or was installed for the process.
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| error.to_string())?;
    if cluster.insecure {
        return Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider))));
    }
    let roots = match &cluster.authority {
        // Plain HTTP needs nobody's word; without certificates TLS would believe nobody.
        None if cluster.server.scheme_str() == Some("http") => RootCertStore::empty(),
        None => roots_of_node(of_node())?,
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            for certificate in &authority.certificates {
                roots.add(certificate.clone()).map_err(|error| format!("certificate authority: {error}"))?;
            }
            roots
        }
    };
    Ok(builder.with_root_certificates(roots))
}

/// A store of a hundred certificates may have one that is broken: the others count.
fn roots_of_node(found: CertificateResult) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let reason = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(format!(
        "nobody vouches for the server: there is no `certificate-authority`, and this node has no \
         certificates of its own{reason}; name the cluster's in `certificate-authority`"
    ))
}

fn speaking_as(identity: Option<&Identity>, builder: Builder) -> Result<ClientConfig, rustls::Error> {
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain.clone(), key.clone_key()),
    }
}
