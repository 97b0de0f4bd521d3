//! The conf.

use multus_guest::network::{Kind, NewLink};
use multus_guest::result::Dns;
use multus_guest::{Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Conf, Master, pod, result};

const LAST: u16 = 4094;

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) master: Master<'a>,
    pub(crate) link: NewLink,
    pub(crate) ipam: Option<&'a str>,
    pub(crate) dns: Dns,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let master = Master::read(&conf)?;
        if master.name.is_none() {
            return Err(invalid("the conf names no `master`, the link whose VLAN the pod is to get"));
        }
        let kind = Kind::Vlan { id: id(&conf)? };
        Ok(Self {
            master,
            link: NewLink { kind, mtu: conf.at("mtu")?.number()?, mac: None },
            ipam: pod::ipam_type(&conf)?,
            dns: result::dns(&conf.at("dns")?)?,
        })
    }
}

/// Without one it is 0: frames with a priority and no VLAN.
fn id(conf: &Conf<'_>) -> Result<u16, Failure> {
    let id = conf.at("vlanId")?;
    let number = u16::try_from(id.number()?.unwrap_or_default()).ok();
    number.filter(|number| *number <= LAST).ok_or_else(|| id.wants("a number from 0 to 4094"))
}
