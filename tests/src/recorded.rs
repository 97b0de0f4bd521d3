//! What the recording delegate remembers.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call that the recording delegate got.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recorded {
    /// `CNI_COMMAND`.
    pub verb: String,
    /// Under which name it was called: the plugin's type.
    pub plugin: String,
    /// The variables that begin with `CNI_` or belong to tracing.
    pub env: BTreeMap<String, String>,
    /// Standard input, as it was.
    pub stdin: String,
    /// Its process.
    pub pid: u32,
}

impl Recorded {
    /// Standard input, read.
    ///
    /// # Panics
    /// If it was no JSON.
    pub fn conf(&self) -> Value {
        serde_json::from_str(&self.stdin).unwrap_or_else(|error| panic!("{error} in {}", self.stdin))
    }

    /// A variable; empty if it was not set.
    pub fn variable(&self, name: &str) -> &str {
        self.env.get(name).map_or("", String::as_str)
    }

    /// `ADD alpha eth0`, for comparing orders.
    pub fn brief(&self) -> String {
        format!("{} {} {}", self.verb, self.plugin, self.variable("CNI_IFNAME"))
    }

    /// All calls of a log, in their order.
    pub(crate) fn read(log: &Path) -> Vec<Recorded> {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("the log is written whole lines at a time"))
            .collect()
    }
}
