//! The conf.

use multus_guest::result::Dns;
use multus_guest::{Attachment, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Args, Conf, pod, result};

/// The bridge of a conf that names none.
const DEFAULT_BRIDGE: &str = "cni0";

/// What this plugin does not do yet: a conf that asks for it must not get less unnoticed.
const REFUSED: [&str; 4] = ["vlan", "vlanTrunk", "preserveDefaultVlan", "portIsolation"];

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
    pub(crate) ipam: Option<&'a str>,
    pub(crate) dns: Dns,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(attachment: &Attachment, plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        refuse(&conf)?;
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
fn refuse(conf: &Conf<'_>) -> Result<(), Failure> {
    let vlans = conf.at("vlanTrunk")?;
    let asked = [
        conf.at("vlan")?.number()?.is_some(),
        !vlans.items()?.is_empty(),
        conf.at("preserveDefaultVlan")?.exists() && !conf.at("preserveDefaultVlan")?.flag()?,
        conf.at("portIsolation")?.flag()?,
    ];
    match REFUSED.iter().zip(asked).find(|(_, asked)| *asked) {
        Some((key, _)) => Err(invalid(format!(
            "the conf's `{key}` is not something that this plugin does: use the reference plugin `bridge`, as a binary \
             (the operator takes `bridge` out of the catalog)"
        ))),
        None => Ok(()),
    }
}
