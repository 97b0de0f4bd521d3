//! Files that a transform gets the text of, as options.

use anyhow::bail;
use clap::Args;
use multus_wasm::{Input, Module, Role};
use serde_json::{Map, Value, json};

/// What a module reads.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    /// Transforms: a file of the node whose text it gets, under a name that it knows; several of one name are a choice,
    /// and `*` stands for any run of characters between two `/`; may be repeated.
    #[arg(long, value_name = "NAME=PATH", value_parser = named)]
    input: Vec<(String, String)>,
    /// Transforms: the place in a configuration that names which of an input's files is meant; may be repeated.
    #[arg(long, value_name = "NAME=POINTER", value_parser = named)]
    input_from: Vec<(String, String)>,
}

impl Inputs {
    /// Refuses what does not belong to the role, and a choice among nothing, before anything is installed.
    pub(super) fn check(&self, role: Role) -> anyhow::Result<()> {
        if role != Role::Transform && !(self.input.is_empty() && self.input_from.is_empty()) {
            bail!("--input and --input-from belong to transforms, this is a {role}: leave them out");
        }
        let is_given = |name: &str| self.input.iter().any(|(given, _)| given == name);
        if let Some((name, _)) = self.input_from.iter().find(|(name, _)| !is_given(name)) {
            bail!(
                "--input-from {name}=… chooses among the files of an input: name them with --input {name}=…"
            );
        }
        Ok(())
    }

    /// The member `inputs` of the catalog's entry, if there is any; the catalog's reader judges names and values.
    pub(super) fn member(&self) -> Option<Value> {
        let mut inputs = Map::new();
        for (name, _) in &self.input {
            let files: Vec<&String> =
                self.input.iter().filter(|(given, _)| given == name).map(|(_, file)| file).collect();
            let from = self.input_from.iter().rfind(|(given, _)| given == name).map(|(_, from)| from);
            inputs.insert(
                name.clone(),
                match (files.as_slice(), from) {
                    ([file], None) => json!(file),
                    (files, None) => json!({ "file": files }),
                    (files, Some(from)) => json!({ "file": files, "from": from }),
                },
            );
        }
        (!inputs.is_empty()).then_some(Value::Object(inputs))
    }
}

/// The inputs of a module, each as `name=file,file`.
pub(super) fn of(module: &Module) -> Vec<String> {
    module.inputs.iter().map(|(name, input)| format!("{name}={}", input.files().join(","))).collect()
}

/// The same for people who decide on them.
pub(super) fn in_words(module: &Module) -> Vec<String> {
    let words = |(name, input): (&String, &Input)| {
        let from = input.from().map(|from| format!(", the one that {from} names")).unwrap_or_default();
        format!("read as its input `{name}`: {}{from}", input.files().join(", "))
    };
    module.inputs.iter().map(words).collect()
}

fn named(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or("write a name, `=` and a value, as in subnet=/run/flannel/subnet.env")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        inputs: Inputs,
    }

    fn inputs(line: &str) -> Inputs {
        Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap().inputs
    }

    #[test]
    fn options_are_the_member_of_the_entry() {
        let rows = [
            ("", None),
            ("--input a=/run/a", Some(json!({ "a": "/run/a" }))),
            ("--input a=/run/a --input b=/run/b", Some(json!({ "a": "/run/a", "b": "/run/b" }))),
            (
                "--input a=/run/a --input a=/run/a.d/* --input-from a=/file",
                Some(json!({ "a": { "file": ["/run/a", "/run/a.d/*"], "from": "/file" } })),
            ),
        ];
        for (line, expected) in rows {
            assert_eq!(inputs(line).member(), expected, "{line}");
            assert!(inputs(line).check(Role::Transform).is_ok(), "{line}");
        }
    }

    #[test]
    fn other_roles_and_a_choice_among_nothing_are_refused() {
        assert!(inputs("--input a=/run/a").check(Role::Policy).is_err());
        assert!(inputs("").check(Role::Delegate).is_ok());
        assert!(inputs("--input a=/run/a --input-from b=/file").check(Role::Transform).is_err());
        assert!(Line::try_parse_from(["x", "--input", "/run/a"]).is_err());
    }
}
