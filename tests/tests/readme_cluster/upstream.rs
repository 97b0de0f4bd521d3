//! A node that upstream ran on: its files and rights as they are, our plugin in the place of its own.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use multus_tests::{Node, network_object, pod_object, private};
use serde_json::{Value, json};

use crate::cluster::{Cluster, MULTUS};

/// What upstream's manifest lets its service account do.
const ROLE: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: multus }
rules:
- { apiGroups: [k8s.cni.cncf.io], resources: ["*"], verbs: ["*"] }
- { apiGroups: [""], resources: [pods, pods/status], verbs: [get, list, update, watch] }
- { apiGroups: ["", events.k8s.io], resources: [events], verbs: [create, patch, update] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: multus }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: multus }
subjects: [{ kind: ServiceAccount, name: multus, namespace: kube-system }]
"#;

/// The kubeconfig as upstream's entrypoint writes it: every host in brackets, as only IPv6 addresses have them.
fn kubeconfig(cluster: &Cluster) -> String {
    let authority = BASE64_STANDARD.encode(cluster.api.authority().unwrap());
    format!(
        "# Kubeconfig\napiVersion: v1\nkind: Config\nclusters:\n- name: local\n  cluster:\n    \
         server: https://[127.0.0.1]:{}\n    certificate-authority-data: {authority}\nusers:\n- name: multus\n  \
         user:\n    token: \"{}\"\ncontexts:\n- name: multus-context\n  context:\n    cluster: local\n    \
         user: multus\ncurrent-context: multus-context\n",
        cluster.api.address().port(),
        cluster.api.token(MULTUS),
    )
}

/// The conf that it makes of a cluster network's list.
fn conf(node: &Node) -> Value {
    let mut portmap = node.plugin("portmap");
    portmap["capabilities"] = json!({ "portMappings": true });
    let flannel =
        json!({ "cniVersion": "0.3.1", "name": "cbr0", "plugins": [node.plugin("flannel"), portmap] });
    json!({
        "cniVersion": "0.3.1", "name": "multus-cni-network", "type": "multus",
        "capabilities": { "portMappings": true }, "logToStderr": false, "logLevel": "verbose",
        "logFile": node.scratch("multus.log"), "namespaceIsolation": true, "globalNamespaces": "default,infra",
        "cniConf": "/host/etc/cni/multus/net.d",
        "binDir": node.bin_dir(), "cniDir": node.cni_dir(),
        "kubeconfig": "/etc/cni/net.d/multus.d/multus.kubeconfig",
        "delegates": [flannel],
    })
}

/// From upstream's node to ours.
fn takes_over(cluster: &Cluster) {
    cluster.api.load_yaml(include_str!("../../../deploy/crds.yaml"));
    cluster.api.load_yaml(ROLE);
    fs::create_dir_all("/etc/cni/net.d/multus.d").unwrap();
    fs::write("/etc/cni/net.d/multus.d/multus.kubeconfig", kubeconfig(cluster)).unwrap();
    fs::write("/etc/cni/net.d/00-multus.conf", conf(&cluster.node).to_string()).unwrap();
    fs::copy(multus_tests::binaries::multus(), "/opt/cni/bin/multus").unwrap();
    cluster.api.load(&[
        network_object("infra", "red", &cluster.node.network("red", "beta")),
        pod_object("shop", "web", r#"[{"name": "red", "namespace": "infra", "interface": "data0"}]"#),
    ]);
    let web = cluster.sandbox("shop", "web");

    cluster.call("ADD", &web).succeeded();
    assert_eq!(cluster.node.briefs(), ["ADD flannel eth0", "ADD portmap eth0", "ADD beta data0"]);
    assert_eq!(cluster.status("shop", "web")[1]["name"], "infra/red");
    cluster.call("DEL", &web).succeeded();
}

#[test]
fn its_files_definitions_annotations_and_rights_stay() {
    private(|| {
        let Some(cluster) = Cluster::new() else { return };
        takes_over(&cluster);
    });
}
