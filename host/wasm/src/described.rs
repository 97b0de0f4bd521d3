//! What modules say of themselves, and of settings that they are to be given: asked when they are installed, never when
//! a pod starts.

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::answer::TEXT_BYTES;
use crate::bindings::{description, settings};
use crate::call::{self, Misfit, Reach};
use crate::context::Context;
use crate::error::{Fault, ModuleError};
use crate::log::one_line;
use crate::sandbox::Sandbox;
use crate::wasi::Seed;

/// Complaints that are kept: who finds more has seen enough to begin with.
const COMPLAINTS: usize = 20;

/// Something that is wrong with a module's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// A JSON pointer to the setting; empty for all of them.
    pub place: String,
    /// What is wrong with it.
    pub message: String,
}

impl Sandbox {
    /// Asks a module what it is: JSON text of its own. `None` if it does not export `description`.
    ///
    /// # Errors
    /// The module could not be loaded, or did not answer.
    pub fn describe(&self, module: &str) -> Result<Option<String>, ModuleError> {
        let (entry, loaded, _) = self.prepare_any(module)?;
        let Ok(exports) = description::GuestIndices::new(&loaded.pre) else { return Ok(None) };
        let role = entry.role;
        let answer = self.ask_apart(module, &[], |store, instance| {
            exports.load(&mut *store, instance).map_err(Misfit::of(role))?.call_describe(store)
        })?;
        Ok(Some(answer))
    }

    /// Asks a module what is wrong with the settings that the catalog has for it. Nothing if they can be used, or if it
    /// does not export `settings`.
    ///
    /// # Errors
    /// The module could not be loaded, or did not answer.
    pub fn validate_settings(&self, module: &str) -> Result<Vec<Complaint>, ModuleError> {
        let (entry, loaded, _) = self.prepare_any(module)?;
        let Ok(exports) = settings::GuestIndices::new(&loaded.pre) else { return Ok(Vec::new()) };
        let (role, text) = (entry.role, entry.settings.to_string());
        let answer = self.ask_apart(module, &[text.as_bytes()], |store, instance| {
            exports
                .load(&mut *store, instance)
                .map_err(Misfit::of(role))?
                .call_validate_settings(store, &text)
        })?;
        let bounded = |complaint: settings::Complaint| Complaint {
            place: one_line(&complaint.place, TEXT_BYTES),
            message: one_line(&complaint.message, TEXT_BYTES),
        };
        Ok(answer.into_iter().take(COMPLAINTS).map(bounded).collect())
    }

    /// A call that is about no attachment: it is a function of what it is given, whatever the module's role is.
    fn ask_apart<T>(
        &self,
        name: &str,
        question: &[&[u8]],
        body: impl FnOnce(&mut Store<Context>, &Instance) -> wasmtime::Result<T>,
    ) -> Result<T, ModuleError> {
        let (entry, loaded, runtime) = self.prepare_any(name)?;
        let reach = Reach { node: None, seed: Seed::of_question(question) };
        let ended = call::run(&runtime.engine, entry.limits, &loaded.pre, reach, body);
        ended.answer.map_err(|fault: Fault| ModuleError {
            log: ended.log,
            used: ended.used,
            trace: ended.trace,
            ..ModuleError::new(name, fault)
        })
    }
}
