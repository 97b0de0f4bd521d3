//! What installing a module would mean, before anything is done.

use multus_wasm::{Digest, Module};

use crate::error::InstallError;
use crate::install::{Installation, NewModule, Planned, check};

/// A module as it would read in the catalog, and as it reads now.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What is there under the name.
    pub before: Option<Module>,
    /// What would be there.
    pub after: Module,
}

impl Installation {
    /// Checks a component and its entry as [`Installation::add`] does, and writes nothing.
    ///
    /// # Errors
    /// Those of `add` but for files that can't be written.
    pub fn preview(&self, module: &NewModule<'_>) -> Result<Preview, InstallError> {
        check(module.name, module.role, module.component)?;
        let Planned { before, entry, .. } = self.plan(module, &Digest::of(module.component))?;
        Ok(Preview { before, after: entry })
    }
}
