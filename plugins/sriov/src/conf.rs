//! The conf, of today and of 2018.

use multus_guest::result::Dns;
use multus_guest::{Attachment, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::host::FunctionSetting;
use multus_guest_cni::{Args, Conf, pod, result};

const LINK_STATES: [&str; 3] = ["auto", "enable", "disable"];
const PROTOCOLS: [&str; 2] = ["802.1q", "802.1ad"];
/// Names that every pod has, or its runtime gives.
const RESERVED: [&str; 3] = ["eth0", "eth1", "lo"];
/// The driver that leaves a function to programs and the node protected.
const FOR_PROGRAMS: &str = "vfio-pci";

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// `deviceID`.
    Device,
    /// `if0`: any of this card that is free.
    Of(&'a str),
}

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) source: Source<'a>,
    /// `if0name`.
    pub(crate) name: Option<&'a str>,
    pub(crate) mac: Option<String>,
    /// Without the address.
    pub(crate) settings: Vec<FunctionSetting<'a>>,
    /// `dpdk`.
    pub(crate) for_programs: bool,
    pub(crate) mtu: Option<u32>,
    pub(crate) ipam: Option<&'a str>,
    pub(crate) dns: Dns,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(attachment: &Attachment, plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let given = pod::wanted_mac(&Args::of(attachment)?, &conf)?;
        let own = conf.at("mac")?.text()?.map(str::to_owned);
        let source = source(&conf)?;
        no_guid(&conf)?;
        let for_programs = dpdk(&conf)?;
        let bare = conf.at("l2enable")?.flag()? || for_programs;
        Ok(Self {
            source,
            name: name(&conf)?,
            mac: given.or(own).map(|mac| mac.to_ascii_lowercase()),
            settings: settings(&conf, source)?,
            for_programs,
            mtu: conf.at("mtu")?.number()?,
            ipam: pod::ipam_type(&conf)?.filter(|_| !bare),
            dns: result::dns(&conf.at("dns")?)?,
        })
    }
}

fn source<'a>(conf: &Conf<'a>) -> Result<Source<'a>, Failure> {
    let given = conf.path(&["runtimeConfig", "deviceID"])?.text()?;
    let named = given.or(conf.at("deviceID")?.text()?).or(conf.at("pciBusID")?.text()?);
    match (named, conf.at("if0")?.text()?) {
        (Some(_), _) => Ok(Source::Device),
        (None, Some(card)) => Ok(Source::Of(card)),
        (None, None) => Err(invalid(
            "the conf names no virtual function: its definition needs the annotation \
             `k8s.v1.cni.cncf.io/resourceName`, so that the kubelet's device gets there, or a `deviceID`, or `if0`, a \
             card of which any will do",
        )),
    }
}

/// A GUID takes another way to the card, and a pod that asks for one must not get another's.
fn no_guid(conf: &Conf<'_>) -> Result<(), Failure> {
    let guid = conf.path(&["runtimeConfig", "infinibandGUID"])?.exists() || conf.at("guid")?.exists();
    match guid {
        true => Err(invalid(
            "a GUID is of InfiniBand, whose functions are not set up here: use the binary `ib-sriov`, or take \
             `infiniband-guid` from the pod's selection",
        )),
        false => Ok(()),
    }
}

fn name<'a>(conf: &Conf<'a>) -> Result<Option<&'a str>, Failure> {
    let at = conf.at("if0name")?;
    match at.text()? {
        Some(name) if RESERVED.contains(&name) => Err(at.wants("another name than eth0, eth1 and lo")),
        name => Ok(name),
    }
}

/// Trust that is given comes first, since it lets the function have another address; trust that is taken, last.
fn settings<'a>(conf: &Conf<'a>, source: Source<'_>) -> Result<Vec<FunctionSetting<'a>>, Failure> {
    let mut settings: Vec<_> = vlan(conf, source)?.into_iter().collect();
    let (min, max) = (whole(conf, "min_tx_rate")?, whole(conf, "max_tx_rate")?);
    if min.is_some() || max.is_some() {
        settings.push(FunctionSetting::Rate { min: min.unwrap_or(0), max: max.unwrap_or(0) });
    }
    settings.extend(on_off(conf, "spoofchk")?.map(FunctionSetting::SpoofCheck));
    settings.extend(on_off(conf, "trust")?.map(FunctionSetting::Trust));
    let state = conf.at("link_state")?;
    match state.text()? {
        None => {}
        Some(text) if LINK_STATES.contains(&text) => settings.push(FunctionSetting::LinkState(text)),
        Some(_) => return Err(state.wants("one of auto, enable, disable")),
    }
    Ok(settings)
}

fn vlan<'a>(conf: &Conf<'a>, source: Source<'_>) -> Result<Option<FunctionSetting<'a>>, Failure> {
    let (id, qos) = (whole(conf, "vlan")?, whole(conf, "vlanQoS")?);
    let at = conf.at("vlanProto")?;
    let protocol = match at.text()? {
        None => None,
        Some(text) => {
            let known = PROTOCOLS.into_iter().find(|one| text.eq_ignore_ascii_case(one));
            Some(known.ok_or_else(|| at.wants("802.1q or 802.1ad"))?)
        }
    };
    let Some(id) = id else {
        return match qos.is_some() || protocol.is_some() {
            true => Err(invalid("the conf's `vlanQoS` and `vlanProto` are of a VLAN: it needs `vlan`")),
            false => Ok(None),
        };
    };
    let (qos, protocol) = (qos.unwrap_or(0), protocol.unwrap_or("802.1q"));
    let id = u16::try_from(id).ok().filter(|id| *id <= 4094);
    let id = id.map(Ok).unwrap_or_else(|| Err(conf.at("vlan")?.wants("a number from 0 to 4094")))?;
    let qos = u8::try_from(qos).ok().filter(|qos| *qos <= 7);
    let qos = qos.map(Ok).unwrap_or_else(|| Err(conf.at("vlanQoS")?.wants("a number from 0 to 7")))?;
    if id == 0 && (qos != 0 || protocol != "802.1q") {
        return Err(invalid("the conf's `vlan` is 0, none: then there is neither `vlanQoS` nor 802.1ad"));
    }
    // In 2018 it stood for nothing.
    let nothing = id == 0 && matches!(source, Source::Of(_));
    Ok((!nothing).then_some(FunctionSetting::Vlan { id, qos, protocol }))
}

/// A number that is told from none even if it is 0.
fn whole(conf: &Conf<'_>, key: &str) -> Result<Option<u32>, Failure> {
    let at = conf.at(key)?;
    let number = at.number()?;
    Ok(number.or_else(|| at.exists().then_some(0)))
}

fn on_off(conf: &Conf<'_>, key: &str) -> Result<Option<bool>, Failure> {
    let at = conf.at(key)?;
    match at.text()? {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(_) => Err(at.wants("on or off")),
    }
}

/// Whether a conf of 2018 wants the function for a program.
fn dpdk(conf: &Conf<'_>) -> Result<bool, Failure> {
    let at = conf.at("dpdk")?;
    if !at.exists() {
        return Ok(false);
    }
    let driver = at.at("dpdk_driver")?;
    match driver.text()? {
        None | Some(FOR_PROGRAMS) => Ok(true),
        Some(_) => {
            Err(driver
                .wants("vfio-pci: with other drivers the program could write to all of the node's memory"))
        }
    }
}
