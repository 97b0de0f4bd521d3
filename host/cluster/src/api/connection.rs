//! The HTTP client: `kube`'s, on a connector that resolves names by itself.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, header};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use tokio_rustls::rustls::crypto;
use tower::{Layer as _, ServiceExt as _};

use super::endpoint::Endpoint;
use super::error::AccessError;
use super::resolver::{self, NameFiles};

/// What the server's log and an object's `managedFields` call us.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("multus/", env!("CARGO_PKG_VERSION")));

/// A client for this server. It connects at the first request. To be called within the runtime that
/// will drive it.
///
/// There is no read timeout as `kube` knows it, which counts while a connection is idle between two
/// requests: whoever sends a request limits the whole of it, from the name's lookup to the last byte.
///
/// # Errors
/// Certificates and key don't go together, or TLS can't be set up with them.
pub(super) fn open(
    endpoint: &Endpoint,
    names: &NameFiles,
    connect_timeout: Duration,
) -> Result<kube::Client, AccessError> {
    let config = endpoint.config();
    let mut tcp = HttpConnector::new_with_resolver(resolver::service(names.clone()));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Shared by a name's addresses, so that a dead one leaves time for the next.
    tcp.set_connect_timeout(Some(connect_timeout));
    // Plain HTTP needs no certificates, not even the node's.
    if config.cluster_url.scheme_str() == Some("http") {
        return Ok(client(&config, tcp));
    }
    // Were a second provider ever linked in, the default would be ambiguous and TLS would panic.
    let _ = crypto::ring::default_provider().install_default();
    let tls = config
        .rustls_https_connector_with_connector(tcp)
        .map_err(|error| AccessError::Tls { origin: endpoint.origin.clone(), problem: error.to_string() })?;
    Ok(client(&config, tls))
}

fn client<C>(config: &kube::Config, connector: C) -> kube::Client
where
    C: legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let http = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = config.base_uri_layer().layer(http).map_request(|mut request: Request<Body>| {
        identify(request.headers_mut());
        request
    });
    kube::Client::new(service, config.default_namespace.clone())
}

fn identify(headers: &mut HeaderMap) {
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
}
