//! `portMappings` (NP-20).

use std::net::IpAddr;

use multus_document::Problem;
use serde::Serialize;
use serde_json::Value;

use super::address;
use crate::fields::Fields;

const KEYS: &[&str] = &["hostPort", "containerPort", "protocol", "hostIP"];

/// One port of the host that leads to the pod, in the form of CNI's capability `portMappings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// Port of the host, not 0.
    pub host_port: u16,
    /// Port of the pod, not 0.
    pub container_port: u16,
    /// TCP unless asked otherwise.
    pub protocol: Protocol,
    /// Only on this address of the host.
    #[serde(rename = "hostIP", skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
}

/// What a port belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Reads the list; it holds at least one mapping if it is there.
pub(super) fn read(fields: &mut Fields<'_, '_>, key: &str) -> Vec<PortMapping> {
    if fields.value(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
        fields.pass_over(key, "the list is empty", "leave it out, or map at least one port");
    }
    fields.each_object(key, read_mapping).unwrap_or_default()
}

fn read_mapping(fields: &mut Fields<'_, '_>) -> Option<PortMapping> {
    fields.only_or_pass_over(KEYS);
    let host_port = port(fields, "hostPort");
    let container_port = port(fields, "containerPort");
    let protocol = protocol(fields);
    let host_ip = host_ip(fields);
    Some(PortMapping { host_port: host_port?, container_port: container_port?, protocol, host_ip })
}

fn port(fields: &mut Fields<'_, '_>, key: &str) -> Option<u16> {
    if fields.value(key).is_none() {
        fields.refuse(key, &format!("`{key}` is missing"), "give a port from 1 to 65535");
    }
    fields.positive(key, u16::MAX.into()).and_then(|port| port.try_into().ok())
}

fn protocol(fields: &mut Fields<'_, '_>) -> Protocol {
    match fields.text("protocol").map(str::to_lowercase).as_deref() {
        None | Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some("sctp") => Protocol::Sctp,
        Some(other) => {
            fields.refuse("protocol", &format!("`{other}` is not a protocol"), "write TCP, UDP or SCTP");
            Protocol::Tcp
        }
    }
}

fn host_ip(fields: &mut Fields<'_, '_>) -> Option<IpAddr> {
    match address::gateway(fields.text("hostIP")?) {
        Ok(address) => Some(address),
        Err(Problem { message, .. }) => {
            fields.refuse("hostIP", &message, "write an address of the host without prefix length");
            None
        }
    }
}
