//! Reads a catalog and finds every problem in it.

use std::collections::BTreeMap;

use multus_document::{Pattern, Pointer, Problem};
use serde_json::{Map, Value};

use super::fields::{Quantity, Reader, list, wrong_kind};
use super::{Catalog, Grants, Mode, Module, OnFailure, Role};
use crate::digest::Digest;
use crate::limits::{Limits, human_duration, human_size, parse_duration, parse_size};

/// The keys that every module may have, and the ones that belong to one role.
const KEYS: [&str; 5] = ["role", "digest", "grants", "limits", "settings"];

fn role_keys(role: Role) -> &'static [&'static str] {
    match role {
        Role::Transform => &["match", "mayChange", "inputs", "mode"],
        Role::Policy => &["mode", "onFailure"],
        Role::Delegate => &[],
    }
}

pub(super) fn catalog(value: &Value) -> Result<Catalog, Vec<Problem>> {
    let mut reader = Reader::default();
    let catalog = reader.catalog(value);
    match reader.problems.is_empty() {
        true => Ok(catalog),
        false => Err(reader.problems),
    }
}

impl Reader {
    fn catalog(&mut self, value: &Value) -> Catalog {
        let root = Pointer::root();
        let Some(members) = self.object(&root, value) else { return Catalog::default() };
        self.known_keys(&root, members, &["modules", "transforms", "policies"]);
        let modules = self.modules(&root, members);
        let transforms = self.order(members, "transforms", Role::Transform, &modules);
        let policies = self.order(members, "policies", Role::Policy, &modules);
        let modules: BTreeMap<String, Module> =
            modules.into_iter().filter_map(|(name, module)| Some((name, module?))).collect();
        let delegates = modules.iter().filter(|(_, module)| module.role == Role::Delegate);
        let delegates = delegates.map(|(name, _)| name.clone()).collect();
        Catalog { modules, transforms, policies, delegates }
    }

    /// A module with problems stays in the map as `None`, so that its name is not also called unknown.
    fn modules(&mut self, root: &Pointer, members: &Map<String, Value>) -> BTreeMap<String, Option<Module>> {
        let at = root.key("modules");
        let Some(value) = members.get("modules") else { return BTreeMap::new() };
        let Some(modules) = self.object(&at, value) else { return BTreeMap::new() };
        modules.iter().map(|(name, value)| (name.clone(), self.module(&at.key(name), name, value))).collect()
    }

    fn module(&mut self, at: &Pointer, name: &str, value: &Value) -> Option<Module> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            self.problem(at, format!("`{name}` is no module name"), "use letters, digits, `-`, `_` and `.`");
        }
        let members = self.object(at, value)?;
        let role = self.role(at, members);
        if let Some(role) = role {
            self.module_keys(at, members, role);
        }
        let grants = self.module_grants(at, members, role);
        let digest = self.digest(at, members);
        let limits = self.limits(at, members, role);
        let types = self.types(at, members);
        let may_change = self.may_change(at, members, role);
        let inputs = self.inputs(at, members);
        let mode =
            self.choice(at, members, "mode", &[("enforce", Mode::Enforce), ("monitor", Mode::Monitor)]);
        let failures = [("deny", OnFailure::Deny), ("allow", OnFailure::Allow)];
        let on_failure = self.choice(at, members, "onFailure", &failures);
        Some(Module {
            role: role?,
            digest: digest?,
            grants,
            limits,
            settings: members.get("settings").cloned().unwrap_or_else(|| Value::Object(Map::new())),
            types,
            may_change,
            inputs,
            mode: mode.unwrap_or(Mode::Enforce),
            on_failure: on_failure.unwrap_or(OnFailure::Deny),
        })
    }

    fn module_keys(&mut self, at: &Pointer, members: &Map<String, Value>, role: Role) {
        let valid: Vec<&str> = KEYS.iter().chain(role_keys(role)).copied().collect();
        for key in members.keys().map(String::as_str).filter(|key| !valid.contains(key)) {
            let at = at.key(key);
            let others: Vec<&str> = Role::ALL
                .into_iter()
                .filter(|other| role_keys(*other).contains(&key))
                .map(Role::name)
                .collect();
            if others.is_empty() {
                let advice = format!("a {role} has {}", list(&valid));
                self.problem(&at, format!("unknown key `{key}`"), advice);
            } else {
                let others = others.join(" or ");
                let message = format!("`{key}` belongs to the role {others}, this is a {role}");
                self.problem(&at, message, "remove it");
            }
        }
    }

    fn role(&mut self, at: &Pointer, members: &Map<String, Value>) -> Option<Role> {
        let roles = Role::ALL.map(|role| (role.name(), role));
        if !members.contains_key("role") {
            self.problem(at, "no `role`", format!("write one of {}", list(&roles.map(|(name, _)| name))));
        }
        self.choice(at, members, "role", &roles)
    }

    fn digest(&mut self, at: &Pointer, members: &Map<String, Value>) -> Option<Digest> {
        let Some(value) = members.get("digest") else {
            self.problem(at, "no `digest`", "`multusctl module add` writes the entry for a component");
            return None;
        };
        let at = at.key("digest");
        let read = value.as_str().map(str::parse::<Digest>);
        match read {
            Some(Ok(digest)) => return Some(digest),
            Some(Err(error)) => self.problem(&at, error.to_string(), "copy it from `multusctl module list`"),
            None => self.problem(&at, wrong_kind("a string", value), "write `sha256:…`"),
        }
        None
    }

    /// The other two roles are functions of their arguments: there is nothing to grant, and a name that promises
    /// something must not be passed over in silence.
    fn module_grants(&mut self, at: &Pointer, members: &Map<String, Value>, role: Option<Role>) -> Grants {
        let Some(value) = members.get("grants") else { return Grants::default() };
        let at = at.key("grants");
        let Some(grants) = self.object(&at, value) else { return Grants::default() };
        if role.is_none_or(|role| role == Role::Delegate) {
            return self.grants(&at, grants);
        }
        for name in grants.keys() {
            let advice = "valid grants for transforms and policies: none, every module may log";
            self.problem(&at.key(name), format!("unknown grant `{name}`"), advice);
        }
        Grants::default()
    }

    fn limits(&mut self, at: &Pointer, members: &Map<String, Value>, role: Option<Role>) -> Limits {
        let mut limits = role.map_or_else(Limits::default, Limits::of);
        let Some(value) = members.get("limits") else { return limits };
        let at = at.key("limits");
        let Some(members) = self.object(&at, value) else { return limits };
        self.known_keys(&at, members, &["memory", "timeout"]);
        let memory = Quantity { parse: parse_size, range: Limits::MEMORY_RANGE, human: human_size };
        let timeout = Quantity { parse: parse_duration, range: Limits::TIMEOUT_RANGE, human: human_duration };
        limits.memory = self.quantity(&at, members, "memory", &memory).unwrap_or(limits.memory);
        limits.timeout = self.quantity(&at, members, "timeout", &timeout).unwrap_or(limits.timeout);
        limits
    }

    fn types(&mut self, at: &Pointer, members: &Map<String, Value>) -> Option<Vec<String>> {
        let value = members.get("match")?;
        let at = at.key("match");
        let members = self.object(&at, value)?;
        self.known_keys(&at, members, &["types"]);
        let types = self.strings(&at, members, "types")?;
        if types.is_empty() {
            self.problem(
                &at.key("types"),
                "no type at all",
                "name plugin types, or leave `match` out to match all",
            );
        }
        Some(types)
    }

    fn may_change(&mut self, at: &Pointer, members: &Map<String, Value>, role: Option<Role>) -> Vec<Pattern> {
        if role == Some(Role::Transform) && !members.contains_key("mayChange") {
            self.problem(at, "no `mayChange`", "list what the transform may change, for example [\"/mtu\"]");
        }
        let texts = self.strings(at, members, "mayChange").unwrap_or_default();
        let mut patterns = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => {
                    self.problems.push(Problem::new(at.key("mayChange").key(index), error.to_string()));
                }
            }
        }
        patterns
    }

    /// An order has to hold every module of its role exactly once: which one works first must not depend on
    /// names, and a policy that nobody asks would look as if it protected something.
    fn order(
        &mut self,
        members: &Map<String, Value>,
        key: &str,
        role: Role,
        modules: &BTreeMap<String, Option<Module>>,
    ) -> Vec<String> {
        let at = Pointer::root();
        let names = self.strings(&at, members, key).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            let at = at.key(key).key(index);
            if names.iter().take(index).any(|earlier| earlier == name) {
                self.problem(&at, format!("`{name}` is listed twice"), "remove one");
            }
            match modules.get(name) {
                None => {
                    self.problem(
                        &at,
                        format!("no module `{name}`"),
                        "add it to `modules`, or remove it here",
                    );
                }
                Some(Some(module)) if module.role != role => {
                    let own_list = module.role.order_key().is_some();
                    let advice =
                        if own_list { "move it to its own list" } else { "remove it: it needs no order" };
                    self.problem(&at, format!("`{name}` is a {}, not a {role}", module.role), advice);
                }
                _ => {}
            }
        }
        let is_of_role = |module: &Option<Module>| module.as_ref().is_some_and(|module| module.role == role);
        for (name, _) in modules.iter().filter(|(name, module)| is_of_role(module) && !names.contains(name)) {
            self.problem(
                &at.key(key),
                format!("the {role} `{name}` has no place in the order"),
                format!("add it to `{key}`"),
            );
        }
        names
    }
}
