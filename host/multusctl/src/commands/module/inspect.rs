//! `multusctl module inspect`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use multus_compile::{Description, check_role, needed_grants};
use multus_wasm::{Digest, Limits, Role};
use serde::Serialize;

use super::component::{Component, Sizes, read_file};
use super::schema;
use crate::console::{self, Console, Report};
use crate::units::{short, size};

/// Show what a component is, what it asks for and what it needs, without running any of it
///
/// The exit status is 1 if it could not be installed in any role.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module inspect jumbo.wasm
  multusctl module inspect jumbo.wasm -o json | jq -r .digest
  multusctl module inspect jumbo.wasm -o json | jq .description.settings")]
pub(crate) struct Inspect {
    /// The component, a .wasm file.
    #[arg(value_name = "FILE")]
    component: PathBuf,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspected {
    file: PathBuf,
    digest: Digest,
    name: Option<String>,
    roles: Vec<RoleView>,
    /// The versions of the interface that it was built for.
    interface: Vec<String>,
    made_with: Vec<String>,
    /// The grants that a delegate can't be installed without.
    grants: Vec<&'static str>,
    imports: Vec<String>,
    exports: Vec<String>,
    size: u64,
    code: u64,
    data: u64,
    /// What its memories have at the start.
    memory: u64,
    /// Names and debug information.
    explaining: u64,
    /// What it says of itself, and the schema of its settings.
    description: Option<Description>,
}

#[derive(Serialize)]
struct RoleView {
    role: &'static str,
    /// Why it can't be installed as one.
    misfits: Vec<String>,
    /// What one call may use unless the operator says otherwise.
    limits: LimitsView,
}

#[derive(Serialize)]
struct LimitsView {
    memory: u64,
    milliseconds: u64,
    #[serde(skip)]
    timeout: Duration,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        let milliseconds = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
        Self { memory: limits.memory, milliseconds, timeout: limits.timeout }
    }
}

impl Inspect {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let bytes = read_file(&self.component)?;
        let component = Component::read(&bytes)?;
        let inspected = Inspected::of(self.component.clone(), &component);
        console.show(&inspected)?;
        match component.usable_roles() {
            Ok(_) => Ok(ExitCode::SUCCESS),
            Err(error) => {
                console.say(&format!("multusctl: {error}"));
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

impl Inspected {
    fn of(file: PathBuf, component: &Component<'_>) -> Self {
        let role = |role: &Role| RoleView {
            role: role.name(),
            misfits: check_role(component.bytes, *role).err().map(|misfits| misfits.0).unwrap_or_default(),
            limits: Limits::of(*role).into(),
        };
        let Sizes { code, data, memory, explaining } = component.sizes;
        Self {
            file,
            digest: component.digest,
            name: component.name.clone(),
            roles: component.roles.iter().map(role).collect(),
            interface: versions(component),
            made_with: component.made_with.clone(),
            grants: needed_grants(component.bytes).unwrap_or_default(),
            imports: component.imports.clone(),
            exports: component.exports.clone(),
            size: component.bytes.len() as u64,
            code,
            data,
            memory,
            explaining,
            description: component.description.clone(),
        }
    }

    fn limits(&self) -> String {
        let of = |role: &RoleView| {
            let LimitsView { memory, timeout, .. } = role.limits;
            let (memory, time) = (size(memory), short(timeout));
            let role = if self.roles.len() > 1 { format!(" as a {}", role.role) } else { String::new() };
            format!("{memory} of memory and {time} of CPU time a call{role}")
        };
        let limits = self.roles.iter().map(of).collect::<Vec<_>>().join(", ");
        format!("{limits}; it starts with {}", size(self.memory))
    }

    /// What it does, and which settings there are, in its own words.
    fn says(&self) -> (String, String) {
        let Some(description) = &self.description else {
            let later = self.exports.iter().any(|export| export.starts_with("multus:delegate/description@"));
            let says = if later { "only when it is run, as `multusctl module add` does" } else { "nothing" };
            return (says.to_owned(), "-".to_owned());
        };
        let Description { version, description, settings, .. } = description;
        let words = [description.as_deref(), version.as_deref()];
        let says: Vec<&str> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
        // Its own words go to a terminal.
        let settings = settings.as_ref().map_or_else(|| "any".to_owned(), schema::in_words);
        (console::plain(&says.join(", ")), settings)
    }

    fn needs(&self) -> String {
        let foreign = self.imports.iter().filter(|import| !import.starts_with("multus:delegate/"));
        let foreign: Vec<&str> = foreign.map(String::as_str).collect();
        match (self.grants.as_slice(), foreign.as_slice()) {
            (_, [_, ..]) => format!("what no module is given: {}", foreign.join(", ")),
            ([], []) if self.roles.iter().any(|role| role.role == Role::Delegate.name()) => {
                "no grant: the log, and its own attachment's network namespace".to_owned()
            }
            ([], []) => "no grant: nothing but the log".to_owned(),
            (grants, []) => format!("the grants {}", grants.join(", ")),
        }
    }
}

/// `0.1.0` of `multus:delegate/policy@0.1.0`, each once.
fn versions(component: &Component<'_>) -> Vec<String> {
    let names = component.imports.iter().chain(&component.exports);
    let of_ours = names.filter(|name| name.starts_with("multus:delegate/"));
    let mut versions: Vec<String> =
        of_ours.filter_map(|name| name.rsplit_once('@')).map(|(_, version)| version.to_owned()).collect();
    versions.sort();
    versions.dedup();
    versions
}

impl Report for Inspected {
    fn text(&self) -> String {
        let or_none =
            |items: &[String]| if items.is_empty() { "nothing".to_owned() } else { items.join(", ") };
        let roles: Vec<&str> = self.roles.iter().map(|role| role.role).collect();
        let explaining = match self.explaining {
            0 => String::new(),
            bytes => format!(", {} names and debug information", size(bytes)),
        };
        let (says, settings) = self.says();
        let rows = [
            ("file", self.file.display().to_string()),
            ("name", self.name.clone().unwrap_or_else(|| "-".to_owned())),
            ("says", says),
            ("settings", settings),
            ("role", if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }),
            ("needs", self.needs()),
            ("limits", self.limits()),
            ("imports", or_none(&self.imports)),
            ("exports", or_none(&self.exports)),
            ("interface", or_none(&self.interface)),
            ("made with", or_none(&self.made_with)),
            (
                "size",
                format!(
                    "{}: {} code, {} data{explaining}",
                    size(self.size),
                    size(self.code),
                    size(self.data)
                ),
            ),
            ("digest", self.digest.to_string()),
        ];
        rows.into_iter().map(|(key, value)| format!("{key:<11}{value}\n")).collect()
    }
}
