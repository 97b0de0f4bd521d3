//! The plugin that is judged, and a conf with which it works.

use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::{Node, RECORDING, binaries};
use serde_json::{Value, json};

/// Every version of CNI that has a version.
pub(crate) const VERSIONS: [&str; 6] = ["0.1.0", "0.2.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// The plugin that is judged.
pub(crate) struct Subject {
    plugin: PathBuf,
    /// Multus, which calls others; else a plugin that attaches by itself.
    multus: bool,
    versions: Vec<String>,
}

impl Subject {
    /// What the environment names; multus if it names nothing.
    pub(crate) fn from_environment() -> Subject {
        match std::env::var_os("CNI_CONFORMANCE_PLUGIN") {
            Some(plugin) => Subject::foreign(Path::new(&plugin)),
            None => Subject::new(binaries::multus(), true),
        }
    }

    /// Any plugin that is not multus.
    pub(crate) fn foreign(plugin: &Path) -> Subject {
        Subject::new(plugin.to_owned(), false)
    }

    fn new(plugin: PathBuf, multus: bool) -> Subject {
        let versions = versions_of(&plugin);
        Subject { plugin, multus, versions }
    }

    pub(crate) fn is_multus(&self) -> bool {
        self.multus
    }

    /// Does an ADD leave a link in the pod?
    pub(crate) fn makes_links(&self) -> bool {
        let makers = ["bridge", "ptp", "macvlan"];
        if self.multus { binaries::reference_plugins().is_some() } else { makers.contains(&self.kind()) }
    }

    /// Does it take its addresses from a plugin that it calls?
    pub(crate) fn calls_ipam(&self) -> bool {
        !self.multus && self.makes_links()
    }

    /// The versions it says it speaks, of those that are known here.
    pub(crate) fn versions(&self) -> &[String] {
        &self.versions
    }

    pub(crate) fn newest(&self) -> &str {
        self.versions.last().map_or("1.0.0", String::as_str)
    }

    /// A node whose plugin it is, with the delegates that its confs name.
    pub(crate) fn node(&self) -> Node {
        let node = if self.multus { Node::new() } else { Node::judging(&self.plugin) }.with_delegates();
        if binaries::reference_plugins().is_some() {
            assert!(node.install_reference(&["bridge", "host-local"]), "found a moment ago");
        }
        node
    }

    /// A conf with which the plugin works.
    pub(crate) fn conf(&self, node: &Node, version: &str) -> Value {
        if self.multus {
            let inner = if self.makes_links() { bridge(node) } else { recording(node) };
            let mut conf = node
                .conf(json!([crate::row::with(&inner, &json!({ "name": "inner", "cniVersion": "1.0.0" }))]));
            conf["cniVersion"] = json!(version);
            return conf;
        }
        let conf = match self.kind() {
            "bridge" => bridge(node),
            "ptp" => json!({ "type": "ptp", "ipam": host_local(node) }),
            "macvlan" => json!({ "type": "macvlan", "master": uplink(), "ipam": host_local(node) }),
            "host-local" => json!({ "type": "any", "ipam": host_local(node) }),
            RECORDING => recording(node),
            other => given(other),
        };
        crate::row::with(&conf, &json!({ "name": "outer", "cniVersion": version }))
    }

    fn kind(&self) -> &str {
        self.plugin.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

fn bridge(node: &Node) -> Value {
    json!({ "type": "bridge", "bridge": "conf0", "ipam": host_local(node) })
}

fn host_local(node: &Node) -> Value {
    json!({ "type": "host-local", "dataDir": node.path("addresses"), "ranges": [[{ "subnet": "10.80.0.0/16" }]] })
}

fn recording(node: &Node) -> Value {
    json!({ "type": RECORDING, "recording": node.recording() })
}

/// A link for those that need one on the host.
fn uplink() -> &'static str {
    let made = Command::new("ip")
        .args(["link", "add", "uplink", "type", "veth", "peer", "name", "downlink"])
        .status();
    // It is there from an earlier conf, or the plugin will say what it misses.
    let _ = made.map(|_| multus_tests::ip("link set uplink up"));
    "uplink"
}

/// What the caller says works (`CNI_CONFORMANCE_CONF`), or nothing but a type.
fn given(kind: &str) -> Value {
    match std::env::var_os("CNI_CONFORMANCE_CONF") {
        Some(path) => {
            let text = std::fs::read_to_string(path).expect("the conf named for the plugin");
            serde_json::from_str(&text).expect("the conf named for the plugin is JSON")
        }
        None => json!({ "type": kind }),
    }
}

/// Asked without the harness, so that a plugin that can't even say it is still judged.
fn versions_of(plugin: &Path) -> Vec<String> {
    let node = Node::judging(plugin);
    let answer =
        node.call("VERSION", &nobody(), &json!({ "cniVersion": "1.0.0" })).json().unwrap_or_default();
    let spoken = answer["supportedVersions"].as_array().cloned().unwrap_or_default();
    VERSIONS
        .iter()
        .filter(|version| spoken.contains(&json!(version)))
        .map(|&version| version.to_owned())
        .collect()
}

/// For verbs that are about no pod.
pub(crate) fn nobody() -> multus_tests::Pod {
    multus_tests::Pod {
        container_id: String::new(),
        netns: PathBuf::new(),
        ifname: String::new(),
        args: String::new(),
    }
}
