//! Modules of the role `delegate`: each call is lent the node, through which alone it has an effect.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::answer;
use crate::attachment::Attachment;
use crate::bindings::{lifecycle, types};
use crate::call::{self, Ended, Misfit, Reach};
use crate::catalog::{Module, Role};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Fault, ModuleError};
use crate::log::LogLine;
use crate::node::SharedNode;
use crate::runtime::{DelegateExports, Exports, Loaded, Runtime};
use crate::sandbox::{Sandbox, other_role};
use crate::trace::Used;
use crate::wasi::Seed;

/// A delegate's answer.
#[derive(Debug)]
pub struct Delegated {
    /// The result as it was written, a JSON object; `None` if it leaves the result to the host.
    pub result: Option<String>,
    /// What the module logged.
    pub log: Vec<LogLine>,
    /// What the call used.
    pub used: Used,
}

/// A delegate that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// What will run.
    pub digest: Digest,
    /// Whether it has work of its own at CHECK and DEL.
    pub lifecycle: bool,
}

impl Sandbox {
    /// Whether a type of plugin is the name of a delegate in the catalog.
    pub fn is_delegate(&self, name: &str) -> bool {
        self.catalog().modules.get(name).is_some_and(|module| module.role == Role::Delegate)
    }

    /// Loads a delegate, so that what keeps it from running is known before anything is done.
    ///
    /// # Errors
    /// The module is not in the catalog or no delegate, its artifact can't be loaded, or it imports what it was not
    /// granted.
    pub fn ready(&self, module: &str) -> Result<Ready, ModuleError> {
        let prepared = self.prepare_delegate(module)?;
        let lifecycle = prepared.exports()?.lifecycle.is_some();
        Ok(Ready { digest: prepared.entry.digest, lifecycle })
    }

    /// Has a delegate do its ADD. `config` is the plugin's configuration, `previous` the result of the plugin before it
    /// in the form of CNI 1.1.0. What the module does it does through `node`, which has seen all of it when this returns,
    /// also with an error: then it is for the caller to take back.
    ///
    /// # Errors
    /// The module's own failure with its code, or what became of the module.
    pub fn delegate(
        &self,
        module: &str,
        attachment: &Attachment,
        config: &str,
        previous: Option<&str>,
        node: SharedNode,
    ) -> Result<Delegated, ModuleError> {
        let prepared = self.prepare_delegate(module)?;
        let exports = &prepared.exports()?.delegate;
        let told = Told::new(attachment, config, previous, prepared.entry);
        let ended = prepared.run(node, |store, instance| {
            let Told { attachment, config, previous, settings } = &told;
            callable(exports.load(&mut *store, instance))?.call_add(
                store,
                attachment,
                config,
                previous.as_ref(),
                settings,
            )
        });
        let (result, log, used) = prepared.judge(ended, answer::result)?;
        Ok(Delegated { result, log, used })
    }

    /// Asks a delegate whether an attachment is as it should be, beyond what the host compares; what it logged. A module
    /// that does not export `lifecycle` is not asked.
    ///
    /// # Errors
    /// Something is not as it should be, or what became of the module.
    pub fn lifecycle_check(
        &self,
        module: &str,
        attachment: &Attachment,
        config: &str,
        previous: &str,
        node: SharedNode,
    ) -> Result<Vec<LogLine>, ModuleError> {
        let prepared = self.prepare_delegate(module)?;
        let Told { attachment, config, settings, .. } = &Told::new(attachment, config, None, prepared.entry);
        let previous = previous.to_owned();
        prepared.live(node, |exports, store, instance| {
            callable(exports.load(&mut *store, instance))?
                .call_check(store, attachment, config, &previous, settings)
        })
    }

    /// Lets a delegate give back what the host does not know of; what it logged. A module that does not export
    /// `lifecycle` is not asked.
    ///
    /// # Errors
    /// The module's own failure, or what became of the module. Neither may keep anything from being taken back.
    pub fn lifecycle_del(
        &self,
        module: &str,
        attachment: &Attachment,
        config: &str,
        previous: Option<&str>,
        node: SharedNode,
    ) -> Result<Vec<LogLine>, ModuleError> {
        let prepared = self.prepare_delegate(module)?;
        let told = Told::new(attachment, config, previous, prepared.entry);
        prepared.live(node, |exports, store, instance| {
            let Told { attachment, config, previous, settings } = &told;
            callable(exports.load(&mut *store, instance))?.call_del(
                store,
                attachment,
                config,
                previous.as_ref(),
                settings,
            )
        })
    }

    fn prepare_delegate<'a>(&'a self, name: &'a str) -> Result<Prepared<'a>, ModuleError> {
        let (entry, loaded, runtime) = self.prepare(name, Role::Delegate)?;
        Ok(Prepared { name, entry, loaded, runtime })
    }
}

/// What a delegate is told, as the bindings take it.
struct Told {
    attachment: types::Attachment,
    config: String,
    previous: Option<String>,
    settings: String,
}

impl Told {
    fn new(attachment: &Attachment, config: &str, previous: Option<&str>, entry: &Module) -> Self {
        Self {
            attachment: attachment.to_guest(),
            config: config.to_owned(),
            previous: previous.map(str::to_owned),
            settings: entry.settings.to_string(),
        }
    }
}

/// A delegate, loaded, with what a call of it needs.
struct Prepared<'a> {
    name: &'a str,
    entry: &'a Module,
    loaded: Arc<Loaded>,
    runtime: &'a Runtime,
}

/// What a call answers: the module's own failure, or what it made.
type Answered<T> = Result<T, types::Failure>;

impl Prepared<'_> {
    fn exports(&self) -> Result<&DelegateExports, ModuleError> {
        match &self.loaded.role {
            Exports::Delegate(exports) => Ok(exports),
            _ => Err(other_role(self.name, self.entry, Role::Delegate)),
        }
    }

    fn run<T>(
        &self,
        node: SharedNode,
        body: impl FnOnce(&mut Store<Context>, &Instance) -> wasmtime::Result<T>,
    ) -> Ended<T> {
        let reach = Reach { node: Some(node), seed: Seed::Kernel };
        call::run(&self.runtime.engine, self.entry.limits, &self.loaded.pre, reach, body)
    }

    fn judge<T, U>(
        &self,
        ended: Ended<Answered<T>>,
        check: impl FnOnce(T) -> Result<U, Fault>,
    ) -> Result<(U, Vec<LogLine>, Used), ModuleError> {
        let Ended { answer, log, used, trace } = ended;
        let own = |answer: Answered<T>| answer.map_err(|failure| answer::failure(&failure));
        match answer.and_then(own).and_then(check) {
            Ok(answer) => Ok((answer, log, used)),
            Err(fault) => Err(ModuleError { log, used, trace, ..ModuleError::new(self.name, fault) }),
        }
    }

    /// Calls a function of `lifecycle`, if there is one.
    fn live(
        &self,
        node: SharedNode,
        body: impl FnOnce(
            &lifecycle::GuestIndices,
            &mut Store<Context>,
            &Instance,
        ) -> wasmtime::Result<Answered<()>>,
    ) -> Result<Vec<LogLine>, ModuleError> {
        let Some(exports) = &self.exports()?.lifecycle else { return Ok(Vec::new()) };
        let ended = self.run(node, |store, instance| body(exports, store, instance));
        self.judge(ended, Ok).map(|((), log, _)| log)
    }
}

fn callable<T>(exports: wasmtime::Result<T>) -> wasmtime::Result<T> {
    exports.map_err(Misfit::of(Role::Delegate))
}
