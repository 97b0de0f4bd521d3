//! The configuration of multus that a command works with.

use std::path::Path;

use anyhow::anyhow;
use multus_attach::MultusConf;
use multus_document::Object;

use crate::text_file;
use crate::validate::{self, Severity};

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
