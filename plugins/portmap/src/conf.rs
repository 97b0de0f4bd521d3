//! The conf.

use std::net::IpAddr;

use multus_guest::firewall::{Disguise, Protocol};
use multus_guest::{Failure, Plugin};
use multus_guest_cni::Conf;
use multus_guest_cni::conf::invalid;

/// A packet's mark has so many bits.
const BITS_OF_A_MARK: u32 = 32;

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) ports: Vec<Port>,
    pub(crate) disguise: Disguise,
}

/// One port of the node.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) protocol: Protocol,
    /// All of the node's if none.
    pub(crate) host_ip: Option<IpAddr>,
    pub(crate) host_port: u16,
    pub(crate) container_port: u16,
}

impl Wanted {
    pub(crate) fn read(plugin: &Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        check_backend(&conf)?;
        check_marks(&conf)?;
        let ports = conf.path(&["runtimeConfig", "portMappings"])?.items()?;
        Ok(Self { ports: ports.iter().map(port).collect::<Result<_, _>>()?, disguise: disguise(&conf)? })
    }
}

/// `snat` is on where nothing is said of it.
fn disguise(conf: &Conf<'_>) -> Result<Disguise, Failure> {
    let snat = conf.at("snat")?;
    let everybody = conf.at("masqAll")?.flag()?;
    Ok(match (!snat.exists() || snat.flag()?, everybody) {
        (false, _) => Disguise::Nobody,
        (true, false) => Disguise::Neighbours,
        (true, true) => Disguise::Everybody,
    })
}

/// The same packets are led the same way, whichever way the rules came there; but conditions are words of theirs.
fn check_backend(conf: &Conf<'_>) -> Result<(), Failure> {
    let backend = conf.at("backend")?;
    if !matches!(backend.text()?, None | Some("iptables" | "nftables")) {
        return Err(backend.wants("iptables or nftables"));
    }
    for key in ["conditionsV4", "conditionsV6"] {
        if !conf.at(key)?.items()?.is_empty() {
            return Err(invalid(format!(
                "the conf's `{key}` are arguments of iptables or nft, which are not run here: name the node's address \
                 with `hostIP`, or use the binary of `portmap`"
            )));
        }
    }
    Ok(())
}

/// Marks tell iptables' rules for what comes in from those for what goes out. Ours need none.
fn check_marks(conf: &Conf<'_>) -> Result<(), Failure> {
    let (bit, chain) = (conf.at("markMasqBit")?, conf.at("externalSetMarkChain")?);
    if bit.exists() && chain.text()?.is_some() {
        return Err(invalid(
            "the conf has `markMasqBit` and `externalSetMarkChain`: only one of them can count".to_owned(),
        ));
    }
    if bit.exists() && bit.number()?.unwrap_or_default() >= BITS_OF_A_MARK {
        return Err(bit.wants("a number from 0 to 31"));
    }
    Ok(())
}

fn port(conf: &Conf<'_>) -> Result<Port, Failure> {
    let protocol = conf.at("protocol")?;
    let protocol = match protocol.text()?.map(str::to_ascii_lowercase).as_deref() {
        Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some("sctp") => Protocol::Sctp,
        _ => return Err(protocol.wants("tcp, udp or sctp")),
    };
    let host_ip = conf.at("hostIP")?.parsed("an address")?;
    Ok(Port {
        protocol,
        host_ip,
        host_port: number(&conf.at("hostPort")?)?,
        container_port: number(&conf.at("containerPort")?)?,
    })
}

fn number(conf: &Conf<'_>) -> Result<u16, Failure> {
    let number = conf.number()?.and_then(|number| u16::try_from(number).ok());
    number.ok_or_else(|| conf.wants("a port from 1 to 65535"))
}

impl Port {
    /// Whether it is one of the node's addresses of this family.
    pub(crate) fn is_of(&self, v4: bool) -> bool {
        self.host_ip.is_none_or(|address| address.is_ipv4() == v4)
    }
}
