//! The judge: what is on the node, read by programs that know nothing of ours.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{ip, rules, within};

/// Everything on the node, one line a thing: links, addresses, permanent neighbours, routes, rules and queues of every
/// namespace, rules for packets of the node's own with the chains that they are in, and every file and folder below the
/// node's state, `/run` and `/var/lib`, with mode and content.
///
/// Left out is what nobody made: indices and counters, what the kernel gives each link by itself (IPv6 link-local
/// addresses and their routes), a bridge's MAC (it follows its ports), chains that are hooks of the kernel, the
/// namespaces' own mounts, what a container runtime keeps for itself, the folder of delegates, the test's scratch files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    lines: BTreeSet<String>,
}

impl Dump {
    pub(crate) fn take(root: &Path) -> Dump {
        let mut dump = Dump { lines: BTreeSet::new() };
        dump.namespace("host", "");
        for name in namespaces() {
            dump.namespace(&name, &format!("-n {name} "));
        }
        for rule in rules::rules() {
            dump.add("host", "packet", &rule);
        }
        for folder in [Path::new("/run"), Path::new("/var/lib")] {
            dump.folder(folder, folder.to_str().unwrap_or_default(), &["netns", "containerd"]);
        }
        dump.folder(root, "state", &["bin", "log"]);
        dump
    }

    /// The lines, sorted.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Is there a line that holds all of these words?
    pub fn has(&self, words: &[&str]) -> bool {
        self.lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// The same without some lines: for what a delegate keeps on purpose, such as a bridge.
    #[must_use]
    pub fn without(&self, unwanted: impl Fn(&str) -> bool) -> Dump {
        Dump { lines: self.lines.iter().filter(|line| !unwanted(line)).cloned().collect() }
    }

    /// What is gone (`-`) and what is new (`+`) since `before`; empty if nothing changed.
    pub fn since(&self, before: &Dump) -> String {
        let mut text = String::new();
        for (sign, from, to) in [('-', before, self), ('+', self, before)] {
            for line in from.lines.difference(&to.lines) {
                let _ = writeln!(text, "{sign} {}", line.replace('\n', "\n      "));
            }
        }
        text
    }

    /// Nothing was left behind and nothing is missing.
    ///
    /// # Panics
    /// With the difference, if there is one.
    #[track_caller]
    pub fn must_equal(&self, before: &Dump) {
        let difference = self.since(before);
        assert!(difference.is_empty(), "the node is not as it was:\n{difference}");
    }

    fn namespace(&mut self, name: &str, select: &str) {
        let links = rows(&ip(&format!("{select}-j -d addr show")));
        for link in &links {
            self.link(name, link);
        }
        for family in ["-4", "-6"] {
            for route in rows(&ip(&format!("{select}-j {family} route show table all"))) {
                if !of_the_kernel(&route) {
                    self.add(name, "route", &plain(&route, &["flags", "expires", "metrics"]));
                }
            }
            for rule in rows(&ip(&format!("{select}-j {family} rule show"))) {
                self.add(name, "rule", &plain(&rule, &[]));
            }
        }
        let queues =
            within(namespace_or_own(name), || Command::new("tc").args(["-j", "qdisc", "show"]).output());
        let queues = queues.expect("tc (iproute2) is needed");
        let queues = rows(&String::from_utf8_lossy(&queues.stdout));
        // Those without a handle are the kernel's.
        for queue in queues.iter().filter(|queue| queue["handle"] != "0:") {
            self.add(name, "queue", &plain(queue, &["refcnt"]));
        }
        for neighbour in rows(&ip(&format!("{select}-j neigh show nud permanent"))) {
            self.add(name, "neighbour", &plain(&neighbour, &[]));
        }
    }

    fn link(&mut self, namespace: &str, link: &Value) {
        let kind = link["linkinfo"]["info_kind"].as_str().unwrap_or("-");
        let mut text = format!("{} kind {kind}", word(&link["ifname"]));
        for key in ["mtu", "master", "ifalias", "altnames", "promiscuity", "address"] {
            let follows_the_ports = kind == "bridge" && key == "address";
            if !link[key].is_null() && !follows_the_ports {
                let _ = write!(text, " {key} {}", word(&link[key]));
            }
        }
        for flag in link["flags"].as_array().into_iter().flatten() {
            if matches!(flag.as_str(), Some("UP" | "PROMISC" | "ALLMULTI" | "NOARP")) {
                let _ = write!(text, " {}", word(flag));
            }
        }
        self.add(namespace, "link", &text);
        for address in link["addr_info"].as_array().into_iter().flatten() {
            let local = word(&address["local"]);
            if !local.starts_with("fe80:") {
                let length = word(&address["prefixlen"]);
                self.add(namespace, "address", &format!("{local}/{length} dev {}", word(&link["ifname"])));
            }
        }
    }

    fn add(&mut self, namespace: &str, what: &str, text: &str) {
        self.lines.insert(format!("netns {namespace}: {what} {text}"));
    }

    /// Files come and go while others work: what vanishes under our eyes was not there.
    fn folder(&mut self, folder: &Path, shown: &str, skip: &[&str]) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(data) = entry.path().symlink_metadata() else { continue };
            if skip.contains(&name.as_str()) {
                continue;
            }
            let shown = format!("{shown}/{name}");
            let mode = data.permissions().mode() & 0o7777;
            if data.is_dir() {
                self.lines.insert(format!("folder {shown} ({mode:o})"));
                self.folder(&entry.path(), &shown, &[]);
            } else {
                let content = if data.is_file() { text_of(&entry.path()) } else { "special".to_owned() };
                self.lines.insert(format!("file {shown} ({mode:o})\n{content}"));
            }
        }
    }
}

impl std::fmt::Display for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The name of a namespace of the dump as others have it.
fn namespace_or_own(name: &str) -> &str {
    if name == "host" { "" } else { name }
}

fn namespaces() -> Vec<String> {
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn rows(json: &str) -> Vec<Value> {
    // Some versions print nothing for an empty table, and `{}` stands for things they can't show.
    let rows: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    rows.into_iter().filter(|row| row.as_object().is_some_and(|members| !members.is_empty())).collect()
}

fn of_the_kernel(route: &Value) -> bool {
    let destination = route["dst"].as_str().unwrap_or_default();
    destination.starts_with("fe80:") || destination.starts_with("ff00:")
}

fn plain(row: &Value, skip: &[&str]) -> String {
    let members = row.as_object().into_iter().flatten();
    let words = members.filter(|(key, _)| !skip.contains(&key.as_str()));
    words.map(|(key, value)| format!("{key} {}", word(value))).collect::<Vec<_>>().join(" ")
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Of what is no text, such as a module, as much as tells it from another one: comparing megabytes takes most of the time.
fn text_of(path: &Path) -> String {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return error.to_string(),
    };
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut hasher = DefaultHasher::new();
        error.as_bytes().hash(&mut hasher);
        format!("{} bytes, {:016x}", error.as_bytes().len(), hasher.finish())
    })
}

#[cfg(test)]
mod tests {
    use crate::{Node, ip, private};

    #[test]
    fn what_was_made_is_seen_and_what_is_gone_is_missed() {
        private(|| {
            let node = Node::new();
            node.netns("a");
            let empty = node.dump();
            assert!(empty.has(&["netns a: link lo", "UP"]), "{empty}");

            ip("link add v0 type veth peer name v1");
            ip("link set v1 netns a");
            ip("-n a addr add 10.1.0.2/24 dev v1");
            ip("-n a link set v1 up");
            ip("-n a route add 10.2.0.0/16 via 10.1.0.1");
            ip("-n a rule add from 10.1.0.2 table 100");
            std::fs::create_dir_all(node.path("leases")).unwrap();
            std::fs::write(node.path("leases/one"), "content").unwrap();
            let full = node.dump();
            for words in [
                &["netns host: link v0 kind veth"][..],
                &["netns a: address 10.1.0.2/24 dev v1"],
                &["netns a: route", "dst 10.2.0.0/16", "gateway 10.1.0.1"],
                &["netns a: rule", "10.1.0.2", "table 100"],
                &["file state/leases/one", "content"],
            ] {
                assert!(full.has(words), "{words:?} in {full}");
            }

            let difference = full.since(&empty);
            assert!(
                difference.lines().all(|line| line.starts_with("+ ") || line.starts_with("  ")),
                "{difference}"
            );
            ip("-n a rule del from 10.1.0.2 table 100");
            ip("link del v0");
            std::fs::remove_dir_all(node.path("leases")).unwrap();
            node.dump().must_equal(&empty);
        });
    }
}
