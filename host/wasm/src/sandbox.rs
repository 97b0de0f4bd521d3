//! The modules of a node, ready to be asked.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use multus_document::{Change, Object};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::answer::{self, Verdict};
use crate::artifact::Verified;
use crate::attachment::Attachment;
use crate::bindings::types;
use crate::call::{self, Ended, Misfit, Reach};
use crate::catalog::{Catalog, Mode, Module, OnFailure, Role};
use crate::error::{Fault, FileError, ModuleError};
use crate::input;
use crate::lock::Lock;
use crate::log::LogLine;
use crate::runtime::{Exports, Loaded, Runtime};
use crate::trace::Used;
use crate::wasi::Seed;

/// The modules of a catalog. Cheap to open: the engine and each module are made when first needed.
pub struct Sandbox {
    catalog: Catalog,
    lock: Lock,
    cache_dir: PathBuf,
    runtime: OnceLock<Result<Runtime, String>>,
    loaded: Mutex<HashMap<String, Arc<Loaded>>>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("modules", &self.catalog.modules.keys()).finish_non_exhaustive()
    }
}

/// A transform's answer, after `mode`.
#[derive(Debug)]
pub struct Transformed {
    /// The configuration to use from here on; what did not change has its old text.
    pub plugin: Object,
    /// What changed, all of it allowed; empty if nothing did.
    pub changed: Vec<Change>,
    /// What `mode: monitor` left undone: the changes or the failure, to be logged and shown.
    pub let_pass: Option<String>,
    /// The files whose text it was given.
    pub read: Vec<PathBuf>,
    /// What the module logged.
    pub log: Vec<LogLine>,
    /// What the call used.
    pub used: Used,
}

/// A policy's answer, after `mode` and `onFailure`.
#[derive(Debug)]
pub struct Review {
    /// What counts.
    pub verdict: Verdict,
    /// What `mode: monitor` or `onFailure: allow` let pass: the refusal or failure, to be logged and shown.
    pub let_pass: Option<String>,
    /// What the module logged.
    pub log: Vec<LogLine>,
    /// What the call used.
    pub used: Used,
}

impl Sandbox {
    /// Opens the modules of a catalog. Reads `lock` only if the catalog has modules.
    ///
    /// # Errors
    /// A lock that can't be read or trusted. One that does not exist is an empty one: each module then says
    /// how to mend that.
    pub fn open(catalog: Catalog, lock: &Path, cache_dir: &Path) -> Result<Self, FileError> {
        let lock = if catalog.modules.is_empty() { Lock::default() } else { Lock::load(lock)? };
        Ok(Self {
            catalog,
            lock,
            cache_dir: cache_dir.to_owned(),
            runtime: OnceLock::new(),
            loaded: Mutex::default(),
        })
    }

    /// Modules that were compiled in this process for an engine of its own ([`crate::explaining_config`]), by their
    /// names in the catalog: nothing is read from disk. For whoever writes them; others are not there.
    ///
    /// # Errors
    /// A component that does not fit the role that the catalog says.
    pub fn of_compiled(
        catalog: Catalog,
        engine: Engine,
        components: &[(&str, Component)],
    ) -> Result<Self, ModuleError> {
        let mut loaded = HashMap::new();
        let runtime = Runtime::on(engine);
        for (name, component) in components {
            let Some(module) = catalog.modules.get(*name) else { continue };
            let linked = runtime.link(component, module).map_err(|fault| ModuleError::new(name, fault))?;
            loaded.insert((*name).to_owned(), Arc::new(linked));
        }
        Ok(Self {
            catalog,
            lock: Lock::default(),
            cache_dir: PathBuf::new(),
            runtime: OnceLock::from(Ok(runtime)),
            loaded: Mutex::new(loaded),
        })
    }

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The transforms, in the order in which they work.
    pub fn transforms(&self) -> &[String] {
        &self.catalog.transforms
    }

    /// Whether a transform works on plugins of a type. A transform before it may have changed that.
    pub fn works_on(&self, transform: &str, plugin_type: &str) -> bool {
        let types = self.catalog.modules.get(transform).and_then(|module| module.types.as_ref());
        types.is_none_or(|types| types.iter().any(|name| name == plugin_type))
    }

    /// Whether a plugin of a type may be one of another type, or with another IPAM, before anything runs.
    pub fn may_become_another(&self, plugin_type: &str) -> bool {
        let places =
            [["type"].as_slice(), &["ipam", "type"]].map(|place| place.iter().map(ToString::to_string));
        let places = places.map(Iterator::collect::<Vec<_>>);
        let changes = |name: &&String| {
            let counts = self.catalog.modules.get(*name).filter(|module| module.mode == Mode::Enforce);
            let patterns = counts.map(|module| module.may_change.as_slice()).unwrap_or_default();
            patterns.iter().any(|pattern| places.iter().any(|place| pattern.allows(place)))
        };
        self.transforms().iter().filter(|name| self.works_on(name, plugin_type)).any(|name| changes(&name))
    }

    /// The policies, in the order in which they are asked.
    pub fn policies(&self) -> &[String] {
        &self.catalog.policies
    }

    /// Asks a transform for the configuration to use instead of `plugin`.
    ///
    /// # Errors
    /// The module could not answer, refused, or changed what it may not, and `mode: monitor` does not let that pass.
    pub fn transform(
        &self,
        module: &str,
        attachment: &Attachment,
        plugin: &Object,
    ) -> Result<Transformed, ModuleError> {
        let answer = self.rewrite(module, attachment, plugin);
        if self.mode(module) == Mode::Enforce {
            return answer;
        }
        let unchanged = |let_pass, read, log, used| {
            Ok(Transformed { plugin: plugin.clone(), changed: Vec::new(), let_pass, read, log, used })
        };
        match answer {
            Ok(Transformed { changed, read, log, used, .. }) => {
                let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
                let would = format!("would change (mode: monitor): {}", changed.join("; "));
                unchanged((!changed.is_empty()).then_some(would), read, log, used)
            }
            Err(error) => {
                let failed = format!("failed (mode: monitor): {error}");
                unchanged(Some(failed), Vec::new(), error.log, error.used)
            }
        }
    }

    fn mode(&self, module: &str) -> Mode {
        self.catalog.modules.get(module).map_or(Mode::Enforce, |module| module.mode)
    }

    fn rewrite(
        &self,
        module: &str,
        attachment: &Attachment,
        plugin: &Object,
    ) -> Result<Transformed, ModuleError> {
        let (entry, loaded, runtime) = self.prepare(module, Role::Transform)?;
        let Exports::Transform(indices) = &loaded.role else {
            return Err(other_role(module, entry, Role::Transform));
        };
        let (attachment, read) =
            input::hand_over(entry, attachment, plugin).map_err(|fault| ModuleError::new(module, fault))?;
        let (attachment, text, settings) =
            (attachment.to_guest(), plugin.to_string(), entry.settings.to_string());
        let reach = function(&loaded, &attachment, &[&text], &settings);
        let Ended { answer, log, used, trace } =
            call::run(&runtime.engine, entry.limits, &loaded.pre, reach, |store, instance| {
                let module = indices.load(&mut *store, instance).map_err(Misfit::of(Role::Transform))?;
                module.call_transform(store, &attachment, &text, &settings)
            });
        let checked = answer.and_then(|answer| match answer {
            Ok(text) => answer::accept(&entry.may_change, plugin, &text),
            Err(failure) => Err(answer::failure(&failure)),
        });
        match checked {
            Ok((plugin, changed)) => Ok(Transformed { plugin, changed, let_pass: None, read, log, used }),
            Err(fault) => Err(ModuleError { log, used, trace, ..ModuleError::new(module, fault) }),
        }
    }

    /// Asks a policy about an attachment, whose plugins are given as the transforms left them.
    ///
    /// # Errors
    /// The module could not answer, and neither `mode: monitor` nor `onFailure: allow` lets that pass; the latter is about
    /// what the module did, not about one that can't be run here.
    pub fn review(
        &self,
        module: &str,
        attachment: &Attachment,
        plugins: &[Object],
    ) -> Result<Review, ModuleError> {
        let mode = self.mode(module);
        let on_failure = self.catalog.modules.get(module).map_or(OnFailure::Deny, |module| module.on_failure);
        match self.judge(module, attachment, plugins) {
            Ok(Review { verdict: Verdict::Deny(reason), log, used, .. }) if mode == Mode::Monitor => {
                Ok(let_pass(format!("would refuse (mode: monitor): {reason}"), log, used))
            }
            Err(error) if mode == Mode::Monitor => {
                Ok(let_pass(format!("failed (mode: monitor): {error}"), error.log, error.used))
            }
            // Whoever could take its artifact away, or spoil the catalog, would switch it off.
            Err(error) if on_failure == OnFailure::Allow && error.fault.is_its_own() => {
                Ok(let_pass(format!("failed (onFailure: allow): {error}"), error.log, error.used))
            }
            answer => answer,
        }
    }

    fn judge(
        &self,
        module: &str,
        attachment: &Attachment,
        plugins: &[Object],
    ) -> Result<Review, ModuleError> {
        let (entry, loaded, runtime) = self.prepare(module, Role::Policy)?;
        let Exports::Policy(indices) = &loaded.role else {
            return Err(other_role(module, entry, Role::Policy));
        };
        let texts: Vec<String> = plugins.iter().map(ToString::to_string).collect();
        let (attachment, settings) = (attachment.to_guest(), entry.settings.to_string());
        let pieces: Vec<&str> = texts.iter().map(String::as_str).collect();
        let reach = function(&loaded, &attachment, &pieces, &settings);
        let Ended { answer, log, used, trace } =
            call::run(&runtime.engine, entry.limits, &loaded.pre, reach, |store, instance| {
                let module = indices.load(&mut *store, instance).map_err(Misfit::of(Role::Policy))?;
                module.call_review(store, &attachment, &texts, &settings)
            });
        match answer {
            Ok(verdict) => Ok(Review { verdict: answer::verdict(verdict), let_pass: None, log, used }),
            Err(fault) => Err(ModuleError { log, used, trace, ..ModuleError::new(module, fault) }),
        }
    }

    /// Whether every module of the catalog has an artifact that may be loaded, and can be: for STATUS.
    ///
    /// # Errors
    /// Every module that has none, and why.
    pub fn check_artifacts(&self) -> Result<(), Vec<ModuleError>> {
        let check = |(name, module): (&String, &Module)| {
            let loaded = self.runtime().and_then(|runtime| self.load(name, module, runtime));
            loaded.err().map(|fault| ModuleError::new(name, fault))
        };
        let errors: Vec<ModuleError> = self.catalog.modules.iter().filter_map(check).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    pub(crate) fn prepare(
        &self,
        name: &str,
        role: Role,
    ) -> Result<(&Module, Arc<Loaded>, &Runtime), ModuleError> {
        match self.catalog.modules.get(name) {
            Some(module) if module.role != role => Err(other_role(name, module, role)),
            _ => self.prepare_any(name),
        }
    }

    /// A module of whatever role.
    pub(crate) fn prepare_any(&self, name: &str) -> Result<(&Module, Arc<Loaded>, &Runtime), ModuleError> {
        let module = self.catalog.modules.get(name).ok_or_else(|| self.unknown(name))?;
        let failed = |fault| ModuleError::new(name, fault);
        let runtime = self.runtime().map_err(failed)?;
        let loaded = self.load(name, module, runtime).map_err(failed)?;
        Ok((module, loaded, runtime))
    }

    fn unknown(&self, name: &str) -> ModuleError {
        let names: Vec<&str> = self.catalog.modules.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "no modules".to_owned() } else { names.join(", ") };
        ModuleError::new(name, Fault::NotInCatalog { known })
    }

    fn runtime(&self) -> Result<&Runtime, Fault> {
        let runtime = self.runtime.get_or_init(|| Runtime::start().map_err(|error| format!("{error:#}")));
        runtime.as_ref().map_err(|message| Fault::Host { message: message.clone() })
    }

    fn load(&self, name: &str, module: &Module, runtime: &Runtime) -> Result<Arc<Loaded>, Fault> {
        // A map of finished loads is right whatever happened to the thread that held it.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = loaded.get(name) {
            return Ok(Arc::clone(ready));
        }
        let verified = Verified::find(&module.digest, &self.lock, &self.cache_dir)?;
        let component = verified.load(&runtime.engine)?;
        let ready = Arc::new(runtime.link(&component, module)?);
        loaded.insert(name.to_owned(), Arc::clone(&ready));
        Ok(ready)
    }
}

/// What a function of its arguments can get at: them, as numbers that look like random ones.
fn function(loaded: &Loaded, attachment: &types::Attachment, texts: &[&str], settings: &str) -> Reach {
    if !loaded.random {
        return Reach { node: None, seed: Seed::of_question(&[]) };
    }
    let attachment = format!("{attachment:?}");
    let parts = [&[attachment.as_str(), settings], texts].concat();
    let parts: Vec<&[u8]> = parts.into_iter().map(str::as_bytes).collect();
    Reach { node: None, seed: Seed::of_question(&parts) }
}

fn let_pass(what: String, log: Vec<LogLine>, used: Used) -> Review {
    Review { verdict: Verdict::Allow, let_pass: Some(what), log, used }
}

pub(crate) fn other_role(name: &str, module: &Module, asked: Role) -> ModuleError {
    ModuleError::new(name, Fault::OtherRole { found: module.role, asked })
}
