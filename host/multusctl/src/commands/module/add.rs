//! `multusctl module add`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use multus_compile::NewModule;
use multus_document::json as document;
use multus_wasm::Role;
use serde_json::{Map, Value, json};

use super::Places;
use super::compile::CompiledReport;
use super::options::Options;
use crate::console::Console;
use crate::progress;
use crate::text_file;

/// Install a component as a module: checked against its role, compiled, written into the catalog
///
/// A new name gets an entry and the last place in its role's order. A name that is there gets the new component
/// and keeps what the catalog says of it, but for the options given here.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module add mtu.wasm --name jumbo --role transform --may-change /mtu --match-type bridge \\
      --settings mtu.json --conf /etc/cni/net.d/00-multus.conf
  multusctl module add guard.wasm --name guard --role policy --mode monitor --on-failure allow \\
      --catalog /etc/multus/catalog.json --module-dir /var/lib/multus/modules --cache-dir /var/cache/multus")]
pub(crate) struct Add {
    /// The component, a .wasm file.
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// Its name in the catalog.
    #[arg(long)]
    name: String,
    /// What it is for.
    #[arg(long, value_enum)]
    role: RoleName,
    /// A JSON file with the settings that the module gets.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Transforms: a JSON pointer that it may change; may be repeated.
    #[arg(long, value_name = "POINTER")]
    may_change: Vec<String>,
    /// Transforms: a plugin type that it works on, all if there is none; may be repeated.
    #[arg(long, value_name = "TYPE")]
    match_type: Vec<String>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    places: Places,
}

/// A role on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Changes a plugin's configuration before it runs.
    Transform,
    /// Lets an attachment pass, warns, or refuses it.
    Policy,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Transform => Self::Transform,
            RoleName::Policy => Self::Policy,
        }
    }
}

impl Add {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let role = Role::from(self.role);
        self.options.check(role)?;
        let installation = self.places.installation()?;
        let component = std::fs::read(&self.component)
            .with_context(|| format!("can't read the component {}", self.component.display()))?;
        let entry = self.entry(self.settings()?);
        let module = NewModule { name: &self.name, role, component: &component, entry: &entry };
        let what = format!("compiling {} as module {}", self.component.display(), self.name);
        let compiled = progress::during(console, &what, || installation.add(&module))?;
        console.show(&CompiledReport::of(vec![compiled]))?;
        console.say(&format!("module {} is in {}", self.name, installation.catalog.display()));
        Ok(ExitCode::SUCCESS)
    }

    fn settings(&self) -> anyhow::Result<Option<Value>> {
        let Some(path) = &self.settings else { return Ok(None) };
        let text = text_file::read(path)?;
        let value = document::parse(&text).with_context(|| format!("the settings {}", path.display()))?;
        Ok(Some(value))
    }

    /// What the command line says of the catalog's entry.
    fn entry(&self, settings: Option<Value>) -> Map<String, Value> {
        let mut changes = self.options.changes();
        changes.extend(settings.map(|settings| ("settings".to_owned(), settings)));
        if !self.may_change.is_empty() {
            changes.insert("mayChange".to_owned(), json!(self.may_change));
        }
        if !self.match_type.is_empty() {
            changes.insert("match".to_owned(), json!({ "types": self.match_type }));
        }
        changes
    }
}
