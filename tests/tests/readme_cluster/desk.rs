//! Where somebody sits who follows the README.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::{Credential, binaries};

use crate::cluster::Cluster;
use crate::section::repository;

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

/// A folder with what a clone has, and what `cargo xtask dist` made.
pub(crate) struct Desk {
    folder: PathBuf,
    tools: PathBuf,
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
        Desk { folder, tools, kubeconfig }
    }

    /// Where `kubectl` has to be to be found.
    pub(crate) fn tools(&self) -> &Path {
        &self.tools
    }

    /// Runs a block in one shell; what it printed.
    pub(crate) fn run(&self, block: &str) -> String {
        let path = format!("{}:{}", self.tools.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-e", "-c", block])
            .current_dir(&self.folder)
            .env("PATH", path)
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "{block}\n{}\n{}", said[0], said[1]);
        said[0].clone()
    }
}
