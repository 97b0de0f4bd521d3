//! Effects for people: `multusctl journal show`, and the subject of a refusal.

use std::fmt;

use super::{Effect, LinkRef, MacvlanMode, NewLink, Property, Route, Space};

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox => "in the pod",
            Self::Host => "on the node",
        })
    }
}

impl fmt::Display for LinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.space)
    }
}

impl fmt::Display for NewLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.space)
    }
}

/// In the words of `ip route`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.destination.prefix_len() == 0 {
            f.write_str("default")?;
        } else {
            write!(f, "{}", self.destination)?;
        }
        let mut word = |word: &str, value: Option<&dyn fmt::Display>| match value {
            Some(value) => write!(f, " {word} {value}"),
            None => Ok(()),
        };
        word("via", self.gateway.as_ref().map(|value| value as _))?;
        word("src", self.source.as_ref().map(|value| value as _))?;
        word("metric", self.metric.as_ref().map(|value| value as _))?;
        word("table", self.table.as_ref().map(|value| value as _))?;
        word("scope", self.scope.as_ref().map(|value| value as _))?;
        word("mtu", self.mtu.as_ref().map(|value| value as _))?;
        word("advmss", self.advmss.as_ref().map(|value| value as _))?;
        if self.onlink { f.write_str(" onlink") } else { Ok(()) }
    }
}

/// Completes a sentence about a link: `eth0` has `MTU 1400`, is `up`.
impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(true) => f.write_str("up"),
            Self::Up(false) => f.write_str("down"),
            Self::Mtu(mtu) => write!(f, "MTU {mtu}"),
            Self::Mac(mac) => write!(f, "MAC {mac}"),
            Self::Master(Some(index)) => write!(f, "port of link {index}"),
            Self::Master(None) => f.write_str("port of nothing"),
            Self::Promiscuous(on) => write!(f, "promiscuous {}", on_off(*on)),
            Self::AllMulticast(on) => write!(f, "all-multicast {}", on_off(*on)),
            Self::TxQueueLength(packets) => write!(f, "queue of {packets} packets"),
            Self::Hairpin(on) => write!(f, "hairpin {}", on_off(*on)),
            Self::Name(name) => write!(f, "name {name}"),
            Self::AlternativeName(name) => write!(f, "alternative name {name}"),
        }
    }
}

impl fmt::Display for MacvlanMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::Private => "private",
            Self::Vepa => "vepa",
            Self::Passthru => "passthru",
        })
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Veth { inside, outside, .. } => write!(f, "veth {inside} with {outside}"),
            Self::Macvlan { link, parent, mode, .. } => write!(f, "macvlan {link} by {parent}, mode {mode}"),
            Self::Bridge { link, .. } => write!(f, "bridge {link}"),
            Self::Move { link, to, name, .. } => write!(f, "{link} moved to be {name} {to}"),
            Self::Set { link, property, before: None } => write!(f, "{property} of {link}"),
            Self::Set { link, property, before: Some(before) } => {
                write!(f, "{property} of {link}, before {before}")
            }
            Self::Address { link, address, .. } => write!(f, "address {address} on {link}"),
            Self::NoAddress { link, address } => write!(f, "address {address} taken off {link}"),
            Self::Route { link, route, .. } => write!(f, "route {route} by {link}"),
            Self::NoRoute { link, route } => write!(f, "route {route} taken off {link}"),
            Self::Neighbour { link, address, mac } => write!(f, "neighbour {address} at {mac} on {link}"),
            Self::Sysctl { space, key, value, before } => {
                write!(f, "{key} = {value} {space}, before {before}")
            }
            Self::Masquerade { address, network, .. } => {
                write!(f, "{address} leaves {network} with the node's address")
            }
            Self::SpoofCheck { port, mac, .. } => write!(f, "nothing but {mac} comes in by {port}"),
            Self::Announce { link, addresses } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "{} announced on {link}", addresses.join(", "))
            }
            Self::Function(change) => write!(f, "{change}"),
        }
    }
}
