//! `multusctl module verify`.

use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use multus_compile::{Installation, check_role, read_component};
use multus_wasm::{Catalog, Digest, Fault, Module, Sandbox, lock_path};
use serde::Serialize;

use super::Places;
use crate::console::{Console, Report};
use crate::table::render;

/// Check that components, lock and artifacts are what the catalog says, that each module could be loaded, and that it
/// can use its settings
///
/// The exit status is 1 if not; each line says what mends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module verify --conf /etc/cni/net.d/00-multus.conf
  multusctl module verify jumbo --conf /etc/cni/net.d/00-multus.conf -o json")]
pub(crate) struct Verify {
    /// One module [default: all].
    name: Option<String>,
    #[command(flatten)]
    places: Places,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Verified(Vec<ModuleView>);

#[derive(Serialize)]
struct ModuleView {
    name: String,
    digest: Digest,
    /// The component's file: `ok`, or what is wrong with it.
    component: Check,
    /// What was compiled from it, by the lock.
    artifact: Check,
    /// Its settings, by its schema and its own judgement; nobody is asked where one of the above is not well.
    settings: Check,
}

/// `None` if nothing is wrong.
#[derive(Serialize)]
#[serde(transparent)]
struct Check(Option<String>);

impl Verify {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let installation = self.places.installation()?;
        let catalog = Catalog::load(&installation.catalog)?;
        let known: Vec<&str> = catalog.modules.keys().map(String::as_str).collect();
        if let Some(name) = &self.name {
            let known = known.join(", ");
            ensure!(catalog.modules.contains_key(name), "no module {name} in the catalog, which has {known}");
        }
        let sandbox = Sandbox::open(catalog, &lock_path(&installation.catalog), &installation.cache_dir)?;
        let faults = sandbox.check_artifacts().err().unwrap_or_default();
        let fault = |name: &str| faults.iter().find(|error| error.module == name).map(|error| &*error.fault);
        let chosen = sandbox.catalog().modules.iter();
        let chosen = chosen.filter(|(name, _)| self.name.as_ref().is_none_or(|chosen| chosen == *name));
        let view = |(name, module): (&String, &Module)| {
            let artifact = Check(fault(name).map(Fault::to_string));
            let component = component(&installation, module);
            let settings = match (&component, &artifact.0) {
                (Ok(bytes), None) => settings(&installation, sandbox.catalog(), name, bytes),
                _ => Check(None),
            };
            let component = Check(component.err());
            ModuleView { name: name.clone(), digest: module.digest, component, artifact, settings }
        };
        let verified = Verified(chosen.map(view).collect());
        console.show(&verified)?;
        for line in verified.0.iter().flat_map(ModuleView::problems) {
            console.say(&format!("multusctl: {line}"));
        }
        let well = verified.0.iter().all(|module| module.problems().is_empty());
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A component is needed to compile it again: after an update of multus, or when its artifact is lost.
///
/// # Errors
/// What is wrong with it.
fn component(installation: &Installation, module: &Module) -> Result<Vec<u8>, String> {
    let path = installation.component_path(&module.digest);
    let again = "install it again with `multusctl module add`";
    match read_component(&path) {
        Err(error) => Err(format!("can't read {}: {error}; {again}", path.display())),
        Ok(bytes) if Digest::of(&bytes) != module.digest => Err(format!(
            "{} holds {}: find out who changed it, then {again}",
            path.display(),
            Digest::of(&bytes)
        )),
        Ok(bytes) => match check_role(&bytes, module.role) {
            Ok(()) => Ok(bytes),
            Err(misfits) => Err(format!(
                "it can't be a {} with this version of multus: {misfits}; build it anew, then {again}",
                module.role
            )),
        },
    }
}

/// Whoever edits a catalog by hand is told here, and not by the first pod.
fn settings(installation: &Installation, catalog: &Catalog, name: &str, component: &[u8]) -> Check {
    Check(installation.check_settings(catalog.clone(), name, component).err().map(|error| error.to_string()))
}

impl ModuleView {
    fn problems(&self) -> Vec<String> {
        let checks = [&self.component, &self.artifact, &self.settings];
        let lines = checks.into_iter().filter_map(|check| check.0.as_ref());
        lines.map(|problem| format!("module {}: {problem}", self.name)).collect()
    }
}

impl Report for Verified {
    fn text(&self) -> String {
        let word = |check: &Check| if check.0.is_none() { "ok" } else { "NOT OK" }.to_owned();
        let row = |module: &ModuleView| {
            vec![
                module.name.clone(),
                word(&module.component),
                word(&module.artifact),
                match (&module.component.0, &module.artifact.0) {
                    (None, None) => word(&module.settings),
                    _ => "-".to_owned(),
                },
                module.digest.to_string(),
            ]
        };
        render(&["NAME", "COMPONENT", "ARTIFACT", "SETTINGS", "DIGEST"], self.0.iter().map(row))
    }
}
