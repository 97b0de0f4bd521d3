//! Where the node's modules are.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use multus_compile::Installation;

use super::compiler::CompileOptions;
use crate::conf_file;

/// Where the node's modules are: what the configuration says, or each place by itself.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Places {
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
    /// The places that a configuration names.
    pub(super) fn of_conf(conf: &Path) -> anyhow::Result<Installation> {
        Self { conf: Some(conf.to_owned()), catalog: None, module_dir: None, cache_dir: None }.installation()
    }

    /// The places, for who installs nothing or compiles within the usual limits.
    pub(super) fn installation(&self) -> anyhow::Result<Installation> {
        let compiler = CompileOptions::default().compiler();
        if let (Some(catalog), Some(module_dir), Some(cache_dir)) =
            (&self.catalog, &self.module_dir, &self.cache_dir)
        {
            let (catalog, module_dir, cache_dir) = (catalog.clone(), module_dir.clone(), cache_dir.clone());
            return Ok(Installation { catalog, module_dir, cache_dir, compiler });
        }
        let conf = self
            .conf
            .as_deref()
            .ok_or_else(|| anyhow!("name --conf, or --catalog, --module-dir and --cache-dir"))?;
        let wasm = conf_file::load(conf)?.wasm.ok_or_else(|| {
            anyhow!("{} has no `wasm`: add `catalog`, `moduleDir` and `cacheDir` below it", conf.display())
        })?;
        let (catalog, module_dir, cache_dir) = (wasm.catalog, wasm.module_dir, wasm.cache_dir);
        Ok(Installation { catalog, module_dir, cache_dir, compiler })
    }
}
