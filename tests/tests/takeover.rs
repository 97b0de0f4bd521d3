//! Pods of upstream's plugin are detached by ours, and upstream can read what ours writes (CNI-16).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::{Node, Pod, binaries, network_object, pod_object, private};
use serde_json::{Value, json};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 as Go writes a `[]byte`: our own, so that nothing of the plugin's judges itself.
fn base64(bytes: &[u8]) -> String {
    let group = |chunk: &[u8]| {
        let number =
            chunk.iter().chain([&0, &0]).take(3).fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        let letters = [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(number >> shift) & 63]));
        letters.into_iter().take(chunk.len() + 1).chain(['=', '=']).take(4).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Leases as if delegates had been called by another plugin, and what that one left on disk.
fn attached_by_upstream(node: &Node, pod: &Pod, networks: &[(Value, &str)]) -> Value {
    fs::create_dir_all(node.cni_dir().join("results")).unwrap();
    fs::create_dir_all(node.path("leases")).unwrap();
    let mut scratch = Vec::new();
    for (network, interface) in networks {
        let (name, text) = (network["name"].as_str().unwrap(), network.to_string());
        fs::write(node.path("leases").join(format!("{name},{},{interface}", pod.container_id)), "").unwrap();
        let cached = json!({
            "kind": "cniCacheV1", "containerId": pod.container_id, "config": base64(text.as_bytes()),
            "ifName": interface, "networkName": name, "netns": pod.netns,
            "cniArgs": [["IgnoreUnknown", "1"]], "capabilityArgs": { "mac": "02:00:00:00:00:01", "ips": [] },
            "result": { "cniVersion": "1.0.0", "dns": {}, "ips": [{ "address": "192.0.2.9/24" }] },
        });
        let file = format!("{name}-{}-{interface}", pod.container_id);
        fs::write(node.cni_dir().join("results").join(file), cached.to_string()).unwrap();
        scratch.push(in_go(network, &text, interface, pod));
    }
    let scratch = Value::from(scratch);
    fs::write(node.cni_dir().join(&pod.container_id), scratch.to_string()).unwrap();
    node.conf(json!([node.network("today", "omega")]))
}

/// One element of upstream's scratch file: a Go structure with its own names, much of it empty.
fn in_go(network: &Value, text: &str, interface: &str, pod: &Pod) -> Value {
    let empty = json!({ "cniVersion": "", "name": "", "type": "", "ipam": {}, "dns": {} });
    let (conf, list) = match network["plugins"].is_null() {
        true => (network.clone(), json!({ "plugins": null })),
        false => (empty, network.clone()),
    };
    let mut element = json!({
        "Conf": conf, "ConfList": list, "Name": "", "ifnameRequest": interface, "MasterPlugin": false,
        "ConfListPlugin": !network["plugins"].is_null(), "Bytes": base64(text.as_bytes()),
    });
    if interface == pod.ifname {
        // Upstream asks for no name on the default network: it gets CNI_IFNAME.
        element.as_object_mut().unwrap().remove("ifnameRequest");
    }
    element
}

fn nothing_left(node: &Node) {
    let rest = node.state().without(|line| line.contains("netns ") || line.contains("state/manifests"));
    assert_eq!(rest.to_string(), "", "left behind");
}

fn list_of_two(node: &Node) -> Value {
    let second = json!({ "type": "beta", "recording": node.plugin("beta")["recording"], "capabilities": { "mac": true } });
    json!({ "cniVersion": "1.0.0", "name": "list", "plugins": [node.plugin("alpha"), second] })
}

#[test]
fn a_pod_attached_by_upstream_is_detached_in_reverse() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web").named("ns", "web");
        let conf = attached_by_upstream(
            &node,
            &pod,
            &[(list_of_two(&node), "eth0"), (node.network("red", "gamma"), "net1")],
        );
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["DEL gamma net1", "DEL beta eth0", "DEL alpha eth0"]);
        for call in node.recorded() {
            assert_eq!(call.variable("CNI_NETNS"), "/run/netns/web");
            assert_eq!(call.variable("CNI_ARGS"), pod.args);
            assert_eq!(call.conf()["prevResult"]["ips"][0]["address"], "192.0.2.9/24", "{}", call.stdin);
        }
        let second = node.recorded()[1].conf();
        assert_eq!([&second["name"], &second["cniVersion"]], ["list", "1.0.0"]);
        assert_eq!(second["runtimeConfig"], json!({ "mac": "02:00:00:00:00:01" }), "declared and cached");
        nothing_left(&node);
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.recorded().len(), 3);
    });
}

/// What is on disk, changed; the pod is detached all the same.
fn detached_with(change: impl FnOnce(&Node, &Pod)) -> Vec<String> {
    let node = Node::new();
    let pod = node.pod("web");
    let conf = attached_by_upstream(
        &node,
        &pod,
        &[(list_of_two(&node), "eth0"), (node.network("red", "gamma"), "net1")],
    );
    change(&node, &pod);
    node.del(&pod, &conf).succeeded();
    nothing_left(&node);
    node.briefs()
}

const REVERSED: [&str; 3] = ["DEL gamma net1", "DEL beta eth0", "DEL alpha eth0"];

#[test]
fn without_the_scratch_file_libcnis_cache_is_enough() {
    private(|| {
        let gone = |node: &Node, pod: &Pod| fs::remove_file(node.cni_dir().join(&pod.container_id)).unwrap();
        assert_eq!(detached_with(gone), REVERSED);
    });
}

#[test]
fn a_scratch_file_cut_short_is_no_reason_to_forget_the_pod() {
    private(|| {
        let cut = |node: &Node, pod: &Pod| {
            fs::write(node.cni_dir().join(&pod.container_id), "[{\"Conf\":").unwrap();
        };
        assert_eq!(detached_with(cut), REVERSED);
    });
}

#[test]
fn an_empty_scratch_file_is_no_reason_either() {
    private(|| {
        let empty = |node: &Node, pod: &Pod| fs::write(node.cni_dir().join(&pod.container_id), "").unwrap();
        assert_eq!(detached_with(empty), REVERSED);
    });
}

#[test]
fn without_libcnis_cache_the_scratch_file_is_enough() {
    private(|| {
        let gone = |node: &Node, _: &Pod| fs::remove_dir_all(node.cni_dir().join("results")).unwrap();
        assert_eq!(detached_with(gone), REVERSED);
    });
}

#[test]
fn a_damaged_cache_does_not_stop_a_del() {
    private(|| {
        let damaged = |node: &Node, _: &Pod| {
            let results = node.cni_dir().join("results");
            fs::write(results.join("list-web-eth0"), "{").unwrap();
            fs::write(results.join("red-web-net1"), "").unwrap();
        };
        assert_eq!(detached_with(damaged), REVERSED);
    });
}

#[test]
fn upstreams_namespace_may_be_gone() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web");
        let conf = attached_by_upstream(&node, &pod, &[(node.network("red", "gamma"), "eth0")]);
        node.remove_netns("web");
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.recorded()[0].variable("CNI_NETNS"), "");
        nothing_left(&node);
    });
}

#[test]
fn a_delegate_that_fails_keeps_upstreams_files_for_the_next_del() {
    private(|| {
        let node = Node::new();
        let (pod, stuck) = (node.pod("web"), node.scratch("stuck"));
        let mut red = node.network("red", "gamma");
        red["misbehave"] = json!({ "DEL": { "while": stuck, "fail": { "code": 101, "msg": "no answer" } } });
        let conf =
            attached_by_upstream(&node, &pod, &[(red, "eth0"), (node.network("blue", "delta"), "net1")]);
        fs::write(&stuck, "").unwrap();
        let error = node.del(&pod, &conf).error();
        assert_eq!((error.code, error.msg.contains("network red (eth0)")), (101, true), "{error:?}");
        fs::remove_file(&stuck).unwrap();
        node.del(&pod, &conf).succeeded();
        nothing_left(&node);
    });
}

/// As after as many minutes of DELs as the runtime's retries are worth.
fn long_tried(pod: &Pod) -> PathBuf {
    let mark = Path::new("/run/multus/failing").join(format!("{}@{}", pod.container_id, pod.ifname));
    let touched = Command::new("touch").args(["-d", "11 minutes ago"]).arg(&mark).status().unwrap();
    assert!(touched.success() && mark.exists());
    mark
}

fn sweep(node: &Node, conf: &Value) -> (bool, String) {
    let file = node.scratch("multus.conf");
    fs::write(&file, conf.to_string()).unwrap();
    let mut sweep = Command::new(binaries::multusctl());
    let output = sweep.args(["journal", "sweep", "--conf"]).arg(file).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// The runtime asks for ever otherwise. What is left is named, and given back once that is possible.
#[test]
fn a_binary_that_is_gone_for_good_keeps_no_pod() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web").named("ns", "web");
        let networks = [(node.network("red", "gamma"), "eth0"), (list_of_two(&node), "net1")];
        let conf = attached_by_upstream(&node, &pod, &networks);
        let (gamma, aside) = (node.bin_dir().join("gamma"), node.scratch("gamma"));
        fs::rename(&gamma, &aside).unwrap();
        for _ in 0..2 {
            let error = node.del(&pod, &conf).error();
            assert!(error.msg.contains("pod ns/web: network red (eth0): plugin gamma"), "{error:?}");
        }
        let mark = long_tried(&pod);
        let answer = node.del(&pod, &conf);
        answer.succeeded();
        let named = "kept as a leftover (`multusctl journal sweep` goes on with it): network red (eth0)";
        assert!(answer.stderr.contains(named), "{answer}");
        assert!(!mark.exists(), "the next pod of that name begins anew");
        let kept: Vec<_> = fs::read_dir(node.cni_dir().join("leftover")).unwrap().flatten().collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        node.forget_recorded();
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), [""; 0], "nothing is left for a DEL");

        let (swept, said) = sweep(&node, &conf);
        assert!(!swept && said.contains("gamma"), "{said}");
        fs::rename(&aside, &gamma).unwrap();
        node.forget_recorded();
        let mut forbidden = conf.clone();
        forbidden["exec"] = json!({ "allow": ["omega"] });
        let (swept, said) = sweep(&node, &forbidden);
        assert!(!swept && said.contains("not allowed to run"), "{said}");
        assert_eq!(node.briefs(), [""; 0]);
        let (swept, said) = sweep(&node, &conf);
        assert!(swept, "{said}");
        let calls = node.recorded();
        let call = calls.iter().find(|call| call.brief() == "DEL gamma eth0").unwrap();
        assert_eq!(call.variable("CNI_CONTAINERID"), "web");
        assert_eq!(call.variable("CNI_NETNS"), "/run/netns/web");
        assert_eq!(call.variable("CNI_ARGS"), pod.args);
        assert_eq!(call.conf()["prevResult"]["ips"][0]["address"], "192.0.2.9/24", "{}", call.stdin);
        nothing_left(&node);
    });
}

/// Its namespace may be made anew under the same path before somebody sweeps.
#[test]
fn what_is_left_of_upstreams_pod_is_not_looked_for_in_another_one() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web");
        let conf = attached_by_upstream(&node, &pod, &[(node.network("red", "gamma"), "eth0")]);
        let (gamma, aside) = (node.bin_dir().join("gamma"), node.scratch("gamma"));
        fs::rename(&gamma, &aside).unwrap();
        node.del(&pod, &conf).error();
        long_tried(&pod);
        node.del(&pod, &conf).succeeded();
        fs::rename(&aside, &gamma).unwrap();
        node.remove_netns("web");
        node.netns("web");
        assert!(sweep(&node, &conf).0);
        assert_eq!(node.recorded()[0].variable("CNI_NETNS"), "");
        nothing_left(&node);
    });
}

/// What can't be opened may be there: a binary that is told of no namespace gives back what links in it have.
#[test]
fn a_namespace_that_is_only_out_of_reach_is_not_taken_for_gone() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web");
        let conf = attached_by_upstream(&node, &pod, &[(node.network("red", "gamma"), "eth0")]);
        let away = Pod { netns: node.scratch("loop"), ..pod.clone() };
        std::os::unix::fs::symlink(&away.netns, &away.netns).unwrap();
        let error = node.del(&away, &conf).error();
        assert!(error.msg.contains("network red (eth0)") && error.msg.contains("out of reach"), "{error:?}");
        assert_eq!(node.briefs(), [""; 0]);
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.recorded()[0].variable("CNI_NETNS"), "/run/netns/web");
        nothing_left(&node);
    });
}

/// Of pods that upstream attached only libcni's cache tells: without it no delegate's GC may be asked what is stale.
#[test]
fn gc_without_libcnis_cache_frees_nothing_of_pods_that_run() {
    private(|| {
        let node = Node::new();
        let (theirs, ours) = (node.pod("theirs"), node.pod("ours"));
        let mut conf = attached_by_upstream(&node, &theirs, &[(node.network("today", "omega"), "eth0")]);
        node.add(&ours, &conf).succeeded();
        node.forget_recorded();
        conf["cni.dev/valid-attachments"] = json!([{ "containerID": "theirs", "ifname": "eth0" }, { "containerID": "ours", "ifname": "eth0" }]);
        let results = node.cni_dir().join("results");
        let entry = results.join("today-theirs-eth0");
        let aside = node.scratch("aside");
        // As a disk that gives no answer.
        for unreadable in [&results, &entry] {
            fs::rename(unreadable, &aside).unwrap();
            std::os::unix::fs::symlink(unreadable, unreadable).unwrap();
            let error = node.call("GC", &theirs, &conf).error();
            assert!(error.msg.contains("can't read") && error.msg.contains("results"), "{error:?}");
            assert_eq!(node.briefs(), [""; 0], "no delegate is asked");
            fs::remove_file(unreadable).unwrap();
            fs::rename(&aside, unreadable).unwrap();
        }
        node.call("GC", &theirs, &conf).succeeded();
        let dump = node.dump();
        assert!(dump.has(&["leases/today,theirs,eth0"]) && dump.has(&["leases/today,ours,eth0"]), "{dump}");
    });
}

fn read(path: &Path) -> Value {
    let mode = path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{}", path.display());
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn upstream_can_read_what_ours_wrote() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web").named("ns", "web");
        let (list, red) = (list_of_two(&node), node.network("red", "gamma"));
        let mut conf = node.conf(json!([node.network("first", "delta")]));
        let objects = [
            pod_object("ns", "web", "red@data0,list"),
            network_object("ns", "red", &red),
            network_object("ns", "list", &one_lease(&list)),
        ];
        conf["manifests"] = json!(node.manifests(&objects));
        node.add(&pod, &conf).succeeded();

        let scratch = read(&node.cni_dir().join("web"));
        let names: Vec<_> =
            scratch.as_array().unwrap().iter().map(|element| element["Name"].clone()).collect();
        assert_eq!(names, ["first", "ns/red", "ns/list"]);
        let interfaces: Vec<_> =
            scratch.as_array().unwrap().iter().map(|e| e["ifnameRequest"].clone()).collect();
        assert_eq!(interfaces, ["eth0", "data0", "net2"]);
        assert_eq!(scratch[1]["Bytes"], base64(red.to_string().as_bytes()));
        assert_eq!(scratch[1]["Conf"], red);
        assert_eq!(scratch[2]["ConfList"], one_lease(&list));

        let cached = read(&node.cni_dir().join("results/red-web-data0"));
        assert_eq!(
            cached,
            json!({
                "kind": "cniCacheV1", "containerId": "web", "config": base64(red.to_string().as_bytes()),
                "ifName": "data0", "networkName": "red", "netns": "/run/netns/web",
                "cniArgs": [["IgnoreUnknown", "1"], ["K8S_POD_NAMESPACE", "ns"], ["K8S_POD_NAME", "web"],
                            ["K8S_POD_INFRA_CONTAINER_ID", "web"]],
                "result": { "cniVersion": "1.1.0", "ips": [{ "address": "192.0.2.1/24" }] },
            })
        );
    });
}

/// The second plugin takes no lease of the same name.
fn one_lease(list: &Value) -> Value {
    let mut list = list.clone();
    list["plugins"][1].as_object_mut().unwrap().remove("recording");
    list
}

#[test]
fn a_pod_of_ours_is_detached_from_the_files_alone() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web");
        let conf = node.conf(json!([node.network("first", "delta"), one_lease(&list_of_two(&node))]));
        node.add(&pod, &conf).succeeded();
        node.forget_recorded();
        fs::remove_dir_all(node.cni_dir().join("attachments")).unwrap();
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["DEL alpha net1", "DEL delta eth0"], "beta keeps no log");
        nothing_left(&node);
    });
}
