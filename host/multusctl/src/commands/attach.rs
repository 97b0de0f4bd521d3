//! `multusctl attach`.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{ArgGroup, Args};
use multus_attach::{Call, Deadlines, MultusConf, Node};
use multus_cni::env::{Command, Request};
use multus_cni::{Code, Error};
use multus_journal::{CallKey, Store};
use multus_net::{Link, Netns};
use serde::Serialize;
use serde_json::Value;

use crate::call::CallArgs;
use crate::conf_file;
use crate::console::{Console, Report};
use crate::record::{AttachmentView, CallView, attachments_table};

/// Attach a network namespace to its networks, as a container runtime would
///
/// Prints what was attached, from the record; in JSON also the result that a runtime would get. The same
/// configuration and namespace detach it again.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("namespace").required(true)),
    after_help = "\
Examples:
  multusctl attach --conf multus.conf --netns /run/netns/blue
  multusctl attach --conf multus.conf --pid $(docker inspect -f '{{.State.Pid}}' web) --ifname eth1"
)]
pub(crate) struct Attach {
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    container_id: String,
    /// What the runtime would read from standard output.
    result: Value,
    attachments: Vec<AttachmentView>,
}

impl Attach {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let conf = conf_file::load(&self.call.conf)?;
        let request = self.call.request(Command::Add)?;
        let node = Node::new(console);
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
        let added = multus_attach::add(&call).context("not attached")?;
        let shown = report(&conf, &request, added.result()).and_then(|report| console.show(&report));
        match shown {
            Ok(()) => added.keep(),
            // As with a runtime that did not get the result: what nobody knows of must not stay.
            Err(error) => {
                let error = Error::new(Code::Io, format!("the result could not be shown: {error:#}"));
                return Err(anyhow!(added.undo(error)).context("not attached"));
            }
        }
        console.say(&format!("attached container {}", request.container_id));
        Ok(ExitCode::SUCCESS)
    }
}

fn report(conf: &MultusConf, request: &Request, result: &str) -> anyhow::Result<Attached> {
    let key = CallKey { container_id: request.container_id.clone(), interface: request.ifname.clone() };
    let record = Store::new(&conf.cni_dir).open(&key)?.ok_or_else(|| anyhow!("{key} has no record"))?;
    let mut attachments = CallView::of(&record).attachments;
    let links =
        request.netns.as_deref().map(|path| Netns::open(path)?.links()).transpose()?.unwrap_or_default();
    for attachment in &mut attachments {
        add_what_the_kernel_knows(attachment, &links);
    }
    Ok(Attached { container_id: key.container_id, result: serde_json::from_str(result)?, attachments })
}

/// Results before 1.1.0 do not tell an MTU, some plugins no MAC address.
fn add_what_the_kernel_knows(attachment: &mut AttachmentView, links: &[Link]) {
    if let Some(link) = links.iter().find(|link| link.name == attachment.interface) {
        attachment.attached.complete(link);
    }
}

impl Report for Attached {
    fn text(&self) -> String {
        attachments_table(&self.attachments)
    }
}
