//! The selection annotation: which networks a pod wants, and how.
//!
//! The specification wants an invalid annotation ignored; a pod would then run with fewer networks
//! than it asked for. So every violation is a [`Problem`], all of them at once, and the caller
//! refuses the pod.

mod address;
mod bandwidth;
mod element;
mod list;
mod ports;
mod short;

use std::collections::BTreeMap;
use std::net::IpAddr;

use multus_document::{Object, Pointer, Problem};

pub use bandwidth::Bandwidth;
pub(crate) use element::network_name_problem;
pub(crate) use list::syntax_problem;
pub use ports::{PortMapping, Protocol};

use crate::object::NetworkRef;

/// One element of the annotation: one attachment (the same network twice is two, NP-26).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// The definition asked for; the namespace defaults to the pod's (NP-12, NP-13).
    pub network: NetworkRef,
    /// The interface's name in the pod (NP-18), `interface` or its old name `interfaceRequest`.
    pub interface: Option<String>,
    /// Addresses asked for, each with or without a prefix length (NP-14); not empty if asked for.
    pub ips: Vec<String>,
    /// The MAC address, as `0a:58:…` (NP-17).
    pub mac: Option<String>,
    /// The InfiniBand GUID, 8 bytes as `0a:58:…` (NP-24).
    pub infiniband_guid: Option<String>,
    /// `cni-args`, in the author's spelling, for `args.cni` (NP-19).
    pub cni_args: Option<Object>,
    /// Ports of the host (NP-20).
    pub port_mappings: Vec<PortMapping>,
    /// Limits on the traffic (NP-21).
    pub bandwidth: Option<Bandwidth>,
    /// Gateways of this attachment's default route; an empty list takes the others' away and sets
    /// none (NP-22, NP-23). On one element at most.
    pub default_route: Option<Vec<IpAddr>>,
    /// The device to use.
    pub device_id: Option<String>,
    /// The IPAMClaim that holds the addresses (NP-25).
    pub ipam_claim_reference: Option<String>,
}

/// Reads the value of a selection annotation in either form (NP-09, NP-10): `a, ns/b, c@eth5`, or
/// a JSON list of objects. Blanks alone select nothing. `pod_namespace` is where names without a
/// namespace are looked for.
///
/// # Errors
/// Every problem, with pointers like `/0/mac`; items of the short form are pointed at the same way.
pub fn parse_selections(annotation: &str, pod_namespace: &str) -> Result<Vec<Selection>, Vec<Problem>> {
    let (selections, problems) = read(annotation, pod_namespace);
    if problems.is_empty() {
        return Ok(selections);
    }
    Err(problems.into_iter().map(|problem| Problem { warning: false, ..problem }).collect())
}

/// The same, but what upstream passes over without a word is no reason to refuse the pod: unknown keys, empty
/// lists, `ips` beside an IPAMClaim. They come back beside the selections, for the log.
///
/// # Errors
/// Every problem, among them one at least that upstream refuses, too.
pub fn parse_selections_as_upstream(
    annotation: &str,
    pod_namespace: &str,
) -> Result<(Vec<Selection>, Vec<Problem>), Vec<Problem>> {
    let (selections, problems) = read(annotation, pod_namespace);
    if problems.iter().all(|problem| problem.warning) { Ok((selections, problems)) } else { Err(problems) }
}

/// The elements as far as they can be read, and every problem; those that upstream passes over are warnings.
fn read(annotation: &str, pod_namespace: &str) -> (Vec<Selection>, Vec<Problem>) {
    let mut problems = Vec::new();
    if annotation.trim().is_empty() {
        return (Vec::new(), problems);
    }
    // The specification does not say how the forms are told apart; this is upstream's rule.
    let selections = if annotation.contains(['[', '{', '"']) {
        list::read(annotation, pod_namespace, &mut problems)
    } else {
        short::read(annotation, pod_namespace, &mut problems)
    };
    check_together(&selections, &mut problems);
    (selections, problems)
}

/// What can only be wrong between elements: default routes (NP-22) and interface names (NP-18).
fn check_together(selections: &[Selection], problems: &mut Vec<Problem>) {
    let mut interfaces = BTreeMap::new();
    let mut default_route = None;
    for (index, selection) in selections.iter().enumerate() {
        let at = Pointer::root().key(index);
        if selection.default_route.is_some()
            && let Some(first) = default_route.replace(index)
        {
            let message = format!("`default-route` stands on element {first} already");
            problems
                .push(Problem::new(at.key("default-route"), message).advise("keep it on one network only"));
        }
        if let Some(name) = &selection.interface
            && let Some(first) = interfaces.insert(name, index)
        {
            let message = format!("element {first} asks for interface `{name}` already");
            problems.push(Problem::new(at.key("interface"), message).advise("names are used once in a pod"));
        }
    }
}

#[cfg(test)]
mod tests;
