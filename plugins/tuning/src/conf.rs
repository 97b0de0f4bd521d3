//! The conf.

use std::collections::BTreeMap;

use multus_guest::{Attachment, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Args, Conf, pod};

/// Stands for the pod's link in the key of a setting.
const LINK: &str = "IFNAME";

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// By key, with slashes.
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) link: OfLink,
}

/// Of the pod's link; what is none stays as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OfLink {
    pub(crate) mac: Option<String>,
    pub(crate) promiscuous: bool,
    pub(crate) mtu: Option<u32>,
    pub(crate) all_multicast: Option<bool>,
    /// In packets.
    pub(crate) queue: Option<u32>,
}

impl Wanted {
    pub(crate) fn read(attachment: &Attachment, plugin: &Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let all_multicast = of_pod_or_conf(&conf, "allmulti")?;
        let queue = of_pod_or_conf(&conf, "txQLen")?;
        let link = OfLink {
            mac: mac(attachment, &conf)?,
            promiscuous: of_pod_or_conf(&conf, "promisc")?.flag()?,
            mtu: of_pod_or_conf(&conf, "mtu")?.number()?,
            all_multicast: all_multicast.exists().then(|| all_multicast.flag()).transpose()?,
            // Here 0 is a length like others.
            queue: queue.exists().then(|| queue.number()).transpose()?.map(Option::unwrap_or_default),
        };
        let name = &attachment.interface_name;
        let mut settings = settings(&conf.at("sysctl")?, name)?;
        settings.extend(self::settings(&conf.path(&["args", "cni", "sysctl"])?, name)?);
        Ok(Self { settings, link })
    }
}

/// What is asked for this pod goes before what the network has for all.
fn of_pod_or_conf<'a>(conf: &Conf<'a>, key: &str) -> Result<Conf<'a>, Failure> {
    let of_pod = conf.path(&["args", "cni", key])?;
    if of_pod.exists() { Ok(of_pod) } else { conf.at(key) }
}

/// `args.cni.mac` before the capability, other than with plugins that make a link.
fn mac(attachment: &Attachment, conf: &Conf<'_>) -> Result<Option<String>, Failure> {
    if let Some(mac) = conf.path(&["args", "cni", "mac"])?.text()? {
        return Ok(Some(mac.to_owned()));
    }
    let given = pod::wanted_mac(&Args::of(attachment)?, conf)?;
    Ok(given.or(conf.at("mac")?.text()?.map(str::to_owned)))
}

fn settings(written: &Conf<'_>, link: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut settings = BTreeMap::new();
    for (key, value) in written.members()? {
        let text = value.text()?.ok_or_else(|| value.wants("a text"))?;
        if settings.insert(self::key(key, link)?, text.to_owned()).is_some() {
            return Err(invalid(format!("the conf's `{}` has `{key}` in two spellings", written.place())));
        }
    }
    Ok(settings)
}

/// Like `sysctl`: dots stand for slashes unless there is one.
fn key(written: &str, link: &str) -> Result<String, Failure> {
    let slashes = if written.contains('/') { written.to_owned() } else { written.replace('.', "/") };
    if !slashes.starts_with("net/") {
        return Err(invalid(format!(
            "the conf's `sysctl` has `{written}`: only settings of the network, `net.…`, are a pod's own"
        )));
    }
    Ok(slashes.replacen(LINK, link, 1))
}
