//! Networks of type `flannel` on a node: the transform makes bridge confs of them, from the files that flanneld writes, and
//! a component or a binary attaches the pod.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use multus_tests::{Dump, Heard, Module, Node, binaries, hear, private};
use serde_json::{Value, json};

/// The file of the first flanneld on a node, and those of the others.
const FIRST: &str = "/run/flannel/subnet.env";
const SECOND: &str = "/run/flannel/networks/storage.env";

/// What the README lets it change.
const MAY_CHANGE: &[&str] = &[
    "/type",
    "/ipam",
    "/mtu",
    "/ipMasq",
    "/isGateway",
    "/delegate",
    "/subnetFile",
    "/dataDir",
    "/isDefaultGateway",
    "/bridge",
];

fn flannel() -> Module {
    Module::transform("flannel", json!({}), MAY_CHANGE)
        .option("--match-type", "flannel")
        .option("--input", &format!("subnet={FIRST}"))
        .option("--input", "subnet=/run/flannel/networks/*.env")
        .option("--input-from", "subnet=/subnetFile")
}

fn bridge() -> Module {
    let grants =
        ["links=cni0", "links=storage0", "defaultRoutes=true", "ipam=host-local", "firewall=masquerade"];
    let sysctls = [
        "sysctls=net/ipv4/ip_forward",
        "sysctls=net/ipv4/conf/*/arp_notify",
        "sysctls=net/ipv6/conf/*/accept_ra",
        "sysctls=net/ipv6/conf/*/accept_dad",
        "sysctls=net/ipv6/conf/*/disable_ipv6",
    ];
    Module::delegate("bridge", &[&grants[..], &sysctls].concat())
}

fn host_local() -> Module {
    Module::delegate("host-local", &["store=/var/lib/cni/networks", "store=/run/demo/2018"])
}

/// What flanneld writes once it has a lease.
fn flanneld_writes(file: &str, network: &str, subnet: &str, mtu: u32) {
    fs::create_dir_all(Path::new(file).parent().unwrap()).unwrap();
    let text = format!(
        "FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={subnet}\nFLANNEL_MTU={mtu}\nFLANNEL_IPMASQ=true\n"
    );
    fs::write(file, text).unwrap();
}

fn both_flannelds_write() {
    flanneld_writes(FIRST, "10.1.0.0/16", "10.1.17.1/24", 1450);
    flanneld_writes(SECOND, "10.2.0.0/16", "10.2.17.1/24", 1400);
}

/// Two flannel networks, the first with the default route.
fn networks() -> Value {
    json!([
        { "cniVersion": "1.0.0", "name": "cbr0", "type": "flannel", "delegate": { "isDefaultGateway": true } },
        { "cniVersion": "1.0.0", "name": "storage", "type": "flannel", "subnetFile": SECOND,
          "delegate": { "bridge": "storage0" } },
    ])
}

struct Scene {
    node: Node,
    wasm: Value,
}

impl Scene {
    fn with(modules: &[Module]) -> Scene {
        let node = Node::new();
        let wasm = node.modules("wasm", modules);
        Scene { node, wasm }
    }

    fn conf(&self, networks: Value) -> Value {
        let mut conf = self.node.conf(networks);
        conf["wasm"] = self.wasm.clone();
        conf
    }

    /// Refused with this code and these words, and without a trace.
    fn refused(&self, conf: &Value, code: u32, words: &[&str]) {
        let pod = self.node.pod("refused");
        let before = self.node.state();
        let answer = self.node.add(&pod, conf);
        let error = answer.error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
        assert_eq!(error.code, code, "{error:?}");
        self.node.state().must_equal(&before);
        self.node.remove_netns("refused");
    }

    fn state(&self) -> Dump {
        self.node.state().without(|line| line.contains("last_reserved_ip"))
    }
}

fn multusctl(words: &[&str]) -> Output {
    Command::new(binaries::multusctl()).args(words).output().unwrap()
}

/// What the command said, which went well.
fn said(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{text:?}");
    text.concat()
}

/// A pod on both networks, from ADD to DEL. Meanwhile the lease is another one and a file is gone: nothing of that hurts who
/// is attached.
fn a_pods_life(scene: &Scene, conf: &Value) {
    let first = scene.node.pod("first");
    scene.node.add(&first, conf).succeeded();
    scene.node.del(&first, conf).succeeded();
    scene.node.remove_netns("first");
    let before = scene.state();

    let pod = scene.node.pod("web");
    let result = scene.node.add(&pod, conf).result();
    assert_eq!(result["ips"][0]["address"], "10.1.17.3/24", "{result}");
    let dump = scene.node.dump();
    for words in [
        ["netns web: link eth0", "mtu 1450"],
        ["netns web: address 10.1.17.3/24 dev eth0", ""],
        ["netns web: route dst default", "gateway 10.1.17.1"],
        ["netns web: route dst 10.1.0.0/16", "gateway 10.1.17.1"],
        ["netns web: link net1", "mtu 1400"],
        ["netns web: address 10.2.17.3/24 dev net1", ""],
        ["netns web: route dst 10.2.0.0/16", "gateway 10.2.17.1"],
        ["netns host: address 10.1.17.1/24 dev cni0", ""],
        ["netns host: address 10.2.17.1/24 dev storage0", ""],
    ] {
        assert!(dump.has(&words), "{words:?} is not in\n{dump}");
    }
    for (gateway, own) in [("10.1.17.1", "10.1.17.3"), ("10.2.17.1", "10.2.17.3")] {
        let heard = hear("web", "", gateway.parse().unwrap());
        assert_eq!(heard, Heard::Answered(own.parse().unwrap()), "by {gateway}");
    }

    flanneld_writes(FIRST, "10.7.0.0/16", "10.7.7.1/24", 1300);
    fs::remove_file(SECOND).unwrap();
    let mut check = conf.clone();
    check["prevResult"] = json!({ "cniVersion": "1.1.0" });
    scene.node.check(&pod, &check).succeeded();
    scene.node.del(&pod, conf).succeeded();
    scene.node.remove_netns("web");
    both_flannelds_write();
    scene.state().must_equal(&before);
}

#[test]
fn two_flannel_networks_by_components() {
    private(|| {
        let scene = Scene::with(&[flannel(), bridge(), host_local()]);
        both_flannelds_write();
        let mut conf = scene.conf(networks());
        conf["exec"] = json!({ "allow": [] });
        a_pods_life(&scene, &conf);
    });
}

#[test]
fn two_flannel_networks_by_binaries() {
    private(|| {
        let scene = Scene::with(&[flannel()]);
        if !scene.node.install_reference(&["bridge", "host-local"]) {
            return;
        }
        both_flannelds_write();
        let mut networks = networks();
        for network in networks.as_array_mut().unwrap() {
            // At CHECK the reference plugin looks for a route without a gateway, though it made it with one.
            network["disableCheck"] = json!(true);
        }
        let mut conf = scene.conf(networks);
        // What runs is what it became: no flannel, which is not even there.
        conf["exec"] = json!({ "allow": ["flannel"] });
        scene.refused(&conf, 7, &["network cbr0 (eth0)", "bridge", "exec.allow"]);
        conf["exec"] = json!({ "allow": ["bridge", "host-local"] });
        a_pods_life(&scene, &conf);
    });
}

/// No flannel is there, nor any pod of which a transform could be told: what the conf says is not what runs.
#[test]
fn status_and_gc_ask_for_no_binary_that_a_transform_makes_another_one_of() {
    private(|| {
        let scene = Scene::with(&[flannel(), bridge(), host_local()]);
        both_flannelds_write();
        let mut networks = networks();
        networks
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|network| network["cniVersion"] = json!("1.1.0"));
        let mut conf = scene.conf(networks);
        let nobody = scene.node.pod("nobody");
        scene.node.call("STATUS", &nobody, &conf).succeeded();
        conf["cni.dev/valid-attachments"] = json!([]);
        scene.node.call("GC", &nobody, &conf).succeeded();
        let pod = scene.node.pod("web");
        scene.node.add(&pod, &conf).succeeded();
        conf["cni.dev/valid-attachments"] = json!([{ "containerID": "web", "ifname": "eth0" }]);
        scene.node.call("GC", &nobody, &conf).succeeded();
        let dump = scene.node.dump();
        for words in [["netns web: address 10.1.17.2/24"], ["netns web: address 10.2.17.2/24"]] {
            assert!(dump.has(&words), "{words:?} is not in\n{dump}");
        }
        // Of another type nothing is to be expected.
        conf["delegates"][0]["type"] = json!("flanell");
        let error = scene.node.call("STATUS", &nobody, &conf).error();
        assert!(error.code == 50 && error.msg.contains("flanell"), "{error:?}");
    });
}

/// The conf of the 2018 README, with a second flannel network.
#[test]
fn the_example_of_2018() {
    private(|| {
        let scene = Scene::with(&[flannel(), bridge(), host_local()]);
        both_flannelds_write();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/2018/flannel.conf");
        let mut conf: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        conf["wasm"] = scene.wasm.clone();
        conf["cniDir"] = json!(scene.node.cni_dir());
        let pod = scene.node.pod("web");
        let result = scene.node.add(&pod, &conf).result();
        assert_eq!((&result["cniVersion"], &result["ip4"]["ip"]), (&json!("0.1.0"), &json!("10.1.17.2/24")));
        let dump = scene.node.dump();
        for words in [
            ["netns web: address 10.1.17.2/24 dev eth0", ""],
            ["netns web: route dst default", "dev eth0"],
            ["netns web: address 10.2.17.2/24 dev net0", ""],
        ] {
            assert!(dump.has(&words), "{words:?} is not in\n{dump}");
        }
        scene.node.del(&pod, &conf).succeeded();
        let dump = scene.node.dump();
        assert!(!dump.has(&["netns web: address 10."]) && !dump.has(&["link", "master storage0"]), "{dump}");
    });
}

#[test]
fn a_pod_waits_until_flanneld_has_written_its_file() {
    private(|| {
        let scene = Scene::with(&[flannel(), bridge(), host_local()]);
        let conf = scene.conf(networks());
        scene.refused(&conf, 11, &["network cbr0 (eth0)", "module flannel", FIRST, "flanneld writes it"]);
        flanneld_writes(FIRST, "10.1.0.0/16", "10.1.17.1/24", 1450);
        scene.refused(&conf, 11, &["network storage (net1)", "module flannel", SECOND, "flanneld writes it"]);
        both_flannelds_write();
        let pod = scene.node.pod("web");
        scene.node.add(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
    });
}

/// A tenant's definition can name a file; which ones there are is the operator's word.
#[test]
fn no_file_is_read_but_what_the_operator_declared() {
    private(|| {
        let scene = Scene::with(&[flannel(), bridge(), host_local()]);
        both_flannelds_write();
        let of = |file: &str| {
            scene.conf(json!([{ "cniVersion": "1.0.0", "name": "n", "type": "flannel", "subnetFile": file }]))
        };
        for file in
            ["/etc/shadow", "/run/flannel/networks/../../../etc/shadow", "/run/flannel/networks/a/b.env", ""]
        {
            let words = [
                "module flannel",
                "input `subnet`",
                "/subnetFile",
                FIRST,
                "/run/flannel/networks/*.env",
                file,
            ];
            scene.refused(&of(file), 7, &words);
        }
        symlink(FIRST, "/run/flannel/networks/link.env").unwrap();
        scene.refused(&of("/run/flannel/networks/link.env"), 7, &["link.env", "symbolic link"]);
        fs::set_permissions(SECOND, fs::Permissions::from_mode(0o666)).unwrap();
        scene.refused(&of(SECOND), 7, &[SECOND, "mode 0666", "chmod go-w"]);
        fs::write("/run/flannel/networks/big.env", "#\n".repeat(40 << 10)).unwrap();
        scene.refused(&of("/run/flannel/networks/big.env"), 7, &["big.env", "more than 64 KiB"]);
        fs::write("/run/flannel/networks/other.env", "FLANNEL_MTU=1450\n").unwrap();
        scene.refused(&of("/run/flannel/networks/other.env"), 6, &["other.env lacks FLANNEL_NETWORK"]);
    });
}

#[test]
fn a_key_of_delegate_has_to_be_one_that_the_operator_lets_it_write() {
    private(|| {
        let scene = Scene::with(&[flannel(), bridge(), host_local()]);
        both_flannelds_write();
        let with = |delegate: Value| {
            scene.conf(
                json!([{ "cniVersion": "1.0.0", "name": "n", "type": "flannel", "delegate": delegate }]),
            )
        };
        scene.refused(&with(json!({ "promiscMode": true })), 7, &["/promiscMode added", "mayChange"]);
        scene.refused(&with(json!({ "Name": "x" })), 7, &["`Name`", "flannel writes itself"]);
    });
}

/// The list's order counts, and each looks at the type as the one before it left it.
#[test]
fn a_transform_behind_it_works_on_what_became_of_it() {
    private(|| {
        let mtu = |name: &str, kind: &str, to: u32| {
            Module::transform("mtu", json!({ "mtu": to }), &["/mtu"]).named(name).option("--match-type", kind)
        };
        let modules = [
            flannel(),
            mtu("on-flannel", "flannel", 1200),
            mtu("on-bridge", "bridge", 1300),
            bridge(),
            host_local(),
        ];
        let scene = Scene::with(&modules);
        both_flannelds_write();
        let conf = scene.conf(networks());
        let pod = scene.node.pod("web");
        scene.node.add(&pod, &conf).succeeded();
        let dump = scene.node.dump();
        assert!(dump.has(&["netns web: link eth0", "mtu 1300"]), "{dump}");
    });
}

#[test]
fn an_operator_sees_what_it_reads() {
    private(|| {
        let scene = Scene::with(&[flannel(), bridge(), host_local()]);
        both_flannelds_write();
        let file = scene.node.scratch("multus.conf");
        fs::write(&file, scene.conf(networks()).to_string()).unwrap();
        let conf = file.to_str().unwrap();
        let explained = said(&multusctl(&["explain", "--conf", conf]));
        for words in [FIRST, SECOND] {
            assert!(explained.contains(&format!("transform flannel: read {words}; ")), "{explained}");
        }
        assert!(explained.contains(r#"/type: "flannel" became "bridge""#), "{explained}");
        let listed = said(&multusctl(&["module", "list", "--conf", conf]));
        assert!(listed.contains(&format!("subnet={FIRST},/run/flannel/networks/*.env")), "{listed}");
        let component = binaries::components().join("flannel.wasm");
        let added =
            said(&multusctl(&["module", "add", component.to_str().unwrap(), "--yes", "--conf", conf]));
        for words in [
            &format!(
                "may read as its input `subnet`: {FIRST}, /run/flannel/networks/*.env, the one that /subnetFile names"
            ),
            "so also which plugin runs",
            "can't do anything else: no other files",
        ] {
            assert!(added.contains(words), "{words} is not in {added}");
        }
    });
}
