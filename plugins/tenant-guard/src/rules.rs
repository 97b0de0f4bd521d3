//! What the operator allows.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::configuration::Configuration;

/// The settings in the catalog.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Settings {
    tenants: BTreeMap<String, Rule>,
    default: Option<Rule>,
    #[serde(default = "yes")]
    pub(crate) judge_default_network: bool,
}

fn yes() -> bool {
    true
}

/// What one namespace may use; both lists hold names in which `*` stands for any characters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    networks: Vec<String>,
    types: Vec<String>,
}

impl Settings {
    /// The rule for a namespace.
    pub(crate) fn rule(&self, namespace: Option<&str>) -> Option<&Rule> {
        namespace.and_then(|name| self.tenants.get(name)).or(self.default.as_ref())
    }
}

impl Rule {
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
