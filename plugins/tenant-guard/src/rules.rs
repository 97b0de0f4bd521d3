//! What the operator allows.

use std::collections::BTreeMap;

use multus_guest::{Complaint, complaint};
use serde::Deserialize;

use crate::configuration::Configuration;

/// Who may use what. `*` in a name stands for any characters.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Settings {
    /// By namespace.
    tenants: BTreeMap<String, Rule>,
    /// For namespaces that are not listed, and for attachments without a pod; without it they get nothing.
    default: Option<Rule>,
    /// Whether the default network is judged like any other.
    #[serde(default = "yes")]
    pub(crate) judge_default_network: bool,
}

fn yes() -> bool {
    true
}

/// What one namespace may use.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Networks, `namespace/name`.
    networks: Vec<String>,
    /// Types of plugins, also those of IPAM.
    types: Vec<String>,
}

impl Settings {
    /// The rule for a namespace.
    pub(crate) fn rule(&self, namespace: Option<&str>) -> Option<&Rule> {
        namespace.and_then(|name| self.tenants.get(name)).or(self.default.as_ref())
    }

    /// Names that nothing can ever have: a slip of whoever wrote them.
    pub(crate) fn complaints(&self) -> Vec<Complaint> {
        let tenants = self.tenants.iter().map(|(name, rule)| (format!("/tenants/{name}"), rule));
        let rules = tenants.chain(self.default.iter().map(|rule| ("/default".to_owned(), rule)));
        rules.flat_map(|(place, rule)| rule.complaints(&place)).collect()
    }
}

impl Rule {
    /// The default network has the name in its configuration, which may be without a `/`.
    fn complaints(&self, place: &str) -> Vec<Complaint> {
        let slashed =
            |name: &str| name.split('/').count() > 2 || name.starts_with('/') || name.ends_with('/');
        let networks = self.networks.iter().enumerate().filter(|(_, name)| name.is_empty() || slashed(name));
        let types = self.types.iter().enumerate().filter(|(_, name)| name.is_empty());
        let of_network = |(at, name): (usize, &String)| {
            complaint(
                format!("{place}/networks/{at}"),
                format!("`{name}` is no network: write `namespace/name`"),
            )
        };
        let of_type =
            |(at, _)| complaint(format!("{place}/types/{at}"), "is empty: no plugin is of this type");
        networks.map(of_network).chain(types.map(of_type)).collect()
    }

    /// Everything about an attachment that the rule does not allow, for people.
    pub(crate) fn refusals(&self, network: &str, plugins: &[Configuration]) -> Vec<String> {
        let mut refusals = Vec::new();
        if !allowed(&self.networks, network) {
            refusals.push(format!("network {network} (allowed: {})", list(&self.networks)));
        }
        for (index, plugin) in plugins.iter().enumerate() {
            for (place, name) in plugin.types().into_iter().filter(|(_, name)| !allowed(&self.types, name)) {
                let place = if plugins.len() > 1 { format!("plugins[{index}].{place}") } else { place };
                refusals.push(format!("{place} {name} (allowed: {})", list(&self.types)));
            }
        }
        refusals
    }
}

fn allowed(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

/// Whether a name fits a pattern: what stands before the first `*`, after the last, and between them in order.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts = rest.split('*');
    let end = parts.next_back().unwrap_or_default();
    for part in parts {
        match name.split_once(part) {
            Some((_, after)) => name = after,
            None => return false,
        }
    }
    name.ends_with(end)
}

fn list(patterns: &[String]) -> String {
    if patterns.is_empty() { "none".to_owned() } else { patterns.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let rows = [
            ("blue/lan", "blue/lan", true),
            ("blue/lan", "blue/lan2", false),
            ("blue/*", "blue/lan", true),
            ("blue/*", "bluer/lan", false),
            ("*", "anything/at all", true),
            ("*/lan", "red/lan", true),
            ("*/lan", "red/lan2", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("a*a", "a", false),
            ("", "", true),
            ("", "x", false),
            ("**", "x", true),
        ];
        for (pattern, name, expected) in rows {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
