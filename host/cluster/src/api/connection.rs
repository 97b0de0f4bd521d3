//! The HTTP client of one server: `hyper` over TCP or TLS, with names resolved by ourselves.

use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Uri, header, request};
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;

use super::endpoint::Endpoint;
use super::error::AccessError;
use super::resolver::Resolver;
use super::surroundings::Surroundings;
use super::tls;

/// What the server's log and an object's `managedFields` call us.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("multus/", env!("CARGO_PKG_VERSION")));

/// The way to a server. Clones share its connections.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    server: Uri,
}

impl Connection {
    /// A client for this server. It connects at the first request. To be called within the runtime that
    /// will drive it.
    ///
    /// There is no read timeout, which would count while a connection is idle between two requests:
    /// whoever sends a request limits the whole of it, from the name's lookup to the last byte.
    ///
    /// # Errors
    /// Certificates and key don't go together, or TLS can't be set up with them.
    pub(super) fn open(
        endpoint: &Endpoint,
        surroundings: &Surroundings,
        connect_timeout: Duration,
    ) -> Result<Self, AccessError> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(surroundings.names.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Shared by a name's addresses, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(connect_timeout));
        let failed = |problem| AccessError::Tls { origin: endpoint.origin.clone(), problem };
        let tls = tls::config(endpoint, &surroundings.certificates).map_err(failed)?;
        let name = tls::name(&endpoint.cluster).map_err(failed)?;
        let connector = HttpsConnector::new(tcp, tls, false, name);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, server: endpoint.cluster.server.clone() })
    }

    /// A request for this path and query of the server, with what every request has.
    ///
    /// # Errors
    /// The path can't be part of a URL.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<request::Builder, http::Error> {
        let builder = Request::builder().method(method).uri(join(&self.server, path)?);
        Ok(builder
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, HeaderValue::from_static("application/json")))
    }

    /// Sends a request; it takes as long as it takes.
    pub(super) fn send(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        self.client.request(request)
    }
}

/// The server's URL may have a path of its own, as behind a proxy for many clusters.
fn join(server: &Uri, path: &str) -> Result<Uri, http::Error> {
    let path: PathAndQuery = format!("{}{path}", server.path().trim_end_matches('/')).parse()?;
    let mut parts = server.clone().into_parts();
    parts.path_and_query = Some(path);
    Ok(Uri::from_parts(parts)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_comes_after_that_of_the_server() {
        let rows = [
            ("https://h", "https://h/api/v1/pods?limit=5"),
            ("https://h:6443/", "https://h:6443/api/v1/pods?limit=5"),
            ("http://[::1]:8080", "http://[::1]:8080/api/v1/pods?limit=5"),
            ("https://h/k8s/clusters/c1", "https://h/k8s/clusters/c1/api/v1/pods?limit=5"),
            ("https://h/k8s/clusters/c1//", "https://h/k8s/clusters/c1/api/v1/pods?limit=5"),
            ("https://h/k8s?x=1", "https://h/k8s/api/v1/pods?limit=5"),
        ];
        for (server, joined) in rows {
            assert_eq!(join(&server.parse().unwrap(), "/api/v1/pods?limit=5").unwrap(), joined, "{server}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_joined_or_refused(path in ".*") {
            let _ = join(&Uri::from_static("https://h/k8s/"), &path);
        }
    }
}
