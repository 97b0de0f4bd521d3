//! Delegates that a component has run for it: IPAM, a component or a binary, and other binaries.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use multus_cni::env::Command;
use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error};
use multus_document::Object;
use multus_journal::Effect;
use multus_wasm::node::Answer;
use serde_json::Value;

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
    let config = &of_network(&node.scene.network, &format!("the IPAM `{kind}`"), config)?;
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
    let config = &of_network(&node.scene.network, &format!("the plugin `{name}`"), config)?;
    let result = binary(node, name, config, false)
        .map_err(|error| refusal::of_error(error.context(&format!("plugin {name}"))))?;
    spoken(&result)
}

/// A result as components read it.
fn spoken(result: &ResultDocument) -> Answer<String> {
    let text = result.to_version(SPOKEN).map_err(refusal::of_error)?;
    Ok(text.get().to_owned())
}

/// A configuration that a module hands to another plugin, about the network of its own attachment: plugins keep what they
/// give out by the network's name, so under another one it would be another network's. Where there is none it is put in.
///
/// Many plugins are written in Go, which takes `Name` for `name`, and the last one of several.
fn of_network(network: &str, plugin: &str, config: &str) -> Answer<String> {
    let unusable =
        |error: &dyn std::fmt::Display| invalid(format!("the configuration for {plugin}: {error}"));
    let mut config = Object::parse(config.as_bytes()).map_err(|error| unusable(&error))?;
    for (key, value) in config.to_value().as_object().into_iter().flatten() {
        if key.eq_ignore_ascii_case("name") && (key != "name" || value.as_str() != Some(network)) {
            return Err(invalid(format!(
                "the configuration for {plugin} has `{}` {value}, and this attachment is one of the network `{network}`: a \
                 module can't act for another network; `name` is passed on as it came, or left out",
                key.escape_debug()
            )));
        }
    }
    if config.get("name").is_none() {
        config.set("name", &Value::from(network));
    }
    Ok(config.to_string())
}

fn ipam_type(config: &str) -> Answer<String> {
    let config =
        Object::parse(config.as_bytes()).map_err(|error| invalid(format!("the configuration: {error}")))?;
    let kind = config.get("ipam").and_then(|ipam| Some(ipam.get("type")?.as_str()?.to_owned()));
    kind.filter(|kind| !kind.is_empty()).ok_or_else(|| invalid("the configuration has no `ipam.type`"))
}

/// How many components one attachment may have run: each has its own limits, and what it says is kept.
const NESTED: usize = 32;

/// Its effects are of the same step, and its authority is its own.
fn component(node: &ComponentNode, module: &str, config: &str) -> Result<ResultDocument, Error> {
    let refused = |why: &str| Error::new(Code::InvalidConfig, format!("module {module} is not run: {why}"));
    if node.nested {
        return Err(refused("whoever asks for it was itself run for another module, and that ends here"));
    }
    if node.scene.said.borrow().len() >= NESTED {
        return Err(refused(&format!("{NESTED} modules were run for this attachment already")));
    }
    if Instant::now() >= node.scene.deadline {
        return Err(Error::new(Code::TryAgainLater, "there is no time left for it"));
    }
    let grants = run::grants(&node.scene.sandbox, module);
    let nested = ComponentNode {
        nested: true,
        ..ComponentNode::new(node.hands.clone(), node.scene.clone(), grants, node.part)
    };
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

#[cfg(test)]
mod tests {
    use multus_wasm::node::Node;
    use serde_json::json;

    use super::*;
    use crate::component::stage::{Module, Stage};

    #[test]
    fn a_configuration_is_about_the_attachments_own_network() {
        let handed = |config: &str| of_network("red", "the IPAM `host-local`", config);
        let own = r#"{"name":"red","type":"bridge","ipam":{"type":"host-local","name":"blue"}}"#;
        assert_eq!(handed(own).unwrap(), own, "passed on as it is");
        assert_eq!(handed(r#"{"type":"bridge"}"#).unwrap(), r#"{"type":"bridge","name":"red"}"#);
        let rows = [
            r#"{"name":"blue"}"#,
            r#"{"name":"red","Name":"blue"}"#,
            r#"{"NAME":"red"}"#,
            r#"{"name":7}"#,
            r#"{"name":null}"#,
            r#"{"name":"red","name":"blue"}"#,
            r#"{"n\u0061me":"blue"}"#,
            "[]",
        ];
        for config in rows {
            let failure = handed(config).unwrap_err();
            assert_eq!(failure.code, 7, "{failure:?}");
            assert!(failure.message.contains("the IPAM `host-local`"), "{config}: {failure:?}");
        }
    }

    /// Each run has its own limits: a module that runs itself would have them again and again.
    #[test]
    fn components_that_run_components_come_to_an_end() {
        let stage = Stage::new();
        let pod = stage.pod("a");
        let module = Module { interface: "eth0", grants: json!({}), before: &[], told: &[] };
        let mut node = stage.begin(&pod, stage.node.open(pod.sandbox), &[module]).pop().unwrap();
        let refused = |node: &ComponentNode| component(node, "host-local", "{}").unwrap_err().msg;

        node.nested = true;
        assert!(refused(&node).contains("was itself run for another module"));
        node.nested = false;
        assert!(!refused(&node).contains("is not run"), "it gets as far as looking for the module");
        let before = node.scene.said.borrow().len();
        let more = std::iter::repeat_with(|| ("host-local".to_owned(), Vec::new())).take(NESTED - before);
        node.scene.said.borrow_mut().extend(more);
        assert!(refused(&node).contains("32 modules were run for this attachment already"));
        node.scene.said.borrow_mut().clear();
        std::rc::Rc::get_mut(&mut node.scene).unwrap().deadline = Instant::now();
        assert!(refused(&node).contains("no time left"));
    }

    /// Whoever could say another name could use up that network's addresses, or have its own given back from there.
    #[test]
    fn a_module_has_no_plugin_act_for_another_network() {
        let stage = Stage::new();
        let pod = stage.pod("a");
        let grants = json!({ "ipam": ["host-local"], "plugins": ["bandwidth"] });
        let module = Module { interface: "eth0", grants, before: &[], told: &[] };
        let mut node = stage.begin(&pod, stage.node.open(pod.sandbox), &[module]).pop().unwrap();
        let conf = |name: &str| {
            json!({ "name": name, "type": "bridge", "ipam": { "type": "host-local" } }).to_string()
        };
        for answer in [node.ipam_add(&conf("blue")), node.plugin_add("bandwidth", &conf("blue"))] {
            let failure = answer.unwrap_err();
            assert!(
                failure.message.contains("\"blue\", and this attachment is one of the network `red`"),
                "{failure:?}"
            );
        }
        // For its own it gets as far as looking for the binary, which this node has not.
        for answer in [node.ipam_add(&conf("red")), node.plugin_add("bandwidth", &conf("red"))] {
            let failure = answer.unwrap_err();
            assert!(!failure.message.contains("one of the network"), "{failure:?}");
        }
    }
}
