//! `multusctl module`: the components that transform configurations and judge attachments.

mod add;
mod compile;
mod list;
mod options;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use multus_compile::Installation;

use crate::conf_file;
use crate::console::Console;

/// Install, compile and list the WebAssembly components of this node
#[derive(Debug, Subcommand)]
pub(crate) enum Module {
    Add(add::Add),
    Compile(compile::Compile),
    List(list::List),
}

impl Module {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(command) => command.run(console),
            Self::Compile(command) => command.run(console),
            Self::List(command) => command.run(console),
        }
    }
}

/// Where the node's modules are: what the configuration says, or each place by itself.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Places {
    /// The configuration of multus, whose `wasm` names the places.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["catalog", "module_dir", "cache_dir"])]
    conf: Option<PathBuf>,
    /// The catalog; `modules.lock` lies beside it.
    #[arg(long, value_name = "FILE", requires_all = ["module_dir", "cache_dir"])]
    catalog: Option<PathBuf>,
    /// The folder of components.
    #[arg(long, value_name = "DIR", requires = "catalog")]
    module_dir: Option<PathBuf>,
    /// The folder of compiled artifacts.
    #[arg(long, value_name = "DIR", requires = "catalog")]
    cache_dir: Option<PathBuf>,
}

impl Places {
    fn installation(&self) -> anyhow::Result<Installation> {
        if let (Some(catalog), Some(module_dir), Some(cache_dir)) =
            (&self.catalog, &self.module_dir, &self.cache_dir)
        {
            let (catalog, module_dir, cache_dir) = (catalog.clone(), module_dir.clone(), cache_dir.clone());
            return Ok(Installation { catalog, module_dir, cache_dir });
        }
        let conf = self
            .conf
            .as_deref()
            .ok_or_else(|| anyhow!("name --conf, or --catalog, --module-dir and --cache-dir"))?;
        let wasm = conf_file::load(conf)?.wasm.ok_or_else(|| {
            anyhow!("{} has no `wasm`: add `catalog`, `moduleDir` and `cacheDir` below it", conf.display())
        })?;
        Ok(Installation { catalog: wasm.catalog, module_dir: wasm.module_dir, cache_dir: wasm.cache_dir })
    }
}
