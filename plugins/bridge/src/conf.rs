//! The conf.

use multus_guest::network::{PortVlans, Range};
use multus_guest::result::Dns;
use multus_guest::{Attachment, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Args, Conf, pod, result};

/// The bridge of a conf that names none.
const DEFAULT_BRIDGE: &str = "cni0";

/// The last number of a VLAN.
const LAST_VLAN: u16 = 4094;

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) bridge: &'a str,
    pub(crate) mtu: Option<u32>,
    /// Of the pod's end.
    pub(crate) mac: Option<String>,
    /// The bridge is the pod's gateway.
    pub(crate) gateway: bool,
    /// And its default route leads there.
    pub(crate) default_gateway: bool,
    /// An address of the bridge that is in the way is replaced.
    pub(crate) force_address: bool,
    pub(crate) masquerade: bool,
    pub(crate) hairpin: bool,
    pub(crate) promiscuous: bool,
    pub(crate) spoof_check: bool,
    /// IPv6 addresses of the pod are used only once nobody answered for them.
    pub(crate) detect_duplicates: bool,
    /// The pod's end stays down.
    pub(crate) down: bool,
    /// The VLANs of the port, if it has any of its own.
    pub(crate) vlans: Option<PortVlans>,
    pub(crate) isolated: bool,
    pub(crate) ipam: Option<&'a str>,
    pub(crate) dns: Dns,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(attachment: &Attachment, plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let flag = |key| conf.at(key)?.flag();
        let default_gateway = flag("isDefaultGateway")?;
        let wanted = Self {
            bridge: conf.at("bridge")?.text()?.unwrap_or(DEFAULT_BRIDGE),
            mtu: conf.at("mtu")?.number()?,
            mac: pod::wanted_mac(&Args::of(attachment)?, &conf)?,
            gateway: default_gateway || flag("isGateway")?,
            default_gateway,
            force_address: flag("forceAddress")?,
            masquerade: pod::wants_masquerade(&conf)?,
            hairpin: flag("hairpinMode")?,
            promiscuous: flag("promiscMode")?,
            spoof_check: flag("macspoofchk")?,
            detect_duplicates: flag("enabledad")?,
            down: flag("disableContainerInterface")?,
            vlans: vlans(&conf)?,
            isolated: flag("portIsolation")?,
            ipam: pod::ipam_type(&conf)?,
            dns: result::dns(&conf.at("dns")?)?,
        };
        wanted.check()
    }

    fn check(self) -> Result<Self, Failure> {
        if self.hairpin && self.promiscuous {
            return Err(invalid("the conf sets both `hairpinMode` and `promiscMode`: use one of them"));
        }
        if self.down && self.ipam.is_some() {
            return Err(invalid(
                "the conf sets `disableContainerInterface` and an `ipam`: an interface that is down has no addresses",
            ));
        }
        Ok(self)
    }
}

/// 0, false and an empty list ask for nothing; `preserveDefaultVlan` is about `vlan` and `vlanTrunk` alone.
fn vlans(conf: &Conf<'_>) -> Result<Option<PortVlans>, Failure> {
    let vlan = conf.at("vlan")?;
    let native = vlan.number()?.map(|_| id(&vlan)).transpose()?;
    let trunk = conf.at("vlanTrunk")?;
    let tagged: Vec<Range> =
        trunk.items()?.iter().map(ranges).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let only = !conf.at("preserveDefaultVlan")?.flag()?;
    let any = native.is_some() || !tagged.is_empty();
    Ok(any.then_some(PortVlans { native, tagged, only }))
}

/// `{"id": 5}`, `{"minID": 10, "maxID": 20}`, or both.
fn ranges(item: &Conf<'_>) -> Result<Vec<Range>, Failure> {
    let given = |key| {
        let number = item.at(key)?;
        number.exists().then(|| id(&number)).transpose()
    };
    let (one, first, last) = (given("id")?, given("minID")?, given("maxID")?);
    let range = match (first, last) {
        (Some(first), Some(last)) if first <= last => Some(Range { first, last }),
        (None, None) => None,
        _ => {
            return Err(
                item.wants("an object with an `id`, or with `minID` and `maxID`, the lower one first")
            );
        }
    };
    Ok(one.map(|id| Range { first: id, last: id }).into_iter().chain(range).collect())
}

fn id(number: &Conf<'_>) -> Result<u16, Failure> {
    let given = number.number()?.and_then(|given| u16::try_from(given).ok());
    given.filter(|id| *id <= LAST_VLAN).ok_or_else(|| number.wants("a VLAN's number, 1 to 4094"))
}
