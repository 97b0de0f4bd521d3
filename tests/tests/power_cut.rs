//! A machine loses its power in the middle of an ADD and boots again from the same disk. Two halves of one story, each
//! in a boot of its own; `cargo xtask test --vm` plays them, with the cut in between.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::{Module, Node, Pod, binaries, in_the_machine, ip};
use serde_json::{Value, json};

/// Names the folder that the machine's disk is mounted on, in the half that is to be played.
const BEFORE: &str = "MULTUS_POWER_CUT_BEFORE";
const AFTER: &str = "MULTUS_POWER_CUT_AFTER";
/// What the component `bridge` has to have, whether or not its conf makes use of it.
const GRANTS: [&str; 6] = [
    "links=lab*",
    "ipam=host-local",
    "firewall=spoof-check",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
];
/// More than there is power for.
const PODS: usize = 200;

fn disk(half: &str) -> Option<PathBuf> {
    let disk = std::env::var_os(half).map(PathBuf::from);
    (in_the_machine("two boots from one disk") && disk.is_some()).then_some(disk).flatten()
}

/// A node with all of its state on the disk.
struct OnDisk {
    disk: PathBuf,
    node: Node,
}

impl OnDisk {
    fn path(&self, name: &str) -> PathBuf {
        self.disk.join(name)
    }

    fn install(&self) {
        let store = format!("store={}", self.path("networks").display());
        fs::create_dir_all(self.path("wasm")).unwrap();
        for module in [Module::delegate("bridge", &GRANTS), Module::delegate("host-local", &[&store])] {
            let mut add = Command::new(binaries::multusctl());
            add.args(["module", "add", "--yes"]).args(module.words());
            for (option, name) in
                [("--catalog", "catalog.json"), ("--module-dir", "modules"), ("--cache-dir", "cache")]
            {
                add.arg(option).arg(self.path("wasm").join(name));
            }
            assert!(add.status().unwrap().success(), "{add:?}");
        }
    }

    fn conf(&self) -> Value {
        let wasm = self.path("wasm");
        let ipam = json!({ "type": "host-local", "dataDir": self.path("networks"), "ranges": [[{ "subnet": "10.7.0.0/24" }]] });
        let mut conf = self.node.conf(json!([
            { "cniVersion": "1.1.0", "name": "red", "type": "bridge", "bridge": "lab0", "ipam": ipam }
        ]));
        conf["cniDir"] = json!(self.path("cni"));
        conf["exec"] = json!({ "allow": [] });
        conf["wasm"] = json!({
            "catalog": wasm.join("catalog.json"), "moduleDir": wasm.join("modules"), "cacheDir": wasm.join("cache"),
        });
        conf
    }

    /// The addresses that are taken, by container.
    fn leases(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.path("networks/red")).into_iter().flatten().flatten();
        let leases = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            let holder = text.lines().next().unwrap_or_default().to_owned();
            name.starts_with("10.7.").then_some((name, holder))
        });
        leases.collect()
    }

    /// What is recorded. An error, if a record can't be read.
    fn records(&self) -> Value {
        let mut show = Command::new(binaries::multusctl());
        show.args(["journal", "show", "--output", "json", "--cni-dir"]).arg(self.path("cni"));
        let output = show.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a record can't be read: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn sandbox(number: usize) -> Pod {
    let container_id = format!("pod{number}");
    let netns = Path::new("/run/netns").join(&container_id);
    Pod { container_id, netns, ifname: "eth0".into(), args: String::new() }
}

/// Attaches pods for as long as there is power. Who cuts it listens for `ATTACHED` and `NEXT`.
#[test]
fn pods_are_attached_until_the_power_goes() {
    let Some(disk) = disk(BEFORE) else { return };
    let place = OnDisk { disk, node: Node::new() };
    place.install();
    for number in 1..PODS {
        let pod = sandbox(number);
        ip(&format!("netns add {}", pod.container_id));
        println!("NEXT {}", pod.container_id);
        place.node.add(&pod, &place.conf()).succeeded();
        println!("ATTACHED {}", pod.container_id);
    }
    panic!("the power was to go before {PODS} pods were attached");
}

/// After it: no pod lives any more, and the runtime deletes the pods that it remembers.
#[test]
fn everything_is_reclaimed_after_the_power_went() {
    let Some(disk) = disk(AFTER) else { return };
    let place = OnDisk { disk, node: Node::new() };
    let attached: usize = std::env::var("MULTUS_POWER_CUT_ATTACHED").unwrap().parse().unwrap();
    let recorded = place.records().to_string();
    println!("{attached} pods were attached; these addresses are taken: {:?}", place.leases());
    for number in 1..=attached {
        assert!(recorded.contains(&format!("pod{number}\"")), "pod{number} was attached, and isn't recorded");
    }
    // The runtime has forgotten the first one, and asks for the one that was interrupted like for any other.
    for number in 2..=attached + 1 {
        let pod = sandbox(number);
        place.node.del(&pod, &place.conf()).succeeded();
        assert!(
            !place.leases().iter().any(|(_, holder)| *holder == pod.container_id),
            "{:?}",
            place.leases()
        );
    }
    let mut collect = place.conf();
    collect["cni.dev/valid-attachments"] = json!([]);
    place.node.call("GC", &sandbox(0), &collect).succeeded();
    assert_eq!(place.leases(), [], "GC gives back what nobody asks for any more");
    assert!(!place.records().to_string().contains("pod"), "{}", place.records());

    let pod = place.node.pod("fresh");
    let result = place.node.add(&pod, &place.conf()).result();
    assert!(result["ips"][0]["address"].as_str().unwrap().starts_with("10.7.0."), "{result}");
    place.node.del(&pod, &place.conf()).succeeded();
    assert_eq!(place.leases(), []);
}
