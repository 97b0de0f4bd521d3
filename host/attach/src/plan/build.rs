//! From what the pod wants to what will run.

use multus_cluster::{Pod, Selection, Source};
use multus_cni::conf::{NetworkConf, PluginConf, stdin_for};
use multus_cni::{Code, Error};
use multus_document::Object;
use multus_journal::Implementation;
use serde_json::{Map, Value, json};

use super::{Attachment, Plan, Step, capabilities, device, names};
use crate::call::Call;
use crate::networks::{self, Wanted};
use crate::review::Reviewer;
use crate::search::Search;

/// The reviewed plan of one ADD: resolve, name, check, transform, review, find what runs.
///
/// `links` are the names already taken in the pod's namespace. Transforms and policies are run;
/// nothing else is.
///
/// # Errors
/// The first reason for which the pod can't be attached as asked, naming pod and network.
pub(crate) fn build(call: &Call<'_>, source: Option<&dyn Source>, links: &[String]) -> Result<Plan, Error> {
    let resolved = networks::resolve(call.conf, source, call.pod_key().as_ref())?;
    let interfaces = names::assign(&resolved.wanted, &call.request.ifname, call.conf.masterplugin, links)?;
    let mut attachments = Vec::new();
    for ((index, wanted), interface) in (0_u32..).zip(resolved.wanted).zip(interfaces) {
        attachments.push(attachment(call, index, wanted, interface)?);
    }
    let mut reviewer = Reviewer::open(call)?;
    for attachment in &mut attachments {
        let label = attachment.label();
        reviewer.judge(attachment, resolved.pod.as_ref()).map_err(|error| error.context(&label))?;
    }
    for attachment in &mut attachments {
        let label = attachment.label();
        attachment.steps = steps(&call.search(), attachment).map_err(|error| error.context(&label))?;
    }
    Ok(Plan { pod: resolved.pod, attachments })
}

/// The plan that an ADD of this call would follow, for `multusctl explain`: transforms and policies
/// run, nothing is written or executed.
///
/// # Errors
/// Those of an ADD up to the point where it would touch the node.
pub fn explain(call: &Call<'_>, links: &[String]) -> Result<Plan, Error> {
    let plan = networks::source(call.conf).and_then(|source| build(call, source.as_deref(), links));
    plan.map_err(|error| error.context(&call.subject()))
}

fn attachment(call: &Call<'_>, index: u32, wanted: Wanted, interface: String) -> Result<Attachment, Error> {
    let Wanted { display, mut network, default, selection, definition } = wanted;
    let runtime_config = match &selection {
        // What the runtime offers is for the default network alone (NP-43).
        None if default => call.conf.runtime_config.clone(),
        None => Map::new(),
        Some(selection) => selected(selection, &mut network)
            .map_err(|error| error.context(&format!("network {display} ({interface})")))?,
    };
    Ok(Attachment {
        index,
        interface,
        display,
        default,
        network,
        runtime_config,
        args: call.request.raw_args.clone(),
        steps: Vec::new(),
        decisions: Vec::new(),
        definition_annotations: definition.map_or(Value::Null, |definition| json!(definition.annotations)),
        selection: selection.as_ref().map_or(Value::Null, element),
    })
}

fn selected(selection: &Selection, network: &mut NetworkConf) -> Result<Map<String, Value>, Error> {
    for plugin in &mut network.plugins {
        device::apply(selection, plugin.object_mut());
    }
    capabilities::arguments(selection, network)
}

/// The selection element for modules; what became a capability argument is in `runtimeConfig`.
fn element(selection: &Selection) -> Value {
    json!({
        "namespace": selection.network.namespace,
        "name": selection.network.name,
        "interface": selection.interface,
        "deviceID": selection.device_id,
        "cni-args": selection.cni_args.as_ref().map(Object::to_value),
    })
}

fn steps(search: &Search, attachment: &Attachment) -> Result<Vec<Step>, Error> {
    attachment.network.plugins.iter().map(|plugin| step(search, attachment, plugin)).collect()
}

fn step(search: &Search, attachment: &Attachment, plugin: &PluginConf) -> Result<Step, Error> {
    let kind = plugin.plugin_type().to_owned();
    let binary = search.find(&kind)?;
    for nested in plugin.ipam_type().into_iter().chain(plugin.nested_types()) {
        search.check_allowed(&nested).map_err(|error| error.context(&format!("`{kind}` runs `{nested}`")))?;
    }
    let path = binary.to_str().ok_or_else(|| {
        Error::new(Code::InvalidConfig, format!("the path of `{kind}` is not UTF-8: {}", binary.display()))
    })?;
    Ok(Step {
        stdin: stdin_for(plugin, &attachment.network, &attachment.runtime_config, None),
        implementation: Implementation::Exec { path: path.to_owned() },
        plugin: kind,
    })
}

/// The pod as modules see it.
pub(crate) fn seen_by_modules(pod: &Pod) -> multus_wasm::Pod {
    multus_wasm::Pod {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        service_account: pod.service_account.clone(),
        labels: pod.labels.clone(),
        annotations: pod.annotations.clone(),
        namespace_labels: pod.namespace_labels.clone(),
    }
}
