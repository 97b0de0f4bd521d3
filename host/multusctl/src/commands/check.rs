//! `multusctl check`.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{ArgGroup, Args};
use multus_attach::{Call, Deadlines, MultusConf, Node};
use multus_cni::env::{Command, Request};
use multus_journal::{CallKey, Store};

use crate::call::CallArgs;
use crate::conf_file;
use crate::console::Console;

/// Check that everything attached is still as it was made
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("namespace").required(true)),
    after_help = "\
Examples:
  multusctl check --conf multus.conf --netns /run/netns/blue && echo fine"
)]
pub(crate) struct Check {
    #[command(flatten)]
    call: CallArgs,
}

impl Check {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let conf = conf_file::load(&self.call.conf)?;
        let request = self.call.request(Command::Check)?;
        let conf = with_recorded_result(conf, &request)?;
        let node = Node::new(console);
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
        multus_attach::check(&call).context("not as it was attached")?;
        console.say(&format!("container {} is as it was attached", request.container_id));
        Ok(ExitCode::SUCCESS)
    }
}

/// A runtime passes the result of ADD from its cache; ours is in the record.
fn with_recorded_result(conf: MultusConf, request: &Request) -> anyhow::Result<MultusConf> {
    if conf.source.contains("prevResult") {
        return Ok(conf);
    }
    let key = CallKey { container_id: request.container_id.clone(), interface: request.ifname.clone() };
    let record = Store::new(&conf.cni_dir).open(&key)?.ok_or_else(|| {
        anyhow!(
            "nothing is recorded for {key} below {}: name the right one with --container-id",
            conf.cni_dir.display()
        )
    })?;
    let default = record.attachments.iter().find(|attachment| attachment.intent.default);
    let result = default.and_then(|attachment| attachment.result.as_deref());
    let result = result.ok_or_else(|| anyhow!("the ADD of {key} did not finish: detach it"))?;
    conf_file::with_previous_result(&conf, result)
}
