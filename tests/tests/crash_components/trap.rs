//! A component that stops at any of its host calls, by a trap or an error: what it did is taken back before the answer.

use multus_tests::{Module, Node, binaries, left_out, private};
use serde_json::json;

const GRANTS: [&str; 8] = [
    "links=lab*",
    "defaultRoutes=true",
    "firewall=masquerade",
    "firewall=spoof-check",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "ipam=host-local",
    "links=nothing",
];

#[test]
fn a_component_that_stops_at_each_host_call() {
    private(|| {
        let file = binaries::components().join("hostile/stops_midway.wasm");
        if !file.is_file() {
            return left_out(&format!("there is no {}: `cargo xtask test` builds it", file.display()));
        }
        let node = Node::new();
        let wasm = node.modules(
            "wasm",
            &[
                Module::delegate("stops", &GRANTS).from_file(file),
                Module::delegate("host-local", &["store=/var/lib/cni/networks"]),
            ],
        );
        let conf = |after: u32, politely: bool| {
            let mut conf = node.conf(json!([{
                "cniVersion": "1.1.0", "name": "red", "type": "stops", "bridge": "lab0", "after": after,
                "politely": politely,
                "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.1.0.0/24" }]] } }]));
            conf["wasm"] = wasm.clone();
            conf["exec"] = json!({ "allow": [] });
            conf
        };
        let pod = node.pod("web");
        node.add(&pod, &conf(1000, false)).succeeded();
        node.del(&pod, &conf(1000, false)).succeeded();
        let state = || node.state().without(|line| line.contains("last_reserved_ip"));
        let before = state();
        let mut stopped = 0;
        for after in 0.. {
            let trapped = node.add(&pod, &conf(after, false));
            if trapped.is_success() {
                break;
            }
            let error = trapped.error();
            assert!(error.msg.contains("stops"), "after {after}: {error:?}");
            state().must_equal(&before);
            let error = node.add(&pod, &conf(after, true)).error();
            assert!(error.msg.contains(&format!("stopped after {after} host calls")), "{error:?}");
            state().must_equal(&before);
            stopped += 1;
        }
        assert!(stopped > 15, "{stopped}");
        node.del(&pod, &conf(0, false)).succeeded();
        state().must_equal(&before);
    });
}
