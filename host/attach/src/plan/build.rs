//! From what the pod wants to what will run.

use std::cell::OnceCell;
use std::sync::Arc;

use multus_cluster::{Pod, Selection, Source};
use multus_cni::Error;
use multus_cni::conf::NetworkConf;
use multus_document::Object;
use multus_wasm::Sandbox;
use serde_json::{Map, Value, json};

use super::capabilities::Asked;
use super::runner::Runners;
use super::{Attachment, Plan, args, capabilities, device, names};
use crate::call::Call;
use crate::default_route;
use crate::devices;
use crate::networks::{self, Refusal, Resolved, Wanted};
use crate::review::Reviewer;

/// The reviewed plan of one ADD: resolve, name, check, transform, review, find what runs.
///
/// `links` are the names already taken in the pod's namespace. Transforms and policies are run;
/// nothing else is.
///
/// # Errors
/// The first reason for which the pod can't be attached as asked, naming pod and network.
pub(crate) fn build(
    call: &Call<'_>,
    source: Option<&dyn Source>,
    links: &[String],
) -> Result<Built, Refusal> {
    let Resolved { mut pod, wanted, from_net0 } = networks::resolve(call, source)?;
    let interfaces = names::assign(&wanted, &call.request.ifname, from_net0, links)?;
    let devices = devices::of_pod(call, source, pod.as_ref(), &wanted)?;
    let mut attachments = Vec::new();
    for (((index, wanted), interface), device) in (0_u32..).zip(wanted).zip(interfaces).zip(devices) {
        let mut attachment = attachment(call, index, wanted, interface)?;
        attachment.device = device;
        devices::offer(call, &mut attachment);
        attachments.push(attachment);
    }
    default_route::check(&attachments)?;
    let reviewer = Reviewer::open(call)?;
    if reviewer.has_policies() {
        add_namespace_labels(source, pod.as_mut())?;
    }
    for attachment in &mut attachments {
        let label = attachment.label();
        reviewer
            .judge(attachment, pod.as_ref())
            .and_then(|()| capabilities::still_declared(&attachment.wishes, &attachment.network))
            .map_err(|error| error.context(&label))?;
    }
    let runners = Runners::new(call.search(), reviewer.sandbox());
    for attachment in &mut attachments {
        let label = attachment.label();
        attachment.steps = runners.steps(attachment).map_err(|error| error.context(&label))?;
    }
    Ok(Built { plan: Plan { pod, attachments }, sandbox: reviewer.sandbox().cloned() })
}

/// A plan, and the modules that some of it is done by.
pub(crate) struct Built {
    pub(crate) plan: Plan,
    pub(crate) sandbox: Option<Arc<Sandbox>>,
}

/// Only policies look at them, and a source may have to ask for them.
fn add_namespace_labels(source: Option<&dyn Source>, pod: Option<&mut Pod>) -> Result<(), Error> {
    let (Some(source), Some(pod)) = (source, pod) else { return Ok(()) };
    pod.namespace_labels = source.namespace_labels(&pod.namespace).map_err(networks::source_error)?;
    Ok(())
}

/// The plan that an ADD of this call would follow, for `multusctl explain`: transforms and policies
/// run, nothing is written or executed.
///
/// # Errors
/// Those of an ADD up to the point where it would touch the node.
pub fn explain(call: &Call<'_>, links: &[String]) -> Result<Plan, Error> {
    let plan =
        || -> Result<Plan, Refusal> { Ok(build(call, networks::source(call)?.as_deref(), links)?.plan) };
    plan().map_err(|refusal| refusal.error.context(&call.subject()))
}

fn attachment(call: &Call<'_>, index: u32, wanted: Wanted, interface: String) -> Result<Attachment, Error> {
    let label = format!("network {} ({interface})", wanted.display);
    let Wanted { display, mut network, default, origin, selection, definition } = wanted;
    // What the runtime offers is for the default network alone (NP-43).
    let mut runtime_config = if default { call.conf.runtime_config.clone() } else { Map::new() };
    let mut wishes = Vec::new();
    if let Some(selection) = &selection {
        let asked = selected(call, &label, selection, &mut network).map_err(|error| error.context(&label))?;
        runtime_config.extend(asked.arguments);
        wishes = asked.declared;
    }
    Ok(Attachment {
        index,
        interface,
        display,
        default,
        origin,
        network,
        runtime_config,
        args: args::arguments(call.request, selection.as_ref()),
        default_route: selection.as_ref().and_then(|selection| selection.default_route.clone()),
        device: None,
        device_info: None,
        steps: Vec::new(),
        decisions: Vec::new(),
        definition_annotations: definition.map_or(Value::Null, |definition| json!(definition.annotations)),
        selection: selection.as_ref().map_or(Value::Null, element),
        wishes,
        whole: OnceCell::new(),
    })
}

fn selected(
    call: &Call<'_>,
    label: &str,
    selection: &Selection,
    network: &mut NetworkConf,
) -> Result<Asked, Error> {
    for plugin in &mut network.plugins {
        device::apply(selection, plugin.object_mut());
    }
    let asked = capabilities::arguments(selection, network);
    if let Some(first) = asked.undeclared.first() {
        if !call.conf.cluster.compat_upstream {
            return Err(capabilities::undeclared(first));
        }
        let fields: Vec<&str> = asked.undeclared.iter().map(|missing| missing.field).collect();
        call.node.warn(&format!(
            "{}: {label}: passed over: {}, for which no plugin has the capability",
            call.subject(),
            fields.join(", ")
        ));
    }
    Ok(asked)
}

/// The selection element for modules; what became a capability argument is in `runtimeConfig`.
fn element(selection: &Selection) -> Value {
    json!({
        "namespace": selection.network.namespace,
        "name": selection.network.name,
        "interface": selection.interface,
        "deviceID": selection.device_id,
        "cni-args": selection.cni_args.as_ref().map(Object::to_value),
        "default-route": selection.default_route,
        "ipam-claim-reference": selection.ipam_claim_reference,
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
