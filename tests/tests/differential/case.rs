//! One case: a conf, what is done around it, and what is known to be otherwise.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The cases of one plugin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseFile {
    /// Its rows in the table are numbered with it.
    pub(crate) letter: char,
    /// Whether packets between the pods are part of what has to agree; not where only addresses are given out.
    pub(crate) packets: bool,
    /// What the kernel has to have for all of them: see `multus_tests::kinds`.
    #[serde(default)]
    pub(crate) kinds: Vec<String>,
    /// What is otherwise on purpose in many cases; told once.
    pub(crate) everywhere: Vec<Difference>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Case {
    /// For the table: the keys that it is about.
    pub(crate) name: String,
    /// The network, without `cniVersion` (1.0.0) and `name` (`net`) where they don't matter. One of `plugins` says itself
    /// which of them have a capability.
    pub(crate) conf: Map<String, Value>,
    #[serde(default)]
    pub(crate) runtime_config: Map<String, Value>,
    /// CNI_ARGS.
    #[serde(default)]
    pub(crate) args: String,
    /// What `ip` is told on the node before the first pod comes.
    #[serde(default)]
    pub(crate) before: Vec<String>,
    /// Pods, in the order in which they come.
    #[serde(default = "two_pods")]
    pub(crate) pods: Vec<String>,
    /// Pods that go before the next one comes; so an address is given a second time.
    #[serde(default)]
    pub(crate) come_and_go: bool,
    /// Programs without which the reference plugin can't do this.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// What the kernel has to have for this one.
    #[serde(default)]
    pub(crate) kinds: Vec<String>,
    /// What is otherwise on purpose.
    #[serde(default)]
    pub(crate) differences: Vec<Difference>,
    /// The reference plugin of Debian 12 does not know this: since which version the reference has it. The component is
    /// judged by `expect` alone.
    pub(crate) only_here: Option<String>,
    /// Words of lines that have to be there on the component's side.
    #[serde(default)]
    pub(crate) expect: Vec<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    /// Patterns of the lines that are on one side only: `component alone: check: … passes`.
    pub(crate) lines: Vec<String>,
    pub(crate) because: String,
}

fn two_pods() -> Vec<String> {
    ["one", "two"].map(str::to_owned).to_vec()
}

impl CaseFile {
    pub(crate) fn read(plugin: &str) -> CaseFile {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/differential");
        let text = std::fs::read_to_string(folder.join(format!("{plugin}.json"))).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{plugin}.json: {error}"))
    }
}

impl Case {
    /// The network as multus gets it. What the runtime offers is passed on to plugins that have the capability.
    pub(crate) fn network(&self) -> Value {
        let mut network = self.conf.clone();
        let defaults = [("cniVersion", "1.0.0"), ("name", "net")];
        for (key, value) in defaults {
            network.entry(key).or_insert_with(|| value.into());
        }
        if !self.runtime_config.is_empty() && !network.contains_key("plugins") {
            let offered = self.runtime_config.keys().map(|key| (key.clone(), Value::Bool(true)));
            network.insert("capabilities".to_owned(), Value::Object(offered.collect()));
        }
        Value::Object(network)
    }

    /// Whether it has a plugin of that type, IPAM included.
    pub(crate) fn has_type(&self, name: &str) -> bool {
        let conf = Value::Object(self.conf.clone());
        let chained = conf["plugins"].as_array().into_iter().flatten();
        let mut types = chained.chain([&conf]).flat_map(|plugin| [&plugin["type"], &plugin["ipam"]["type"]]);
        types.any(|kind| kind == name)
    }

    /// Whether a hardware address or a name is one that the case itself writes, and so the same on both sides.
    pub(crate) fn writes(&self, text: &str) -> bool {
        let all =
            format!("{:?}{:?}{:?}{}", self.conf, self.runtime_config, self.before, self.args).to_lowercase();
        all.contains(&text.to_lowercase())
    }
}
