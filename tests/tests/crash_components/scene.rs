//! A node on which one pod lives and another one comes and goes: `bridge` with `portmap`, `ptp` with `bandwidth` and `sbr`,
//! `host-device` with `tuning` and `macvlan` with `loopback`, with addresses by `host-local` and `static`, all of them
//! components.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_tests::{Answer, Dump, Module, Node, Pod, ip, is_the_machine, pod_object};
use serde_json::{Value, json};

use crate::kinds;
use crate::told::Told;

const GRANTS: [&str; 14] = [
    "links=lab*",
    "links=dev*",
    "defaultRoutes=true",
    "firewall=masquerade",
    "firewall=spoof-check",
    "firewall=port-mapping",
    "sysctls=net/ipv4/conf/lab*/route_localnet",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/all/forwarding",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
    "ipam=host-local",
    "ipam=static",
];
/// Where `host-local` keeps claims.
const CLAIMS: &str = "/var/lib/cni/networks";

pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) pod: Pod,
    wasm: Value,
    before: Dump,
    /// What the kernel has of kinds of links.
    kinds: Vec<&'static str>,
    told: Told,
}

/// Which networks the pod has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Networks {
    /// `bridge` and `ptp`: links that end with the pod.
    Virtual,
    /// The same without rules for packets, which no boot of a test's takes along.
    Plain,
    /// A device of the node as well, which has to come home, and links by way of others. In the virtual machine only those
    /// by way of others that some kernels lack.
    All,
}

impl Scene {
    /// What a first pod makes for all later ones is there, and a pod that lives on.
    pub(crate) fn new() -> Scene {
        let node = Node::new();
        node.manifests(&["web", "survivor"].map(|name| pod_object("default", name, "")));
        let store = format!("store={CLAIMS}");
        let mut modules = vec![
            Module::delegate("bridge", &granted(&["links", "defaultRoutes", "firewall", "sysctls", "ipam"])),
            Module::delegate("ptp", &granted(&["defaultRoutes", "firewall=masquerade", "sysctls", "ipam"])),
            Module::delegate("portmap", &granted(&["firewall=port", "sysctls=net/ipv4/conf/lab"])),
            Module::delegate("host-local", &[&store]),
        ];
        modules.extend(kinds::modules());
        if is_the_machine() {
            // Traced and translated, a module takes ten times as long and more.
            modules = modules.into_iter().map(|module| module.option("--timeout", "10s")).collect();
        } else {
            modules.extend(everywhere());
        }
        let wasm = node.modules("wasm", &modules);
        // Nothing here has hardware: the end of a cable has to do.
        ip("link add dev0 address 02:00:00:00:00:05 mtu 1450 type veth peer name cable");
        ip("link add dev1 address 02:00:00:00:00:06 type veth peer name wire");
        kinds::wire();
        let pod = node.pod("web").named("default", "web");
        let (before, kinds) = (node.dump(), kinds::there());
        let mut scene = Scene { before, node, pod, wasm, kinds, told: Told::default() };
        let conf = scene.conf(Networks::All);
        scene.node.add(&scene.pod, &conf).succeeded();
        scene.node.del(&scene.pod, &conf).succeeded();
        let survivor = scene.node.pod("survivor").named("default", "survivor");
        // Its ports are its own.
        let mut conf = scene.conf(Networks::Virtual);
        conf["runtimeConfig"] = ports(9000);
        scene.node.add(&survivor, &conf).succeeded();
        scene.before = scene.dump();
        scene.told.begin();
        scene
    }

    /// A conf with these networks. No binary may run.
    pub(crate) fn conf(&self, networks: Networks) -> Value {
        let mut all = vec![
            json!({ "cniVersion": "1.1.0", "name": "red", "type": "bridge", "bridge": "lab0", "isDefaultGateway": true,
                    "ipMasq": true, "macspoofchk": true, "hairpinMode": true, "mtu": 1400,
                    "ipam": lease("10.1.0.0/24") }),
            json!({ "cniVersion": "1.0.0", "name": "green", "type": "ptp", "ipMasq": true,
                    "ipam": lease("10.2.0.0/24") }),
        ];
        if networks == Networks::All {
            if !is_the_machine() {
                self.further(&mut all);
            }
            all.extend(kinds::networks(&self.kinds));
        }
        if networks == Networks::Plain {
            all.iter_mut().for_each(|network| network["ipMasq"] = json!(false));
            all[0]["macspoofchk"] = json!(false);
        }
        if networks != Networks::Plain {
            mapped(&mut all[0]);
        }
        self.told.of(&all);
        let mut conf = self.node.conf(json!(all));
        conf["wasm"] = self.wasm.clone();
        conf["exec"] = json!({ "allow": [] });
        conf["runtimeConfig"] = ports(8000);
        conf["manifests"] = json!(self.node.path("manifests"));
        conf
    }

    /// What every kernel has: a device of the node, a link by way of another one, and plugins behind all of these.
    fn further(&self, all: &mut Vec<Value>) {
        let addresses = json!([{ "address": "10.5.0.2/24" }]);
        all.push(json!({ "cniVersion": "1.0.0", "name": "cable", "type": "host-device", "device": "dev0",
                         "ipam": { "type": "static", "addresses": addresses } }));
        all.push(json!({ "cniVersion": "1.0.0", "name": "wire", "type": "macvlan", "master": "dev1",
                         "ipam": lease("10.6.0.0/24") }));
        let bits = json!(8_000_000);
        let bandwidth = json!({ "type": "bandwidth", "ingressRate": bits, "ingressBurst": bits, "egressRate": bits,
                                "egressBurst": bits });
        let can_limit = kinds::LIMITS.iter().all(|kind| self.kinds.contains(kind));
        let limited: Vec<_> = can_limit.then_some(bandwidth).into_iter().collect();
        chain(&mut all[1], &[&limited[..], &[json!({ "type": "sbr" })]].concat());
        let sysctl = json!({ "net.ipv4.conf.IFNAME.arp_notify": "1" });
        let tuning = json!({ "type": "tuning", "mtu": 1300, "mac": "02:00:00:00:00:07", "promisc": true, "allmulti": true,
                             "txQLen": 500, "sysctl": sysctl });
        chain(&mut all[2], &[tuning]);
        chain(&mut all[3], &[json!({ "type": "loopback" })]);
    }

    /// Another namespace takes the place of the pod's, which has ended with all that was in it. The kernel takes its time
    /// for that, and then takes everything at once.
    pub(crate) fn another_namespace(&self) {
        ip("link add canary type veth peer name canary netns web");
        self.node.remove_netns("web");
        let begun = Instant::now();
        while ip("-br link show").contains("canary") {
            assert!(begun.elapsed() < Duration::from_secs(20), "the pod's namespace is still alive");
            sleep(Duration::from_millis(2));
        }
        self.node.netns("web");
    }

    /// The node, but for the memory of the last address, the marks of shared bridges, and the rule that the kernel makes in a
    /// namespace with its first vrf and leaves there, which another namespace at its path has not.
    pub(crate) fn dump(&self) -> Dump {
        let stays = ["last_reserved_ip", "/run/multus/ensured", "rule priority 1000 src all l3mdev"];
        self.node.dump().without(|line| stays.iter().any(|words| line.contains(words)))
    }

    /// Nothing is left of the pod.
    #[track_caller]
    pub(crate) fn must_be_clean(&self, story: &str) {
        self.must_be_clean_but(story, |_| false);
    }

    /// The same, but for these lines.
    #[track_caller]
    pub(crate) fn must_be_clean_but(&self, story: &str, apart: impl Fn(&str) -> bool) {
        let difference = self.dump().without(&apart).since(&self.before.without(&apart));
        assert!(difference.is_empty(), "{story}: the node is not as it was:\n{difference}");
    }

    /// DEL succeeds, and nothing is left of the pod.
    #[track_caller]
    pub(crate) fn del_cleans(&self, conf: &Value, story: &str) {
        self.del_succeeds(conf, story);
        self.must_be_clean(story);
    }

    #[track_caller]
    pub(crate) fn del_succeeds(&self, conf: &Value, story: &str) {
        let answer = self.node.del(&self.pod, conf);
        assert!(answer.is_success(), "{story}: {answer}");
    }

    /// ADD succeeds, and the pod has its links, addresses and claims.
    #[track_caller]
    pub(crate) fn add_succeeds(&self, conf: &Value, story: &str) -> Answer {
        let answer = self.node.add(&self.pod, conf);
        assert!(answer.is_success(), "{story}: {answer}");
        let dump = self.node.dump();
        for words in [
            ["netns web: link eth0", "mtu 1400"],
            ["netns web: link net1", ""],
            ["networks/red/", "web\r\neth0"],
            ["networks/green/", "web\r\nnet1"],
        ] {
            assert!(dump.has(&words), "{story}: {words:?} in\n{dump}");
        }
        let ruled = conf["delegates"][0]["ipMasq"] == json!(false)
            || dump.has(&["packet rule", "web eth0 udp/8053/2"]);
        assert!(ruled, "{story}: no rules in\n{dump}");
        answer
    }

    /// An ADD that succeeds, or one that was done before.
    #[track_caller]
    pub(crate) fn add_ends_attached(&self, conf: &Value, story: &str) {
        let answer = self.node.add(&self.pod, conf);
        let attached = answer.try_error().is_ok_and(|error| error.msg.contains("attached already"));
        assert!(attached || answer.is_success(), "{story}: {answer}");
    }

    /// A lease and the link that has its address go together: no address is given twice.
    #[track_caller]
    pub(crate) fn no_address_is_free_and_in_use(&self, story: &str) {
        let dump = self.node.dump();
        for line in dump.lines() {
            let Some(address) = line.strip_prefix("netns web: address ") else { continue };
            let address = address.split('/').next().unwrap_or_default();
            let leased = address.starts_with("10.1.") || address.starts_with("10.2.");
            assert!(
                !leased || dump.has(&["/networks/", &format!("/{address} ")]),
                "{story}: {address} is free and in use"
            );
        }
    }
}

pub(crate) fn lease(subnet: &str) -> Value {
    json!({ "type": "host-local", "ranges": [[{ "subnet": subnet }]] })
}

/// What stands behind networks of kinds that every kernel has: the virtual machine, which compiles modules ten times as
/// slowly, is there for the others.
fn everywhere() -> [Module; 7] {
    [
        Module::delegate("host-device", &granted(&["links", "ipam", "sysctls"])),
        Module::delegate("macvlan", &granted(&["links", "ipam", "sysctls"])),
        Module::delegate("tuning", &granted(&["sysctls=net/ipv4/conf/*/arp_notify"])),
        Module::delegate("bandwidth", &[]),
        Module::delegate("sbr", &granted(&["defaultRoutes"])),
        Module::delegate("loopback", &[]),
        Module::delegate("static", &[]),
    ]
}

/// A network as a list, with ports of the node that lead to the pod.
fn mapped(network: &mut Value) {
    chain(network, &[json!({ "type": "portmap", "capabilities": { "portMappings": true } })]);
}

/// A network as a list, with further plugins.
fn chain(network: &mut Value, further: &[Value]) {
    let mut list = json!({});
    for key in ["cniVersion", "name"] {
        list[key] = network[key].take();
        network.as_object_mut().unwrap().remove(key);
    }
    list["plugins"] = json!([&[network.take()], further].concat());
    *network = list;
}

/// What the runtime asks for: a port of TCP and one of UDP.
fn ports(first: u16) -> Value {
    json!({ "portMappings": [
        { "hostPort": first, "containerPort": 80, "protocol": "tcp" },
        { "hostPort": first + 53, "containerPort": 53, "protocol": "udp", "hostIP": "10.1.0.1" },
    ] })
}

/// The grants of these kinds.
fn granted(kinds: &[&str]) -> Vec<&'static str> {
    GRANTS.into_iter().filter(|grant| kinds.iter().any(|kind| grant.starts_with(kind))).collect()
}

/// From now on it is another boot, for whoever asks.
pub(crate) fn another_boot(node: &Node, id: &str) {
    let file = node.scratch("boot_id");
    std::fs::write(&file, format!("{id}\n")).unwrap();
    let place = Path::new("/proc/sys/kernel/random/boot_id");
    let mounted = Command::new("mount").args(["-n", "--bind"]).args([file.as_path(), place]).status();
    assert!(mounted.unwrap().success());
}

/// The boot is the real one again.
pub(crate) fn this_boot() {
    let unmounted = Command::new("umount").args(["-n", "/proc/sys/kernel/random/boot_id"]).status();
    assert!(unmounted.unwrap().success());
}
