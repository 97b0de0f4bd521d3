//! The modules of a node, ready to be asked.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use multus_document::Object;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::answer::{self, Verdict};
use crate::artifact::Verified;
use crate::attachment::Attachment;
use crate::bindings;
use crate::call::{self, Context};
use crate::catalog::{Catalog, Mode, Module, OnFailure, Role};
use crate::change::Change;
use crate::engine::engine_config;
use crate::error::{Fault, FileError, ModuleError};
use crate::lock::Lock;
use crate::log::LogLine;

/// What every module may import, whatever its role; a patch version may follow.
const IMPORTS: [&str; 2] = ["multus:delegate/types@0.1.", "multus:delegate/log@0.1."];

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

struct Runtime {
    engine: Engine,
    linker: Linker<Context>,
}

/// A module that is verified, linked and known to export its role.
struct Loaded {
    pre: InstancePre<Context>,
    role: Exports,
}

enum Exports {
    Transform(bindings::transform::GuestIndices),
    Policy(bindings::policy::GuestIndices),
}

/// A transform's answer.
#[derive(Debug)]
pub struct Transformed {
    /// The configuration to use from here on; what did not change has its old text.
    pub plugin: Object,
    /// What changed, all of it allowed; empty if nothing did.
    pub changed: Vec<Change>,
    /// What the module logged.
    pub log: Vec<LogLine>,
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

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The transforms for a plugin type, in the order in which they work.
    pub fn transforms_for(&self, plugin_type: &str) -> Vec<&str> {
        let matches = |name: &&String| {
            let types = self.catalog.modules.get(*name).and_then(|module| module.types.as_ref());
            types.is_none_or(|types| types.iter().any(|name| name == plugin_type))
        };
        self.catalog.transforms.iter().filter(matches).map(String::as_str).collect()
    }

    /// The policies, in the order in which they are asked.
    pub fn policies(&self) -> &[String] {
        &self.catalog.policies
    }

    /// Asks a transform for the configuration to use instead of `plugin`.
    ///
    /// # Errors
    /// The module could not answer, refused, or changed what it may not.
    pub fn transform(
        &self,
        module: &str,
        attachment: &Attachment,
        plugin: &Object,
    ) -> Result<Transformed, ModuleError> {
        let (entry, loaded, runtime) = self.prepare(module, Role::Transform)?;
        let Exports::Transform(indices) = &loaded.role else {
            return Err(other_role(module, entry, Role::Transform));
        };
        let (attachment, text, settings) =
            (attachment.to_guest(), plugin.to_string(), entry.settings.to_string());
        let (answer, log) = call::run(&runtime.engine, entry.limits, &loaded.pre, |store, instance| {
            indices.load(&mut *store, instance)?.call_transform(store, &attachment, &text, &settings)
        });
        let checked = answer.and_then(|answer| match answer {
            Ok(text) => answer::accept(&entry.may_change, plugin, &text),
            Err(failure) => Err(answer::failure(&failure)),
        });
        match checked {
            Ok((plugin, changed)) => Ok(Transformed { plugin, changed, log }),
            Err(fault) => Err(ModuleError { log, ..ModuleError::new(module, fault) }),
        }
    }

    /// Asks a policy about an attachment, whose plugins are given as the transforms left them.
    ///
    /// # Errors
    /// The module could not answer, and neither `mode: monitor` nor `onFailure: allow` lets that pass.
    pub fn review(
        &self,
        module: &str,
        attachment: &Attachment,
        plugins: &[Object],
    ) -> Result<Review, ModuleError> {
        let (mode, on_failure) = self
            .catalog
            .modules
            .get(module)
            .map_or((Mode::Enforce, OnFailure::Deny), |m| (m.mode, m.on_failure));
        match self.judge(module, attachment, plugins) {
            Ok((Verdict::Deny(reason), log)) if mode == Mode::Monitor => {
                Ok(let_pass(format!("would refuse (mode: monitor): {reason}"), log))
            }
            Ok((verdict, log)) => Ok(Review { verdict, let_pass: None, log }),
            Err(error) if mode == Mode::Monitor => {
                Ok(let_pass(format!("failed (mode: monitor): {error}"), error.log))
            }
            Err(error) if on_failure == OnFailure::Allow => {
                Ok(let_pass(format!("failed (onFailure: allow): {error}"), error.log))
            }
            Err(error) => Err(error),
        }
    }

    fn judge(
        &self,
        module: &str,
        attachment: &Attachment,
        plugins: &[Object],
    ) -> Result<(Verdict, Vec<LogLine>), ModuleError> {
        let (entry, loaded, runtime) = self.prepare(module, Role::Policy)?;
        let Exports::Policy(indices) = &loaded.role else {
            return Err(other_role(module, entry, Role::Policy));
        };
        let texts: Vec<String> = plugins.iter().map(ToString::to_string).collect();
        let (attachment, settings) = (attachment.to_guest(), entry.settings.to_string());
        let (answer, log) = call::run(&runtime.engine, entry.limits, &loaded.pre, |store, instance| {
            indices.load(&mut *store, instance)?.call_review(store, &attachment, &texts, &settings)
        });
        match answer {
            Ok(verdict) => Ok((answer::verdict(verdict), log)),
            Err(fault) => Err(ModuleError { log, ..ModuleError::new(module, fault) }),
        }
    }

    /// Whether every module of the catalog has an artifact that may be loaded, for STATUS.
    ///
    /// # Errors
    /// Every module that has none, and why.
    pub fn check_artifacts(&self) -> Result<(), Vec<ModuleError>> {
        let check = |(name, module): (&String, &Module)| {
            let verified = Verified::find(&module.digest, &self.lock, &self.cache_dir);
            verified.err().map(|fault| ModuleError::new(name, fault))
        };
        let errors: Vec<ModuleError> = self.catalog.modules.iter().filter_map(check).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn prepare(&self, name: &str, role: Role) -> Result<(&Module, Arc<Loaded>, &Runtime), ModuleError> {
        let module = self.catalog.modules.get(name).ok_or_else(|| self.unknown(name))?;
        if module.role != role {
            return Err(other_role(name, module, role));
        }
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
        let ready = Arc::new(runtime.link(&component, module.role)?);
        loaded.insert(name.to_owned(), Arc::clone(&ready));
        Ok(ready)
    }
}

impl Runtime {
    fn start() -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine_config())?;
        let mut linker = Linker::new(&engine);
        bindings::log::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
        Ok(Self { engine, linker })
    }

    /// What is not linked does not exist for the module; the check before only gives the better message.
    fn link(&self, component: &Component, role: Role) -> Result<Loaded, Fault> {
        let types = component.component_type();
        let granted = |import: &str| IMPORTS.iter().any(|prefix| import.starts_with(prefix));
        if let Some((import, _)) = types.imports(&self.engine).find(|(import, _)| !granted(import)) {
            return Err(Fault::UngrantedImport { import: import.to_owned(), role });
        }
        let unlinkable = |error: wasmtime::Error| Fault::Host { message: format!("{error:#}") };
        let pre = self.linker.instantiate_pre(component).map_err(unlinkable)?;
        let exports = match role {
            Role::Transform => bindings::transform::GuestIndices::new(&pre).map(Exports::Transform),
            Role::Policy => bindings::policy::GuestIndices::new(&pre).map(Exports::Policy),
        };
        Ok(Loaded { pre, role: exports.map_err(|_| Fault::WrongRole { role })? })
    }
}

fn let_pass(what: String, log: Vec<LogLine>) -> Review {
    Review { verdict: Verdict::Allow, let_pass: Some(what), log }
}

fn other_role(name: &str, module: &Module, asked: Role) -> ModuleError {
    ModuleError::new(name, Fault::OtherRole { found: module.role, asked })
}
