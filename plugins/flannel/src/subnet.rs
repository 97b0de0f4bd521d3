//! flanneld's `subnet.env`: which part of the network is this node's.

use ipnet::IpNet;
use multus_guest::Failure;

use crate::INVALID_CONTENT;

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    /// The whole network's, IPv4 before IPv6, each once.
    pub(crate) networks: Vec<IpNet>,
    /// The node's, one of each family at most, IPv4 before IPv6.
    pub(crate) subnets: Vec<IpNet>,
    pub(crate) mtu: u32,
    /// Whether flannel masquerades what leaves the network.
    pub(crate) masquerades: bool,
}

/// As far as it was read.
#[derive(Default)]
struct Lines {
    networks: Vec<IpNet>,
    networks_of_6: Vec<IpNet>,
    subnet: Option<IpNet>,
    subnet_of_6: Option<IpNet>,
    mtu: Option<u32>,
    masquerades: Option<bool>,
}

impl Subnet {
    /// Reads the text of a file, whose name is for messages. Lines that are not flannel's count for nothing; of two for one
    /// thing the last counts.
    ///
    /// # Errors
    /// A value that can't be read, or values that are missing: code 6.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Failure> {
        let mut lines = Lines::default();
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |what: &str| wrong(format!("{file}:{number}: `{line}`: {what}"));
            lines.read(line).map_err(wrong)?;
        }
        lines.complete(file)
    }
}

impl Lines {
    fn read(&mut self, line: &str) -> Result<(), &'static str> {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        match key {
            "FLANNEL_NETWORK" => self.networks = networks(value)?,
            "FLANNEL_IPV6_NETWORK" => self.networks_of_6 = networks(value)?,
            "FLANNEL_SUBNET" => self.subnet = Some(network(value)?),
            "FLANNEL_IPV6_SUBNET" => self.subnet_of_6 = Some(network(value)?),
            "FLANNEL_MTU" => self.mtu = Some(number(value)?),
            "FLANNEL_IPMASQ" => self.masquerades = Some(value == "true"),
            _ => {}
        }
        Ok(())
    }

    fn complete(self, file: &str) -> Result<Subnet, Failure> {
        let networks = [self.networks, self.networks_of_6].concat();
        let subnets: Vec<IpNet> = self.subnet.into_iter().chain(self.subnet_of_6).collect();
        let found = [
            ("FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK", !networks.is_empty()),
            ("FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET", !subnets.is_empty()),
            ("FLANNEL_MTU", self.mtu.is_some()),
            ("FLANNEL_IPMASQ", self.masquerades.is_some()),
        ];
        let missing: Vec<&str> = found.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        match (self.mtu, self.masquerades) {
            (Some(mtu), Some(masquerades)) if missing.is_empty() => {
                Ok(Subnet { networks, subnets, mtu, masquerades })
            }
            _ => Err(wrong(format!("{file} lacks {}: is it flanneld's?", missing.join(", ")))),
        }
    }
}

/// A network, written as one of its addresses: `10.1.17.1/24` is 10.1.17.0/24.
fn network(text: &str) -> Result<IpNet, &'static str> {
    text.parse().map(|network: IpNet| network.trunc()).map_err(|_| "no network such as 10.1.0.0/16")
}

fn networks(text: &str) -> Result<Vec<IpNet>, &'static str> {
    let mut networks = Vec::new();
    for text in text.split(',') {
        let network = network(text)?;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(networks)
}

fn number(text: &str) -> Result<u32, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or("no number of bytes")
}

fn wrong(message: String) -> Failure {
    Failure::new(INVALID_CONTENT, message)
}
