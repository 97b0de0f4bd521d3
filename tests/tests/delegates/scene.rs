//! A node with the shipped delegates in its catalog, and networks by them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Output};

use multus_tests::{Answer, Dump, Module, Node, Pod, binaries};
use serde_json::{Value, json};

/// What `bridge` is granted here.
const BRIDGE: &[&str] = &[
    "links=lab*",
    "defaultRoutes=true",
    "firewall=masquerade",
    "firewall=spoof-check",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/all/forwarding",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
    "sysctls=net/ipv6/conf/*/disable_ipv6",
    "ipam=host-local",
    "ipam=static",
];

/// Where `host-local` keeps claims.
pub(crate) const CLAIMS: &str = "/var/lib/cni/networks";

pub(crate) fn bridge() -> Module {
    Module::delegate("bridge", BRIDGE)
}

pub(crate) fn ptp() -> Module {
    let grants: Vec<_> = BRIDGE.iter().copied().filter(|grant| !grant.contains("spoof-check")).collect();
    Module::delegate("ptp", &grants)
}

pub(crate) fn host_device() -> Module {
    let grants = ["links=dev*", "ipam=static", "sysctls=net/ipv6/conf/*/disable_ipv6", "defaultRoutes=true"];
    Module::delegate("host-device", &grants)
}

pub(crate) fn host_local() -> Module {
    Module::delegate("host-local", &[&format!("store={CLAIMS}")])
}

/// The component `static`.
pub(crate) fn named_addresses() -> Module {
    Module::delegate("static", &[])
}

/// A network by `bridge`, gateway and default route included.
pub(crate) fn lan(bridge: &str, subnet: &str) -> Value {
    json!({
        "cniVersion": "1.1.0", "name": format!("net-{bridge}"), "type": "bridge", "bridge": bridge,
        "isDefaultGateway": true,
        "ipam": { "type": "host-local", "ranges": [[{ "subnet": subnet }]] },
    })
}

pub(crate) struct Scene {
    pub(crate) node: Node,
    wasm: Value,
}

impl Scene {
    /// A node with these modules; what a first call makes for all later ones is not there yet.
    pub(crate) fn with(modules: &[Module]) -> Scene {
        let node = Node::new();
        let wasm = node.modules("wasm", modules);
        Scene { node, wasm }
    }

    /// With `bridge` and `host-local`.
    pub(crate) fn new() -> Scene {
        Scene::with(&[bridge(), host_local()])
    }

    /// A conf with these networks. No binary may run.
    pub(crate) fn conf(&self, networks: Value) -> Value {
        let mut conf = self.mixed(networks);
        conf["exec"] = json!({ "allow": [] });
        conf
    }

    /// A conf with these networks, of components and of binaries.
    pub(crate) fn mixed(&self, networks: Value) -> Value {
        let mut conf = self.node.conf(networks);
        conf["wasm"] = self.wasm.clone();
        conf
    }

    /// Attaches a pod and takes it back, so that what stays (bridges, notes, folders) is there; the node after that.
    pub(crate) fn warmed_up(&self, conf: &Value) -> Dump {
        let pod = self.node.pod("first");
        self.node.add(&pod, conf).succeeded();
        self.node.del(&pod, conf).succeeded();
        self.node.remove_netns("first");
        self.state()
    }

    /// The node, but for the memory of the last address.
    pub(crate) fn state(&self) -> Dump {
        self.node.state().without(|line| line.contains("last_reserved_ip"))
    }

    /// A new pod, attached.
    pub(crate) fn attached(&self, name: &str, conf: &Value) -> (Pod, Answer) {
        let pod = self.node.pod(name);
        let answer = self.node.add(&pod, conf);
        answer.succeeded();
        (pod, answer)
    }

    /// The conf as a runtime hands it to CHECK.
    pub(crate) fn checked(&self, pod: &Pod, conf: &Value) -> Answer {
        let mut conf = conf.clone();
        conf["prevResult"] = json!({ "cniVersion": "1.1.0" });
        self.node.check(pod, &conf)
    }

    /// Refused with this code and these words, and without a trace.
    pub(crate) fn refused(&self, pod: &Pod, conf: &Value, code: u32, words: &[&str]) {
        let before = self.state();
        let answer = self.node.add(pod, conf);
        let error = answer.error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
        assert_eq!(error.code, code, "{error:?}");
        self.state().must_equal(&before);
    }

    /// `multusctl`, with the conf in a file.
    pub(crate) fn multusctl(&self, words: &[&str], conf: &Value) -> Output {
        let file: PathBuf = self.node.scratch("multus.conf");
        std::fs::write(&file, conf.to_string()).unwrap();
        Command::new(binaries::multusctl()).args(words).arg("--conf").arg(&file).output().unwrap()
    }
}

/// What a command that succeeds prints.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

pub(crate) fn has_all(dump: &Dump, rows: &[&[&str]]) {
    for words in rows {
        assert!(dump.has(words), "{words:?} is not in\n{dump}");
    }
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The node after a pod went, but for the pod's own namespace.
pub(crate) fn without_pod(dump: &Dump, pod: &str) -> Dump {
    let own = format!("netns {pod}: ");
    dump.without(|line| line.starts_with(&own))
}

/// A component that goes on from the plugin before it.
pub(crate) fn chained() -> Module {
    Module::delegate("chained", &[]).from_file(binaries::components().join("hostile/chained_delegate.wasm"))
}
