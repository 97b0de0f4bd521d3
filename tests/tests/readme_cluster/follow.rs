//! From nothing to a pod with two networks.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use multus_tests::{Credential, binaries, left_out, private};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::kubectl;
use crate::section::{Block, blocks, repository};

/// Where somebody follows the README: what a clone has, and what `cargo xtask dist` made.
pub(crate) struct Desk {
    folder: PathBuf,
    path: String,
    kubeconfig: PathBuf,
}

impl Desk {
    pub(crate) fn in_cluster(cluster: &Cluster) -> Desk {
        let folder = cluster.node.scratch("desk");
        fs::create_dir_all(folder.join("dist")).unwrap();
        for name in ["deploy", "examples"] {
            symlink(repository().join(name), folder.join(name)).unwrap();
        }
        symlink(binaries::multus(), folder.join("dist/multus")).unwrap();
        let tools = cluster.node.scratch("tools");
        fs::create_dir_all(&tools).unwrap();
        symlink(binaries::multusctl(), tools.join("multusctl")).unwrap();
        let kubeconfig = cluster.node.scratch("administrator");
        cluster.api.load_yaml(ADMINISTRATOR);
        let token = cluster.api.token("administrator");
        fs::write(&kubeconfig, cluster.api.kubeconfig(Credential::Token(&token))).unwrap();
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        Desk { folder, path, kubeconfig }
    }

    /// Where `kubectl` has to be to be found.
    pub(crate) fn tools(cluster: &Cluster) -> PathBuf {
        cluster.node.scratch("tools")
    }

    /// Runs a block in one shell; what it printed.
    pub(crate) fn run(&self, block: &str) -> String {
        let output = Command::new("sh")
            .args(["-e", "-c", block])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "{block}\n{}\n{}", said[0], said[1]);
        said[0].clone()
    }
}

/// Who may do everything.
const ADMINISTRATOR: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: everything }
rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: administrator }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: everything }
subjects: [{ kind: User, name: administrator }]
";

/// Everything that the section says, in its order.
fn follow(cluster: &Cluster, desk: &Desk) {
    let mut printed = String::new();
    for block in blocks() {
        match block {
            Block::Commands(text) => printed = desk.run(&text),
            Block::Printed(text) => {
                let [promised, status] = [text, printed.split_off(printed.find('[').unwrap())]
                    .map(|json| without_random_mac(serde_json::from_str(&json).unwrap()));
                assert_eq!(status, promised);
            }
            Block::ForUpstream(_) => {}
        }
    }
    // The section's last commands describe the pod, with its events.
    for event in ["Add eth0 [10.80.0.2/16] from cluster", "Add net1 [10.81.0.7/24] from default/bridge"] {
        assert!(printed.contains(event), "{printed}");
    }
    what_it_promised(cluster);
}

/// The kernel chooses the MAC of `eth0`.
fn without_random_mac(mut status: Value) -> Value {
    let mac = &mut status[0]["mac"];
    assert_eq!(mac.as_str().unwrap().len(), 17, "{mac}");
    *mac = json!("…");
    status
}

fn what_it_promised(cluster: &Cluster) {
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("/etc/cni/net.d/multus.d/multus.kubeconfig"), 0o600, "a token is in it");
    assert_eq!(mode("/opt/cni/bin/multus"), 0o755);
    let dump = cluster.node.dump();
    for words in [
        ["netns on-bridge: address 10.80.0.2/16 dev eth0", ""],
        ["netns on-bridge: address 10.81.0.7/24 dev net1", ""],
        ["netns on-bridge: link net1 ", "address 0a:58:0a:51:00:07"],
        ["netns on-bridge: route dst default gateway 10.80.0.1", "dev eth0"],
    ] {
        assert!(dump.has(&words), "{words:?} is not in\n{dump}");
    }
    cluster.call("DEL", &cluster.sandbox("default", "on-bridge")).succeeded();
    let dump = cluster.node.dump();
    assert!(!dump.has(&["netns on-bridge: link", "veth"]), "{dump}");
}

#[test]
fn the_section_leads_from_nothing_to_a_pod_with_two_networks() {
    private(|| {
        let Some(cluster) = Cluster::new() else { return };
        let desk = Desk::in_cluster(&cluster);
        let listener = kubectl::install_double(&Desk::tools(&cluster));
        thread::scope(|threads| {
            threads.spawn(|| kubectl::serve(&listener, &cluster.api));
            let _end = kubectl::Stop(&listener);
            cluster.attended(|| follow(&cluster, &desk));
        });
    });
}

#[test]
fn a_real_kubectl_understands_it_the_same_way() {
    private(|| {
        let Some(cluster) = Cluster::new() else { return };
        let desk = Desk::in_cluster(&cluster);
        if kubectl::install_real(&Desk::tools(&cluster)).is_none() {
            return left_out("there is no kubectl to follow the README with");
        }
        cluster.attended(|| follow(&cluster, &desk));
    });
}
