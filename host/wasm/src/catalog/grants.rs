//! What a delegate may reach beyond its own attachment, as the operator granted it by name.

use std::path::{Component, Path, PathBuf};

use multus_document::{Pointer, Problem};
use serde_json::{Map, Value};

use super::fields::{Reader, list, wrong_kind};
use super::wildcard;

/// The kernel's longest name of an interface, in bytes.
const INTERFACE_NAME: usize = 15;

/// Rules for packets that can be granted.
const FIREWALL: [&str; 2] = ["masquerade", "spoof-check"];

/// What a delegate was granted. Nothing, by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    links: Vec<String>,
    names: Vec<String>,
    default_routes: bool,
    firewall: Vec<String>,
    sysctls: Vec<String>,
    ipam: Vec<String>,
    plugins: Vec<String>,
    store: Vec<PathBuf>,
}

impl Grants {
    /// Every grant there is, as the catalog spells them.
    pub const NAMES: [&'static str; 8] =
        ["links", "names", "defaultRoutes", "firewall", "sysctls", "ipam", "plugins", "store"];

    /// Reads grants that stand alone.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn from_value(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::default();
        let grants =
            reader.object(&Pointer::root(), value).map(|members| reader.grants(&Pointer::root(), members));
        if reader.problems.is_empty() { Ok(grants.unwrap_or_default()) } else { Err(reader.problems) }
    }

    /// Whether links of the node of that name may be used.
    pub fn links_match(&self, name: &str) -> bool {
        any_matches(&self.links, name, None)
    }

    /// Whether an interface of the sandbox may have that name, beside the attachment's own.
    pub fn names_match(&self, name: &str) -> bool {
        any_matches(&self.names, name, None)
    }

    /// Whether default routes may be added.
    pub fn default_routes(&self) -> bool {
        self.default_routes
    }

    /// Whether rules of that kind may be made: `masquerade`, `spoof-check`.
    pub fn allows_firewall(&self, kind: &str) -> bool {
        self.firewall.iter().any(|granted| granted == kind)
    }

    /// Whether a setting below `/proc/sys` may be made, `net/ipv4/ip_forward`. A `*` of a grant stays between two `/`.
    pub fn allows_sysctl(&self, key: &str) -> bool {
        is_key(key) && any_matches(&self.sysctls, key, Some('/'))
    }

    /// Whether an IPAM delegate of that type may be run.
    pub fn allows_ipam(&self, kind: &str) -> bool {
        self.ipam.iter().any(|granted| granted == kind)
    }

    /// Whether a binary of that name may be run.
    pub fn allows_plugin(&self, name: &str) -> bool {
        self.plugins.iter().any(|granted| granted == name)
    }

    /// The folders of claims, absolute and plain. The first one stands for all where none is named.
    pub fn stores(&self) -> &[PathBuf] {
        &self.store
    }

    /// The grants in words, one an item, for people who decide on them.
    pub fn in_words(&self) -> Vec<String> {
        let stores: Vec<String> = self.store.iter().map(|path| path.display().to_string()).collect();
        let lists = [
            (
                &self.links,
                "see these links of the node, move them to the pod, make and use bridges of these names",
            ),
            (&self.names, "name links of the pod, besides its own interface"),
            (&self.firewall, "make rules for packets on the node"),
            (&self.sysctls, "change these settings"),
            (&self.ipam, "run this IPAM"),
            (&self.plugins, "run these binaries as root"),
            (&stores, "claim addresses in these folders"),
        ];
        let given = lists.into_iter().filter(|(names, _)| !names.is_empty());
        let mut words: Vec<String> =
            given.map(|(names, what)| format!("{what}: {}", names.join(", "))).collect();
        words.extend(self.default_routes.then(|| "give the pod default routes".to_owned()));
        words
    }

    /// Whether a grant was given at all; one of [`Self::NAMES`].
    pub fn has(&self, grant: &str) -> bool {
        match grant {
            "links" => !self.links.is_empty(),
            "names" => !self.names.is_empty(),
            "defaultRoutes" => self.default_routes,
            "firewall" => !self.firewall.is_empty(),
            "sysctls" => !self.sysctls.is_empty(),
            "ipam" => !self.ipam.is_empty(),
            "plugins" => !self.plugins.is_empty(),
            "store" => !self.store.is_empty(),
            _ => false,
        }
    }
}

fn any_matches(patterns: &[String], text: &str, border: Option<char>) -> bool {
    patterns.iter().any(|pattern| wildcard::matches(pattern, text, border))
}

impl Reader {
    /// The member `grants` of a delegate.
    pub(super) fn grants(&mut self, at: &Pointer, members: &Map<String, Value>) -> Grants {
        for key in members.keys().filter(|key| !Grants::NAMES.contains(&key.as_str())) {
            let advice = format!("valid are {}", list(&Grants::NAMES));
            self.problem(&at.key(key), format!("unknown grant `{key}`"), advice);
        }
        Grants {
            links: self.granted(at, members, "links", interface_pattern),
            names: self.granted(at, members, "names", interface_pattern),
            default_routes: self.granted_flag(at, members, "defaultRoutes"),
            firewall: self.granted(at, members, "firewall", firewall_kind),
            sysctls: self.granted(at, members, "sysctls", sysctl_pattern),
            ipam: self.granted(at, members, "ipam", plugin_name),
            plugins: self.granted(at, members, "plugins", plugin_name),
            store: self.granted(at, members, "store", plain_path).into_iter().map(PathBuf::from).collect(),
        }
    }

    /// A list of texts, each of which `check` finds nothing wrong with.
    fn granted(
        &mut self,
        at: &Pointer,
        members: &Map<String, Value>,
        key: &str,
        check: fn(&str) -> Result<(), Slip>,
    ) -> Vec<String> {
        let texts = self.strings(at, members, key).unwrap_or_default();
        for (index, text) in texts.iter().enumerate() {
            if let Err((what, advice)) = check(text) {
                self.problem(&at.key(key).key(index), format!("`{text}` is no {what}"), advice);
            }
        }
        texts
    }

    fn granted_flag(&mut self, at: &Pointer, members: &Map<String, Value>, key: &str) -> bool {
        let Some(value) = members.get(key) else { return false };
        if value.as_bool().is_none() {
            self.problem(&at.key(key), wrong_kind("true or false", value), "write true, or leave it out");
        }
        value.as_bool().unwrap_or_default()
    }
}

/// What a text is not, and what to write instead.
type Slip = (&'static str, &'static str);

fn interface_pattern(text: &str) -> Result<(), Slip> {
    let literal = text.bytes().filter(|byte| *byte != b'*').count();
    let possible = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b':';
    match !text.is_empty() && literal <= INTERFACE_NAME && text.bytes().all(possible) && !is_dots(text) {
        true => Ok(()),
        false => Err((
            "name of an interface",
            "write a name or a pattern such as `cni*`, with at most 15 bytes besides `*`",
        )),
    }
}

fn firewall_kind(text: &str) -> Result<(), Slip> {
    match FIREWALL.contains(&text) {
        true => Ok(()),
        false => Err(("kind of rules", "write one of `masquerade`, `spoof-check`")),
    }
}

/// Below `net/` only: with others, such as `kernel/core_pattern`, a module would have the node.
fn sysctl_pattern(text: &str) -> Result<(), Slip> {
    match text.starts_with("net/") && is_key(text) {
        true => Ok(()),
        false => Err(("setting of the network", "write for example `net/ipv4/conf/*/arp_notify`")),
    }
}

fn plugin_name(text: &str) -> Result<(), Slip> {
    let possible = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b'*';
    match !text.is_empty() && text.bytes().all(possible) && !is_dots(text) {
        true => Ok(()),
        false => Err(("name of a plugin", "write each one out, as a configuration's `type` does")),
    }
}

fn plain_path(text: &str) -> Result<(), Slip> {
    let mut parts = Path::new(text).components();
    let absolute = parts.next() == Some(Component::RootDir);
    let names: Vec<_> =
        parts.map(|part| if let Component::Normal(name) = part { name.to_str() } else { None }).collect();
    // What was written is what is opened: no `.`, no `//`, no `/` at the end.
    let plain = names.iter().flatten().fold(String::new(), |path, name| path + "/" + name);
    match absolute && !names.is_empty() && plain == text {
        true => Ok(()),
        false => Err(("folder", "write an absolute path without `.`, `..`, or `/` at its end")),
    }
}

fn is_dots(text: &str) -> bool {
    matches!(text, "." | "..")
}

/// Whether a text names a file below `/proc/sys` and leads nowhere else.
fn is_key(text: &str) -> bool {
    let name =
        |part: &str| !part.is_empty() && !is_dots(part) && part.bytes().all(|byte| byte.is_ascii_graphic());
    text.split('/').all(name)
}
