//! Every problem of a file that multus or its operator's tools read, each at its line and column.

mod block;
mod finding;
mod json_file;
mod kind;
mod manifest;
mod recover;
mod yaml_file;

use std::path::Path;

use crate::text_file;

pub(crate) use finding::{Finding, Severity};

/// Finds every problem of one file: configurations of `multus` and of other plugins, catalogs (JSON), and
/// manifests (YAML or JSON).
pub(crate) fn file(path: &Path) -> Vec<Finding> {
    let name = path.display().to_string();
    let mut findings = match text_file::read_text(path) {
        Ok(text) if is_yaml(path, &text) => yaml_file::check(&name, &text),
        Ok(text) => json_file::check(&name, &text),
        Err(error) => vec![Finding::whole_file(&name, format!("{error:#}"))],
    };
    findings.sort_by_key(|finding| finding.position);
    findings
}

/// By the file's name; by its first character where the name does not tell.
fn is_yaml(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => true,
        Some("json" | "conf" | "conflist") => false,
        _ => !text.trim_start().starts_with(['{', '[']),
    }
}
