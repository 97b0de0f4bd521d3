//! Whether a module can use the settings that the operator wrote for it, found when it is installed: by the schema that it
//! brings along, and by itself, in the sandbox with its limits.

use multus_document::Problem;
use multus_wasm::{Catalog, Complaint, ModuleError, Sandbox};

use crate::description::Description;
use crate::error::InstallError;
use crate::install::Installation;
use crate::schema;

impl Installation {
    /// Compares the settings of a module, as they stand in a catalog, with its schema, and asks the module.
    ///
    /// # Errors
    /// Settings that it can't use, each named; a module that does not answer, or that says of itself something else than
    /// what is noted in it.
    pub fn check_settings(&self, catalog: Catalog, name: &str, component: &[u8]) -> Result<(), InstallError> {
        let broken = |why: String| InstallError::Description { name: name.to_owned(), why };
        let unanswered = |error: ModuleError| InstallError::Unanswered { error: Box::new(error) };
        let Some(settings) = catalog.modules.get(name).map(|module| module.settings.clone()) else {
            return Err(InstallError::unknown(name, &catalog));
        };
        let sandbox = Sandbox::open(catalog, &self.lock_path(), &self.cache_dir)?;
        let noted = Description::noted(component).map_err(broken)?;
        let given = sandbox.describe(name).map_err(unanswered)?;
        let given = given.map(|text| Description::parse(&text)).transpose().map_err(broken)?;
        if noted.is_some() && noted != given {
            return Err(broken("what is noted in it is not what it says when it is asked".to_owned()));
        }
        let schema = given.and_then(|description| description.settings);
        let mut problems = schema.map(|schema| schema::problems(&schema, &settings)).unwrap_or_default();
        if problems.is_empty() {
            let complaints = sandbox.validate_settings(name).map_err(unanswered)?;
            problems.extend(
                complaints.into_iter().map(|Complaint { place, message }| Problem::new(place, message)),
            );
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(InstallError::Settings { name: name.to_owned(), problems })
    }
}
