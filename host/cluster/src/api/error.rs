//! What can go wrong between us and an API server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use multus_document::SyntaxError;

/// What is needed to ask an API server is missing or wrong. Nothing was asked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Neither a kubeconfig nor a pod's surroundings.
    #[error(
        "no way to an API server: the conf has no `kubeconfig`, and KUBERNETES_SERVICE_HOST and \
         KUBERNETES_SERVICE_PORT are not both set"
    )]
    Nowhere,
    /// The kubeconfig, or another file that is needed, could not be read.
    #[error("can't read {what} {}: {error}; check that it exists and who may read it", path.display())]
    Unreadable {
        /// What the file is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The kubeconfig is not YAML.
    #[error("kubeconfig {}: {error}", path.display())]
    Syntax {
        /// The kubeconfig.
        path: PathBuf,
        /// Where the reader stopped, and why.
        error: SyntaxError,
    },
    /// The kubeconfig does not say how to reach a server.
    #[error("kubeconfig {}: {}", path.display(), problems.join("; "))]
    Kubeconfig {
        /// The kubeconfig.
        path: PathBuf,
        /// Every problem, each with its field and its place in the file.
        problems: Vec<String>,
    },
    /// A pod's surroundings are not as Kubernetes makes them.
    #[error("can't reach the API server as a pod does: {problem}")]
    InCluster {
        /// What is wrong, with the variable or file.
        problem: String,
    },
    /// The kubeconfig's credential helper (`exec`) gave no credential.
    #[error(
        "the credential helper `{command}` (`exec` in {origin}) gives no credential: {problem}{}",
        hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default()
    )]
    Helper {
        /// The helper's command.
        command: String,
        /// The kubeconfig.
        origin: String,
        /// What happened.
        problem: String,
        /// The kubeconfig's `installHint`.
        hint: Option<String>,
    },
    /// Certificates and key don't make a TLS client.
    #[error("{origin}: TLS can't be set up: {problem}")]
    Tls {
        /// Where the certificates come from.
        origin: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The system refuses what a client needs of it.
    #[error("can't start a client for the API server: {0}")]
    System(#[source] io::Error),
}

/// The API server could not be asked, or said no.
#[derive(Debug, thiserror::Error)]
#[error("can't {asked} (API server {server}{}): {refusal}", tried(*.attempts, *.over))]
pub struct ApiError {
    /// The server's URL.
    pub server: String,
    /// What was asked, for people: `get pod team-red/web`.
    pub asked: String,
    /// How often it was asked.
    pub attempts: u32,
    /// From the first attempt to the end of the last.
    pub over: Duration,
    /// Why there is no answer.
    pub refusal: Box<Refusal>,
}

fn tried(attempts: u32, over: Duration) -> String {
    match attempts {
        0 | 1 => String::new(),
        more => format!(", asked {more} times in {:.1} s", over.as_secs_f64()),
    }
}

fn remedy(resource: &str) -> &'static str {
    // Those of the core have no group behind a dot, and every API server has them.
    if resource.ends_with(".resource.k8s.io") {
        "this version of it comes with Kubernetes 1.34"
    } else if resource.contains('.') {
        "install its CustomResourceDefinition"
    } else {
        "is `server` in the kubeconfig an API server?"
    }
}

/// Why an API server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No connection, or it broke.
    #[error("{0}; check that the server runs and that this node reaches it")]
    Unreachable(String),
    /// One request took longer than it may.
    #[error("no answer within {:.1} s; check that the server runs and that this node reaches it", .0.as_secs_f64())]
    Slow(Duration),
    /// There was no time left to ask.
    #[error("the time for this call is up")]
    OutOfTime,
    /// We don't believe the server.
    #[error(
        "the server's certificate is not accepted: {0}; check `certificate-authority`, `tls-server-name` \
         and the node's clock"
    )]
    ServerCertificate(String),
    /// The TLS handshake failed otherwise, for example because the server wants another client
    /// certificate.
    #[error("TLS: {0}; check the kubeconfig's `server` and `client-certificate`")]
    Tls(String),
    /// The credential could not be read or sent.
    #[error("{0}")]
    Credential(String),
    /// 401: the server does not know who asks.
    #[error("401, {message}: {credential}; renew it")]
    Unauthorized {
        /// What the server said.
        message: String,
        /// Which credential was sent, where it came from, and what is known of its validity.
        credential: String,
    },
    /// 403: who asks may not.
    #[error("403, {message}; grant it: {rule}")]
    Forbidden {
        /// What the server said.
        message: String,
        /// The RBAC rule that is missing.
        rule: String,
    },
    /// 404, and not for want of the object: the server does not serve such objects at all.
    #[error("404, the server has no {resource}; {}", remedy(resource))]
    NotServed {
        /// The resource with its API group.
        resource: String,
    },
    /// 404: there is no such object.
    #[error("404, {0}")]
    Absent(String),
    /// The object has this name, and another UID than was asked for.
    #[error("{message}; another object of this name has taken its place")]
    Replaced {
        /// What the server said.
        message: String,
        /// The UID of the object that is there now, if the server told it.
        found: Option<String>,
    },
    /// Any other answer than success.
    #[error("{status}, {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// An answer that is not what was asked for.
    #[error("the answer can't be read: {0}")]
    Answer(String),
}
