//! From nothing to a pod with two networks.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use multus_tests::private;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::desk::Desk;
use crate::kubectl;
use crate::section::{Block, blocks};

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
        kubectl::with_double(&cluster.api, desk.tools(), || cluster.attended(|| follow(&cluster, &desk)));
    });
}

#[test]
fn a_real_kubectl_understands_it_the_same_way() {
    private(|| {
        let Some(cluster) = Cluster::new() else { return };
        let desk = Desk::in_cluster(&cluster);
        kubectl::with_real(desk.tools(), || cluster.attended(|| follow(&cluster, &desk)));
    });
}
