//! Visitors at the node's ports that a case leads to its pods.

use std::net::SocketAddr;
use std::time::Duration;

use multus_tests::{Heard, Protocol};
use serde_json::Value;

use crate::case::Case;
use crate::lines::Lines;

/// Who is not led to a pod is told so at once, or waits in vain.
const PATIENCE: Duration = Duration::from_millis(800);
/// From where to which addresses of the node.
const WAYS: [(&str, &str); 7] = [
    ("world", "192.0.2.1"),
    ("world", "2001:db8::1"),
    ("", "192.0.2.1"),
    ("", "127.0.0.1"),
    ("", "2001:db8::1"),
    ("one", "192.0.2.1"),
    ("one", "2001:db8::1"),
];

struct Way {
    protocol: Protocol,
    from: &'static str,
    to: SocketAddr,
    pod: String,
    port: u16,
}

/// Somebody comes to each port on each way, and each pod may be who hears it.
pub(crate) fn visit(lines: &mut Lines, case: &Case) {
    let mappings = case.runtime_config.get("portMappings").and_then(Value::as_array).into_iter().flatten();
    for mapping in mappings {
        for pod in &case.pods {
            let ways: Vec<Way> =
                WAYS.iter().filter_map(|(from, to)| way(case, mapping, from, to, pod)).collect();
            // One after the other: of two that listen at one port, nobody knows who hears what.
            for way in ways {
                lines.say("packets", told(&way, go(&way)));
            }
        }
    }
}

/// `None` for what has no sockets here: a case that is about SCTP says that it needs it.
fn way(case: &Case, mapping: &Value, from: &'static str, to: &str, pod: &str) -> Option<Way> {
    let port =
        |key: &str| mapping[key].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    let protocol = match mapping["protocol"].as_str()?.to_ascii_lowercase().as_str() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" if case.kinds.iter().any(|kind| kind == "sctp") => Protocol::Sctp,
        _ => return None,
    };
    let to = SocketAddr::new(to.parse().unwrap(), port("hostPort")?);
    Some(Way { protocol, from, to, pod: pod.to_owned(), port: port("containerPort")? })
}

fn go(way: &Way) -> Heard {
    multus_tests::visit(PATIENCE, way.protocol, way.from, way.to, &way.pod, way.port)
}

fn told(way: &Way, heard: Heard) -> String {
    let Way { protocol, from, to, pod, .. } = way;
    let from = if from.is_empty() { "node" } else { from };
    let what = match heard {
        Heard::Nothing => "hears nothing".to_owned(),
        Heard::OneWay(source) => format!("hears it from {source}, and it hears no answer"),
        Heard::Answered(source) => format!("hears it from {source} and answers"),
    };
    format!("{from} comes to {to} by {protocol:?}, {pod} {what}")
}
