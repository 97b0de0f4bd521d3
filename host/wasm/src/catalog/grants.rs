//! What a delegate may reach beyond its own attachment, as the operator granted it by name.

use std::path::{Component, Path, PathBuf};

use multus_document::{Pointer, Problem};
use serde::Serialize;
use serde_json::{Map, Value};

use super::fields::{Reader, list, wrong_kind};
use super::wildcard;

/// The kernel's longest name of an interface, in bytes.
const INTERFACE_NAME: usize = 15;

/// Rules for packets that can be granted.
const FIREWALL: [&str; 3] = ["masquerade", "spoof-check", "port-mapping"];

/// What a delegate was granted. Nothing, by default. Written as the catalog spells it, without what is not granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grants {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default_routes: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    firewall: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sysctls: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ipam: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plugins: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    store: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sriov: Vec<String>,
}

impl Grants {
    /// Every grant there is, as the catalog spells them.
    pub const NAMES: [&'static str; 9] =
        ["links", "names", "defaultRoutes", "firewall", "sysctls", "ipam", "plugins", "store", "sriov"];

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

    /// Whether rules of that kind may be made: `masquerade`, `spoof-check`, `port-mapping`.
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

    /// Whether virtual functions of the card that a link of that name is of may be taken.
    pub fn sriov_matches(&self, physical: &str) -> bool {
        any_matches(&self.sriov, physical, None)
    }

    /// The grants in words, one an item, for people who decide on them.
    pub fn in_words(&self) -> Vec<String> {
        let stores: Vec<String> = self.store.iter().map(|path| path.display().to_string()).collect();
        let lists = [
            (
                &self.links,
                "see these links of the node, move them to the pod, make links on them (macvlan, ipvlan, any VLAN), make and \
                 use bridges of these names, name the node's end of a link so",
            ),
            (
                &self.names,
                "name links of the pod so, besides its own interface, make links on those that have such a name, make vrfs",
            ),
            (&self.firewall, "make rules for packets on the node"),
            (&self.sysctls, "change these settings"),
            (&self.ipam, "run this IPAM"),
            (&self.plugins, "run these binaries as root"),
            (&stores, "claim addresses in these folders"),
            (&self.sriov, "take virtual functions of these links of the node"),
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
            "sriov" => !self.sriov.is_empty(),
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
            sriov: self.granted(at, members, "sriov", interface_pattern),
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
        false => Err(("kind of rules", "write one of `masquerade`, `spoof-check`, `port-mapping`")),
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
    match is_plain_path(text) {
        true => Ok(()),
        false => Err(("folder", "write an absolute path without `.`, `..`, or `/` at its end")),
    }
}

/// Absolute, and what was written is what is opened: no `.`, no `..`, no `//`, no `/` at the end.
pub(super) fn is_plain_path(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    let absolute = parts.next() == Some(Component::RootDir);
    let names: Vec<_> =
        parts.map(|part| if let Component::Normal(name) = part { name.to_str() } else { None }).collect();
    let plain = names.iter().flatten().fold(String::new(), |path, name| path + "/" + name);
    absolute && !names.is_empty() && plain == text
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn all() -> Value {
        json!({
            "links": ["cni*", "demo0"], "names": ["vlan*"], "defaultRoutes": true,
            "firewall": ["masquerade"], "sysctls": ["net/ipv4/ip_forward", "net/ipv4/conf/*/arp_notify"],
            "ipam": ["host-local", "static"], "plugins": ["bandwidth"], "store": ["/var/lib/cni/networks", "/a"],
            "sriov": ["ens1f*"],
        })
    }

    #[test]
    fn what_is_granted_and_what_is_next_to_it() {
        let grants = Grants::from_value(&all()).unwrap();
        assert!(grants.links_match("cni0") && grants.links_match("demo0") && !grants.links_match("demo01"));
        assert!(grants.names_match("vlan7") && !grants.names_match("cni0"));
        assert!(grants.default_routes());
        assert!(grants.allows_firewall("masquerade") && !grants.allows_firewall("spoof-check"));
        let keys = [
            ("net/ipv4/ip_forward", true),
            ("net/ipv4/ip_forward/x", false),
            ("net/ipv4/conf/eth0/arp_notify", true),
            ("net/ipv4/conf/eth0.7/arp_notify", true),
            ("net/ipv4/conf/../arp_notify", false),
            ("net/ipv4/conf//arp_notify", false),
            ("net/ipv4/conf/a/b/arp_notify", false),
            ("net/ipv4/conf/a\0/arp_notify", false),
            ("/net/ipv4/ip_forward", false),
            ("", false),
        ];
        for (key, allowed) in keys {
            assert_eq!(grants.allows_sysctl(key), allowed, "{key}");
        }
        assert!(grants.allows_ipam("static") && !grants.allows_ipam("dhcp"));
        assert!(grants.allows_plugin("bandwidth") && !grants.allows_plugin("host-local"));
        assert_eq!(grants.stores(), [PathBuf::from("/var/lib/cni/networks"), PathBuf::from("/a")]);
        assert!(
            grants.sriov_matches("ens1f0") && !grants.sriov_matches("ens2") && !grants.links_match("ens1f0")
        );
        assert!(Grants::NAMES.iter().all(|grant| grants.has(grant)));
        assert_eq!(grants.in_words().len(), Grants::NAMES.len());
        assert_eq!(
            grants.in_words()[3],
            "change these settings: net/ipv4/ip_forward, net/ipv4/conf/*/arp_notify"
        );
    }

    #[test]
    fn nothing_is_granted_by_itself() {
        let nothing = Grants::default();
        for empty in [json!({}), json!({"links": [], "ipam": [], "defaultRoutes": false})] {
            assert_eq!(Grants::from_value(&empty).unwrap(), nothing);
        }
        assert!(!nothing.links_match("") && !nothing.allows_sysctl("net/ipv4/ip_forward"));
        assert!(!Grants::NAMES.iter().any(|grant| nothing.has(grant)) && !nothing.has("everything"));
        assert!(nothing.in_words().is_empty());
    }

    #[test]
    fn each_slip_is_named_where_it_is_with_what_to_write_instead() {
        let valid = "valid are `links`, `names`, `defaultRoutes`, `firewall`, `sysctls`, `ipam`, `plugins`, `store`, `sriov`";
        let (interface, plugin) = ("write a name or a pattern such as `cni*`", "write each one out");
        let (folder, setting) = ("without `.`, `..`, or `/` at its end", "`net/ipv4/conf/*/arp_notify`");
        let rows = [
            (json!({"devices": ["*"]}), "/devices: unknown grant `devices`", valid),
            (json!({"Links": ["*"]}), "/Links: unknown grant `Links`", valid),
            (json!({"links": "cni0"}), "/links: expected a list of strings, found a string", "write"),
            (json!({"links": ["a", 7]}), "/links/1: expected a string, found a number", "write"),
            (json!({"links": [""]}), "/links/0: `` is no name of an interface", interface),
            (json!({"links": ["a/b"]}), "/links/0: `a/b` is no", interface),
            (json!({"links": ["a b"]}), "/links/0: `a b` is no", interface),
            (json!({"links": [".."]}), "/links/0: `..` is no", interface),
            (json!({"names": ["sixteen-letters0"]}), "/names/0: `sixteen-letters0` is no", interface),
            (
                json!({"defaultRoutes": "yes"}),
                "/defaultRoutes: expected true or false, found a string",
                "true",
            ),
            (json!({"firewall": ["drop"]}), "/firewall/0: `drop` is no kind", "`masquerade`, `spoof-check`"),
            (json!({"sysctls": ["kernel/core_pattern"]}), "/sysctls/0: `kernel/core_pattern` is no", setting),
            (json!({"sysctls": ["net/../kernel/x"]}), "/sysctls/0: `net/../kernel/x` is no", setting),
            (json!({"sysctls": ["net.ipv4.ip_forward"]}), "/sysctls/0: `net.ipv4.ip_forward` is no", setting),
            (json!({"sysctls": ["net/"]}), "/sysctls/0: `net/` is no", setting),
            (json!({"ipam": ["*"]}), "/ipam/0: `*` is no name of a plugin", plugin),
            (json!({"plugins": ["../sh"]}), "/plugins/0: `../sh` is no name of a plugin", plugin),
            (json!({"store": ["networks"]}), "/store/0: `networks` is no folder", folder),
            (json!({"store": ["/a/../etc"]}), "/store/0: `/a/../etc` is no folder", folder),
            (json!({"store": ["/a//b"]}), "/store/0: `/a//b` is no folder", folder),
            (json!({"store": ["/a/"]}), "/store/0: `/a/` is no folder", folder),
            (json!({"store": ["/"]}), "/store/0: `/` is no folder", folder),
            (json!([]), "expected an object, found a list", "write"),
        ];
        for (grants, problem, advice) in rows {
            let problems = Grants::from_value(&grants).unwrap_err();
            let text = problems[0].to_string();
            assert!(
                problems.len() == 1 && text.contains(problem) && text.contains(advice),
                "{grants}: {text}"
            );
        }
    }

    proptest! {
        /// Whatever an operator writes, no grant leads out of what it is about.
        #[test]
        fn what_is_read_stays_where_it_belongs(
            text in r"(net|kernel|/var|\.\.|\.|[a-z*]{1,3})?(/(\.\.|\.|[a-z*]{0,3}))*",
            key in r"(net|kernel|\.\.)(/(\.\.|[a-z]{0,3})){0,3}",
        ) {
            if let Ok(grants) = Grants::from_value(&json!({"sysctls": [&text]})) {
                let inside = key.starts_with("net/") && key.split('/').all(|part| !part.is_empty() && part != "..");
                prop_assert!(!grants.allows_sysctl(&key) || inside, "{} {}", text, key);
            }
            if let Ok(grants) = Grants::from_value(&json!({"store": [&text]})) {
                let [folder] = grants.stores() else { panic!("one folder") };
                let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
                prop_assert!(folder.is_absolute() && folder.components().all(plain), "{}", text);
            }
        }
    }
}
