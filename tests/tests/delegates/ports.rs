//! Ports of the node that lead to pods, by `portmap` behind another component: who comes there, and who does not.

use std::time::Duration;

use multus_tests::{Heard, Module, Protocol, ip, private, visit, within};
use serde_json::{Value, json};

use crate::scene::{Scene, address, bridge, host_local, named_addresses};

/// A neighbour that does not answer at once is asked again after a second.
const PATIENCE: Duration = Duration::from_millis(2500);

fn portmap() -> Module {
    Module::delegate("portmap", &["firewall=port-mapping", "sysctls=net/ipv4/conf/lab*/route_localnet"])
}

/// A network of both families with ports of the node.
fn mapped(portmap: &Value, ports: &Value) -> Value {
    let mut portmap = portmap.clone();
    portmap["type"] = json!("portmap");
    portmap["capabilities"] = json!({ "portMappings": true });
    portmap["runtimeConfig"] = json!({ "portMappings": ports });
    let ranges = json!([[{ "subnet": "10.1.0.0/24" }], [{ "subnet": "fd00:1::/64" }]]);
    let bridge = json!({ "type": "bridge", "bridge": "lab0", "isDefaultGateway": true, "hairpinMode": true,
                         "ipam": { "type": "host-local", "ranges": ranges } });
    json!({ "cniVersion": "1.1.0", "name": "lab", "plugins": [bridge, portmap] })
}

/// A node that the world reaches.
fn scene() -> Scene {
    let scene = Scene::with(&[bridge(), host_local(), named_addresses(), portmap()]);
    ip("link set lo up");
    scene.node.netns("world");
    ip("link add out type veth peer name in netns world");
    // Without a link-local address that is settled, nobody is looked for by IPv6.
    for (netns, link) in [("", "out"), ("world", "in")] {
        within(netns, || std::fs::write(format!("/proc/sys/net/ipv6/conf/{link}/accept_dad"), "0").unwrap());
    }
    for words in [
        "addr add 192.0.2.1/24 dev out",
        "addr add 2001:db8::1/64 dev out nodad",
        "link set out up",
        "-n world addr add 192.0.2.2/24 dev in",
        "-n world addr add 2001:db8::2/64 dev in nodad",
        "-n world link set in up",
        "-n world route add 10.1.0.0/24 via 192.0.2.1",
    ] {
        ip(words);
    }
    scene
}

/// What the runtime asks for comes by its conf.
fn conf(scene: &Scene, portmap: &Value, ports: &Value) -> Value {
    let mut conf = scene.conf(json!([mapped(portmap, ports)]));
    conf["runtimeConfig"] = json!({ "portMappings": ports });
    conf
}

fn came(protocol: Protocol, from: &str, to: &str, host: &str, port: u16) -> Heard {
    visit(PATIENCE, protocol, from, to.parse().unwrap(), host, port)
}

#[test]
fn everybody_finds_the_pod_by_the_nodes_ports_until_it_goes() {
    private(|| {
        let scene = scene();
        let ports = json!([
            { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" },
            { "hostPort": 5353, "containerPort": 53, "protocol": "udp" },
            { "hostPort": 9090, "containerPort": 90, "protocol": "tcp", "hostIP": "192.0.2.1" },
        ]);
        let conf = conf(&scene, &json!({}), &ports);
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        let heard = |source: &str| Heard::Answered(address(source));
        for (from, to, port, seen) in [
            ("world", "192.0.2.1:8080", 80, heard("192.0.2.2")),
            ("world", "[2001:db8::1]:8080", 80, heard("2001:db8::2")),
            ("", "192.0.2.1:8080", 80, heard("192.0.2.1")),
            ("", "127.0.0.1:8080", 80, heard("10.1.0.1")),
            ("web", "192.0.2.1:8080", 80, heard("10.1.0.1")),
            ("web", "[2001:db8::1]:8080", 80, heard("fd00:1::1")),
            ("world", "192.0.2.1:9090", 90, heard("192.0.2.2")),
            ("world", "10.1.0.1:9090", 90, Heard::Nothing),
            ("world", "[2001:db8::1]:9090", 90, Heard::Nothing),
        ] {
            assert_eq!(came(Protocol::Tcp, from, to, "web", port), seen, "from {from:?} to {to}");
        }
        for (from, to, seen) in [
            ("world", "192.0.2.1:5353", heard("192.0.2.2")),
            ("web", "10.1.0.1:5353", heard("10.1.0.1")),
            ("", "127.0.0.1:5353", heard("10.1.0.1")),
            ("world", "192.0.2.1:8080", Heard::Nothing),
        ] {
            assert_eq!(came(Protocol::Udp, from, to, "web", 53), seen, "from {from:?} to {to}");
        }
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}

#[test]
fn nothing_is_left_when_the_pod_ended_before() {
    private(|| {
        let scene = scene();
        let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
        let conf = conf(&scene, &json!({ "masqAll": true }), &ports);
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        assert_eq!(
            came(Protocol::Tcp, "world", "192.0.2.1:8080", "web", 80),
            Heard::Answered(address("10.1.0.1"))
        );
        scene.node.remove_netns("web");
        scene.node.del(&pod, &conf).succeeded();
        scene.state().must_equal(&before);
    });
}

#[test]
fn a_port_that_another_pod_has_is_refused_with_its_name() {
    private(|| {
        let scene = scene();
        let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
        let conf = conf(&scene, &json!({}), &ports);
        let (web, _) = scene.attached("web", &conf);
        let other = scene.node.pod("other");
        scene.refused(&other, &conf, 5, &["tcp port 0.0.0.0:8080", "taken by web eth0"]);
        scene.node.del(&web, &conf).succeeded();
        scene.node.add(&other, &conf).succeeded();
        assert_eq!(
            came(Protocol::Tcp, "world", "192.0.2.1:8080", "other", 80),
            Heard::Answered(address("192.0.2.2"))
        );
    });
}

#[test]
fn check_finds_rules_that_somebody_took_away() {
    private(|| {
        let scene = scene();
        let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
        let conf = conf(&scene, &json!({}), &ports);
        let (pod, _) = scene.attached("web", &conf);
        let flush = std::process::Command::new("nft").args(["delete", "table", "inet", "multus"]).status();
        if !flush.is_ok_and(|status| status.success()) {
            return multus_tests::left_out("taking rules away takes `nft`");
        }
        let error = scene.checked(&pod, &conf).error();
        assert!(error.msg.contains("tcp port 0.0.0.0:8080 of the node leading to 10.1.0.2:80"), "{error:?}");
        scene.node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn a_pod_without_the_grant_or_the_address_gets_no_port() {
    private(|| {
        let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
        let modest = Module::delegate(
            "portmap",
            &["firewall=masquerade", "sysctls=net/ipv4/conf/lab*/route_localnet"],
        );
        let scene = Scene::with(&[bridge(), host_local(), modest]);
        let conf = conf(&scene, &json!({}), &ports);
        let other = self::conf(&scene, &json!({}), &json!([]));
        scene.warmed_up(&other);
        scene.refused(
            &scene.node.pod("web"),
            &conf,
            7,
            &["`port-mapping`", "\"firewall\": [\"port-mapping\"]"],
        );
    });
}
