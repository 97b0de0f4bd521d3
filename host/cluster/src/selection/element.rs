//! One element of the JSON form.

use multus_document::{Object, Pointer, Problem};
use serde_json::Value;

use super::address::{self, Hardware};
use super::{Selection, bandwidth, ports};
use crate::fields::Fields;
use crate::name;
use crate::object::NetworkRef;

const KEYS: &[&str] = &[
    "name",
    "namespace",
    "interface",
    "interfaceRequest",
    "ips",
    "mac",
    "infiniband-guid",
    "cni-args",
    "portMappings",
    "bandwidth",
    "default-route",
    "deviceID",
    "ipam-claim-reference",
];

/// Reads one element; the selection is of use only if no problem came up.
pub(super) fn read(
    object: &Object,
    at: Pointer,
    pod_namespace: &str,
    problems: &mut Vec<Problem>,
) -> Selection {
    let value = object.to_value();
    let Some(mut fields) = Fields::of(&value, at, problems) else { return Selection::default() };
    check_keys(&mut fields);
    Selection {
        network: network(&mut fields, pod_namespace),
        interface: interface(&mut fields),
        ips: ips(&mut fields),
        mac: mac(&mut fields),
        infiniband_guid: hardware(&mut fields, "infiniband-guid", 8).map(|guid| guid.to_string()),
        cni_args: fields.object("cni-args").and_then(|_| object.read("cni-args")),
        port_mappings: ports::read(&mut fields, "portMappings"),
        bandwidth: bandwidth::read(&mut fields, "bandwidth"),
        default_route: fields.each_text("default-route", address::gateway),
        device_id: device_id(&mut fields),
        ipam_claim_reference: ipam_claim_reference(&mut fields),
    }
}

/// A dotted key is somebody's own (NP-11); any other unknown one is a wish that would be dropped.
fn check_keys(fields: &mut Fields<'_, '_>) {
    let owned: Vec<&str> = fields.keys().filter(|key| key.contains('.')).collect();
    let valid: Vec<&str> = KEYS.iter().copied().chain(owned).collect();
    fields.only_or_pass_over(&valid);
}

fn network(fields: &mut Fields<'_, '_>, pod_namespace: &str) -> NetworkRef {
    if fields.value("name").is_none() {
        fields.refuse("name", "`name` is missing", "name the network definition");
    }
    let name = fields.text("name");
    if let Some(name) = name
        && let Some(problem) = network_name_problem(name, fields.place("name"))
    {
        fields.add(problem);
    }
    let namespace = fields.text("namespace");
    if let Some(namespace) = namespace
        && let Some(problem) = namespace_problem(namespace, fields.place("namespace"))
    {
        fields.add(problem);
    }
    NetworkRef {
        namespace: namespace.unwrap_or(pod_namespace).to_owned(),
        name: name.unwrap_or_default().to_owned(),
    }
}

fn interface(fields: &mut Fields<'_, '_>) -> Option<String> {
    let mut chosen: Option<&str> = None;
    for key in ["interface", "interfaceRequest"] {
        let Some(name) = fields.text(key) else { continue };
        if let Some(problem) = interface_problem(name, fields.place(key)) {
            fields.add(problem);
        }
        if chosen.is_some_and(|first| first != name) {
            fields.refuse(key, "differs from `interface`", "remove it, `interface` is enough");
        }
        chosen.get_or_insert(name);
    }
    chosen.map(str::to_owned)
}

fn ips(fields: &mut Fields<'_, '_>) -> Vec<String> {
    if fields.value("ips").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        fields.pass_over("ips", "the list is empty", "leave it out, or name at least one address");
    }
    fields.each_text("ips", address::with_prefix).unwrap_or_default()
}

fn mac(fields: &mut Fields<'_, '_>) -> Option<String> {
    let address = hardware(fields, "mac", 6)?;
    if !address.is_unicast() {
        let advice = "clear the lowest bit of the first byte; all zeros are no address";
        fields.refuse("mac", &format!("`{address}` can't be one interface's address"), advice);
    }
    Some(address.to_string())
}

fn hardware(fields: &mut Fields<'_, '_>, key: &str, length: usize) -> Option<Hardware> {
    let text = fields.text(key)?;
    let address = Hardware::parse(text, length);
    if address.is_none() {
        let form = vec!["xx"; length].join(":");
        let message = format!("`{text}` is not an address of {length} bytes");
        fields.refuse(key, &message, &format!("write it as {form}"));
    }
    address
}

fn device_id(fields: &mut Fields<'_, '_>) -> Option<String> {
    let text = fields.text("deviceID")?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let advice = "write it as the device plugin does, such as \"0000:03:00.1\"";
        fields.refuse("deviceID", "contains blanks or control characters", advice);
    }
    Some(text.to_owned())
}

/// NP-25: the claim decides the addresses, so `ips` beside it is an error.
fn ipam_claim_reference(fields: &mut Fields<'_, '_>) -> Option<String> {
    let text = fields.text("ipam-claim-reference")?;
    if !name::is_subdomain(text) {
        let message = format!("`{text}` can't be the name of an IPAMClaim");
        fields.refuse("ipam-claim-reference", &message, NAME_ADVICE);
    }
    if fields.value("ips").is_some() {
        let message = "`ipam-claim-reference` stands beside `ips`";
        fields.pass_over("ipam-claim-reference", message, "keep one of them: a claim decides the addresses");
    }
    Some(text.to_owned())
}

const NAME_ADVICE: &str = "use lower-case letters, digits and inner `-`, as Kubernetes does";

/// What is wrong with the name of a network definition.
pub(crate) fn network_name_problem(name: &str, at: Pointer) -> Option<Problem> {
    let message = format!("`{name}` can't be the name of a network definition");
    (!name::is_subdomain(name)).then(|| Problem::new(at, message).advise(NAME_ADVICE))
}

/// What is wrong with a namespace.
pub(super) fn namespace_problem(namespace: &str, at: Pointer) -> Option<Problem> {
    let message = format!("`{namespace}` can't be a namespace");
    (!name::is_label(namespace)).then(|| Problem::new(at, message).advise(NAME_ADVICE))
}

/// What is wrong with an interface name (NP-18).
pub(super) fn interface_problem(name: &str, at: Pointer) -> Option<Problem> {
    let flaw = name::interface_flaw(name)?;
    let advice = "Linux takes up to 15 bytes, without blanks, `/`, `:` and `%`";
    Some(Problem::new(at, format!("the interface name `{}` {flaw}", name.escape_debug())).advise(advice))
}
