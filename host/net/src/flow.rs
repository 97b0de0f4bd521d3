//! The flows that the node remembers (conntrack), over netlink. One of TCP ends; one of UDP goes on as long as somebody
//! speaks, on the way that it had when it began.

use std::net::IpAddr;

use nix::libc;

use crate::answer::Refusal;
use crate::attribute::{NESTED, attribute, bytes, value};
use crate::effect::{HostPort, Transport};
use crate::netlink::{Request, Socket};

const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_CTNETLINK as u16;
/// `IPCTNL_MSG_CT_GET` and `IPCTNL_MSG_CT_DELETE`.
const GET: u16 = SUBSYSTEM << 8 | 1;
const DELETE: u16 = SUBSYSTEM << 8 | 2;
/// `struct nfgenmsg`.
const HEADER: usize = 4;
/// So many are forgotten with one system call.
const AT_ONCE: usize = 100;

// Kinds of attributes, of `<linux/netfilter/nfnetlink_conntrack.h>`.
const AS_SENT: u16 = 1;
const ID: u16 = 12;
const ZONE: u16 = 18;
const FILTER: u16 = 25;
const FILTER_AS_SENT: u16 = 1;
const FILTER_ANSWERS: u16 = 2;
const ADDRESSES: u16 = 1;
const PORTS: u16 = 2;
const TO_V4: u16 = 2;
const TO_V6: u16 = 4;
const PROTOCOL: u16 = 1;
const TO_PORT: u16 = 3;

/// What of a flow a filter compares: the protocol and the port that it was sent to.
const BY_PROTOCOL_AND_PORT: u32 = 1 << 3 | 1 << 5;

/// Forgets the flows to these ports, of those whose flows have no end.
///
/// # Errors
/// The kernel's refusal.
pub(crate) fn forget(socket: &Socket, ports: &[HostPort]) -> Result<(), Refusal> {
    for port in ports.iter().filter(|port| port.protocol == Transport::Udp) {
        let flows: Vec<_> = socket.dump(GET, &question(port))?;
        let doomed: Vec<_> = flows.iter().filter_map(|(_, flow)| deletion(port, flow)).collect();
        for some in doomed.chunks(AT_ONCE) {
            for outcome in socket.changes(some)? {
                match outcome {
                    Err(refusal) if !refusal.is_missing() => return Err(refusal),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// Asks for the flows to a port; where the kernel does not choose, all of the family come.
fn question(port: &HostPort) -> Vec<u8> {
    let what =
        [attribute(PROTOCOL, &[libc::IPPROTO_UDP as u8]), attribute(TO_PORT, &port.port.to_be_bytes())];
    let by = [
        attribute(FILTER_AS_SENT, &BY_PROTOCOL_AND_PORT.to_ne_bytes()),
        attribute(FILTER_ANSWERS, &0_u32.to_ne_bytes()),
    ];
    let sent = attribute(AS_SENT | NESTED, &attribute(PORTS | NESTED, &what.concat()));
    [header(port).to_vec(), sent, attribute(FILTER | NESTED, &by.concat())].concat()
}

/// What forgets a flow, if it is one to that port.
fn deletion(port: &HostPort, flow: &[u8]) -> Option<Request> {
    let all = flow.get(HEADER..)?;
    let sent = value(all, AS_SENT)?;
    let (addresses, ports) = (value(sent, ADDRESSES)?, value(sent, PORTS)?);
    let to = match port.is_v4() {
        true => IpAddr::from(bytes::<4>(value(addresses, TO_V4)?, 0)?),
        false => IpAddr::from(bytes::<16>(value(addresses, TO_V6)?, 0)?),
    };
    let is_it = value(ports, PROTOCOL)? == [libc::IPPROTO_UDP as u8]
        && value(ports, TO_PORT)? == port.port.to_be_bytes()
        && (port.is_any() || port.address == to);
    // Its number tells it from one that began meanwhile between the same two.
    let mut body = [header(port).to_vec(), attribute(AS_SENT | NESTED, sent)].concat();
    for kind in [ID, ZONE] {
        body.extend(value(all, kind).map(|value| attribute(kind, value)).unwrap_or_default());
    }
    is_it.then_some(Request { kind: DELETE, flags: libc::NLM_F_ACK, body })
}

/// `struct nfgenmsg`: family, version, nothing.
fn header(port: &HostPort) -> [u8; HEADER] {
    let family = if port.is_v4() { libc::AF_INET } else { libc::AF_INET6 };
    [family as u8, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn port(address: &str, port: u16) -> HostPort {
        HostPort { protocol: Transport::Udp, address: address.parse().unwrap(), port }
    }

    fn flow(protocol: u8, to: [u8; 4], to_port: u16) -> Vec<u8> {
        let addresses = attribute(ADDRESSES | NESTED, &attribute(TO_V4, &to));
        let ports = [attribute(PROTOCOL, &[protocol]), attribute(TO_PORT, &to_port.to_be_bytes())].concat();
        let sent = attribute(AS_SENT | NESTED, &[addresses, attribute(PORTS | NESTED, &ports)].concat());
        [vec![2, 0, 0, 0], sent, attribute(ID, &[1, 2, 3, 4])].concat()
    }

    #[test]
    fn flows_to_a_port_are_forgotten_and_no_others() {
        for (port, flow, forgotten) in [
            (port("0.0.0.0", 53), flow(17, [10, 0, 0, 1], 53), true),
            (port("10.0.0.1", 53), flow(17, [10, 0, 0, 1], 53), true),
            (port("10.0.0.2", 53), flow(17, [10, 0, 0, 1], 53), false),
            (port("0.0.0.0", 53), flow(6, [10, 0, 0, 1], 53), false),
            (port("0.0.0.0", 53), flow(17, [10, 0, 0, 1], 54), false),
            (port("::", 53), flow(17, [10, 0, 0, 1], 53), false),
        ] {
            let request = deletion(&port, &flow);
            assert_eq!(request.is_some(), forgotten, "{port}");
            let Some(request) = request else { continue };
            assert_eq!(request.body, flow, "as it was told, with its number");
        }
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (deletion(&port("0.0.0.0", 53), &data), deletion(&port("::", 53), &data));
        }
    }
}
