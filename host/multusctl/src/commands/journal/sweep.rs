//! `multusctl journal sweep`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use multus_attach::{Call, Deadlines, Node, Swept};
use serde::Serialize;

use super::no_container;
use crate::conf_file;
use crate::console::{Console, Report};
use crate::table::render;

/// Try once more to give back what DEL had to leave over; for a timer, and for after a boot
///
/// The exit status is 1 while something is left.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl journal sweep --conf /etc/cni/net.d/00-multus.conf")]
pub(crate) struct Sweep {
    /// The configuration of multus.
    #[arg(long, value_name = "FILE")]
    conf: PathBuf,
}

/// What became of each leftover.
#[derive(Serialize)]
#[serde(transparent)]
struct SweepReport(Vec<SweptView>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SweptView {
    container_id: String,
    interface: String,
    given_back: bool,
    remaining: Option<String>,
}

impl Sweep {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let conf = conf_file::load(&self.conf)?;
        let request = no_container();
        let node = Node::new(console);
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
        let (swept, unreadable) = multus_attach::sweep(&call);
        let report = SweepReport(swept.into_iter().map(SweptView::of).collect());
        console.show(&report)?;
        let left = report.0.iter().filter(|swept| !swept.given_back).count();
        unreadable.iter().for_each(|error| console.say(&format!("passed over: {error}")));
        console.say(&format!("{} given back, {} left", report.0.len() - left, left + unreadable.len()));
        Ok(if left == 0 && unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl SweptView {
    fn of(swept: Swept) -> Self {
        Self {
            container_id: swept.key.container_id,
            interface: swept.key.interface,
            given_back: swept.remaining.is_none(),
            remaining: swept.remaining.map(|error| error.to_string()),
        }
    }
}

impl Report for SweepReport {
    fn text(&self) -> String {
        let row = |swept: &SweptView| {
            let state = swept.remaining.clone().unwrap_or_else(|| "given back".to_owned());
            vec![swept.container_id.clone(), swept.interface.clone(), state]
        };
        match self.0.as_slice() {
            [] => String::new(),
            swept => render(&["CONTAINER", "INTERFACE", "STATE"], swept.iter().map(row)),
        }
    }
}
