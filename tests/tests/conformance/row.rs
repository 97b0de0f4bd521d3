//! One row: named checks, each of which passes, fails or does not apply.

use multus_tests::{Checks, Node, Pod};
use serde_json::{Value, json};

use crate::subject::Subject;

/// The checks of a row, and how they went.
pub(crate) struct Row<'a> {
    subject: &'a Subject,
    checks: Checks,
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
        let passed = found.close(id, title);
        assert!(passed || !subject.is_multus(), "{id}:\n{found}");
    }

    /// Runs all checks.
    pub(crate) fn judge(subject: &Subject, checks: fn(&mut Row<'_>)) -> Checks {
        let mut row = Row { subject, checks: Checks::default() };
        checks(&mut row);
        row.checks
    }

    /// A check of any plugin.
    pub(crate) fn check(&mut self, name: impl Into<String>, check: impl FnOnce(&Case<'_>)) {
        let case = Case { subject: self.subject, node: self.subject.node() };
        self.checks.check(name, || check(&case));
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
            self.checks.leave_out(name, why);
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
