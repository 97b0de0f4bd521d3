//! 64 processes at once, mixed ADD, DEL, CHECK and GC of the same and of different containers, on one bridge and
//! one range of addresses. Judged by the dump of the node alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod components;
mod crowd;
mod judge;
mod tally;

use std::panic::catch_unwind;

use multus_tests::{Node, effort, ip, private};
use serde_json::{Value, json};

use crate::crowd::Crowd;
use crate::judge::{News, Standing};

/// The second network of every pod: leases of its own, GC of its own.
fn green(node: &Node) -> Value {
    // A folder that lives and dies with its leases would be a race of the tests' delegate with itself.
    std::fs::create_dir_all(node.path("leases")).unwrap();
    std::fs::write(node.path("leases/stays"), "").unwrap();
    node.network("green", "recording")
}

#[test]
fn one_bridge_and_one_range() {
    private(|| {
        let node = Node::new();
        if !node.install_reference(&["bridge", "host-local"]) {
            return;
        }
        // Else its address follows its ports, and the plugin's CHECK compares it with the one at ADD.
        ip("link add br-red type bridge");
        ip("link set br-red address 02:00:00:00:00:01 up");
        let red = json!({
            "cniVersion": "1.0.0", "name": "red", "type": "bridge", "bridge": "br-red",
            "ipam": { "type": "host-local", "dataDir": node.path("addresses"),
                      "ranges": [[{ "subnet": "10.88.0.0/24" }]] },
        });
        let conf = node.conf(json!([red, green(&node)]));
        Crowd::gather(node, conf).churns(effort().rounds(4, 20, 2000));
    });
}

#[test]
fn links_and_leases_of_the_tests_own_delegates() {
    private(|| {
        let node = Node::new();
        let mut red = node.network("red", "linking");
        red["link"] = json!(true);
        let conf = node.conf(json!([red, green(&node)]));
        Crowd::gather(node, conf).churns(effort().rounds(4, 20, 2000));
    });
}

/// Beside calls that run to their end, others are killed at any moment.
#[test]
fn some_of_them_killed() {
    private(|| {
        let node = Node::new();
        let mut red = node.network("red", "linking");
        red["link"] = json!(true);
        let conf = node.conf(json!([red, green(&node)]));
        Crowd::gather(node, conf).with_kills().churns(effort().rounds(4, 15, 2000));
    });
}

/// The judge has to be able to refuse: each single thing that is missing, or too much, makes half a container.
#[test]
fn half_a_container_is_seen() {
    private(|| {
        let node = Node::new();
        let mut red = node.network("red", "linking");
        red["link"] = json!(true);
        let conf = node.conf(json!([red, green(&node)]));
        let pod = node.pod("owned-00");
        let before = node.dump();
        node.add(&pod, &conf).succeeded();
        let whole = node.dump();
        assert_eq!(News::of(&whole, &before).standing("owned-00"), Standing::Attached);
        let parts: Vec<&str> = whole.lines().filter(|line| line.contains("owned-00")).collect();
        let parts: Vec<&str> = parts.into_iter().filter(|line| !before.has(&[line])).collect();
        assert!(parts.len() > 6, "{parts:?}");
        for missing in parts {
            let half = whole.without(|line| line == missing);
            let judged = catch_unwind(|| News::of(&half, &before).standing("owned-00"));
            assert!(judged.is_err() || missing.contains("folder "), "not missed: {missing}");
        }
        node.del(&pod, &conf).succeeded();
        assert_eq!(News::of(&node.dump(), &before).standing("owned-00"), Standing::Detached);
        std::fs::write(node.path("leases/green,owned-00,net1"), "").unwrap();
        let judged = catch_unwind(|| News::of(&node.dump(), &before).standing("owned-00"));
        assert!(judged.is_err(), "a lease is left");
    });
}
