//! The conf.

use multus_guest::network::{Kind, NewLink};
use multus_guest::result::Dns;
use multus_guest::{CniResult, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Conf, Master, pod, result};

const MODES: [&str; 3] = ["l2", "l3", "l3s"];

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) master: Master<'a>,
    pub(crate) link: NewLink,
    pub(crate) addresses: Addresses<'a>,
    pub(crate) dns: Dns,
}

/// Who gives addresses.
#[derive(Debug)]
pub(crate) enum Addresses<'a> {
    Ipam(&'a str),
    /// The plugin before.
    Before(&'a CniResult),
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(plugin: &'a Plugin, prev: Option<&'a CniResult>) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let mut master = Master::read(&conf)?;
        if let (None, Some(prev)) = (master.name, prev) {
            master.name = Some(only_link(prev)?);
        }
        let before = prev.filter(|prev| !prev.ips.is_empty());
        let addresses = match (pod::ipam_type(&conf)?, before) {
            (Some(ipam), _) => Addresses::Ipam(ipam),
            (None, Some(before)) => Addresses::Before(before),
            (None, None) => {
                return Err(invalid(
                    "the conf has no `ipam`: an ipvlan link is told from others by its addresses alone",
                ));
            }
        };
        Ok(Self {
            master,
            link: NewLink { kind: mode(&conf)?, mtu: conf.at("mtu")?.number()?, mac: None },
            addresses,
            dns: result::dns(&conf.at("dns")?)?,
        })
    }
}

/// Behind another plugin the link is on the one that it made.
fn only_link(prev: &CniResult) -> Result<&str, Failure> {
    match prev.interfaces.as_slice() {
        [link] if !link.name.is_empty() => Ok(&link.name),
        _ => Err(invalid(
            "the conf names no `master`, and the plugin before made not one link but several, or none",
        )),
    }
}

fn mode(conf: &Conf<'_>) -> Result<Kind, Failure> {
    let mode = conf.at("mode")?;
    match mode.text()?.unwrap_or("l2") {
        text if MODES.contains(&text) => Ok(Kind::Ipvlan { mode: text.to_owned() }),
        _ => Err(mode.wants("one of l2, l3, l3s")),
    }
}
