//! What installing a module would mean, before anything is done.

use multus_wasm::{Catalog, Digest, Module};

use crate::error::InstallError;
use crate::install::{Installation, NewModule, check, check_grants};
use crate::registry::with_module;

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
        let now = self.read_catalog()?;
        let before = Catalog::from_value(&now).ok().and_then(|mut now| now.modules.remove(module.name));
        let (_, after) = with_module(now, module, &Digest::of(module.component))?;
        check_grants(module.name, &after, module.component)?;
        self.check_wider(before.as_ref(), module)?;
        Ok(Preview { before, after })
    }
}
