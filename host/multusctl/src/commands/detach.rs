//! `multusctl detach`.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use multus_attach::{Call, Deadlines, Node};
use multus_cni::env::Command;

use crate::call::CallArgs;
use crate::conf_file;
use crate::console::Console;

/// Take back what `attach`, or a container runtime, attached
///
/// What was recorded when it was attached decides what is undone. Nothing recorded is nothing to do. The
/// namespace may be gone by now.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl detach --conf multus.conf --netns /run/netns/blue
  multusctl detach --conf multus.conf --container-id 4f66…")]
pub(crate) struct Detach {
    #[command(flatten)]
    call: CallArgs,
}

impl Detach {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let conf = conf_file::load(&self.call.conf)?;
        let request = self.call.request(Command::Del)?;
        let node = Node::new(console);
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
        multus_attach::del(&call).context("not detached; what is left stays recorded")?;
        console.say(&format!("detached container {}", request.container_id));
        Ok(ExitCode::SUCCESS)
    }
}
