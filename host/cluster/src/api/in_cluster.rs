//! How a pod reaches its API server.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

use http::Uri;

use super::certificates;
use super::credential::{Credential, CredentialKind};
use super::endpoint::{Authority, Cluster, Endpoint, User};
use super::error::AccessError;
use super::file;

const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

/// Does Kubernetes tell this process where its API server is?
pub(super) fn available(environment: impl Fn(&str) -> Option<OsString>) -> bool {
    [HOST, PORT].iter().all(|name| environment(name).is_some_and(|value| !value.is_empty()))
}

/// The server that the environment names, asked as the service account whose token and `ca.crt` are
/// mounted at `mount`.
///
/// # Errors
/// The variables or the mounted files are missing or broken.
pub(super) fn read(
    environment: impl Fn(&str) -> Option<OsString>,
    mount: &Path,
) -> Result<Endpoint, AccessError> {
    if !available(&environment) {
        return Err(AccessError::Nowhere);
    }
    let server = server(&environment)?;
    let authority = mount.join("ca.crt");
    let pem = file::read(&authority).map_err(|error| AccessError::Unreadable {
        what: "the API server's certificate authority",
        path: authority.clone(),
        error,
    })?;
    let certificates = certificates::read(&pem).map_err(|problem| AccessError::InCluster {
        problem: format!("{}: {problem}", authority.display()),
    })?;
    let authority = Some(Authority { pem, certificates });
    let kind = CredentialKind::TokenFile(mount.join("token"));
    let origin = "the pod's service account".to_owned();
    Ok(Endpoint {
        cluster: Cluster { server, authority, insecure: false, server_name: None },
        user: User { credential: Credential { kind, origin }, identity: None, helper: None },
        origin: "the pod's surroundings".to_owned(),
    })
}

fn server(environment: impl Fn(&str) -> Option<OsString>) -> Result<Uri, AccessError> {
    let text = |name| environment(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
    let (host, port) = (text(HOST), text(PORT));
    let authority = match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{host}:{port}"),
    };
    format!("https://{authority}").parse().ok().filter(|uri: &Uri| uri.port_u16().is_some()).ok_or_else(
        || AccessError::InCluster {
            problem: format!(
                "{HOST}=`{}` and {PORT}=`{}` are not an address",
                host.escape_debug(),
                port.escape_debug()
            ),
        },
    )
}
