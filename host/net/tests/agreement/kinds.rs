//! Kinds of links that a kernel may lack: what is about them is left out there, aloud.

use std::collections::BTreeMap;
use std::process::Command;

use crate::left_out::left_out;
use crate::script::Rule;

/// A word that rules use, and what has to work for them: words of `ip`, in a namespace of nobody.
const PROBES: [(&str, &[&str]); 6] = [
    ("macvlan", &["link add probe0 type bridge", "link add probe type macvlan link probe0"]),
    ("ipvlan", &["link add probe0 type veth peer name probe1", "link add probe link probe0 type ipvlan"]),
    ("vlan", &["link add probe0 type bridge", "link add probe link probe0 type vlan id 5"]),
    ("dummy", &["link add probe type dummy"]),
    ("vrf", &["link add probe type vrf table 5"]),
    ("filtering", &["link add probe type bridge vlan_filtering 1"]),
];

/// What this kernel lacks, each found out once.
#[derive(Debug, Default)]
pub(crate) struct Lacking(BTreeMap<&'static str, bool>);

impl Lacking {
    /// Whether a rule can be tried here.
    pub(crate) fn allows(&mut self, rule: &Rule) -> bool {
        let uses = |word: &str| rule.script.split_whitespace().any(|other| other == word);
        let missing = PROBES
            .iter()
            .filter(|(word, _)| uses(word))
            .find(|(word, lines)| *self.0.entry(word).or_insert_with(|| !works(lines)));
        if let Some((word, _)) = missing {
            left_out(&format!("this kernel has no `{word}`: {}", rule.says));
        }
        missing.is_none()
    }
}

/// The test is root of namespaces of its own, and these of one more.
fn works(lines: &[&str]) -> bool {
    let script: Vec<_> = lines.iter().map(|line| format!("ip {line}")).collect();
    let probe = Command::new("unshare").args(["--net", "sh", "-c", &script.join(" && ")]).output();
    probe.expect("unshare (util-linux) is needed").status.success()
}
