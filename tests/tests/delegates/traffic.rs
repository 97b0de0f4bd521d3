//! Traffic of pods that `bandwidth` limits and `sbr` routes, behind another component; and the loopback.

use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use multus_tests::{Heard, Module, hear, ip, kinds, left_out, network_object, pod_object, private, within};
use serde_json::{Value, json};

use crate::scene::{Scene, address, bridge, has_all, host_device, host_local, lan, named_addresses, ptp};

fn bandwidth() -> Module {
    Module::delegate("bandwidth", &[])
}

/// Whether the kernel has what limits take; said aloud if not.
fn can_limit() -> bool {
    let lacking = ["ifb", "limit", "redirect"].into_iter().find(|kind| kinds::lacks(kind));
    if let Some(kind) = lacking {
        left_out(&format!("limits of traffic: this kernel has no `{kind}`"));
    }
    lacking.is_none()
}

fn sbr() -> Module {
    Module::delegate("sbr", &["defaultRoutes=true"])
}

/// A network, and these plugins behind it.
fn behind(network: &Value, further: &[Value]) -> Value {
    let mut first = network.clone();
    let mut list = json!({});
    for key in ["name", "cniVersion"] {
        list[key] = first.as_object_mut().unwrap().remove(key).unwrap();
    }
    list["plugins"] = json!([&[first], further].concat());
    list
}

/// What `tc` tells of queues of a namespace, that of a link alone.
fn queue(netns: &str, link: &str, kind: &str) -> Value {
    let words = ["-s", "-j", "qdisc", "show", "dev", link];
    let told = within(netns, || Command::new("tc").args(words).output()).unwrap();
    let all: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
    all.into_iter().find(|queue| queue["kind"] == kind).unwrap_or_else(|| panic!("{link} has no {kind}"))
}

/// The node's end of the pod's link.
fn port() -> String {
    let links: Vec<Value> = serde_json::from_str(&ip("-j link show type veth")).unwrap();
    let port = links.iter().find(|link| link["link_netnsid"].is_number()).expect("a port");
    port["ifname"].as_str().unwrap().to_owned()
}

/// Whether somebody who asks at an address gets an answer from it.
fn connects(from: &str, to: &str, address: &str) -> bool {
    let listener = within(to, || TcpListener::bind((address, 0)).unwrap());
    let at = listener.local_addr().unwrap();
    within(from, || TcpStream::connect_timeout(&at, Duration::from_secs(2))).is_ok()
}

/// Sends as many packets of a kilobyte as fast as can be, and tells how many came.
fn flood(from: &str, to: &str, address: IpAddr, packets: usize) -> usize {
    flood_from("0.0.0.0", from, to, address, packets)
}

/// The same from one of the sender's addresses.
fn flood_from(source: &str, from: &str, to: &str, address: IpAddr, packets: usize) -> usize {
    let socket = |netns: &str, at: &str| within(netns, || UdpSocket::bind((at, 0)).unwrap());
    let (sender, listener) = (socket(from, source), socket(to, "0.0.0.0"));
    listener.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::scope(|scope| {
        let heard = scope.spawn(|| {
            let mut came = 0;
            while listener.recv(&mut [0; 2000]).is_ok() {
                came += 1;
            }
            came
        });
        for _ in 0..packets {
            // What there is no room for is lost, as on any wire.
            let _ = sender.send_to(&[7; 1000], (address, port));
        }
        heard.join().unwrap()
    })
}

#[test]
fn no_more_passes_than_the_bucket_holds_either_way() {
    private(|| {
        if !can_limit() {
            return;
        }
        let scene = Scene::with(&[bridge(), host_local(), bandwidth()]);
        // A kilobyte a second: what passes in a test's time is the burst and what may wait for it.
        let limits = json!({ "type": "bandwidth", "ingressRate": 8000, "ingressBurst": 160_000,
                             "egressRate": 8000, "egressBurst": 160_000 });
        let conf = scene.conf(json!([behind(&lan("lab0", "10.1.0.0/24"), &[limits])]));
        let before = scene.warmed_up(&conf);
        let (pod, answer) = scene.attached("web", &conf);
        let result = answer.result();
        let own = address(result["ips"][0]["address"].as_str().unwrap().split('/').next().unwrap());
        let interfaces = result["interfaces"].as_array().unwrap();
        let detour = interfaces.last().unwrap();
        let name = detour["name"].as_str().unwrap();
        assert!(
            name.starts_with("bwp") && detour["mac"].is_string() && detour["sandbox"].is_null(),
            "{detour}"
        );
        has_all(
            &scene.node.dump(),
            &[&["netns host: link", name, "kind ifb", "UP"], &["netns host: queue kind tbf", name]],
        );
        scene.checked(&pod, &conf).succeeded();
        // 20 KB at once; each packet is 1042 bytes long on the wire. Some more come while we listen.
        for (from, to, address, link) in
            [("", "web", own, port()), ("web", "", address("10.1.0.1"), name.to_owned())]
        {
            let came = flood(from, to, address, 400);
            let queue = queue("", &link, "tbf");
            assert!((10..100).contains(&came), "{came} of 400 packets came by {link}");
            assert!(queue["drops"].as_u64().unwrap() > 200, "{queue}");
            assert!(queue["overlimits"].as_u64().unwrap() > 0, "{queue}");
        }
        ip(&format!("link set {name} down"));
        scene.checked(&pod, &conf).succeeded();
        let tc = |words: &str| Command::new("tc").args(words.split(' ')).status().unwrap().success();
        assert!(tc(&format!("qdisc del dev {} root", port())));
        let error = scene.checked(&pod, &conf).error();
        assert!(error.msg.contains("there is no rate 1000 burst 20000 limit 20025 by"), "{error:?}");
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}

/// The node has two addresses, and what is exchanged with one of them is limited.
#[test]
fn what_is_exchanged_with_some_is_limited_and_the_rest_passes() {
    private(|| {
        if !can_limit() {
            return;
        }
        let scene = Scene::with(&[bridge(), host_local(), bandwidth()]);
        for (key, subnet) in [("shapedSubnets", "10.1.0.1/32"), ("unshapedSubnets", "10.1.0.72/29")] {
            let mut limits = json!({ "type": "bandwidth", "ingressRate": 8000, "ingressBurst": 160_000,
                                     "egressRate": 8000, "egressBurst": 160_000 });
            limits[key] = json!([subnet, "2001:db8::/32"]);
            let conf = scene.conf(json!([behind(&lan("lab0", "10.1.0.0/24"), &[limits])]));
            let before = scene.warmed_up(&conf);
            let (pod, answer) = scene.attached("web", &conf);
            let result = answer.result();
            let own = address(result["ips"][0]["address"].as_str().unwrap().split('/').next().unwrap());
            let detour = result["interfaces"].as_array().unwrap().last().unwrap()["name"].as_str().unwrap();
            scene.checked(&pod, &conf).succeeded();
            ip("addr add 10.1.0.77/24 dev lab0");
            // Once the bucket is empty, who asks for a neighbour waits with the rest.
            for (limited, node) in [(false, "10.1.0.77"), (true, "10.1.0.1")] {
                // As many as whoever listens has room for, however late it looks.
                let sent = flood("web", "", address(node), 60);
                let received = flood_from(node, "", "web", own, 60);
                for came in [sent, received] {
                    let as_expected = if limited { (10..40).contains(&came) } else { came > 50 };
                    assert!(as_expected, "{key}: {came} of 60 packets came, the other end was {node}");
                }
            }
            ip("addr del 10.1.0.77/24 dev lab0");
            for link in [&port(), detour] {
                let queue = queue("", link, "bfifo");
                assert!(queue["drops"].as_u64().unwrap() > 10, "{queue}");
            }
            let tc = |words: &str| Command::new("tc").args(words.split(' ')).status().unwrap().success();
            assert!(tc(&format!("filter del dev {detour} parent 1: protocol ipv6 prio 15")));
            let error = scene.checked(&pod, &conf).error();
            assert!(error.msg.contains("what goes to") && error.msg.contains("2001:db8::/32"), "{error:?}");
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns("web");
            scene.state().must_equal(&before);
        }
    });
}

#[test]
fn the_link_of_a_binary_is_limited_and_let_go() {
    private(|| {
        if !can_limit() {
            return;
        }
        let scene = Scene::with(&[bandwidth()]);
        if !scene.node.install_reference(&["bridge", "static"]) {
            return;
        }
        let network = json!({ "cniVersion": "1.0.0", "name": "lab", "type": "bridge", "bridge": "lab0", "isGateway": true,
            "ipam": { "type": "static", "addresses": [{ "address": "10.1.0.5/24", "gateway": "10.1.0.1" }] } });
        let limits = json!({ "type": "bandwidth", "ingressRate": 8000, "ingressBurst": 160_000,
                             "egressRate": 8000, "egressBurst": 160_000 });
        let conf = scene.mixed(json!([behind(&network, std::slice::from_ref(&limits))]));
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        assert!((10..100).contains(&flood("", "web", address("10.1.0.5"), 400)));
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);

        // A second limit of the same link is refused, and takes the first one along.
        let conf = scene.mixed(json!([behind(&network, &[limits.clone(), limits])]));
        let pod = scene.node.pod("web");
        let error = scene.node.add(&pod, &conf).error();
        assert!(error.msg.contains("rate 1000 burst 20000 limit 20025"), "{error:?}");
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}

#[test]
fn what_can_t_be_limited_is_told_so() {
    private(|| {
        if !can_limit() {
            return;
        }
        let scene = Scene::with(&[host_device(), named_addresses(), bandwidth(), ptp(), host_local()]);
        ip("link add dev0 type veth peer name cable");
        let device =
            json!({ "cniVersion": "1.1.0", "name": "hardware", "type": "host-device", "device": "dev0" });
        let limit = |rate: u64, burst: u64| json!({ "type": "bandwidth", "ingressRate": rate, "ingressBurst": burst });
        let wire = json!({ "cniVersion": "1.1.0", "name": "wire", "type": "ptp",
                           "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.2.0.0/24" }]] } });
        let pod = scene.node.pod("web");
        let _ = scene.warmed_up(&scene.conf(json!([wire])));
        for (network, limits, words) in [
            (&wire, limit(8, 8000), "a burst of 8000 bits never lets a packet of 1500 bytes pass"),
            (&wire, limit(7, 1_000_000), "a rate of 7 bits a second lets nothing pass"),
            (&wire, limit(8, 1 << 32), "a burst of 4294967296 bits: at most 4294967295"),
        ] {
            let conf = scene.conf(json!([behind(network, &[limits])]));
            scene.refused(&pod, &conf, 7, &["network wire (eth0)", words]);
        }
        // The other end of this cable is on the node, and whose it is nobody knows: it is limited, and let go.
        let conf = scene.conf(json!([behind(&device, &[limit(8000, 160_000)])]));
        let before = scene.state();
        scene.node.add(&pod, &conf).succeeded();
        has_all(&scene.node.dump(), &[&["netns host: queue kind tbf", "dev cable"]]);
        scene.node.del(&pod, &conf).succeeded();
        scene.state().must_equal(&before);
    });
}

/// Two networks of one node, each with a host of its own beyond a router of its own that knows nothing of the other.
fn two_networks(scene: &Scene) -> Value {
    let mut all = Vec::new();
    for (number, further) in [(1, vec![]), (2, vec![json!({ "type": "sbr" })])] {
        let mut network = lan(&format!("lab{number}"), &format!("10.{number}.0.0/24"));
        network["isDefaultGateway"] = json!(true);
        all.push(behind(&network, &further));
    }
    scene.conf(json!(all))
}

#[test]
fn a_pod_answers_by_the_network_that_it_was_asked_by() {
    private(|| {
        let scene = Scene::with(&[bridge(), host_local(), sbr()]);
        let conf = two_networks(&scene);
        let before = scene.warmed_up(&conf);
        // Somebody beyond the second network's router, who takes no answer that came another way.
        scene.node.netns("world");
        ip("link add out type veth peer name in netns world");
        for words in
            ["addr add 192.0.2.1/24 dev out", "link set out up", "-n world addr add 192.0.2.2/24 dev in"]
        {
            ip(words);
        }
        ip("-n world link set in up");
        ip("-n world route add default via 192.0.2.1");
        std::fs::write("/proc/sys/net/ipv4/conf/lab2/rp_filter", "1").unwrap();
        std::fs::write("/proc/sys/net/ipv4/conf/lab1/rp_filter", "1").unwrap();
        let (pod, _) = scene.attached("web", &conf);
        let dump = scene.node.dump();
        has_all(
            &dump,
            &[
                &["netns web: rule", "src 10.2.0.3", "table 100"],
                &["netns web: route", "dst default", "dev net1", "table 100"],
                &["netns web: route", "dst 10.2.0.0/24", "dev net1", "table 100"],
                &["netns web: route", "dst default", "dev eth0"],
            ],
        );
        let in_main =
            |line: &str| line.contains("route") && line.contains("dev net1") && !line.contains("table ");
        assert!(!dump.lines().any(in_main), "{dump}");
        assert!(connects("world", "web", "10.2.0.3") && connects("world", "web", "10.1.0.3"));
        scene.checked(&pod, &conf).succeeded();
        ip("-n web rule del from 10.2.0.3 table 100");
        // Now the answer leaves by eth0, where the node expects nobody of that address.
        assert!(!connects("world", "web", "10.2.0.3") && connects("world", "web", "10.1.0.3"));
        let error = scene.checked(&pod, &conf).error();
        assert!(error.msg.contains("from 10.2.0.3/32 lookup 100 in the pod"), "{error:?}");
        scene.node.del(&pod, &conf).succeeded();
        ip("link del out");
        scene.node.remove_netns("web");
        scene.node.remove_netns("world");
        scene.state().must_equal(&before);
    });
}

#[test]
fn a_network_that_is_routed_by_source_can_own_the_default_route() {
    private(|| {
        let scene = Scene::with(&[bridge(), host_local(), sbr()]);
        let red = behind(&lan("lab2", "10.2.0.0/24"), &[json!({ "type": "sbr" })]);
        for (key, gateway) in [(json!([]), "10.2.0.1"), (json!(["10.2.0.9"]), "10.2.0.9")] {
            let selection = json!([{ "name": "red", "default-route": key }]).to_string();
            let objects = [pod_object("ns", "web", &selection), network_object("ns", "red", &red)];
            let mut conf = scene.conf(json!([lan("lab1", "10.1.0.0/24")]));
            conf["manifests"] = json!(scene.node.manifests(&objects));
            let pod = scene.node.pod("web").named("ns", "web");
            scene.node.add(&pod, &conf).succeeded();
            let main = ip("-n web -o route show default");
            assert_eq!(main.lines().count(), 1, "{main}");
            assert!(main.contains(&format!("via {gateway} dev net1")), "{main}");
            let own = ip("-n web -o route show default table 100");
            assert!(own.contains("via 10.2.0.1 dev net1"), "{own}");
            scene.checked(&pod, &conf).succeeded();
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns("web");
        }
    });
}

#[test]
fn a_device_that_was_routed_by_source_leaves_no_rule_behind() {
    private(|| {
        let scene = Scene::with(&[host_device(), named_addresses(), sbr()]);
        ip("link add dev0 type veth peer name cable");
        ip("link set cable up");
        let addresses = json!([{ "address": "10.5.0.2/24", "gateway": "10.5.0.1" }]);
        let device = json!({ "cniVersion": "1.1.0", "name": "hardware", "type": "host-device", "device": "dev0",
                             "ipam": { "type": "static", "addresses": addresses } });
        let conf = scene
            .conf(json!([behind(&device, &[json!({ "type": "sbr", "table": 77, "addSourceHints": true })])]));
        let pod = scene.node.pod("web");
        let before = scene.state();
        scene.node.add(&pod, &conf).succeeded();
        has_all(
            &scene.node.dump(),
            &[
                &["netns web: rule", "src 10.5.0.2", "table 77"],
                &["netns web: route", "dst default", "gateway 10.5.0.1", "table 77", "prefsrc 10.5.0.2"],
            ],
        );
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.state().must_equal(&before);
    });
}

#[test]
fn default_routes_take_a_grant_and_everybodys_tables_are_left_alone() {
    private(|| {
        let scene = Scene::with(&[bridge(), host_local(), Module::delegate("sbr", &[])]);
        let conf = scene.conf(json!([behind(&lan("lab0", "10.1.0.0/24"), &[json!({ "type": "sbr" })])]));
        let _ = scene.warmed_up(&scene.conf(json!([lan("lab0", "10.1.0.0/24")])));
        scene.refused(
            &scene.node.pod("web"),
            &conf,
            7,
            &["may not add a default route", "\"defaultRoutes\": true"],
        );
        let conf = scene
            .conf(json!([behind(&lan("lab0", "10.1.0.0/24"), &[json!({ "type": "sbr", "table": 254 })])]));
        scene.refused(&scene.node.pod("other"), &conf, 7, &["254 is no table of an attachment's"]);
    });
}

#[test]
fn a_loopback_comes_up_and_goes_down_with_the_pod() {
    private(|| {
        let scene = Scene::with(&[Module::delegate("loopback", &[])]);
        let conf = scene.conf(json!([{ "cniVersion": "1.0.0", "name": "lo", "type": "loopback" }]));
        let pod = scene.node.pod("web");
        ip("-n web link set lo down");
        let result = scene.node.add(&pod, &conf).result();
        let interface =
            json!({ "name": "lo", "mac": "00:00:00:00:00:00", "sandbox": pod.netns.display().to_string() });
        assert_eq!(result["interfaces"], json!([interface]));
        assert_eq!([&result["ips"][0]["address"], &result["ips"][1]["address"]], ["127.0.0.1/8", "::1/128"]);
        assert_eq!(hear("web", "web", address("127.0.0.1")), Heard::Answered(address("127.0.0.1")));
        scene.checked(&pod, &conf).succeeded();
        ip("-n web link set lo down");
        let error = scene.checked(&pod, &conf).error();
        assert!(error.msg.contains("lo in the pod has down, and was given up"), "{error:?}");
        ip("-n web link set lo up");
        scene.node.del(&pod, &conf).succeeded();
        assert!(!ip("-n web -o link show lo").contains("LOOPBACK,UP"));
    });
}
