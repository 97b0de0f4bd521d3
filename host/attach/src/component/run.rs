//! One component's part of an ADD.

use std::cell::RefCell;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error, Version};
use multus_journal::Part;
use multus_net::Kernel;
use multus_net::sriov::Claims;
use multus_wasm::{Grants, LogLine, Sandbox};

use super::node::ComponentNode;
use super::shared::{Hands, Scene};
use serde_json::Value;

use crate::log::Log;
use crate::plan::Attachment;
use crate::review::{module_error, pass_on, seen_by_modules};
use crate::steps::Run;

/// The version in which results pass between host and components, whatever the configuration speaks.
pub(super) const SPOKEN: Version = Version::V1_1_0;

/// The plugin that moves the RDMA devices of what was moved before.
const MOVES_RDMA: &str = "rdma";

/// Runs a component's ADD.
///
/// # Errors
/// The module's own failure with its code, or what became of the module. What it did is on record either way.
pub(crate) fn add(
    run: &Run<'_>,
    attachment: &Attachment,
    part: Part,
    module: &str,
    stdin: &str,
    previous: Option<&ResultDocument>,
) -> Result<ResultDocument, Error> {
    open_node(&run.hands, Path::new(run.call.netns_path()))?;
    let scene = Rc::new(scene(run, attachment, stdin)?);
    let result = previous.map(ResultDocument::result).transpose()?.unwrap_or_default();
    let addresses: Vec<_> =
        result.ips.iter().filter_map(|ip| ip.address.split('/').next()?.parse().ok()).collect();
    let in_pod = result.interfaces.into_iter().filter(|link| link.in_sandbox()).map(|link| link.name);
    let grants = grants(&scene.sandbox, module);
    let node = ComponentNode::new(run.hands.clone(), scene.clone(), grants, part)
        .going_on_from(in_pod)
        .with_addresses(addresses);
    let previous = previous.map(|result| result.to_version(SPOKEN)).transpose()?;
    let previous = previous.as_ref().map(|text| text.get());
    let (result, log) = call(&scene, module, stdin, previous, node);
    pass_on_all(run.call.node.log, module, &log, &scene);
    result
}

/// Lets a module do an ADD; its result, in the version of the attachment, and what it logged.
pub(super) fn call(
    scene: &Scene,
    module: &str,
    config: &str,
    previous: Option<&str>,
    node: ComponentNode,
) -> (Result<ResultDocument, Error>, Vec<LogLine>) {
    let node = Rc::new(RefCell::new(node));
    match scene.sandbox.delegate(module, &scene.seen, config, previous, node.clone()) {
        Err(error) => (Err(module_error(&error)), error.log),
        Ok(done) => {
            let result = match &done.result {
                Some(text) => ResultDocument::parse(text.as_bytes(), scene.cni_version),
                None => ResultDocument::of(&node.borrow().story.result(&scene.netns), scene.cni_version),
            };
            (result, done.log)
        }
    }
}

/// What a module is granted; nothing, if it is not there.
pub(super) fn grants(sandbox: &Sandbox, module: &str) -> Grants {
    sandbox.catalog().modules.get(module).map(|module| module.grants.clone()).unwrap_or_default()
}

fn pass_on_all(log: &dyn Log, module: &str, lines: &[LogLine], scene: &Scene) {
    for (module, lines) in scene.said.take() {
        pass_on(log, &module, &lines);
    }
    pass_on(log, module, lines);
}

/// Opens the node and the pod's namespace for the first component of the call.
fn open_node(hands: &Hands, netns: &Path) -> Result<(), Error> {
    let mut held = hands.take();
    if held.backend.is_none() {
        let kernel = Kernel::open(Some(netns)).map_err(|error| Error::new(Code::Io, error.to_string()))?;
        held.backend = Some(Box::new(kernel));
    }
    Ok(())
}

fn scene(run: &Run<'_>, attachment: &Attachment, stdin: &str) -> Result<Scene, Error> {
    let call = run.call;
    let sandbox = run.built.sandbox.as_ref().map(Arc::clone).ok_or_else(|| {
        Error::new(Code::Internal, "a component is planned, and the configuration names no catalog")
    })?;
    let pod = call.pod_key();
    let own = |descriptor: &BorrowedFd<'_>| descriptor.try_clone_to_owned();
    let locks = run.lock.descriptors().iter().map(own).collect::<Result<_, _>>();
    Ok(Scene {
        container_id: call.request.container_id.clone(),
        netns: call.netns_path().to_owned(),
        args: attachment.args.clone(),
        interface: attachment.interface.clone(),
        cni_version: attachment.network.cni_version,
        pod_uid: pod_uid(pod.and_then(|pod| pod.uid), run.built.plan.pod.as_ref().map(|pod| pod.uid.clone())),
        began: call.deadlines.began_ms(),
        boot: call.boot()?,
        deadline: call.deadlines.forward,
        lock_dir: call.node.lock_dir.clone(),
        store: call.store(),
        network: attachment.network.name.clone(),
        device: device_of(stdin),
        moves_rdma: attachment.network.plugins.iter().any(|plugin| plugin.plugin_type() == MOVES_RDMA),
        functions: Claims::at(&call.node.functions),
        search: call.search(),
        path: run.path.clone(),
        exec_timeout: call.conf.exec.timeout,
        locks: locks.map_err(|error| Error::new(Code::Io, format!("can't keep the locks: {error}")))?,
        seen: seen_by_modules(&call.request.container_id, attachment, run.built.plan.pod.as_ref()),
        said: RefCell::default(),
        sandbox,
    })
}

/// The device that a configuration names: the kubelet's, where it has the capability, else its own.
fn device_of(config: &str) -> Option<String> {
    let config: Value = serde_json::from_str(config).ok()?;
    let given = ["/runtimeConfig/deviceID", "/deviceID", "/pciBusID"].into_iter();
    let mut given = given.filter_map(|place| config.pointer(place)?.as_str());
    given.find(|device| !device.is_empty()).map(ToOwned::to_owned)
}

/// The kubelet's, which records hold; a static pod has another one at the API server.
fn pod_uid(of_kubelet: Option<String>, of_server: Option<String>) -> Option<String> {
    [of_kubelet, of_server].into_iter().flatten().find(|uid| !uid.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelets_device_goes_before_the_configurations() {
        for (config, device) in [
            (r#"{"deviceID": "0000:03:10.0", "pciBusID": "x"}"#, Some("0000:03:10.0")),
            (r#"{"deviceID": "x", "runtimeConfig": {"deviceID": "0000:03:10.2"}}"#, Some("0000:03:10.2")),
            (r#"{"deviceID": "", "pciBusID": "0000:03:10.4"}"#, Some("0000:03:10.4")),
            (r#"{"deviceID": 7}"#, None),
            ("no configuration", None),
        ] {
            assert_eq!(device_of(config).as_deref(), device, "{config}");
        }
    }

    #[test]
    fn the_kubelets_uid_counts_before_the_servers() {
        let rows = [
            (Some("static"), Some("mirror"), Some("static")),
            (Some(""), Some("mirror"), Some("mirror")),
            (None, Some(""), None),
        ];
        for (of_kubelet, of_server, expected) in rows {
            let owned = |uid: Option<&str>| uid.map(str::to_owned);
            assert_eq!(pod_uid(owned(of_kubelet), owned(of_server)), owned(expected));
        }
    }
}
