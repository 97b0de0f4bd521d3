//! A node with its folders and its container runtime.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Answer, Calling, Dump, NULL, RECORDING, Recorded, binaries, ip, left_out};

/// A node: state folders below `target/tmp`, a folder of delegates, namespaces on the private `/run`. It is a
/// runtime, too: it calls the plugin with environment, standard input and standard output.
#[derive(Debug)]
pub struct Node {
    root: TempDir,
    plugin: Option<PathBuf>,
}

/// A sandbox as the runtime names it.
#[derive(Debug, Clone)]
pub struct Pod {
    /// `CNI_CONTAINERID`.
    pub container_id: String,
    /// `CNI_NETNS`.
    pub netns: PathBuf,
    /// `CNI_IFNAME`.
    pub ifname: String,
    /// `CNI_ARGS`; not set if empty.
    pub args: String,
}

impl Pod {
    /// The same pod with the arguments by which the kubelet names it.
    #[must_use]
    pub fn named(mut self, namespace: &str, name: &str) -> Pod {
        let id = &self.container_id;
        self.args = format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME={name};K8S_POD_INFRA_CONTAINER_ID={id}"
        );
        self
    }
}

impl Node {
    /// A node whose plugin is `MULTUS_BIN`.
    ///
    /// # Panics
    /// If its folders can't be made.
    pub fn new() -> Node {
        Node::make(None)
    }

    /// A node whose plugin is any CNI binary.
    ///
    /// # Panics
    /// If its folders can't be made.
    pub fn judging(plugin: &Path) -> Node {
        Node::make(Some(plugin.to_owned()))
    }

    fn make(plugin: Option<PathBuf>) -> Node {
        let below = binaries::target_folder().join("tmp");
        fs::create_dir_all(&below).expect("a folder below the build folder");
        let root = tempfile::Builder::new().prefix("node-").tempdir_in(below).expect("a temporary folder");
        for folder in ["bin", "log"] {
            fs::create_dir(root.path().join(folder)).expect("a folder in an empty one");
        }
        Node { root, plugin }
    }

    /// `cniDir`: records, cache and scratch files.
    pub fn cni_dir(&self) -> PathBuf {
        self.root.path().join("cni")
    }

    /// `binDir` and `CNI_PATH`.
    pub fn bin_dir(&self) -> PathBuf {
        self.root.path().join("bin")
    }

    /// A path in the node's state, which [`Node::dump`] sees.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A path beside the node's state, which the dump leaves out: logs, marks, files for the test itself.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.root.path().join("log").join(name)
    }

    /// Puts one of the tests' own delegates ([`NULL`], [`RECORDING`]) into `binDir`, under any name.
    ///
    /// # Panics
    /// If there is no such delegate, or the name is taken.
    pub fn install(&self, name: &str, delegate: &str) {
        let binary = binaries::delegate(delegate);
        symlink(binary, self.bin_dir().join(name)).expect("a name that is free");
    }

    /// Puts reference plugins into `binDir`. Says so and returns `false` if this machine lacks one.
    ///
    /// # Panics
    /// If a name is taken.
    #[must_use]
    pub fn install_reference(&self, names: &[&str]) -> bool {
        let folder = binaries::reference_plugins().unwrap_or_default();
        if let Some(missing) = names.iter().find(|name| !folder.join(name).is_file()) {
            left_out(&format!(
                "this machine has no CNI plugin {missing:?} (CNI_PLUGINS={})",
                folder.display()
            ));
            return false;
        }
        for name in names {
            symlink(folder.join(name), self.bin_dir().join(name)).expect("a name that is free");
        }
        true
    }

    /// Both of the tests' own delegates under their own names.
    #[must_use]
    pub fn with_delegates(self) -> Node {
        self.install(NULL, NULL);
        self.install(RECORDING, RECORDING);
        self
    }

    /// The member `recording` for a conf of the recording delegate: where it keeps leases and its log.
    pub fn recording(&self) -> Value {
        json!({ "leases": self.path("leases"), "log": self.scratch("calls.jsonl") })
    }

    /// What the recording delegates got to see, in order.
    pub fn recorded(&self) -> Vec<Recorded> {
        Recorded::read(&self.scratch("calls.jsonl"))
    }

    /// Forgets the calls up to now.
    pub fn forget_recorded(&self) {
        let _ = fs::remove_file(self.scratch("calls.jsonl"));
    }

    /// A conf of multus with these delegates on this node, version 1.1.0.
    pub fn conf(&self, delegates: Value) -> Value {
        let mut conf = json!({
            "cniVersion": "1.1.0", "name": "node", "type": "multus",
            "cniDir": self.cni_dir(), "binDir": self.bin_dir(),
        });
        conf["delegates"] = delegates;
        conf
    }

    /// A pod with a namespace of its own; its name is the container id, its interface `eth0`.
    ///
    /// # Panics
    /// If there is such a namespace already.
    pub fn pod(&self, name: &str) -> Pod {
        let netns = self.netns(name);
        Pod { container_id: name.to_owned(), netns, ifname: "eth0".into(), args: String::new() }
    }

    /// A new namespace; its path.
    ///
    /// # Panics
    /// If there is such a namespace already.
    pub fn netns(&self, name: &str) -> PathBuf {
        ip(&format!("netns add {name}"));
        ip(&format!("-n {name} link set lo up"));
        PathBuf::from("/run/netns").join(name)
    }

    /// The namespace is gone, as after the end of its last process.
    ///
    /// # Panics
    /// If there is none.
    pub fn remove_netns(&self, name: &str) {
        ip(&format!("netns del {name}"));
    }

    /// A call, to be changed before it is made.
    pub fn calling(&self, verb: &str, pod: &Pod, conf: &Value) -> Calling {
        let plugin = self.plugin.clone().unwrap_or_else(binaries::multus);
        let call = Calling::new(plugin).with("CNI_COMMAND", verb).with("CNI_PATH", self.bin_dir());
        let call = call.stdin(conf.to_string());
        if matches!(verb, "STATUS" | "GC" | "VERSION") {
            return call;
        }
        let call = call.with("CNI_CONTAINERID", &pod.container_id).with("CNI_IFNAME", &pod.ifname);
        let call = call.with("CNI_NETNS", &pod.netns);
        if pod.args.is_empty() { call } else { call.with("CNI_ARGS", &pod.args) }
    }

    /// Calls the plugin and waits.
    ///
    /// # Panics
    /// If it does not start, or hangs.
    pub fn call(&self, verb: &str, pod: &Pod, conf: &Value) -> Answer {
        self.calling(verb, pod, conf).answer()
    }

    /// ADD.
    ///
    /// # Panics
    /// As [`Node::call`].
    pub fn add(&self, pod: &Pod, conf: &Value) -> Answer {
        self.call("ADD", pod, conf)
    }

    /// DEL.
    ///
    /// # Panics
    /// As [`Node::call`].
    pub fn del(&self, pod: &Pod, conf: &Value) -> Answer {
        self.call("DEL", pod, conf)
    }

    /// CHECK.
    ///
    /// # Panics
    /// As [`Node::call`].
    pub fn check(&self, pod: &Pod, conf: &Value) -> Answer {
        self.call("CHECK", pod, conf)
    }

    /// All that is on the node, seen by `ip` and by reading files: see [`Dump`].
    ///
    /// # Panics
    /// If it can't be read.
    pub fn dump(&self) -> Dump {
        Dump::take(self.root.path())
    }
}

impl Default for Node {
    fn default() -> Node {
        Node::new()
    }
}
