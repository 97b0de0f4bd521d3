//! `multusctl journal undo`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use multus_attach::{Call, Deadlines, Node};
use multus_journal::{CallKey, Store};
use serde::Serialize;

use super::no_container;
use crate::conf_file;
use crate::console::{Console, Report};
use crate::record::CallView;

/// Take back what an attachment did to the node, as its DEL would
///
/// A container whose network namespace is still there may be running: that takes --force.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl journal undo 4f66b9a1 --conf /etc/cni/net.d/00-multus.conf
  multusctl journal undo 4f66b9a1 --interface eth0 --force --conf multus.conf")]
pub(crate) struct Undo {
    /// The container's id, or how its id begins.
    container: String,
    /// Only the call with this CNI_IFNAME.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// Also if the container's network namespace is still there.
    #[arg(long)]
    force: bool,
    /// The configuration of multus.
    #[arg(long, value_name = "FILE")]
    conf: PathBuf,
}

/// What was taken back.
#[derive(Serialize)]
#[serde(transparent)]
struct UndoReport(Vec<CallView>);

impl Undo {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let conf = conf_file::load(&self.conf)?;
        let views = self.found(&Store::new(&conf.cni_dir))?;
        let request = no_container();
        let node = Node::new(console);
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
        for view in &views {
            let key = CallKey { container_id: view.container_id.clone(), interface: view.interface.clone() };
            multus_attach::take_back(&call, &key, self.force)
                .with_context(|| format!("{key} could not be taken back"))?;
        }
        console.show(&UndoReport(views))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The calls of one container: how its id begins must not mean two.
    fn found(&self, store: &Store) -> anyhow::Result<Vec<CallView>> {
        let wanted = |view: &CallView| {
            view.container_id.starts_with(&self.container)
                && self.interface.as_ref().is_none_or(|interface| *interface == view.interface)
        };
        let views: Vec<_> = store.records().records.iter().map(CallView::of).filter(wanted).collect();
        match views.as_slice() {
            [] => bail!(
                "nothing is recorded for container {}; `multusctl journal show` lists what is",
                self.container
            ),
            [first, rest @ ..] => match rest.iter().find(|view| view.container_id != first.container_id) {
                Some(other) => bail!(
                    "`{}` begins the ids of several containers: {}, {}",
                    self.container,
                    first.container_id,
                    other.container_id
                ),
                None => Ok(views),
            },
        }
    }
}

impl Report for UndoReport {
    fn text(&self) -> String {
        let words = |view: &CallView| {
            format!("taken back: container {}, interface {}\n", view.container_id, view.interface)
                + &view.effects_text()
        };
        self.0.iter().map(words).collect()
    }
}
