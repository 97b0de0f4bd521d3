//! What the cluster is told of a pod: its network-status, and events for people.

use std::time::Duration;

use multus_cluster::{Attached, Event, NetworkStatus, PodRef, Source};
use multus_cni::result::{CniResult, ResultDocument};
use multus_cni::{Code, Error};
use multus_journal::{Effect, Part};
use serde_json::Value;

use crate::call::Call;
use crate::devices::info;
use crate::networks::{self, Refusal};
use crate::plan::{Attachment, Plan};
use crate::steps::Run;

/// How long a call waits, after its answer, for events that are still on their way.
const PATIENCE: Duration = Duration::from_millis(500);

/// Tells the source of a pod about it; where there is no source nobody is told.
pub(crate) struct Publisher<'a> {
    call: &'a Call<'a>,
    source: Option<Box<dyn Source>>,
    /// As the runtime names it; once it is found, with the UID that the cluster knows it by.
    pod: Option<PodRef>,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(call: &'a Call<'a>, source: Option<Box<dyn Source>>) -> Self {
        let pod = call.pod_key().map(|key| PodRef { namespace: key.namespace, name: key.name, uid: key.uid });
        Self { call, source, pod }
    }

    pub(crate) fn source(&self) -> Option<&dyn Source> {
        self.source.as_deref()
    }

    /// `kubectl describe` shows the events of a UID, and not every runtime passes one.
    pub(crate) fn found(&mut self, plan: &Plan) {
        if let (Some(known), Some(pod)) = (&mut self.pod, &plan.pod)
            && !pod.uid.is_empty()
        {
            known.uid = Some(pod.uid.clone());
        }
    }

    /// The pod is refused, and its events say why.
    pub(crate) fn refused(&self, refusal: Refusal) -> Error {
        self.warn(refusal.reason.as_str(), &refusal.error);
        refusal.error
    }

    /// The pod's networks were taken back, and its events say why.
    pub(crate) fn failed(&self, error: Error) -> Error {
        self.warn("NetworkNotAttached", &error);
        error
    }

    fn warn(&self, reason: &'static str, error: &Error) {
        let text = format!("{error} {}", error.details);
        self.announce(Event { warning: true, reason, message: text.trim().to_owned() });
        self.settle();
    }

    /// An event for each attachment, and the network-status. Both are under way at the same time.
    ///
    /// # Errors
    /// The status could not be written; a pod whose status is not true must not run.
    pub(crate) fn attached(
        &self,
        run: &mut Run<'_>,
        plan: &Plan,
        results: &[ResultDocument],
    ) -> Result<(), Error> {
        let (Some(source), Some(pod)) = (self.source(), &plan.pod) else { return Ok(()) };
        let mut status = Vec::new();
        let networks = plan.attachments.iter().zip(results);
        // An auxiliary chain works on the default network's interface, which is told of already.
        for (attachment, result) in networks.filter(|(attachment, _)| !attachment.is_auxiliary()) {
            let result = result.result()?;
            self.announce(added(attachment, &result));
            let device_info = info::of_attachment(run.call, attachment);
            let attached = Attached {
                name: &attachment.display,
                interface: &attachment.interface,
                default: attachment.default,
                result: &result,
                default_route: attachment.default_route.as_deref(),
                device_info: device_info.as_ref(),
            };
            status.push(attached.status());
        }
        if run.call.conf.cluster.is_system(&pod.namespace) {
            return Ok(());
        }
        let text = status_text(&status, run.call.conf.cluster.compat_upstream)
            .map_err(|error| Error::new(Code::Internal, error.to_string()))?;
        let uid = Some(pod.uid.clone()).filter(|uid| !uid.is_empty() && !pod.static_pod);
        let pod = PodRef { namespace: pod.namespace.clone(), name: pod.name.clone(), uid };
        let effect = Effect::Status { path: format!("{}/{}", pod.namespace, pod.name) };
        let sequence = run.intend(Part::Call, effect)?;
        let written = source.set_network_status(&pod, Some(&text)).map_err(networks::source_error);
        run.done(sequence, written.as_ref().err())?;
        written.map_err(|error| error.context("network-status"))
    }

    fn announce(&self, event: Event) {
        if let (Some(source), Some(pod)) = (&self.source, &self.pod) {
            source.announce(pod, event);
        }
    }

    /// Gives events that are still on their way a moment.
    pub(crate) fn settle(&self) {
        for lost in self.source.iter().flat_map(|source| source.settle(PATIENCE)) {
            self.call.node.warn(&lost);
        }
    }
}

fn status_text(status: &[NetworkStatus], upstream: bool) -> Result<String, serde_json::Error> {
    if !upstream {
        return serde_json::to_string_pretty(status);
    }
    let elements: Vec<Value> = status.iter().map(NetworkStatus::with_upstream_keys).collect();
    serde_json::to_string_pretty(&elements)
}

/// Upstream's event, word for word: people and tools look for it.
fn added(attachment: &Attachment, result: &CniResult) -> Event {
    let addresses: Vec<&str> = result.ips.iter().map(|ip| ip.address.as_str()).collect();
    let message =
        format!("Add {} [{}] from {}", attachment.interface, addresses.join(" "), attachment.display);
    Event { warning: false, reason: "AddedInterface", message }
}
