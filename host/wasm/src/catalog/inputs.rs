//! Files whose text a transform gets, as the operator declared them. It can't open one itself, so what it makes of them
//! stays a function of its arguments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use multus_document::{Object, Pointer};
use serde_json::{Map, Value};

use super::fields::{Reader, wrong_kind};
use super::grants::is_plain_path;
use super::wildcard;
use crate::error::Fault;

/// One declared input: a file, or several of which a plugin's configuration names one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    /// Absolute and plain; a `*` stays between two `/`.
    files: Vec<String>,
    /// Where a configuration names the file, a JSON pointer.
    from: Option<String>,
    /// The file where the configuration names none.
    default: Option<String>,
}

impl Input {
    /// The declared files; in a pattern `*` stands for any run of characters between two `/`.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The place in a plugin's configuration that names one of the files.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// The file that a configuration asks for. Whatever it says, it is one that the operator declared.
    ///
    /// # Errors
    /// The configuration names another file, or none where there is no default.
    pub(crate) fn choose(&self, name: &str, plugin: &Object) -> Result<PathBuf, Fault> {
        let asked = self.from.as_deref().and_then(|from| plugin.to_value().pointer(from).cloned());
        let refuse = |found: String| Fault::UndeclaredInput {
            input: name.to_owned(),
            from: self.from.clone().unwrap_or_default(),
            found,
            declared: self.files.join(", "),
        };
        match (asked, &self.default) {
            (None | Some(Value::Null), Some(default)) => Ok(PathBuf::from(default)),
            (None | Some(Value::Null), None) => Err(refuse("no file".to_owned())),
            (Some(Value::String(path)), _) if self.declares(&path) => Ok(PathBuf::from(path)),
            (Some(other), _) => Err(refuse(other.to_string())),
        }
    }

    fn declares(&self, path: &str) -> bool {
        let declared = |file: &String| wildcard::matches(file, path, Some('/'));
        is_plain_path(path) && self.files.iter().any(declared)
    }
}

impl Reader {
    /// The member `inputs` of a transform.
    pub(super) fn inputs(&mut self, at: &Pointer, members: &Map<String, Value>) -> BTreeMap<String, Input> {
        let Some(value) = members.get("inputs") else { return BTreeMap::new() };
        let at = at.key("inputs");
        let Some(inputs) = self.object(&at, value) else { return BTreeMap::new() };
        inputs.iter().map(|(name, value)| (name.clone(), self.input(&at.key(name), value))).collect()
    }

    /// A path alone, or `{"file": …, "from": …, "default": …}`.
    fn input(&mut self, at: &Pointer, value: &Value) -> Input {
        let mut input = Input::default();
        match value {
            Value::String(file) => input.files = vec![file.clone()],
            Value::Object(members) => {
                self.known_keys(at, members, &["file", "from", "default"]);
                input = self.chosen_input(at, members);
            }
            other => self.problem(at, wrong_kind("a path or an object", other), "write \"/run/…\""),
        }
        for file in &input.files {
            self.input_path(at, file);
        }
        let plain = |file: &&String| !file.contains('*');
        match &input.from {
            None if input.files.len() > 1 || input.files.iter().any(|file| file.contains('*')) => {
                let advice =
                    "add `from`, the place of a configuration that names the file, such as \"/subnetFile\"";
                self.problem(at, "several files, and nothing that chooses one", advice);
            }
            _ if input.default.is_none() => input.default = input.files.iter().find(plain).cloned(),
            _ => {}
        }
        input
    }

    fn chosen_input(&mut self, at: &Pointer, members: &Map<String, Value>) -> Input {
        let files = match members.get("file") {
            Some(Value::String(file)) => vec![file.clone()],
            Some(_) => self.strings(at, members, "file").unwrap_or_default(),
            None => Vec::new(),
        };
        if files.is_empty() {
            self.problem(at, "no `file`", "write the path of a file, or a list of paths");
        }
        let from = self.input_text(at, members, "from");
        if let Some(from) = from.as_ref().filter(|from| !from.starts_with('/')) {
            let advice = "write a JSON pointer such as \"/subnetFile\"";
            self.problem(&at.key("from"), format!("`{from}` is no place in a configuration"), advice);
        }
        let default = self.input_text(at, members, "default");
        let input = Input { files, from, default };
        if let Some(default) =
            input.default.as_ref().filter(|path| path.contains('*') || !input.declares(path))
        {
            let advice = "write a path that `file` has";
            self.problem(&at.key("default"), format!("`{default}` is none of the files"), advice);
        }
        input
    }

    fn input_text(&mut self, at: &Pointer, members: &Map<String, Value>, key: &str) -> Option<String> {
        let value = members.get(key)?;
        if !value.is_string() {
            self.problem(&at.key(key), wrong_kind("a string", value), "write \"/…\", or leave it out");
        }
        value.as_str().map(str::to_owned)
    }

    fn input_path(&mut self, at: &Pointer, file: &str) {
        if !is_plain_path(file) {
            let advice = "write an absolute path without `.`, `..`, or `/` at its end";
            self.problem(at, format!("`{file}` is no plain path"), advice);
        } else if Path::new(file).starts_with("/proc") {
            self.problem(at, format!("`{file}` is no file of the node"), "name a file that a daemon writes");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<Input, Vec<String>> {
        let mut reader = Reader::default();
        let input = reader.input(&Pointer::root(), value);
        let words = |problem: &multus_document::Problem| format!("{}: {}", problem.pointer, problem.message);
        if reader.problems.is_empty() { Ok(input) } else { Err(reader.problems.iter().map(words).collect()) }
    }

    fn flannel() -> Input {
        let files = ["/run/flannel/subnet.env", "/run/flannel/networks/*.env"];
        read(&json!({ "file": files, "from": "/subnetFile" })).unwrap()
    }

    /// The file, or words of the refusal.
    fn chosen(input: &Input, plugin: &Value) -> Result<String, String> {
        let plugin = Object::from_value(plugin).unwrap();
        let path = input.choose("subnet", &plugin).map_err(|fault| fault.to_string())?;
        Ok(path.display().to_string())
    }

    #[test]
    fn a_configuration_chooses_among_what_is_declared() {
        let rows = [
            (json!({}), Some("/run/flannel/subnet.env")),
            (json!({ "subnetFile": null }), Some("/run/flannel/subnet.env")),
            (json!({ "subnetFile": "/run/flannel/subnet.env" }), Some("/run/flannel/subnet.env")),
            (
                json!({ "subnetFile": "/run/flannel/networks/blue.env" }),
                Some("/run/flannel/networks/blue.env"),
            ),
            (json!({ "subnetFile": "/run/flannel/networks/a/b.env" }), None),
            (json!({ "subnetFile": "/run/flannel/networks/../../../etc/x.env" }), None),
            (json!({ "subnetFile": "/run/flannel/networks/*.env" }), Some("/run/flannel/networks/*.env")),
            (json!({ "subnetFile": "/run/flannel//subnet.env" }), None),
            (json!({ "subnetFile": "run/flannel/subnet.env" }), None),
            (json!({ "subnetFile": "/etc/shadow" }), None),
            (json!({ "subnetFile": "" }), None),
            (json!({ "subnetFile": 7 }), None),
        ];
        for (plugin, expected) in rows {
            let found = chosen(&flannel(), &plugin);
            assert_eq!(found.as_deref().ok(), expected, "{plugin}: {found:?}");
            if let Err(said) = found {
                for word in
                    ["`subnet`", "/subnetFile", "/run/flannel/subnet.env, /run/flannel/networks/*.env"]
                {
                    assert!(said.contains(word), "{word} is not in {said}");
                }
            }
        }
    }

    #[test]
    fn one_file_needs_no_choice_and_a_pattern_has_no_default() {
        let one = read(&json!("/run/a.env")).unwrap();
        assert_eq!(chosen(&one, &json!({ "subnetFile": "/etc/shadow" })).unwrap(), "/run/a.env");
        let pattern = read(&json!({ "file": "/run/*.env", "from": "/f" })).unwrap();
        assert!(chosen(&pattern, &json!({})).unwrap_err().contains("names no file"));
        let default = read(&json!({ "file": "/run/*.env", "from": "/f", "default": "/run/b.env" })).unwrap();
        assert_eq!(chosen(&default, &json!({})).unwrap(), "/run/b.env");
    }

    #[test]
    fn each_slip_is_named_where_it_is() {
        let rows = [
            (json!(7), ": expected a path or an object, found a number"),
            (json!("run/a"), ": `run/a` is no plain path"),
            (json!("/run/../etc/a"), ": `/run/../etc/a` is no plain path"),
            (json!("/proc/1/environ"), ": `/proc/1/environ` is no file of the node"),
            (json!("/run/*.env"), ": several files, and nothing that chooses one"),
            (json!({ "file": ["/a", "/b"] }), ": several files, and nothing that chooses one"),
            (json!({ "from": "/f" }), ": no `file`"),
            (json!({ "file": "/a", "form": "/f" }), "/form: unknown key `form`"),
            (json!({ "file": "/a", "from": "f" }), "/from: `f` is no place in a configuration"),
            (json!({ "file": "/a", "from": 7 }), "/from: expected a string, found a number"),
            (json!({ "file": "/a", "from": "/f", "default": "/b" }), "/default: `/b` is none of the files"),
        ];
        for (value, expected) in rows {
            assert_eq!(read(&value).unwrap_err(), [expected], "{value}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_configuration_says_the_file_is_a_declared_one(text in "(/run/flannel/)?(networks/)?[a-z./*]{0,12}(\\.env)?") {
            if let Ok(path) = chosen(&flannel(), &json!({ "subnetFile": text })) {
                let below = path.strip_prefix("/run/flannel/networks/").and_then(|path| path.strip_suffix(".env"));
                prop_assert!(path == "/run/flannel/subnet.env" || below.is_some_and(|name| !name.contains('/')));
            }
        }
    }
}
