//! `multusctl validate`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::console::{Console, Report};
use crate::table::count;
use crate::validate::{self, Finding, Severity};

/// Find every problem of configurations, catalogs and manifests, with line, column and what to write instead
///
/// Reads configurations of multus and of other plugins (also lists) and catalogs of modules, in JSON, and
/// Kubernetes manifests in YAML or JSON with the configurations and network selections that they hold.
/// Only warnings leave the exit status at 0.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl validate /etc/cni/net.d/00-multus.conf
  multusctl validate --output json catalog.json manifests/*.yaml | jq '.[].message'")]
pub(crate) struct Validate {
    /// The files; .yaml and .yml are manifests, .json, .conf and .conflist are JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// All findings, in the order of the files and of their lines.
#[derive(Serialize)]
#[serde(transparent)]
struct Findings(Vec<Finding>);

impl Validate {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let findings = Findings(self.files.iter().flat_map(|file| validate::file(file)).collect());
        console.show(&findings)?;
        let errors = findings.0.iter().filter(|finding| finding.severity == Severity::Error).count();
        let warnings = findings.0.len() - errors;
        console.say(&format!(
            "{}: {}, {}",
            count(self.files.len(), "file"),
            count(errors, "error"),
            count(warnings, "warning")
        ));
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Report for Findings {
    fn text(&self) -> String {
        self.0.iter().map(ToString::to_string).collect()
    }
}
