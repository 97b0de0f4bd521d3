//! `multusctl module remove`.

use std::process::ExitCode;

use clap::Args;
use multus_wasm::{Catalog, Digest, Role};
use serde::Serialize;

use super::Places;
use crate::console::{Console, Report};

/// Take a module out of the catalog, and its files with it
///
/// Pods that are attached stay so and are detached without it. From then on its policy is not asked, its changes are not
/// made, and a network with its type needs a binary of that name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module remove jumbo --conf /etc/cni/net.d/00-multus.conf")]
pub(crate) struct Remove {
    /// Its name in the catalog.
    name: String,
    #[command(flatten)]
    places: Places,
}

#[derive(Serialize)]
struct RemovedReport {
    name: String,
    role: Option<&'static str>,
    digest: Digest,
    /// Whether its component and artifact went, too; else another module has the same.
    files: bool,
}

impl Remove {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let installation = self.places.installation()?;
        let role = Catalog::load(&installation.catalog)?.modules.get(&self.name).map(|module| module.role);
        let removed = installation.remove(&self.name)?;
        let (name, digest, files) = (self.name.clone(), removed.digest, removed.files);
        console.show(&RemovedReport { name, role: role.map(Role::name), digest, files })?;
        let after = match role {
            Some(Role::Policy) => "pods are attached without asking it from now on",
            Some(Role::Transform) => "configurations are used as they are from now on",
            Some(Role::Delegate) => "networks with its type need a binary of that name from now on",
            None => "",
        };
        console.say(&format!("module {} is removed: {after}", self.name));
        Ok(ExitCode::SUCCESS)
    }
}

impl Report for RemovedReport {
    fn text(&self) -> String {
        let kept = if self.files { "" } else { ", whose files another module uses" };
        format!("{}  {}{kept}\n", self.name, self.digest)
    }
}
