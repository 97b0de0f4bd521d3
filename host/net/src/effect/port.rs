//! Ports of the node that lead to a pod.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A protocol that has ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP. Its flows have no end of their own: the node forgets them when their way changes.
    Udp,
    /// SCTP.
    Sctp,
}

/// Whose packets to a mapped port get the node's address: the pod's answers to them have to come by the node again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disguise {
    /// Nobody's.
    Nobody,
    /// Those of the pod and its neighbours, and of the node's loopback.
    Neighbours,
    /// Everybody's.
    Everybody,
}

/// A port of the node, of one of its addresses or of all of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostPort {
    /// Of which protocol.
    pub protocol: Transport,
    /// Of which address; the unspecified one (`0.0.0.0`, `::`) stands for all of its family.
    pub address: IpAddr,
    /// Its number.
    pub port: u16,
}

/// What is sent to a port of the node goes to one of the pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortMapping {
    /// The node's port.
    pub from: HostPort,
    /// The pod's address, of the same family as the node's.
    pub address: IpAddr,
    /// The pod's port.
    pub port: u16,
    /// The pod's network: its neighbours.
    pub network: IpNet,
    /// Who gets the node's address.
    pub disguise: Disguise,
}

impl HostPort {
    /// Whether some packet is for both.
    pub fn overlaps(&self, other: &Self) -> bool {
        (self.protocol, self.port, self.is_v4()) == (other.protocol, other.port, other.is_v4())
            && (self.address == other.address || self.is_any() || other.is_any())
    }

    /// Whether it is of all addresses.
    pub(crate) fn is_any(&self) -> bool {
        self.address.is_unspecified()
    }

    pub(crate) fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// All addresses of its family.
    pub(crate) fn everywhere(&self) -> IpAddr {
        if self.is_v4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
    }

    /// Why nobody else gets it: `holder` is the id of its rules.
    pub(crate) fn taken_by(&self, holder: &str) -> String {
        format!("{self} is taken by {holder} (container, interface, mapping)")
    }
}

impl PortMapping {
    /// Where packets go.
    pub fn to(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.protocol, SocketAddr::new(self.address, self.port))
    }
}

/// Completes a sentence about the node.
impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the node leading to {}", self.from, self.to())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(protocol: Transport, text: &str) -> HostPort {
        let address: SocketAddr = text.parse().unwrap();
        HostPort { protocol, address: address.ip(), port: address.port() }
    }

    #[test]
    fn ports_overlap_where_a_packet_is_for_both() {
        use Transport::{Tcp, Udp};
        for (one, other, overlaps) in [
            (port(Tcp, "0.0.0.0:80"), port(Tcp, "0.0.0.0:80"), true),
            (port(Tcp, "0.0.0.0:80"), port(Tcp, "10.0.0.1:80"), true),
            (port(Tcp, "10.0.0.1:80"), port(Tcp, "10.0.0.1:80"), true),
            (port(Tcp, "10.0.0.1:80"), port(Tcp, "10.0.0.2:80"), false),
            (port(Tcp, "0.0.0.0:80"), port(Udp, "0.0.0.0:80"), false),
            (port(Tcp, "0.0.0.0:80"), port(Tcp, "0.0.0.0:81"), false),
            (port(Tcp, "0.0.0.0:80"), port(Tcp, "[::]:80"), false),
            (port(Tcp, "[::]:80"), port(Tcp, "[fd00::1]:80"), true),
        ] {
            assert_eq!((one.overlaps(&other), other.overlaps(&one)), (overlaps, overlaps), "{one}, {other}");
        }
    }

    #[test]
    fn a_mapping_is_said_in_a_line() {
        let mapping = PortMapping {
            from: port(Transport::Udp, "[::]:53"),
            address: "fd00::2".parse().unwrap(),
            port: 5353,
            network: "fd00::/64".parse().unwrap(),
            disguise: Disguise::Neighbours,
        };
        assert_eq!(mapping.to_string(), "udp port [::]:53 of the node leading to [fd00::2]:5353");
        assert_eq!(
            serde_json::from_str::<PortMapping>(&serde_json::to_string(&mapping).unwrap()).unwrap(),
            mapping
        );
    }
}
