//! The configuration of multus that a command works with.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use multus_attach::MultusConf;
use multus_attach::conf::DEFAULT_CNI_DIR;
use multus_document::Object;

use crate::text_file;
use crate::validate::{self, Severity};

/// Where records are.
#[derive(Debug, Args)]
pub(crate) struct Records {
    /// The configuration whose `cniDir` holds the records.
    #[arg(long, value_name = "FILE", conflicts_with = "cni_dir")]
    conf: Option<PathBuf>,
    /// The folder that holds the records [default: /var/lib/cni/multus].
    #[arg(long, value_name = "DIR")]
    cni_dir: Option<PathBuf>,
}

impl Records {
    /// The folder.
    pub(crate) fn cni_dir(&self) -> anyhow::Result<PathBuf> {
        Ok(match (&self.conf, &self.cni_dir) {
            (Some(conf), _) => load(conf)?.cni_dir,
            (None, Some(dir)) => dir.clone(),
            (None, None) => DEFAULT_CNI_DIR.into(),
        })
    }
}

/// Reads a configuration of multus.
///
/// # Errors
/// Why the file can't be read, or every problem of it as `validate` shows them.
pub(crate) fn load(path: &Path) -> anyhow::Result<MultusConf> {
    let text = text_file::read(path)?;
    MultusConf::parse(&text).map_err(|error| refused(path, &error.into()))
}

/// The same with the result of an earlier ADD in it, as a runtime passes it at CHECK.
pub(crate) fn with_previous_result(conf: &MultusConf, result: &str) -> anyhow::Result<MultusConf> {
    let mut source: Object = conf.source.clone();
    source.set("prevResult", &serde_json::from_str(result)?);
    Ok(MultusConf::parse(source.to_string().as_bytes())?)
}

fn refused(path: &Path, error: &anyhow::Error) -> anyhow::Error {
    let findings = validate::file(path);
    let errors: String = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    match errors.trim_end() {
        // The file is well, but it is not a configuration of multus.
        "" => anyhow!("{} can't be used here: {error:#}", path.display()),
        errors => anyhow!("{} can't be used:\n{errors}", path.display()),
    }
}
