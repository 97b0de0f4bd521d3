//! One plugin's configuration.

use multus_document::{Object, Pointer, Problem};
use serde_json::Value;

use super::wrong_kind;
use crate::names;

/// One plugin's configuration, as its author wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginConf {
    plugin_type: String,
    object: Object,
}

impl PluginConf {
    /// Checks what every plugin's configuration has: `type`, and the form of `capabilities` and `ipam`.
    ///
    /// # Errors
    /// Every problem at once, with pointers into the object.
    pub fn parse(object: Object) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let plugin_type = check_type(&object, &mut problems);
        check_capabilities(&object, &mut problems);
        check_ipam(&object, &mut problems);
        match plugin_type {
            Some(plugin_type) if problems.is_empty() => Ok(Self { plugin_type, object }),
            _ => Err(problems),
        }
    }

    /// `type`: the name of the binary, without a path.
    pub fn plugin_type(&self) -> &str {
        &self.plugin_type
    }

    /// `name`, where the author gave one; a plugin of a list takes the list's.
    pub fn name(&self) -> Option<String> {
        self.object.read("name")
    }

    /// `cniVersion`, where the author gave one; a plugin of a list takes the list's.
    pub fn cni_version(&self) -> Option<String> {
        self.object.read("cniVersion")
    }

    /// The capabilities that are `true`.
    pub fn capabilities(&self) -> Vec<String> {
        let Some(Value::Object(all)) = self.object.get("capabilities") else { return Vec::new() };
        all.into_iter().filter(|(_, on)| on == &Value::Bool(true)).map(|(name, _)| name).collect()
    }

    /// `ipam.type`: the plugin that this one runs for addresses.
    pub fn ipam_type(&self) -> Option<String> {
        text_at(&self.object.get("ipam")?, "type")
    }

    /// The types of all plugins that this one runs through members named `delegate` or `delegates`,
    /// at any depth, with the `ipam.type` and `plugins` of those.
    pub fn nested_types(&self) -> Vec<String> {
        let mut types = Vec::new();
        for key in ["delegate", "delegates"] {
            if let Some(value) = self.object.get(key) {
                collect_types(&value, &mut types);
            }
        }
        types
    }

    /// The whole object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The object, to add members to. Whoever changes `type`, `capabilities` or `ipam` calls
    /// [`PluginConf::parse`] again.
    pub fn object_mut(&mut self) -> &mut Object {
        &mut self.object
    }
}

fn text_at(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Depth is bounded by the reader of the document.
fn collect_types(value: &Value, types: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|element| collect_types(element, types)),
        Value::Object(_) => {
            types.extend(text_at(value, "type"));
            types.extend(value.get("ipam").and_then(|ipam| text_at(ipam, "type")));
            let deeper = ["delegate", "delegates", "plugins"].iter().filter_map(|key| value.get(*key));
            deeper.for_each(|nested| collect_types(nested, types));
        }
        _ => {}
    }
}

fn check_type(object: &Object, problems: &mut Vec<Problem>) -> Option<String> {
    let name = match object.get("type") {
        Some(Value::String(name)) => name,
        Some(other) if !other.is_null() => {
            problems.push(wrong_kind("/type", &other, "the name of a plugin"));
            return None;
        }
        _ => {
            problems.push(
                Problem::new("", "the plugin has no `type`")
                    .advise("add `\"type\"` with the name of a plugin"),
            );
            return None;
        }
    };
    match names::type_fault(&name) {
        None => Some(name),
        Some(fault) => {
            problems.push(type_problem("/type", &name, fault));
            None
        }
    }
}

fn type_problem(pointer: &str, name: &str, fault: &str) -> Problem {
    Problem::new(pointer, format!("the type `{}` {fault}", name.escape_debug()))
        .advise("write the name of a plugin; folders are searched by `CNI_PATH`")
}

fn check_capabilities(object: &Object, problems: &mut Vec<Problem>) {
    let at = Pointer::root().key("capabilities");
    match object.get("capabilities") {
        None | Some(Value::Null) => {}
        Some(Value::Object(all)) => {
            let wrong = all.iter().filter(|(_, value)| !value.is_boolean());
            problems.extend(
                wrong.map(|(name, value)| wrong_kind(at.key(name).as_str(), value, "`true` or `false`")),
            );
        }
        Some(other) => problems.push(wrong_kind(at.as_str(), &other, "an object such as `{\"ips\": true}`")),
    }
}

fn check_ipam(object: &Object, problems: &mut Vec<Problem>) {
    let ipam = match object.get("ipam") {
        None | Some(Value::Null) => return,
        Some(Value::Object(ipam)) => ipam,
        Some(other) => return problems.push(wrong_kind("/ipam", &other, "an object")),
    };
    match ipam.get("type") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name.is_empty() => {}
        Some(Value::String(name)) => {
            problems.extend(names::type_fault(name).map(|fault| type_problem("/ipam/type", name, fault)));
        }
        Some(other) => problems.push(wrong_kind("/ipam/type", other, "the name of a plugin")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PluginConf, Vec<String>> {
        PluginConf::parse(Object::parse(text.as_bytes()).unwrap())
            .map_err(|problems| problems.iter().map(|p| format!("{}: {}", p.pointer, p.message)).collect())
    }

    #[test]
    fn every_problem_is_found_at_once() {
        let rows: &[(&str, &[&str])] = &[
            ("{}", &[": the plugin has no `type`"]),
            (r#"{"type":null}"#, &[": the plugin has no `type`"]),
            (r#"{"type":5}"#, &["/type: expected the name of a plugin, found a number"]),
            (r#"{"type":""}"#, &["/type: the type `` is empty"]),
            (r#"{"type":"../evil"}"#, &["/type: the type `../evil` has a path separator in it"]),
            (r#"{"type":".."}"#, &["/type: the type `..` is a folder's name"]),
            (
                r#"{"type":"a/b","capabilities":{"x/y":1,"ips":true},"ipam":7}"#,
                &[
                    "/type: the type `a/b` has a path separator in it",
                    "/capabilities/x~1y: expected `true` or `false`, found a number",
                    "/ipam: expected an object, found a number",
                ],
            ),
            (
                r#"{"type":"a","capabilities":[],"ipam":{"type":"a/b"}}"#,
                &[
                    "/capabilities: expected an object such as `{\"ips\": true}`, found a list",
                    "/ipam/type: the type `a/b` has a path separator in it",
                ],
            ),
            (
                r#"{"type":"a","ipam":{"type":[]}}"#,
                &["/ipam/type: expected the name of a plugin, found a list"],
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).unwrap_err(), *expected, "{text}");
        }
        for text in [r#"{"type":"a","capabilities":null,"ipam":null}"#, r#"{"type":"a","ipam":{}}"#] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn types_that_a_plugin_runs_itself_are_found() {
        let conf = parse(
            r#"{"type":"flannel","name":"f","ipam":{"type":"host-local"},
                "delegate":{"type":"bridge","ipam":{"type":"dhcp"}},
                "delegates":[null,{"plugins":[{"type":"ptp","delegate":{"type":"x"}}]}]}"#,
        )
        .unwrap();
        assert_eq!(conf.plugin_type(), "flannel");
        assert_eq!(conf.ipam_type().as_deref(), Some("host-local"));
        assert_eq!(conf.nested_types(), ["bridge", "dhcp", "ptp", "x"]);
        assert_eq!((conf.name().as_deref(), conf.cni_version()), (Some("f"), None));
    }

    #[test]
    fn only_true_capabilities_count() {
        let conf = parse(r#"{"type":"a","capabilities":{"ips":true,"mac":false,"dns":true}}"#).unwrap();
        assert_eq!(conf.capabilities(), ["ips", "dns"]);
    }
}
