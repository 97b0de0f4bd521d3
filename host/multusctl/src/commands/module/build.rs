//! `multusctl module build`.

use std::fs;
use std::path::PathBuf;
use std::process::{self, ExitCode};

use anyhow::Context;
use clap::Args;
use multus_document::file;
use multus_wasm::Digest;
use serde::Serialize;

use super::cargo::{self, Target};
use super::component::Component;
use crate::console::{Console, Report};
use crate::units::size;

/// Build a module's crate into a component and print where it is
///
/// Compiles for wasm32-unknown-unknown, or for WASI, with cargo, takes names and debug information out, and makes the result a
/// component, below the crate's target folder in `components`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module build
  multusctl module build modules/jumbo --debug
  multusctl module build modules/jumbo --target wasm32-wasip2")]
pub(crate) struct Build {
    /// The crate's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Also write the component with names and debug information, as NAME.debug.wasm: the same code, for looking into
    /// crashes.
    #[arg(long)]
    debug: bool,
    /// What to compile for.
    #[arg(long, value_name = "TRIPLE", default_value = "wasm32-unknown-unknown")]
    target: Target,
}

#[derive(Serialize)]
struct BuildReport {
    component: PathBuf,
    digest: Digest,
    size: u64,
    roles: Vec<&'static str>,
    debug: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let built = cargo::build(&self.folder, self.target)?;
        // What fits no role could not be used anywhere: better said here than on a node.
        let roles = Component::read(&built.component)?.usable_roles()?;
        fs::create_dir_all(&built.folder)
            .with_context(|| format!("can't make {}", built.folder.display()))?;
        let write = |ending: &str, bytes: &[u8]| {
            let path = built.folder.join(format!("{}{ending}", built.name));
            // Whole or not at all: somebody else may be reading it.
            let draft = path.with_added_extension(process::id().to_string());
            file::replace(&path, &draft, |draft| fs::write(draft, bytes))
                .with_context(|| format!("can't write {}", path.display()))?;
            anyhow::Ok(path)
        };
        let report = BuildReport {
            component: write(".wasm", &built.component)?,
            digest: Digest::of(&built.component),
            size: built.component.len() as u64,
            roles: roles.iter().map(|role| role.name()).collect(),
            debug: self.debug.then(|| write(".debug.wasm", &built.explained)).transpose()?,
        };
        console.show(&report)?;
        console.say(&format!("{}, {}, {}", report.roles.join(" and "), size(report.size), report.digest));
        Ok(ExitCode::SUCCESS)
    }
}

/// The path alone, so that it can be given to another command as it stands.
impl Report for BuildReport {
    fn text(&self) -> String {
        let paths = std::iter::once(&self.component).chain(&self.debug);
        paths.map(|path| format!("{}\n", path.display())).collect()
    }
}
