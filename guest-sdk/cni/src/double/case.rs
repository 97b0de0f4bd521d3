//! Cases as data.

use std::fs;
use std::path::Path;

use multus_guest::{Attachment, CniResult, Failure, Plugin};
use serde_json::{Value, json};

use super::Double;

/// One case.
#[derive(Debug)]
pub struct Case {
    /// File and `what`, for messages.
    pub name: String,
    /// The members.
    pub members: Value,
}

/// The cases of a component, in the order of their files.
///
/// # Panics
/// If there are none, or one can't be read.
pub fn cases(folder: &str) -> Vec<Case> {
    let folder = Path::new(folder).join("cases");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|file| of_file(file)).collect();
    assert!(!cases.is_empty(), "{} has no cases", folder.display());
    cases
}

fn of_file(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap();
    let list: Vec<Value> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let case =
        |members: Value| Case { name: format!("{name}: {}", members["what"].as_str().unwrap()), members };
    list.into_iter().map(case).collect()
}

/// An attachment with these arguments.
pub fn attachment(args: &str) -> Attachment {
    Attachment {
        container_id: "c1".into(),
        interface_name: "eth0".into(),
        network: "team/lan".into(),
        index: 0,
        default_network: true,
        pod: None,
        context: json!({ "args": args }).to_string(),
    }
}

impl Case {
    /// The conf.
    pub fn conf(&self) -> Plugin {
        self.members["conf"].as_object().unwrap().clone()
    }

    /// The attachment.
    pub fn attachment(&self) -> Attachment {
        attachment(self.members["args"].as_str().unwrap_or_default())
    }

    /// The result of the plugin before.
    ///
    /// # Panics
    /// If the case's is none.
    pub fn prev(&self) -> Option<CniResult> {
        self.members.get("prev").map(|prev| serde_json::from_value(prev.clone()).expect("a result"))
    }

    /// Runs a delegate against the double, and compares.
    ///
    /// # Panics
    /// If anything differs from what the case says.
    pub fn run(&self, add: impl Fn(&Double, &Attachment, &Plugin) -> Result<CniResult, Failure>) {
        let host = Double::of(&self.members);
        let outcome = add(&host, &self.attachment(), &self.conf());
        let calls = host.calls();
        if let Some(expected) = self.members.get("calls") {
            assert_eq!(json!(calls), *expected, "{}: {outcome:?}", self.name);
        }
        self.compare(outcome);
    }

    /// Compares an answer with the case's.
    ///
    /// # Panics
    /// If it differs.
    pub fn compare(&self, outcome: Result<CniResult, Failure>) {
        let name = &self.name;
        match (outcome, self.members.get("failure")) {
            (Ok(result), None) => {
                let mut result = json!(result);
                result.as_object_mut().unwrap().remove("cniVersion");
                assert_eq!(result, self.members["result"], "{name}: {result}");
            }
            (Ok(result), Some(_)) => panic!("{name}: this was to fail: {}", json!(result)),
            (Err(failure), None) => panic!("{name}: {failure:?}"),
            (Err(failure), Some(expected)) => {
                assert_eq!(u64::from(failure.code), expected["code"], "{name}: {failure:?}");
                for words in expected["says"].as_array().unwrap() {
                    assert!(failure.message.contains(words.as_str().unwrap()), "{name}: {failure:?}");
                }
            }
        }
    }
}
