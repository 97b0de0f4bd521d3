//! What authors' commands work on: a crate, which is built first, or a finished component.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use multus_fixtures::Fixture;
use multus_wasm::Role;

use super::cargo;
use super::component::{Component, read_file};

/// A module to be tried.
#[derive(Debug, Args)]
pub(super) struct Subject {
    /// The crate's folder, which is built first, or a component, a .wasm file.
    #[arg(value_name = "DIR|FILE.wasm", default_value = ".")]
    path: PathBuf,
}

/// A component that is ready to be tried.
pub(super) struct Tried {
    /// As it would be installed.
    pub(super) component: Vec<u8>,
    /// The same code, with names and lines if there are any.
    pub(super) explained: Vec<u8>,
    roles: Vec<Role>,
}

impl Subject {
    /// Builds or reads the component.
    ///
    /// # Errors
    /// What can't be built or read, and what is no module.
    pub(super) fn prepare(&self) -> anyhow::Result<Tried> {
        let (component, explained) = if self.path.is_dir() {
            let built = cargo::build(&self.path, cargo::Target::default())?;
            (built.component, built.explained)
        } else {
            let component = read_file(&self.path)?;
            (component.clone(), component)
        };
        let roles = Component::read(&component)?.usable_roles()?;
        Ok(Tried { component, explained, roles })
    }

    /// Where fixtures are unless somebody says otherwise: in the crate, or here.
    pub(super) fn fixtures(&self) -> PathBuf {
        let folder = if self.path.is_dir() { self.path.as_path() } else { Path::new("") };
        folder.join("fixtures")
    }
}

impl Tried {
    /// The roles that it could be installed in.
    pub(super) fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// # Errors
    /// The module does not have the fixture's role.
    pub(super) fn check_fixture(&self, fixture: &Fixture) -> anyhow::Result<()> {
        let (role, file) = (role_of(fixture), fixture.file.display());
        let roles = self.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" and ");
        ensure!(self.roles.contains(&role), "{file}: a fixture for a {role}, but the module is a {roles}");
        Ok(())
    }
}

/// The role that a fixture is for.
pub(super) fn role_of(fixture: &Fixture) -> Role {
    match fixture.role() {
        multus_fixtures::Role::Transform => Role::Transform,
        multus_fixtures::Role::Policy => Role::Policy,
        multus_fixtures::Role::Delegate => Role::Delegate,
    }
}
