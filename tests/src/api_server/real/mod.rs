//! A real `kube-apiserver` with its `etcd`, where this machine has them.
//!
//! `KUBEBUILDER_ASSETS` names the folder with `etcd`, `kube-apiserver` and `kubectl`, as for every envtest. Both run
//! on the loopback of the namespace that they are started in, with their files in a temporary folder; they are ended
//! with the test. Objects are put there and looked at with `kubectl`.

mod daemon;
mod kubectl;

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tls::{Authority, ClientCertificate};
use super::{Credential, kubeconfig, manifest, stamp};
use crate::{binaries, left_out};
use daemon::Daemon;
use kubectl::Kubectl;

/// The users that the server knows, by their tokens.
const USERS: [&str; 3] = ["admin", "jane", "system:serviceaccount:kube-system:multus"];
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub struct RealApiServer {
    // Before the database, which it would miss.
    server: Option<Daemon>,
    _database: Daemon,
    assets: PathBuf,
    folder: TempDir,
    authority: Authority,
    port: u16,
    database: String,
    tokens: Vec<String>,
}

impl RealApiServer {
    /// Starts one. Says so and returns `None` if this machine has none.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start() -> Option<RealApiServer> {
        let Some(assets) = env::var_os(ASSETS).map(PathBuf::from) else {
            left_out(&format!(
                "no real kube-apiserver: {ASSETS} does not name a folder with etcd and kube-apiserver"
            ));
            return None;
        };
        let below = binaries::target_folder().join("tmp");
        fs::create_dir_all(&below).expect("a folder below the build folder");
        let folder =
            tempfile::Builder::new().prefix("cluster-").tempdir_in(below).expect("a temporary folder");
        let ports: [u16; 3] = free_ports();
        let database = format!("http://127.0.0.1:{}", ports[0]);
        let peer = format!("http://127.0.0.1:{}", ports[1]);
        let etcd = Daemon::start(
            &assets.join("etcd"),
            &folder.path().join("etcd.log"),
            &[
                format!("--data-dir={}", folder.path().join("etcd").display()),
                format!("--listen-client-urls={database}"),
                format!("--advertise-client-urls={database}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
                // It does not outlive the test.
                "--unsafe-no-fsync".into(),
            ],
        );
        let tokens = USERS.iter().map(|_| stamp::uid()).collect();
        let mut server = RealApiServer {
            server: None,
            _database: etcd,
            assets,
            folder,
            authority: Authority::new(),
            port: ports[2],
            database,
            tokens,
        };
        server.write_files();
        server.restart();
        Some(server)
    }

    fn write_files(&self) {
        let (certificate, key) = self.authority.server_pair();
        let line = |(user, token): (&&str, &String)| {
            let groups = if *user == USERS[0] { "system:masters" } else { "system:authenticated" };
            format!("{token},{user},{user},\"{groups}\"\n")
        };
        let tokens: String = USERS.iter().zip(&self.tokens).map(line).collect();
        let files = [
            ("ca.crt", self.authority.pem().to_owned()),
            ("server.crt", certificate),
            ("server.key", key),
            ("tokens.csv", tokens),
            ("admin.kubeconfig", self.kubeconfig(Credential::Token(&self.tokens[0]))),
        ];
        for (name, content) in files {
            fs::write(self.path(name), content).expect("a file in a folder of our own");
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kubectl(&self) -> Kubectl {
        Kubectl::new(&self.assets.join("kubectl"), &self.path("admin.kubeconfig"))
    }

    /// A kubeconfig for the server, YAML.
    pub fn kubeconfig(&self, credential: Credential<'_>) -> String {
        kubeconfig::write(&format!("https://127.0.0.1:{}", self.port), Some(self.authority.pem()), credential)
    }

    /// The token of a user. They are fixed when the server starts: `admin`, `jane`, and multus's service account.
    ///
    /// # Panics
    /// On any other user.
    pub fn token(&self, user: &str) -> String {
        let at =
            USERS.iter().position(|known| *known == user).expect("one of the users that the server knows");
        self.tokens[at].clone()
    }

    /// A certificate for a user.
    pub fn client_certificate(&self, user: &str) -> ClientCertificate {
        self.authority.client(user).0
    }

    /// Puts objects there, new or not, and their namespaces. What a real server would not take is made whole: a pod
    /// gets a container; UIDs are the server's.
    ///
    /// # Panics
    /// If the server does not take one.
    pub fn load(&self, objects: &[Value]) {
        let kubectl = self.kubectl();
        for object in objects.iter().cloned().flat_map(manifest::items) {
            if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                kubectl.ensure_namespace(namespace);
            }
            kubectl.apply(&whole(object));
        }
    }

    /// An object by the plural of its resource.
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.kubectl().get(plural, namespace, name)
    }

    /// All objects of a resource in a namespace.
    pub fn objects(&self, plural: &str, namespace: &str) -> Vec<Value> {
        self.kubectl().list(plural, namespace)
    }

    /// Takes an object away at once.
    ///
    /// # Panics
    /// If it is not there.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        self.kubectl().delete(plural, namespace, name);
    }

    /// Ends the server; the database stays.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Starts it again.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.server = None;
        let path = |name: &str| self.path(name).display().to_string();
        let mut server = Daemon::start(
            &self.assets.join("kube-apiserver"),
            &self.path("kube-apiserver.log"),
            &[
                format!("--etcd-servers={}", self.database),
                "--bind-address=127.0.0.1".into(),
                "--advertise-address=127.0.0.1".into(),
                format!("--secure-port={}", self.port),
                format!("--cert-dir={}", path("certificates")),
                format!("--tls-cert-file={}", path("server.crt")),
                format!("--tls-private-key-file={}", path("server.key")),
                format!("--client-ca-file={}", path("ca.crt")),
                format!("--token-auth-file={}", path("tokens.csv")),
                "--authorization-mode=RBAC".into(),
                "--service-cluster-ip-range=10.0.0.0/24".into(),
                "--service-account-issuer=https://kubernetes.default.svc".into(),
                format!("--service-account-key-file={}", path("server.key")),
                format!("--service-account-signing-key-file={}", path("server.key")),
                // Nobody makes service accounts here; pods do without.
                "--disable-admission-plugins=ServiceAccount".into(),
            ],
        );
        server.wait_until(|| self.kubectl().is_ready());
        self.server = Some(server);
    }
}

/// Ports that nobody has. In a namespace of one's own nobody takes them meanwhile either.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners =
        [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port on a loopback that is up"));
    listeners.map(|listener| listener.local_addr().expect("its address").port())
}

/// An object as a real server takes it, be it new or read from there before.
fn whole(mut object: Value) -> Value {
    if object["kind"] == "Pod" && object["spec"]["containers"].as_array().is_none_or(Vec::is_empty) {
        object["spec"]["containers"] = json!([{ "name": "main", "image": "example.com/none" }]);
    }
    for member in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        object["metadata"].as_object_mut().map(|metadata| metadata.shift_remove(member));
    }
    object
}
