//! One row: named checks, each of which passes, fails or does not apply.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::PathBuf;

use multus_tests::{Node, Pod};
use serde_json::{Value, json};

use crate::subject::Subject;

/// The checks of a row, and how they went.
pub(crate) struct Row<'a> {
    subject: &'a Subject,
    found: Vec<(String, Outcome)>,
}

/// How a check went.
#[derive(Debug)]
pub(crate) enum Outcome {
    Pass,
    Fail(String),
    /// It does not apply to this plugin or machine.
    LeftOut(&'static str),
}

/// What one check works with: a node of its own.
pub(crate) struct Case<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) node: Node,
}

impl Row<'_> {
    /// Runs all checks of a row, writes them down, and fails if one did, unless the plugin is not ours.
    pub(crate) fn run(id: &str, title: &str, subject: &Subject, checks: fn(&mut Row<'_>)) {
        let found = Row::judge(subject, checks);
        write_down(id, title, &found);
        let failed: Vec<_> =
            found.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Fail(_))).collect();
        let verdict = if failed.is_empty() { "pass" } else { "FAIL" };
        println!("{id} {title:.<50} {verdict}");
        assert!(failed.is_empty() || !subject.is_multus(), "{id}: {failed:#?}");
    }

    /// Runs all checks.
    pub(crate) fn judge(subject: &Subject, checks: fn(&mut Row<'_>)) -> Vec<(String, Outcome)> {
        let mut row = Row { subject, found: Vec::new() };
        checks(&mut row);
        row.found
    }

    /// A check of any plugin.
    pub(crate) fn check(&mut self, name: impl Into<String>, check: impl FnOnce(&Case<'_>)) {
        let case = Case { subject: self.subject, node: self.subject.node() };
        // A check that fails is a line in the table, with its own words.
        let hook = take_hook();
        set_hook(Box::new(|_| {}));
        let result = catch_unwind(AssertUnwindSafe(|| check(&case)));
        set_hook(hook);
        let outcome = match result {
            Ok(()) => Outcome::Pass,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Outcome::Fail(text.unwrap_or_default())
            }
        };
        self.found.push((name.into(), outcome));
    }

    /// A check of what only multus has to do.
    pub(crate) fn of_multus(&mut self, name: &str, check: impl FnOnce(&Case<'_>)) {
        self.unless(!self.subject.is_multus(), "applies to multus only", name, check);
    }

    /// A check that looks at links.
    pub(crate) fn of_links(&mut self, name: &str, check: impl FnOnce(&Case<'_>)) {
        self.unless(!self.subject.makes_links(), "no plugin here that makes links", name, check);
    }

    /// A check of a verb that came with a version of CNI.
    pub(crate) fn from(&mut self, version: &str, name: &str, check: impl FnOnce(&Case<'_>)) {
        let speaks = self.subject.versions().iter().any(|spoken| spoken == version);
        self.unless(!speaks, "came with a later version than the plugin speaks", name, check);
    }

    /// A check that some plugins can't be asked.
    pub(crate) fn unless(&mut self, not: bool, why: &'static str, name: &str, check: impl FnOnce(&Case<'_>)) {
        if not {
            self.found.push((name.to_owned(), Outcome::LeftOut(why)));
        } else {
            self.check(name, check);
        }
    }

    /// The plugin that is judged.
    pub(crate) fn subject(&self) -> &Subject {
        self.subject
    }
}

impl Case<'_> {
    /// A new pod.
    pub(crate) fn pod(&self) -> Pod {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static PODS: AtomicUsize = AtomicUsize::new(0);
        self.node.pod(&format!("pod{}", PODS.fetch_add(1, Ordering::Relaxed)))
    }

    /// A conf for the plugin that works, in a version.
    pub(crate) fn conf_in(&self, version: &str) -> Value {
        self.subject.conf(&self.node, version)
    }

    /// The same in the newest version that the plugin speaks.
    pub(crate) fn conf(&self) -> Value {
        self.conf_in(self.subject.newest())
    }

    /// A conf of multus with recording delegates of these types: a network each.
    pub(crate) fn recording(&self, delegates: &[(&str, Value)]) -> Value {
        let delegates = delegates.iter().map(|(name, further)| self.delegate(name, further));
        self.node.conf(Value::Array(delegates.collect()))
    }

    /// The conf of one recording delegate, installed under this name, with further keys.
    pub(crate) fn delegate(&self, name: &str, further: &Value) -> Value {
        if !self.node.bin_dir().join(name).exists() {
            self.node.install(name, multus_tests::RECORDING);
        }
        let conf =
            json!({ "cniVersion": "1.1.0", "name": name, "type": name, "recording": self.node.recording() });
        with(&conf, further)
    }
}

/// An object with further members, which replace those of the same name.
pub(crate) fn with(conf: &Value, further: &Value) -> Value {
    let mut conf = conf.clone();
    let members = conf.as_object_mut().expect("a conf is an object");
    members.extend(further.as_object().expect("members").clone());
    conf
}

fn write_down(id: &str, title: &str, found: &[(String, Outcome)]) {
    let Some(folder) = std::env::var_os("MULTUS_CONFORMANCE").map(PathBuf::from) else { return };
    let checks = found.iter().map(|(name, outcome)| match outcome {
        Outcome::Pass => json!({ "name": name, "outcome": "pass" }),
        Outcome::Fail(why) => json!({ "name": name, "outcome": "fail", "why": why }),
        Outcome::LeftOut(why) => json!({ "name": name, "outcome": "left-out", "why": why }),
    });
    let row = json!({ "id": id, "title": title, "checks": checks.collect::<Vec<_>>() });
    std::fs::write(folder.join(format!("{id}.json")), row.to_string()).expect("the table's folder is there");
}
