//! `multusctl journal show`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use multus_journal::{Listing, Record, Store};
use serde::Serialize;

use crate::conf_file::Records;
use crate::console::{Console, Report};
use crate::record::CallView;
use crate::table::count;

/// Tell what was attached, how far each call got, and what is left over
///
/// The exit status is 1 if a record can't be read, or if nothing is recorded for the container that was named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl journal show
  multusctl journal show 4f66b9a1 --conf /etc/cni/net.d/00-multus.conf
  multusctl journal show --output json | jq '.records[].attachments[].durationMs'")]
pub(crate) struct Show {
    /// Only this container's records: its id, or how its id begins.
    container: Option<String>,
    #[command(flatten)]
    records: Records,
}

/// Everything that is recorded.
#[derive(Serialize)]
struct JournalReport {
    records: Vec<CallView>,
    leftovers: Vec<CallView>,
    /// Damaged records, kept for people to look at.
    quarantined: Vec<PathBuf>,
    unreadable: Vec<String>,
}

impl Show {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let cni_dir = self.records.cni_dir()?;
        let store = Store::new(&cni_dir);
        let (records, mut unreadable) = self.views(&store.records());
        let (leftovers, more) = self.views(&store.leftovers());
        unreadable.extend(more);
        let quarantined =
            quarantined(&cni_dir).with_context(|| format!("can't list {}", cni_dir.display()))?;
        let report = JournalReport { records, leftovers, quarantined, unreadable };
        console.show(&report)?;
        console.say(&report.summary(&cni_dir));
        let missed = self.container.is_some() && report.records.is_empty() && report.leftovers.is_empty();
        Ok(if missed || !report.unreadable.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn views(&self, listing: &Listing) -> (Vec<CallView>, Vec<String>) {
        let wanted = |record: &&Record| {
            self.container.as_ref().is_none_or(|id| record.key.container_id.starts_with(id.as_str()))
        };
        let views = listing.records.iter().filter(wanted).map(CallView::of).collect();
        (views, listing.unreadable.iter().map(ToString::to_string).collect())
    }
}

/// The files of quarantined records; a folder that was never needed does not exist.
fn quarantined(cni_dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = match std::fs::read_dir(cni_dir.join("quarantine")) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    paths.sort();
    Ok(paths)
}

impl JournalReport {
    fn summary(&self, cni_dir: &Path) -> String {
        let mut parts = vec![count(self.records.len(), "record"), count(self.leftovers.len(), "leftover")];
        if !self.quarantined.is_empty() {
            parts.push(format!("{} quarantined", self.quarantined.len()));
        }
        if !self.unreadable.is_empty() {
            parts.push(format!("{} unreadable", self.unreadable.len()));
        }
        let sweep =
            if self.leftovers.is_empty() { "" } else { "; `multusctl journal sweep` goes on with leftovers" };
        format!("{}: {}{sweep}", cni_dir.display(), parts.join(", "))
    }
}

impl Report for JournalReport {
    fn text(&self) -> String {
        let mut blocks: Vec<String> =
            self.records.iter().chain(&self.leftovers).map(CallView::text).collect();
        let listed = |title: &str, lines: Vec<String>| {
            (!lines.is_empty()).then(|| format!("{title}:\n{}", crate::table::indent(&lines.join("\n"))))
        };
        let quarantined = self.quarantined.iter().map(|path| path.display().to_string()).collect();
        blocks.extend(listed("damaged records, kept for you to look at", quarantined));
        blocks.extend(listed("unreadable", self.unreadable.clone()));
        blocks.join("\n")
    }
}
