//! `multusctl module list`.

use std::process::ExitCode;

use clap::Args;
use multus_wasm::{Catalog, Grants, Module, Role, Sandbox, lock_path};
use serde::Serialize;

use super::entry::Entry;
use super::{Places, inputs};
use crate::console::{Console, Report};
use crate::table::render;

/// List the catalog's modules, in the order in which they work, with the state of their artifacts
///
/// The exit status is 1 if a module could not be loaded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module list --conf /etc/cni/net.d/00-multus.conf")]
pub(crate) struct List {
    #[command(flatten)]
    places: Places,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Modules(Vec<ModuleView>);

#[derive(Serialize)]
struct ModuleView {
    name: String,
    /// Place among the modules of its role, from 1; delegates have none.
    order: Option<usize>,
    digest: String,
    #[serde(flatten)]
    entry: Entry,
    /// Transforms: what they may change and read. Delegates: the names of what they were granted.
    #[serde(skip)]
    reach: Vec<String>,
    ready: bool,
    /// `ready`, or what stands in the way.
    artifact: String,
}

impl List {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let places = self.places.installation()?;
        let catalog = Catalog::load(&places.catalog)?;
        let sandbox = Sandbox::open(catalog, &lock_path(&places.catalog), &places.cache_dir)?;
        let errors = sandbox.check_artifacts().err().unwrap_or_default();
        let fault = |name: &str| {
            errors.iter().find(|error| error.module == name).map(|error| error.fault.to_string())
        };
        let modules = Modules(views(sandbox.catalog(), fault));
        console.show(&modules)?;
        errors.iter().for_each(|error| console.say(&format!("multusctl: {error}")));
        Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn views(catalog: &Catalog, fault: impl Fn(&str) -> Option<String>) -> Vec<ModuleView> {
    let mut views = Vec::new();
    for role in Role::ALL {
        for (place, name) in catalog.order(role).iter().enumerate() {
            let Some(module) = catalog.modules.get(name) else { continue };
            let fault = fault(name);
            views.push(ModuleView {
                name: name.clone(),
                order: role.order_key().map(|_| place + 1),
                digest: module.digest.to_string(),
                entry: Entry::of(module),
                reach: reach(module),
                ready: fault.is_none(),
                artifact: fault.unwrap_or_else(|| "ready".to_owned()),
            });
        }
    }
    views
}

fn reach(module: &Module) -> Vec<String> {
    let granted = Grants::NAMES.into_iter().filter(|grant| module.grants.has(grant));
    match module.role {
        Role::Transform => {
            module.may_change.iter().map(ToString::to_string).chain(inputs::of(module)).collect()
        }
        Role::Policy => Vec::new(),
        Role::Delegate => granted.map(str::to_owned).collect(),
    }
}

impl Report for Modules {
    fn text(&self) -> String {
        let row = |module: &ModuleView| {
            vec![
                module.name.clone(),
                module.entry.role_in_words(),
                module.order.map_or_else(|| "-".to_owned(), |order| order.to_string()),
                if module.reach.is_empty() { "-".to_owned() } else { module.reach.join(" ") },
                module.digest.clone(),
                if module.ready { "ready" } else { "not ready" }.to_owned(),
            ]
        };
        render(&["NAME", "ROLE", "ORDER", "GRANTS", "DIGEST", "ARTIFACT"], self.0.iter().map(row))
    }
}
