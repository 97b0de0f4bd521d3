//! `multusctl module compile`.

use std::process::ExitCode;

use clap::Args;
use multus_compile::{Compiled, Installation};
use serde::Serialize;

use super::Places;
use super::compiler::CompileOptions;
use crate::console::{Console, Report};
use crate::progress;
use crate::table::{count, render};

/// Compile the catalog's modules for this node and this version
///
/// Belongs to installing and updating: `multus` itself never compiles. What is compiled already is checked only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module compile --all --conf /etc/cni/net.d/00-multus.conf")]
pub(crate) struct Compile {
    /// Every module of the catalog.
    #[arg(long, required = true)]
    all: bool,
    #[command(flatten)]
    compiler: CompileOptions,
    #[command(flatten)]
    places: Places,
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct CompiledReport(Vec<CompiledView>);

#[derive(Serialize)]
struct CompiledView {
    name: String,
    digest: String,
    /// Of the artifact, in bytes.
    size: u64,
    /// Compiled now; else it was there.
    fresh: bool,
}

impl Compile {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let compiler = self.compiler.compiler();
        let installation = Installation { compiler, ..self.places.installation()? };
        let what = format!("compiling the modules of {}", installation.catalog.display());
        match progress::during(console, &what, || installation.compile_all()) {
            Ok(compiled) => {
                console.show(&CompiledReport::of(compiled))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(errors) => {
                errors.iter().for_each(|error| console.say(&format!("multusctl: {error}")));
                console.say(&format!(
                    "{} could not be compiled, the others were",
                    count(errors.len(), "module")
                ));
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

impl CompiledReport {
    pub(super) fn of(compiled: Vec<Compiled>) -> Self {
        let view = |one: Compiled| CompiledView {
            name: one.name,
            digest: one.component.to_string(),
            size: one.size,
            fresh: one.fresh,
        };
        Self(compiled.into_iter().map(view).collect())
    }
}

impl Report for CompiledReport {
    fn text(&self) -> String {
        let row = |one: &CompiledView| {
            let state = if one.fresh { "compiled" } else { "was there" };
            vec![
                one.name.clone(),
                one.digest.clone(),
                format!("{} KiB", one.size.div_ceil(1024)),
                state.to_owned(),
            ]
        };
        render(&["NAME", "DIGEST", "ARTIFACT", "STATE"], self.0.iter().map(row))
    }
}
