//! ADD, by components alone.

use multus_tests::{Heard, hear, ip, private};
use serde_json::json;

use crate::scene::{CLAIMS, Scene, address, bridge, has_all, host_local, lan, named_addresses, ptp};

#[test]
fn the_default_network_is_made_without_any_binary() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let before = scene.warmed_up(&conf);
        let (web, answer) = scene.attached("web", &conf);
        let result = answer.result();
        assert_eq!(result["cniVersion"], "1.1.0");
        assert_eq!(
            result["ips"],
            json!([{ "address": "10.1.0.3/24", "gateway": "10.1.0.1", "interface": 2 }])
        );
        assert_eq!(result["routes"], json!([{ "dst": "0.0.0.0/0", "gw": "10.1.0.1" }]));
        let names: Vec<_> =
            result["interfaces"].as_array().unwrap().iter().map(|link| &link["name"]).collect();
        assert_eq!((names[0], names[2]), (&json!("lab0"), &json!("eth0")));
        has_all(
            &scene.node.dump(),
            &[
                &["netns web: link eth0 kind veth", "UP"],
                &["netns web: address 10.1.0.3/24 dev eth0"],
                &["netns web: route", "dst default", "gateway 10.1.0.1"],
                &["netns host: link lab0 kind bridge", "UP"],
                &["netns host: address 10.1.0.1/24 dev lab0"],
                &["netns host: link", "kind veth", "master lab0", "UP"],
                &[&format!("file {CLAIMS}/net-lab0/10.1.0.3"), "web\r\neth0"],
            ],
        );
        let (db, _) = scene.attached("db", &conf);
        let web_itself = address("10.1.0.3");
        assert_eq!(hear("web", "", address("10.1.0.1")), Heard::Answered(web_itself));
        assert_eq!(hear("web", "db", address("10.1.0.4")), Heard::Answered(web_itself));
        for pod in [&web, &db] {
            scene.checked(pod, &conf).succeeded();
            scene.node.del(pod, &conf).succeeded();
            scene.node.remove_netns(&pod.container_id);
        }
        scene.state().must_equal(&before);
    });
}

#[test]
fn the_result_is_in_the_version_of_the_caller() {
    private(|| {
        let scene = Scene::new();
        for version in ["0.2.0", "0.3.1", "0.4.0", "1.0.0"] {
            let mut network = lan("lab0", "10.1.0.0/24");
            network["cniVersion"] = json!(version);
            let mut conf = scene.conf(json!([network]));
            conf["cniVersion"] = json!(version);
            let (pod, answer) = scene.attached("web", &conf);
            let result = answer.result();
            assert_eq!(result["cniVersion"], version);
            let at = if version == "0.2.0" { "/ip4/ip" } else { "/ips/0/address" };
            assert!(result.pointer(at).unwrap().as_str().unwrap().ends_with("/24"), "{result}");
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns("web");
        }
    });
}

#[test]
fn addresses_that_the_conf_names_of_both_families() {
    private(|| {
        let scene = Scene::with(&[bridge(), named_addresses()]);
        let mut network = lan("lab0", "");
        network["ipam"] = json!({ "type": "static", "addresses": [
            { "address": "10.1.0.5/24", "gateway": "10.1.0.1" }, { "address": "fd00:1::5/64" },
        ] });
        let conf = scene.conf(json!([network]));
        let before = scene.warmed_up(&conf);
        let (pod, answer) = scene.attached("web", &conf);
        assert_eq!(
            answer.result()["ips"][1],
            json!({ "address": "fd00:1::5/64", "gateway": "fd00:1::1", "interface": 2 })
        );
        has_all(
            &scene.node.dump(),
            &[
                &["netns web: address fd00:1::5/64 dev eth0"],
                &["netns web: route", "dst default", "gateway fd00:1::1"],
                &["netns host: address fd00:1::1/64 dev lab0"],
            ],
        );
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        // The kernel's own routes of the bridge's address come when it is no longer tentative.
        let of_kernel = |line: &str| line.contains("dev lab0") && line.contains("table local");
        scene.state().without(of_kernel).must_equal(&before.without(of_kernel));
    });
}

#[test]
fn each_pod_has_a_link_of_its_own_to_the_node() {
    private(|| {
        let scene = Scene::with(&[ptp(), host_local()]);
        let conf = scene.conf(json!([{
            "cniVersion": "1.0.0", "name": "own", "type": "ptp", "mtu": 1400,
            "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.2.0.0/24" }]],
                      "routes": [{ "dst": "0.0.0.0/0" }] },
        }]));
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        let (other, _) = scene.attached("db", &conf);
        has_all(
            &scene.node.dump(),
            &[
                &["netns web: link eth0 kind veth mtu 1400", "UP"],
                &["netns web: address 10.2.0.3/24 dev eth0"],
                &["netns web: route", "dst 10.2.0.0/24", "gateway 10.2.0.1"],
                &["netns web: route", "dst default", "gateway 10.2.0.1"],
                &["netns host: address 10.2.0.1/32 dev veth"],
                &["netns host: route", "dst 10.2.0.3"],
            ],
        );
        assert_eq!(hear("web", "", address("10.2.0.1")), Heard::Answered(address("10.2.0.3")));
        assert_eq!(hear("web", "db", address("10.2.0.4")), Heard::Answered(address("10.2.0.3")));
        for pod in [pod, other] {
            scene.checked(&pod, &conf).succeeded();
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns(&pod.container_id);
        }
        scene.state().must_equal(&before);
    });
}

#[test]
fn three_networks_and_all_of_them_go() {
    private(|| {
        let scene = Scene::new();
        let networks = [("lab0", "10.1.0.0/24"), ("lab1", "10.2.0.0/24"), ("lab2", "10.3.0.0/24")];
        let mut networks = networks.map(|(bridge, subnet)| lan(bridge, subnet));
        for further in &mut networks[1..] {
            further["isDefaultGateway"] = json!(false);
            further["isGateway"] = json!(true);
        }
        let conf = scene.conf(json!(networks));
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        has_all(
            &scene.node.dump(),
            &[
                &["netns web: address 10.1.0.3/24 dev eth0"],
                &["netns web: address 10.2.0.3/24 dev net1"],
                &["netns web: address 10.3.0.3/24 dev net2"],
            ],
        );
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}

#[test]
fn outside_a_pod_has_the_nodes_address_where_it_masquerades() {
    private(|| {
        let scene = Scene::new();
        let mut network = lan("lab0", "10.1.0.0/24");
        network["ipMasq"] = json!(true);
        let conf = scene.conf(json!([network]));
        world();
        let (pod, _) = scene.attached("web", &conf);
        assert_eq!(hear("web", "world", address("192.0.2.2")), Heard::Answered(address("192.0.2.1")));
        let (db, _) = scene.attached("db", &conf);
        assert_eq!(hear("web", "db", address("10.1.0.3")), Heard::Answered(address("10.1.0.2")));
        scene.node.del(&pod, &conf).succeeded();
        // Whoever has the address next and does not masquerade is seen as himself: the rule went, too.
        let mut plain = conf.clone();
        plain["delegates"][0]["ipMasq"] = json!(false);
        plain["delegates"][0]["ipam"]["ranges"] =
            json!([[{ "subnet": "10.1.0.0/24", "rangeStart": "10.1.0.2", "rangeEnd": "10.1.0.2" }]]);
        let (next, _) = scene.attached("next", &plain);
        assert_eq!(hear("next", "world", address("192.0.2.2")), Heard::OneWay(address("10.1.0.2")));
        for (pod, conf) in [(db, &conf), (next, &plain)] {
            scene.node.del(&pod, conf).succeeded();
        }
    });
}

/// A namespace `world` beyond the node, at 192.0.2.2, that knows no pods.
fn world() {
    ip("netns add world");
    ip("link add out type veth peer name in netns world");
    ip("addr add 192.0.2.1/24 dev out");
    ip("link set out up");
    ip("-n world addr add 192.0.2.2/24 dev in");
    ip("-n world link set in up");
}

#[test]
fn what_a_pod_sends_with_anothers_hardware_address_is_dropped() {
    private(|| {
        let scene = Scene::new();
        let mut network = lan("lab0", "10.1.0.0/24");
        network["macspoofchk"] = json!(true);
        let conf = scene.conf(json!([network]));
        let (pod, _) = scene.attached("web", &conf);
        let gateway = address("10.1.0.1");
        assert_eq!(hear("web", "", gateway), Heard::Answered(address("10.1.0.2")));
        let mac = mac_of("web");
        ip("-n web link set eth0 address 02:00:00:00:00:99");
        assert_eq!(hear("web", "", gateway), Heard::Nothing);
        ip(&format!("-n web link set eth0 address {mac}"));
        assert_eq!(hear("web", "", gateway), Heard::Answered(address("10.1.0.2")));
        scene.node.del(&pod, &conf).succeeded();
    });
}

fn mac_of(netns: &str) -> String {
    let links: serde_json::Value =
        serde_json::from_str(&ip(&format!("-n {netns} -j link show eth0"))).unwrap();
    links[0]["address"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_default_route_leads_and_later_ones_come_behind() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24"), lan("lab1", "10.2.0.0/24")]));
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        let routes = ip("-n web -o route show default");
        let lines: Vec<_> =
            routes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines, ["default via 10.1.0.1 dev eth0", "default via 10.2.0.1 dev net1 metric 1"]);
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns(&pod.container_id);
        scene.state().must_equal(&before);
    });
}
