//! [`ApiServer`] against a server that answers as each test wants it to.

mod announcing;
mod asking;
mod claims;
mod double;
mod handshake;
mod helpers;
mod in_cluster;
mod kubeconfigs;
mod names;
mod patience;
mod status;
mod tls;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustls_native_certs::load_certs_from_paths;
use tempfile::TempDir;

use super::resolver::NameFiles;
use super::surroundings::Surroundings;
use super::*;
use double::Double;

/// A folder with what a client of ours needs: its kubeconfig, and the files of its node.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A kubeconfig whose cluster and user have these members.
    fn kubeconfig(&self, cluster: &str, user: &str) -> PathBuf {
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: here, preferences: {{}},\n\
             contexts: [{{name: here, context: {{cluster: lab, user: multus}}}}],\n\
             clusters: [{{name: lab, cluster: {{{cluster}}}}}],\n\
             users: [{{name: multus, user: {{{user}}}}}]}}\n"
        );
        self.write("kubeconfig", text)
    }

    fn surroundings(&self, environment: &[(&str, &str)]) -> Surroundings {
        let environment: Vec<(String, OsString)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        let find = move |wanted: &str| {
            environment.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        let store = self.path("store.crt");
        Surroundings {
            environment: Box::new(find),
            service_account: self.path("serviceaccount"),
            names: NameFiles { hosts: self.path("hosts"), resolv_conf: self.path("resolv.conf") },
            certificates: Box::new(move || load_certs_from_paths(Some(&store), None)),
        }
    }

    fn connect(&self, access: &ApiAccess) -> Result<ApiServer, AccessError> {
        ApiServer::connect_from(access, &self.surroundings(&[("NODE_NAME", "node-1")]))
    }
}

/// Far enough away that only a test that hangs gets there.
const LONG: Duration = Duration::from_secs(60);

fn access(kubeconfig: &Path, patience: Duration) -> ApiAccess {
    ApiAccess {
        kubeconfig: Some(kubeconfig.to_owned()),
        deadline: Instant::now() + patience,
        patience: LONG,
        request_timeout: patience,
    }
}

/// A source that asks a double with the token `secret-token`.
fn source(double: &Double, patience: Duration) -> ApiServer {
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&format!("server: \"{}\"", double.url), "token: secret-token");
    folder.connect(&access(&kubeconfig, patience)).unwrap()
}

fn reference(namespace: &str, name: &str) -> NetworkRef {
    NetworkRef { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn web(uid: Option<&str>) -> PodRef {
    PodRef { namespace: "red".to_owned(), name: "web".to_owned(), uid: uid.map(str::to_owned) }
}

const POD: &str = r#"{"kind":"Pod","metadata":{"name":"web","namespace":"red","uid":"u-1"},"spec":{}}"#;
