//! Links and settings that `tuning` changed behind another component.

use multus_tests::{Dump, Module, ip, private, within};
use serde_json::{Value, json};

use crate::scene::{Scene, bridge, has_all, host_device, host_local, lan, named_addresses};

fn tuning() -> Module {
    let settings = ["net/core/somaxconn", "net/ipv4/tcp_syncookies", "net/ipv4/conf/*/rp_filter"];
    let grants = settings.map(|key| format!("sysctls={key}"));
    Module::delegate("tuning", &grants.each_ref().map(String::as_str))
}

/// A network, and `tuning` behind it.
fn tuned(network: &Value, tuning: &Value) -> Value {
    let mut plugins = [network.clone(), tuning.clone()];
    let mut list = json!({});
    for key in ["name", "cniVersion"] {
        list[key] = plugins[0].as_object_mut().unwrap().remove(key).unwrap();
    }
    plugins[1]["type"] = json!("tuning");
    list["plugins"] = json!(plugins);
    list
}

/// One end of a cable, as an operator made it.
fn device() {
    ip("link add dev0 address 02:00:00:00:00:05 mtu 1450 txqueuelen 700 type veth peer name cable");
    ip("link set dev0 promisc on");
}

fn hardware() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "hardware", "type": "host-device", "device": "dev0" })
}

fn everything() -> Value {
    json!({ "mac": "02:00:00:00:00:42", "mtu": 1400, "promisc": true, "allmulti": true, "txQLen": 500,
        "sysctl": { "net.core.somaxconn": "100", "net.ipv4.conf.IFNAME.rp_filter": "2" } })
}

const TUNED: &[&str] =
    &["netns web: link eth0", "mtu 1400", "address 02:00:00:00:00:42", "PROMISC", "ALLMULTI"];

fn setting(key: &str) -> String {
    within("web", || std::fs::read_to_string(format!("/proc/sys/net/{key}")).unwrap().trim().to_owned())
}

/// How many packets may wait in a link.
fn queue(select: &str, link: &str) -> u64 {
    let links: Value = serde_json::from_str(&ip(&format!("{select} -j link show {link}"))).unwrap();
    links[0]["txqlen"].as_u64().unwrap()
}

#[test]
fn a_device_comes_home_as_it_was_and_the_pod_gets_its_settings_back() {
    private(|| {
        let scene = Scene::with(&[host_device(), tuning()]);
        device();
        let pod = scene.node.pod("web");
        let usual = setting("core/somaxconn");
        let conf = scene.conf(json!([tuned(&hardware(), &everything())]));
        let before = scene.state();
        let result = scene.node.add(&pod, &conf).result();
        let interface = &result["interfaces"][0];
        assert_eq!((&interface["mac"], &interface["mtu"]), (&json!("02:00:00:00:00:42"), &json!(1400)));
        has_all(&scene.node.dump(), &[TUNED]);
        assert_eq!(queue("-n web", "eth0"), 500);
        assert_eq!([setting("core/somaxconn"), setting("ipv4/conf/eth0/rp_filter")], ["100", "2"]);
        scene.checked(&pod, &conf).succeeded();
        ip("-n web link set eth0 mtu 1300");
        let error = scene.checked(&pod, &conf).error();
        assert!(
            error.msg.contains("the link `eth0` has the MTU 1300; it was attached with 1400"),
            "{error:?}"
        );
        ip("-n web link set eth0 mtu 1400");
        scene.node.del(&pod, &conf).succeeded();
        assert_eq!(setting("core/somaxconn"), usual);
        scene.state().must_equal(&before);
        has_all(&scene.node.dump(), &[&["netns host: link dev0", "mtu 1450", "PROMISC"]]);
        assert_eq!(queue("", "dev0"), 700);
    });
}

#[test]
fn what_a_later_plugin_could_not_do_takes_all_of_it_back() {
    private(|| {
        let scene = Scene::with(&[host_device(), tuning()]);
        device();
        let mut network = tuned(&hardware(), &everything());
        network["plugins"].as_array_mut().unwrap().push(json!({ "type": "tuning", "txQLen": 1_000_001 }));
        let conf = scene.conf(json!([network]));
        let pod = scene.node.pod("web");
        scene.refused(&pod, &conf, 7, &["network hardware (eth0)", "1000001 packets", "at most 1000000"]);
    });
}

#[test]
fn settings_of_the_pod_and_its_loopback_are_for_every_network_those_of_a_link_for_its_own() {
    private(|| {
        let scene = Scene::with(&[bridge(), host_local(), host_device(), named_addresses(), tuning()]);
        device();
        let first = lan("lab0", "10.1.0.0/24");
        let with = |key: &str| {
            let second = tuned(&hardware(), &json!({ "sysctl": { key: "2" } }));
            scene.conf(json!([first, second]))
        };
        let before: Dump = scene.warmed_up(&with("net.ipv4.tcp_syncookies"));
        for key in ["net.ipv4.tcp_syncookies", "net.ipv4.conf.lo.rp_filter", "net.ipv4.conf.net1.rp_filter"] {
            let conf = with(key);
            let (pod, _) = scene.attached("web", &conf);
            assert_eq!(setting(&key.replacen("net.", "", 1).replace('.', "/")), "2", "{key}");
            scene.checked(&pod, &conf).succeeded();
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns("web");
            scene.state().must_equal(&before);
        }
        for (key, words) in [
            ("net.ipv4.conf.eth0.rp_filter", ["may not change `eth0`", "the result before it names"]),
            (
                "net.ipv4.ip_forward",
                ["may not set net/ipv4/ip_forward", "\"sysctls\": [\"net/ipv4/ip_forward\"]"],
            ),
        ] {
            let pod = scene.node.pod("web");
            let error = scene.node.add(&pod, &with(key)).error();
            let said = format!("{} {}", error.msg, error.details);
            assert!(error.code == 7 && words.iter().all(|word| said.contains(word)), "{said}");
            scene.node.remove_netns("web");
            scene.state().must_equal(&before);
        }
    });
}
