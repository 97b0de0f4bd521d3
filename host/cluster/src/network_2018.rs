//! The objects and the annotation of the 2018 README (`multus.md` 7.2).

use multus_document::{Object, Pointer, Problem, json};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::fields::Fields;
use crate::object::Network2018;
use crate::selection::{network_name_problem, syntax_problem};

impl Network2018 {
    /// The CNI configuration that the object stands for: `args` with `plugin` as its `type`. Upstream spliced
    /// the texts; here `args` is read, as a list of exactly one object or as one object.
    ///
    /// # Errors
    /// What is wrong with `args`.
    pub fn config(&self) -> Result<Object, Problem> {
        let mut object = one_object(&self.args)?;
        match object.get("type") {
            Some(kind) if kind != self.plugin.as_str() => {
                let message = format!("a `type` {kind} stands beside the plugin `{}`", self.plugin);
                return Err(Problem::new("/args", message).advise("take `type` out, `plugin` says it"));
            }
            _ => object.set("type", &Value::from(self.plugin.as_str())),
        }
        // It was put there by upstream for itself, and plugins saw it.
        object.remove("masterplugin");
        Ok(object)
    }
}

fn one_object(args: &str) -> Result<Object, Problem> {
    let at = "/args";
    let advice = "write `[ { … } ]` with the plugin's configuration";
    let syntax = |error| syntax_problem(&error).below(at);
    match json::parse(args.as_bytes()).map_err(syntax)? {
        Value::Object(_) => Object::parse(args.as_bytes()).map_err(syntax),
        Value::Array(items) => {
            let texts: Vec<Box<RawValue>> = json::parse(args.as_bytes()).map_err(syntax)?;
            match texts.as_slice() {
                [text] => Object::parse(text.get().as_bytes())
                    .map_err(|error| Problem::new(at, error.message).advise(advice)),
                _ => Err(Problem::new(at, format!("{} objects, expected exactly one", items.len()))
                    .advise("one Network is one network: make an object of kind Network for each")),
            }
        }
        other => {
            let message = format!("expected a list of one object, found {}", json::kind(&other));
            Err(Problem::new(at, message).advise(advice))
        }
    }
}

/// Reads the pod annotation `networks` of 2018: a JSON list of objects with a `name`, the default network
/// first. There is at least one.
///
/// # Errors
/// Every problem, with pointers like `/0/name`.
pub fn parse_annotation_2018(text: &str) -> Result<Vec<String>, Vec<Problem>> {
    let whole: Value = json::parse(text.as_bytes()).map_err(|error| vec![syntax_problem(&error)])?;
    let Value::Array(items) = whole else {
        let message = format!("expected a list of objects, found {}", json::kind(&whole));
        return Err(vec![Problem::new("", message).advise("write `[ { \"name\": \"…\" } ]`")]);
    };
    let mut problems = Vec::new();
    if items.is_empty() {
        let problem = Problem::new("", "the list names no network, so there is no default one");
        problems.push(problem.advise("name one, or remove the annotation"));
    }
    let names = items.iter().enumerate();
    let names = names.map(|(index, item)| name(item, Pointer::root().key(index), &mut problems)).collect();
    if problems.is_empty() { Ok(names) } else { Err(problems) }
}

fn name(item: &Value, at: Pointer, problems: &mut Vec<Problem>) -> String {
    let Some(mut fields) = Fields::of(item, at, problems) else { return String::new() };
    fields.only(&["name"]);
    if fields.value("name").is_none() {
        fields.refuse("name", "`name` is missing", "name an object of kind Network");
    }
    let name = fields.text("name").unwrap_or_default();
    if let Some(problem) = network_name_problem(name, fields.place("name")).filter(|_| !name.is_empty()) {
        fields.add(problem);
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config(args: &str) -> Result<String, String> {
        let object = Network2018 { plugin: "sriov".into(), args: args.into(), ..Network2018::default() };
        object.config().map(|object| object.to_string()).map_err(|problem| problem.message)
    }

    /// Upstream panicked on the second and third, lost a brace of the fourth, ran the fifth's second object.
    #[test]
    fn args_are_read_not_spliced() {
        let rows = [
            (r#"[ {"if0": "eth2", "vlan": 2.10} ]"#, Ok(r#"{"if0":"eth2","vlan":2.10,"type":"sriov"}"#)),
            ("[{}]", Ok(r#"{"type":"sriov"}"#)),
            ("[1]", Err("expected a JSON object, found a number")),
            (r#"{"if0": "eth2"}"#, Ok(r#"{"if0":"eth2","type":"sriov"}"#)),
            (r#"[{"a": 1}, {"b": 2}]"#, Err("2 objects, expected exactly one")),
            ("[]", Err("0 objects")),
            ("", Err("not valid JSON")),
            ("[{\"a\": }]", Err("not valid JSON at line 1, column")),
            ("\"a\"", Err("found a string")),
            (r#"[{"type": "sriov"}]"#, Ok(r#"{"type":"sriov"}"#)),
            (r#"[{"type": "sh"}]"#, Err("beside the plugin `sriov`")),
            (r#"[{"masterplugin": true, "a": 1}]"#, Ok(r#"{"a":1,"type":"sriov"}"#)),
        ];
        for (args, expected) in rows {
            match (config(args), expected) {
                (Ok(found), Ok(text)) => assert_eq!(found, text, "{args}"),
                (Err(found), Err(words)) => assert!(found.contains(words), "{args}: {found}"),
                (found, _) => panic!("{args}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_annotation_names_objects() {
        assert_eq!(parse_annotation_2018(r#"[ {"name": "a"}, {"name": "b"} ]"#).unwrap(), ["a", "b"]);
        let rows: &[(&str, &[&str])] = &[
            ("[]", &[""]),
            ("a,b", &[""]),
            (r#"{"name": "a"}"#, &[""]),
            (r#"[5, {}, {"name": 5}, {"name": ""}]"#, &["/0", "/1/name", "/2/name", "/3/name"]),
            (r#"[{"name": "A"}, {"name": "a", "interface": "x"}]"#, &["/0/name", "/1/interface"]),
        ];
        for (text, expected) in rows {
            let problems = parse_annotation_2018(text).unwrap_err();
            let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
            assert_eq!(places, *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-a-z0-9{}\\[\\]\": ,\\\\\u{e9}\n]{0,60}") {
            if let Ok(object) = config(&text) {
                prop_assert!(object.ends_with(r#""type":"sriov"}"#), "{}", object);
            }
            if let Ok(names) = parse_annotation_2018(&text) {
                prop_assert!(!names.is_empty() && names.iter().all(|name| crate::name::is_subdomain(name)));
            }
        }
    }
}
