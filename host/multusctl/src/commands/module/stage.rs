//! Where fixtures are tried: the plugin's own sandbox, in a folder that is gone afterwards.

use anyhow::{Context, anyhow};
use multus_compile::{Installation, NewModule, explaining_sandbox, needed_grants};
use multus_document::Problem;
use multus_fixtures::{Answer, Claims, Fixture, Given, Work};
use multus_wasm::{Catalog, Fault, Frame, LogLine, ModuleError, Role, Sandbox, Used, lock_path};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::compiler::CompileOptions;
use super::lent::{self, Lent};
use super::subject::{Tried, role_of};

/// The module's name in the catalogs made here, so in messages.
const NAME: &str = "tried";

/// A component, installed as on a node.
pub(super) struct Stage<'a> {
    installation: Installation,
    tried: &'a Tried,
    /// What a delegate needs to be loaded.
    grants: Map<String, Value>,
    digest: String,
    /// Of the artifact, in bytes.
    pub(super) artifact: u64,
    _folder: TempDir,
}

/// A call that is over.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    pub(super) log: Vec<LogLine>,
    pub(super) used: Used,
    /// Where it crashed, the innermost function first.
    pub(super) trace: Vec<Frame>,
    /// What the host was asked to do by a delegate.
    pub(super) calls: Vec<String>,
    /// What is claimed then.
    pub(super) leases: Claims,
}

impl<'a> Stage<'a> {
    /// Installs the component for a role.
    ///
    /// # Errors
    /// What a node would refuse, too.
    pub(super) fn new(tried: &'a Tried, role: Role) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("can't make a folder to try the module in")?;
        let below = |name: &str| folder.path().join(name);
        let installation = Installation {
            catalog: below("catalog.json"),
            module_dir: below("modules"),
            cache_dir: below("cache"),
            compiler: CompileOptions::default().compiler(),
        };
        let grants = lent::grants(&needed_grants(&tried.component)?);
        let entry = if role == Role::Delegate { grants.clone() } else { Map::new() };
        let module = NewModule { name: NAME, role, component: &tried.component, entry: &entry };
        let compiled = installation.add_to_try(&module)?;
        let (digest, artifact) = (compiled.component.to_string(), compiled.size);
        Ok(Self { installation, tried, grants, digest, artifact, _folder: folder })
    }

    /// The sandbox for a fixture: nothing is loaded yet.
    ///
    /// # Errors
    /// Settings, limits or `mayChange` that no catalog could have.
    pub(super) fn sandbox(&self, fixture: &Fixture) -> anyhow::Result<Sandbox> {
        let catalog = self.catalog(fixture)?;
        Ok(Sandbox::open(catalog, &lock_path(&self.installation.catalog), &self.installation.cache_dir)?)
    }

    /// Asks the module once, on an engine and an instance of its own. If it crashes or runs past a limit, it is asked
    /// again on an engine that says where: transforms and policies are functions, so it ends at the same place.
    ///
    /// # Errors
    /// As [`Stage::sandbox`].
    pub(super) fn call(&self, fixture: &Fixture) -> anyhow::Result<Outcome> {
        let sandbox = self.sandbox(fixture)?;
        let lent = Lent::of(&fixture.given);
        let asked = ask(&sandbox, &fixture.given, &lent);
        let (calls, leases) = (lent.calls(), lent.leases());
        match asked {
            Ok(outcome) => Ok(Outcome { calls, leases, ..outcome }),
            Err(error) => {
                let trace = if is_crash(&error.fault) { self.explain(fixture) } else { Vec::new() };
                let answer = Answer::Failure { code: error.code(), message: error.fault.to_string() };
                Ok(Outcome { answer, log: error.log, used: error.used, trace, calls, leases })
            }
        }
    }

    /// Nothing if it can't be found out: the answer itself is known already.
    fn explain(&self, fixture: &Fixture) -> Vec<Frame> {
        let sandbox = self
            .catalog(fixture)
            .ok()
            .and_then(|catalog| explaining_sandbox(catalog, NAME, &self.tried.explained).ok());
        sandbox
            .and_then(|sandbox| ask(&sandbox, &fixture.given, &Lent::of(&fixture.given)).err())
            .map(|error| error.trace)
            .unwrap_or_default()
    }

    fn catalog(&self, fixture: &Fixture) -> anyhow::Result<Catalog> {
        let role = role_of(fixture);
        let mut entry = fixture.given.entry.clone();
        entry.insert("role".to_owned(), role.name().into());
        entry.insert("digest".to_owned(), self.digest.clone().into());
        if role == Role::Delegate && !entry.contains_key("grants") {
            entry.extend(self.grants.clone());
        }
        if role == Role::Transform {
            entry.entry("mayChange").or_insert_with(|| json!([]));
        }
        let mut catalog = json!({ "modules": { NAME: entry } });
        if let (Some(key), Some(root)) = (role.order_key(), catalog.as_object_mut()) {
            root.insert(key.to_owned(), json!([NAME]));
        }
        Catalog::from_value(&catalog).map_err(|problems| refused(fixture, &problems))
    }
}

/// The problem's place is one in a catalog that nobody wrote: its entry's members stand in the fixture.
fn refused(fixture: &Fixture, problems: &[Problem]) -> anyhow::Error {
    let prefix = format!("/modules/{NAME}");
    let words = |problem: &Problem| {
        let pointer = problem.pointer.strip_prefix(&prefix).unwrap_or(&problem.pointer);
        let place = fixture.origin.place(pointer);
        format!("{place}: {}", Problem { pointer: pointer.to_owned(), ..problem.clone() })
    };
    anyhow!(problems.iter().map(words).collect::<Vec<_>>().join("\n"))
}

/// One call on a sandbox.
///
/// # Errors
/// The module gave no answer that could be used.
pub(super) fn ask(sandbox: &Sandbox, given: &Given, lent: &Lent) -> Result<Outcome, ModuleError> {
    let attachment = &lent::attachment(&given.attachment);
    let (trace, calls, leases) = (Vec::new(), Vec::new(), Claims::new());
    let done = |answer, log, used| Outcome { answer, log, used, trace, calls, leases };
    match &given.work {
        Work::Transform(plugin) => {
            let transformed = sandbox.transform(NAME, attachment, plugin)?;
            let answer = Answer::Plugin { plugin: transformed.plugin, changed: transformed.changed };
            Ok(done(answer, transformed.log, transformed.used))
        }
        Work::Policy(plugins) => {
            let review = sandbox.review(NAME, attachment, plugins)?;
            Ok(done(Answer::Verdict(lent::verdict(review.verdict)), review.log, review.used))
        }
        Work::Delegate { config, before, .. } => {
            let before = before.as_ref().map(Value::to_string);
            let (config, node) = (config.to_string(), lent.node());
            let done_by = sandbox.delegate(NAME, attachment, &config, before.as_deref(), node)?;
            // It was checked to be an object.
            let result = done_by.result.and_then(|text| serde_json::from_str(&text).ok());
            Ok(done(Answer::Result(result), done_by.log, done_by.used))
        }
    }
}

/// Whether there is a place in the module where it ended against its will.
fn is_crash(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Trap { .. } | Fault::Stack | Fault::Time { .. } | Fault::Memory { .. } | Fault::Table { .. }
    )
}
