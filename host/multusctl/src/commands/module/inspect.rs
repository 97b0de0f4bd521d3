//! `multusctl module inspect`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use multus_compile::{Description, check_role, needed_grants};
use multus_wasm::{Catalog, Digest, Limits, Module, Role, is_wasi};
use serde::Serialize;

use super::component::{Component, Sizes, read_file};
use super::entry::{Entry, LimitsView};
use super::places::Places;
use super::{consent, schema};
use crate::console::{self, Console, Report};
use crate::units::{short, size};

/// Show what a component is, what it asks for and what it needs, without running any of it
///
/// The exit status is 1 if it could not be installed in any role.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module inspect jumbo.wasm
  multusctl module inspect jumbo --conf /etc/cni/net.d/00-multus.conf
  multusctl module inspect jumbo.wasm -o json | jq -r .digest
  multusctl module inspect jumbo.wasm -o json | jq .description.settings")]
pub(crate) struct Inspect {
    /// The component, a .wasm file; with --conf the name of a module in the catalog.
    #[arg(value_name = "FILE|NAME")]
    component: PathBuf,
    /// The configuration of multus that names the catalog: what that declares for the module is shown as well.
    #[arg(long, value_name = "FILE")]
    conf: Option<PathBuf>,
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
    /// What it imports of WASI, which reaches nothing.
    wasi: Vec<String>,
    /// What the catalog says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<Entry>,
    /// The same in words.
    #[serde(skip)]
    catalog_words: Vec<String>,
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

impl Inspect {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let found = self.find()?;
        let bytes = read_file(&found.file)?;
        let component = Component::read(&bytes)?;
        let inspected = Inspected {
            catalog: found.module.as_ref().map(Entry::of),
            catalog_words: found.in_words(),
            ..Inspected::of(found.file, &component)
        };
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

/// A component, and its entry where it is looked up in a catalog.
struct Found {
    file: PathBuf,
    name: String,
    module: Option<Module>,
}

impl Found {
    fn in_words(&self) -> Vec<String> {
        let Some(module) = &self.module else { return Vec::new() };
        let settings = format!("its settings: {}", module.settings);
        consent::entry_in_words(&self.name, module).into_iter().chain([settings]).collect()
    }
}

impl Inspect {
    fn find(&self) -> anyhow::Result<Found> {
        let name = self.component.to_string_lossy().into_owned();
        let Some(conf) = &self.conf else {
            return Ok(Found { file: self.component.clone(), name, module: None });
        };
        let installation = Places::of_conf(conf)?;
        let catalog = Catalog::load(&installation.catalog)?;
        let module = catalog.modules.get(&name).ok_or_else(|| {
            let names: Vec<&str> = catalog.modules.keys().map(String::as_str).collect();
            anyhow!("no module {name} in {}, which has {}", installation.catalog.display(), or_none(&names))
        })?;
        let file = installation.component_path(&module.digest);
        Ok(Found { file, module: Some(module.clone()), name })
    }
}

fn or_none<T: AsRef<str>>(items: &[T]) -> String {
    if items.is_empty() {
        return "nothing".to_owned();
    }
    items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
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
            wasi: component.imports.iter().filter(|import| is_wasi(import)).cloned().collect(),
            catalog: None,
            catalog_words: Vec::new(),
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

    fn wasi(&self) -> String {
        match self.wasi.as_slice() {
            [] => String::new(),
            wasi => {
                let delegate = self.roles.iter().any(|role| role.role == Role::Delegate.name());
                let but = if delegate { " but the node's clock and random numbers" } else { "" };
                format!("{}: there, and it reaches nothing by it{but}", packages(wasi))
            }
        }
    }

    fn needs(&self) -> String {
        let given = |import: &String| import.starts_with("multus:delegate/") || is_wasi(import);
        let foreign = self.imports.iter().filter(|import| !given(import));
        let foreign: Vec<&str> = foreign.map(String::as_str).collect();
        match (self.grants.as_slice(), foreign.as_slice()) {
            (_, [_, ..]) => format!("what no module is given: {}", foreign.join(", ")),
            ([], []) if self.roles.iter().any(|role| role.role == Role::Delegate.name()) => {
                format!(
                    "no grant: the log, and its own attachment's network namespace{}",
                    self.further_grants()
                )
            }
            ([], []) => "no grant: nothing but the log".to_owned(),
            (grants, []) => format!("the grants {}{}", grants.join(", "), self.further_grants()),
        }
    }

    /// Grants that widen what every delegate is given, so that no import tells who wants them.
    fn further_grants(&self) -> &'static str {
        let edits = |import: &String| import.starts_with("multus:delegate/network-edit@");
        if self.imports.iter().any(edits) { ", more of it by `names` and `defaultRoutes`" } else { "" }
    }
}

/// The packages of WASI that a component asks for, and the versions.
fn packages(wasi: &[String]) -> String {
    let package = |name: &String| {
        let (package, interface) = name.trim_start_matches("wasi:").split_once('/')?;
        let (_, version) = interface.split_once('@')?;
        Some(format!("{package} {version}"))
    };
    let packages: BTreeSet<String> = wasi.iter().filter_map(package).collect();
    packages.into_iter().collect::<Vec<_>>().join(", ")
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
            ("wasi", self.wasi()),
            ("catalog", self.catalog_words.join(&format!("\n{:11}", ""))),
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
        let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
        rows.map(|(key, value)| format!("{key:<11}{value}\n")).collect()
    }
}
