//! Delegates that a component has run for it: IPAM, a component or a binary, and other binaries.

use std::os::fd::AsFd;
use std::path::Path;

use multus_cni::env::Command;
use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error};
use multus_document::Object;
use multus_journal::Effect;
use multus_wasm::node::Answer;

use super::node::ComponentNode;
use super::refusal::{self, invalid, not_granted};
use super::run::{self, SPOKEN};
use crate::delegate::{self, Guard, Target};
use crate::plan::is_delegate;

/// `add` of the interface ipam.
pub(super) fn ipam(node: &mut ComponentNode, config: &str) -> Answer<String> {
    let kind = ipam_type(config)?;
    if !node.grants.allows_ipam(&kind) {
        return Err(not_granted(&format!("run the IPAM `{kind}`"), &format!("\"ipam\": [\"{kind}\"]")));
    }
    let printed = if is_delegate(Some(&node.scene.sandbox), &kind) {
        component(node, &kind, config)
    } else {
        binary(node, &kind, config, true)
    };
    let of_ipam = |error: Error| refusal::of_error(error.context(&format!("IPAM {kind}")));
    let result = printed.map_err(of_ipam)?;
    node.story.leased(result.result().map_err(of_ipam)?);
    spoken(&result)
}

/// `add` of the interface plugins.
pub(super) fn plugin(node: &mut ComponentNode, name: &str, config: &str) -> Answer<String> {
    if !node.grants.allows_plugin(name) {
        return Err(not_granted(&format!("run the plugin `{name}`"), &format!("\"plugins\": [\"{name}\"]")));
    }
    let result = binary(node, name, config, false)
        .map_err(|error| refusal::of_error(error.context(&format!("plugin {name}"))))?;
    spoken(&result)
}

/// A result as components read it.
fn spoken(result: &ResultDocument) -> Answer<String> {
    let text = result.to_version(SPOKEN).map_err(refusal::of_error)?;
    Ok(text.get().to_owned())
}

fn ipam_type(config: &str) -> Answer<String> {
    let config =
        Object::parse(config.as_bytes()).map_err(|error| invalid(format!("the configuration: {error}")))?;
    let kind = config.get("ipam").and_then(|ipam| Some(ipam.get("type")?.as_str()?.to_owned()));
    kind.filter(|kind| !kind.is_empty()).ok_or_else(|| invalid("the configuration has no `ipam.type`"))
}

/// Its effects are of the same step, and its authority is its own.
fn component(node: &ComponentNode, module: &str, config: &str) -> Result<ResultDocument, Error> {
    let grants = run::grants(&node.scene.sandbox, module);
    let nested = ComponentNode::new(node.hands.clone(), node.scene.clone(), grants, node.part);
    let (result, log) = run::call(&node.scene, module, config, None, nested);
    node.scene.said.borrow_mut().push((module.to_owned(), log));
    result
}

fn binary(node: &ComponentNode, kind: &str, config: &str, ipam: bool) -> Result<ResultDocument, Error> {
    let scene = &node.scene;
    let path = scene.search.find(kind)?;
    let target = Target {
        container_id: &scene.container_id,
        netns: &scene.netns,
        interface: &scene.interface,
        args: &scene.args,
        path: &scene.path,
    };
    let locks = scene.locks.iter().map(AsFd::as_fd).collect();
    let guard = Guard { deadline: scene.deadline, timeout: scene.exec_timeout, locks };
    let effect = Effect::Delegate {
        plugin: kind.to_owned(),
        path: path.display().to_string(),
        stdin: config.to_owned(),
        ipam,
    };
    let mut held = node.hands.take();
    let printed = held.ledger()?.perform_lasting(node.part, effect, || {
        delegate::run(Command::Add, Path::new(&path), target, config, &guard)
    });
    drop(held);
    let printed = printed.map_err(|error| match error {
        multus_journal::NotDone::Effect(error) => error,
        multus_journal::NotDone::Record(error) => crate::steps::journal_error(error),
    })?;
    ResultDocument::parse(&printed, scene.cni_version)
}

/// No such IPAM is to be had.
pub(crate) fn missing_ipam(module: &str, kind: &str, error: Error) -> Error {
    Error::new(
        Code::InvalidConfig,
        format!("`{module}` needs the IPAM `{kind}`, a module or a binary: {error}"),
    )
}
