//! A double of a Kubernetes API server: it speaks enough for a real client, keeps everything in memory, does what
//! tests order (latency, faults, a stop), and remembers every request.
//!
//! ```no_run
//! use multus_tests::{Credential, Fault, TestApiServer, network_object, pod_object, private};
//! use serde_json::json;
//!
//! private(|| {
//!     let api = TestApiServer::https().with_rbac();             // or http(), without a question who asks
//!     api.load_yaml("…");                                       // manifests: RBAC, definitions, whatever is served
//!     api.load(&[pod_object("shop", "web", "red"), network_object("shop", "red", &json!({ "type": "macvlan" }))]);
//!     let token = api.token("system:serviceaccount:kube-system:multus");
//!     let kubeconfig = api.kubeconfig(Credential::Token(&token)); // the file's text
//!
//!     api.fail("PATCH pods/status", 2, Fault::Status(503));     // the first two; see `Fault`
//!     // … multus runs …
//!     assert_eq!(api.briefs(), ["GET pods shop/web", "GET network-attachment-definitions shop/red"]);
//!     let status = api.object("pods", "shop", "web").unwrap()["metadata"]["annotations"].clone();
//! });
//! ```
//!
//! What it does not do: validate against schemas, prune, remember who manages a field (applying is merging), end pods
//! gracefully, split lists into pages, aggregate roles. Pods and the like are taken as they come. It listens on the loopback of the
//! namespace that it is started in, so start it inside [`crate::private`].

mod access;
mod cluster;
mod discovery;
mod faults;
mod kubeconfig;
mod listen;
mod log;
mod manifest;
mod patch;
mod rbac;
mod real;
mod request;
mod resource;
mod selector;
mod serve;
mod shared;
mod stamp;
mod status;
mod store;
mod tls;
mod verbs;
mod watch;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use access::User;
pub use cluster::Cluster;
pub use faults::Fault;
pub use kubeconfig::Credential;
use listen::Serving;
pub use log::ApiRequest;
pub use real::RealApiServer;
use shared::Shared;
use store::Key;
use tls::Authority;
pub use tls::ClientCertificate;

/// The server; it stops when it is dropped.
#[derive(Debug)]
pub struct TestApiServer {
    serving: Option<Serving>,
    listener: Option<TcpListener>,
    address: SocketAddr,
    authority: Option<Authority>,
    shared: Arc<Shared>,
}

impl TestApiServer {
    /// Plain HTTP on a free port of the loopback; everybody may do everything.
    ///
    /// # Panics
    /// If the loopback is down.
    pub fn http() -> TestApiServer {
        TestApiServer::begin(None)
    }

    /// HTTPS with an authority of its own; clients may show certificates. Everybody may do everything.
    ///
    /// # Panics
    /// If the loopback is down.
    pub fn https() -> TestApiServer {
        TestApiServer::begin(Some(Authority::new()))
    }

    fn begin(authority: Option<Authority>) -> TestApiServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on a loopback that is up");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::new());
        shared.contents().served.add_networks();
        let mut server =
            TestApiServer { serving: None, listener: Some(listener), address, authority, shared };
        server.restart();
        server
    }

    /// From now on, Roles and bindings decide.
    #[must_use]
    pub fn with_rbac(self) -> TestApiServer {
        self.shared.access().rbac = true;
        self
    }

    /// Serves no network definitions and no Networks of 2018 until their CustomResourceDefinitions are there.
    #[must_use]
    pub fn without_definitions(self) -> TestApiServer {
        self.shared.contents().served = resource::Resources::built_in();
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://127.0.0.1:1234`.
    pub fn url(&self) -> String {
        self.url_by_name(&self.address.ip().to_string())
    }

    /// The same with a name of the host. The certificate is good for `localhost`, `api.test` and
    /// `kubernetes.default.svc`.
    pub fn url_by_name(&self, host: &str) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    /// The authority's certificate, PEM; `None` without TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::pem)
    }

    /// A kubeconfig for the server, YAML.
    pub fn kubeconfig(&self, credential: Credential<'_>) -> String {
        kubeconfig::write(&self.url(), self.authority(), credential)
    }

    /// The same for another URL of the server.
    pub fn kubeconfig_at(&self, url: &str, credential: Credential<'_>) -> String {
        kubeconfig::write(url, self.authority(), credential)
    }
}

/// Whom it knows.
impl TestApiServer {
    /// A new token for a user, such as `system:serviceaccount:kube-system:multus`.
    pub fn token(&self, user: &str) -> String {
        self.shared.access().issue_token(User::named(user))
    }

    /// The token has expired: 401 from now on.
    pub fn revoke(&self, token: &str) {
        self.shared.access().revoke_token(token);
    }

    /// A certificate for a user.
    ///
    /// # Panics
    /// Without TLS.
    pub fn client_certificate(&self, user: &str) -> ClientCertificate {
        let authority = self.authority.as_ref().expect("a server with TLS");
        let (certificate, der) = authority.client(user);
        self.shared.access().know_certificate(der, User::named(user));
        certificate
    }
}

/// What there is.
impl TestApiServer {
    /// Puts objects there, new or not; their namespaces come with them. An object without `metadata.namespace` is
    /// in `default`.
    ///
    /// # Panics
    /// If an object has no name, or is of a kind that is not served.
    pub fn load(&self, objects: &[Value]) {
        for object in objects.iter().cloned().flat_map(manifest::items) {
            let loaded = self.shared.change(|contents| contents.load(&object));
            assert!(loaded.is_some(), "no name, or not served: {object}");
        }
    }

    /// The same with manifests in YAML, one document or many.
    ///
    /// # Panics
    /// As [`TestApiServer::load`], and if it is not YAML.
    pub fn load_yaml(&self, text: &str) {
        self.load(&manifest::objects(text));
    }

    /// An object by the plural of its resource (`pods`, `networks.kubernetes-network.cni.cncf.io`).
    ///
    /// # Panics
    /// If there is no such resource.
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let contents = self.shared.contents();
        let resource = contents.served.named(plural).unwrap_or_else(|| panic!("{plural} are not served"));
        contents.store.get(&Key::new(resource, namespace, name)).cloned()
    }

    /// All objects of a resource in a namespace.
    ///
    /// # Panics
    /// If there is no such resource.
    pub fn objects(&self, plural: &str, namespace: &str) -> Vec<Value> {
        let contents = self.shared.contents();
        let resource = contents.served.named(plural).unwrap_or_else(|| panic!("{plural} are not served"));
        contents.store.all(resource, namespace).cloned().collect()
    }

    /// Takes an object away, as if somebody had deleted it.
    ///
    /// # Panics
    /// If it is not there.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        self.shared.change(|contents| {
            let resource = contents.served.named(plural).unwrap_or_else(|| panic!("{plural} are not served"));
            let removed = contents.store.remove(&Key::new(resource, namespace, name));
            assert!(removed.is_some(), "{plural} {namespace}/{name} is not there");
        });
    }

    /// Forgets what happened: a watch from an older resourceVersion is told that it is too old.
    pub fn compact(&self) {
        self.shared.change(|contents| contents.store.compact());
    }
}

/// What was asked.
impl TestApiServer {
    /// All requests, in the order in which they came.
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.shared.log().requests.clone()
    }

    /// The same in short: `GET pods shop/web`, `PATCH pods/status shop/web`.
    pub fn briefs(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.brief).collect()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.shared.log().connections
    }

    /// Forgets the requests and connections up to now.
    pub fn forget_requests(&self) {
        self.shared.log().forget();
    }
}

/// What goes wrong. A pattern is the beginning of a request in short, with `*` for any word: `PATCH pods/status`,
/// `* * shop/web`; empty for all.
impl TestApiServer {
    /// The next requests that match go wrong, so many times.
    pub fn fail(&self, pattern: &str, times: usize, fault: Fault) {
        self.shared.orders().fail(pattern, 0, times, fault);
    }

    /// The same after so many that match were served.
    pub fn fail_after(&self, served: usize, pattern: &str, times: usize, fault: Fault) {
        self.shared.orders().fail(pattern, served, times, fault);
    }

    /// Requests that match are answered so much later.
    pub fn delay(&self, pattern: &str, by: Duration) {
        self.shared.orders().delay(pattern, by);
    }

    /// No more faults and delays.
    pub fn behave(&self) {
        self.shared.orders().clear();
    }

    /// Ends all connections and refuses new ones. What is stored, stays.
    pub fn stop(&mut self) {
        self.serving = None;
        self.listener = None;
    }

    /// Ends all connections and lets new ones wait for ever: the kernel takes them, nobody answers.
    pub fn freeze(&mut self) {
        self.serving = None;
    }

    /// Serves again, on the same port.
    ///
    /// # Panics
    /// If somebody else took the port.
    pub fn restart(&mut self) {
        self.serving = None;
        let address = self.address;
        let listener =
            self.listener.get_or_insert_with(|| TcpListener::bind(address).expect("the port is free"));
        let tls = self.authority.as_ref().map(Authority::server);
        self.serving = Some(Serving::begin(listener, tls, self.shared.clone()));
    }
}
