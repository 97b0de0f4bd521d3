//! A whole network configuration: a single one or a list (CNI-11 to CNI-13).

use multus_document::{Object, Pointer, Problem};
use serde_json::Value;
use serde_json::value::RawValue;

use super::plugin::PluginConf;
use super::{string, wrong_kind};
use crate::error::Code;
use crate::names;
use crate::version::{self, Version};

/// A network: its name and version, and its plugins in the order in which ADD runs them.
#[derive(Debug, Clone)]
pub struct NetworkConf {
    /// The network's name, injected where the author gave none.
    pub name: String,
    /// The version that plugins are spoken to in.
    pub cni_version: Version,
    /// Written as one plugin's configuration, not as a list.
    pub single: bool,
    /// `disableCheck`: CHECK is never run.
    pub disable_check: bool,
    /// `disableGC`: GC is never run.
    pub disable_gc: bool,
    /// At least one.
    pub plugins: Vec<PluginConf>,
    /// The configuration exactly as given.
    pub source: Object,
}

impl NetworkConf {
    /// Reads a configuration or a list. A `type` makes it a single one, as upstream decides it.
    ///
    /// A missing `name` becomes `default_name` (the definition's name, say). A missing `cniVersion`
    /// becomes `default_version` (the enclosing configuration's: those of the 2018 README have none
    /// of their own), else 0.1.0.
    ///
    /// # Errors
    /// Every problem at once, with pointers into the object.
    pub fn parse(
        object: &Object,
        default_name: Option<&str>,
        default_version: Option<&str>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let single = string(object, "type", &mut Vec::new()).is_some() || !object.contains("plugins");
        let name = name(object, default_name, &mut problems);
        let cni_version = cni_version(object, default_version, &mut problems);
        let inline_only = flag(object, "loadOnlyInlinedPlugins", &mut problems);
        let disable_check = flag(object, "disableCheck", &mut problems);
        let disable_gc = flag(object, "disableGC", &mut problems);
        let plugins = if single {
            single_plugin(object, inline_only, &mut problems)
        } else {
            listed_plugins(object, &mut problems)
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let source = object.clone();
        Ok(Self { name, cni_version, single, disable_check, disable_gc, plugins, source })
    }
}

fn name(object: &Object, default: Option<&str>, problems: &mut Vec<Problem>) -> String {
    let before = problems.len();
    let written = string(object, "name", problems);
    let (pointer, name) = match written {
        Some(name) => ("/name", name),
        None => ("", default.unwrap_or_default().to_owned()),
    };
    if problems.len() > before {
        return name;
    }
    if name.is_empty() {
        problems.push(Problem::new("", "the network has no `name`").advise("add `\"name\": \"…\"`"));
    } else if let Err(error) = names::check_network_name(&name) {
        problems.push(Problem::new(pointer, error.msg).advise("choose another `name`"));
    }
    name
}

fn cni_version(object: &Object, default: Option<&str>, problems: &mut Vec<Problem>) -> Version {
    let before = problems.len();
    let single = string(object, "cniVersion", problems);
    let many = cni_versions(object, problems);
    if problems.len() > before {
        return Version::V0_1_0;
    }
    let pointer = if single.is_some() {
        "/cniVersion"
    } else if many.is_empty() {
        ""
    } else {
        "/cniVersions"
    };
    let inherited = default.filter(|_| many.is_empty());
    version::negotiate(single.as_deref().or(inherited), &many).unwrap_or_else(|error| {
        let advice =
            if error.is(Code::IncompatibleVersion) { error.details } else { "write 1.0.0, say".to_owned() };
        problems.push(Problem::new(pointer, error.msg).advise(advice));
        Version::V0_1_0
    })
}

fn cni_versions(object: &Object, problems: &mut Vec<Problem>) -> Vec<String> {
    let at = Pointer::root().key("cniVersions");
    let list = match object.get("cniVersions") {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(other) => {
            problems.push(wrong_kind(at.as_str(), &other, "a list of strings"));
            return Vec::new();
        }
    };
    let mut versions = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        match value {
            Value::String(text) => versions.push(text),
            other => problems.push(wrong_kind(at.key(index).as_str(), &other, "a string")),
        }
    }
    versions
}

/// `true`, `false`, or the same in quotes (CNI-13).
fn flag(object: &Object, key: &str, problems: &mut Vec<Problem>) -> bool {
    match object.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => false,
        Some(other) => {
            let message = format!("expected `true` or `false`, found {other}");
            problems.push(Problem::new(format!("/{key}"), message).advise("write `true` or `false`"));
            false
        }
    }
}

fn single_plugin(object: &Object, inline_only: bool, problems: &mut Vec<Problem>) -> Vec<PluginConf> {
    if !object.contains("type") {
        let (message, advice) = if inline_only {
            ("`loadOnlyInlinedPlugins` is set, but there are no `plugins`", "list them in `plugins`")
        } else {
            (
                "there is neither a `type` nor a list of `plugins`",
                "add one of them; plugins are not read from folders",
            )
        };
        problems.push(Problem::new("", message).advise(advice));
        return Vec::new();
    }
    PluginConf::parse(object.clone()).map_err(|found| problems.extend(found)).into_iter().collect()
}

fn listed_plugins(object: &Object, problems: &mut Vec<Problem>) -> Vec<PluginConf> {
    let at = Pointer::root().key("plugins");
    let Some(list) = object.read::<Vec<Box<RawValue>>>("plugins") else {
        let found = object.get("plugins").unwrap_or_default();
        problems.push(wrong_kind(at.as_str(), &found, "a list of plugin configurations"));
        return Vec::new();
    };
    if list.is_empty() {
        problems.push(
            Problem::new(at.as_str(), "the list of plugins is empty").advise("add at least one plugin"),
        );
    }
    let mut plugins = Vec::new();
    for (index, text) in list.iter().enumerate() {
        let at = at.key(index);
        match listed_plugin(text) {
            Ok(plugin) => plugins.push(plugin),
            Err(found) => problems.extend(found.into_iter().map(|problem| problem.below(at.as_str()))),
        }
    }
    plugins
}

fn listed_plugin(text: &RawValue) -> Result<PluginConf, Vec<Problem>> {
    let object: Object = serde_json::from_str(text.get()).map_err(|_| {
        let found = serde_json::from_str(text.get()).unwrap_or_default();
        vec![wrong_kind("", &found, "a plugin's configuration")]
    })?;
    PluginConf::parse(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<NetworkConf, Vec<String>> {
        NetworkConf::parse(&Object::parse(text.as_bytes()).unwrap(), None, None)
            .map_err(|problems| problems.iter().map(|p| format!("{}: {}", p.pointer, p.message)).collect())
    }

    #[test]
    fn cni_11_single_confs_and_lists() {
        let rows: &[(&str, bool, &[&str])] = &[
            (r#"{"name":"n","type":"a"}"#, true, &["a"]),
            (r#"{"name":"n","plugins":[{"type":"a"},{"type":"b"}]}"#, false, &["a", "b"]),
            (r#"{"name":"n","type":"","plugins":[{"type":"a"}]}"#, false, &["a"]),
            (r#"{"name":"n","type":"meta","plugins":[null]}"#, true, &["meta"]),
            (r#"{"name":"n","loadOnlyInlinedPlugins":true,"plugins":[{"type":"a"}]}"#, false, &["a"]),
        ];
        for (text, single, types) in rows {
            let conf = parse(text).unwrap();
            let found: Vec<&str> = conf.plugins.iter().map(PluginConf::plugin_type).collect();
            assert_eq!((conf.single, found.as_slice()), (*single, *types), "{text}");
            assert_eq!(conf.source.to_string(), *text, "kept as given");
        }
    }

    #[test]
    fn cni_12_and_the_2018_confs_that_have_no_version() {
        let rows = [
            (r#"{"type":"a"}"#, None, "0.1.0"),
            (r#"{"type":"a"}"#, Some("0.3.1"), "0.3.1"),
            (r#"{"type":"a","cniVersion":""}"#, Some("0.3.1"), "0.3.1"),
            (r#"{"type":"a","cniVersion":"0.2.0"}"#, Some("0.3.1"), "0.2.0"),
            (r#"{"type":"a","cniVersions":["0.4.0","9.0.0"]}"#, Some("1.1.0"), "0.4.0"),
        ];
        for (text, default, expected) in rows {
            let object = Object::parse(text.as_bytes()).unwrap();
            let conf = NetworkConf::parse(&object, Some("given"), default).unwrap();
            assert_eq!(
                (conf.name.as_str(), conf.cni_version.to_string().as_str()),
                ("given", expected),
                "{text}"
            );
        }
    }

    #[test]
    fn cni_13_flags_may_be_quoted() {
        let rows = [
            ("true", Some(true)),
            ("false", Some(false)),
            ("\"true\"", Some(true)),
            ("\"False\"", Some(false)),
            ("null", Some(false)),
            ("\"yes\"", None),
            ("1", None),
        ];
        for (value, expected) in rows {
            for key in ["disableCheck", "disableGC"] {
                let text = format!(r#"{{"name":"n","{key}":{value},"plugins":[{{"type":"a"}}]}}"#);
                let found = parse(&text);
                let flag = found.as_ref().ok().map(|c| c.disable_check || c.disable_gc);
                assert_eq!(flag, expected, "{text}");
                if let Err(problems) = found {
                    assert_eq!(problems, [format!("/{key}: expected `true` or `false`, found {value}")]);
                }
            }
        }
    }

    #[test]
    fn every_problem_has_its_place() {
        let rows: &[(&str, &[&str])] = &[
            ("{}", &[": the network has no `name`", ": there is neither a `type` nor a list of `plugins`"]),
            (r#"{"name":"n","plugins":[]}"#, &["/plugins: the list of plugins is empty"]),
            (
                r#"{"name":"n","plugins":{}}"#,
                &["/plugins: expected a list of plugin configurations, found an object"],
            ),
            (
                r#"{"name":"n","plugins":null}"#,
                &["/plugins: expected a list of plugin configurations, found null"],
            ),
            (
                r#"{"name":"n","loadOnlyInlinedPlugins":"true"}"#,
                &[": `loadOnlyInlinedPlugins` is set, but there are no `plugins`"],
            ),
            (
                r#"{"name":"a b","cniVersion":7,"plugins":[null,{"type":"a"},{"type":"/b"},7]}"#,
                &[
                    "/name: the network name `a b` may only have letters, digits, `_`, `.` and `-` in it",
                    "/cniVersion: expected a string, found a number",
                    "/plugins/0: expected a plugin's configuration, found null",
                    "/plugins/2/type: the type `/b` has a path separator in it",
                    "/plugins/3: expected a plugin's configuration, found a number",
                ],
            ),
            (
                r#"{"name":5,"cniVersion":"7.0.0","type":"a"}"#,
                &[
                    "/name: expected a string, found a number",
                    "/cniVersion: CNI version 7.0.0 is not supported",
                ],
            ),
            (
                r#"{"name":"n","cniVersions":["1.0.0",1],"type":"a"}"#,
                &["/cniVersions/1: expected a string, found a number"],
            ),
            (
                r#"{"name":"n","cniVersions":"1.0.0","type":"a"}"#,
                &["/cniVersions: expected a list of strings, found a string"],
            ),
            (
                r#"{"name":"n","cniVersions":["x"],"type":"a"}"#,
                &["/cniVersions: `x` is not a version such as 1.0.0"],
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).unwrap_err(), *expected, "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z/.]{0,4}|1\\.0\\.0|true".prop_map(Value::from),
        ];
        let keys = "type|name|plugins|cniVersion|cniVersions|capabilities|ipam|disableCheck|delegates|x";
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((keys, inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_is_read_or_refused(value in json()) {
            let Some(object) = Object::from_value(&value) else { return Ok(()) };
            match NetworkConf::parse(&object, Some("given"), None) {
                Ok(conf) => {
                    prop_assert!(!conf.plugins.is_empty());
                    prop_assert_eq!(conf.source.to_value(), value);
                }
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    for problem in problems {
                        prop_assert!(value.pointer(&problem.pointer).is_some(), "{} in {}", problem, value);
                    }
                }
            }
        }
    }
}
