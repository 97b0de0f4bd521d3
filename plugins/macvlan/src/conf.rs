//! The conf.

use multus_guest::network::Macvlan;
use multus_guest::result::Dns;
use multus_guest::{Attachment, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Args, Conf, pod, result};

const MODES: [&str; 4] = ["bridge", "private", "vepa", "passthru"];

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// The node's link; of a conf that names none, the one of the default route.
    pub(crate) master: Option<&'a str>,
    pub(crate) link: Macvlan,
    pub(crate) ipam: Option<&'a str>,
    pub(crate) dns: Dns,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(attachment: &Attachment, plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        refuse(&conf)?;
        let given = pod::wanted_mac(&Args::of(attachment)?, &conf)?;
        let own = conf.at("mac")?.text()?.map(str::to_owned);
        Ok(Self {
            master: conf.at("master")?.text()?,
            link: Macvlan { mode: mode(&conf)?, mtu: conf.at("mtu")?.number()?, mac: given.or(own) },
            ipam: pod::ipam_type(&conf)?,
            dns: result::dns(&conf.at("dns")?)?,
        })
    }
}

fn mode(conf: &Conf<'_>) -> Result<Option<String>, Failure> {
    let mode = conf.at("mode")?;
    match mode.text()? {
        None => Ok(None),
        Some(text) if MODES.contains(&text) => Ok(Some(text.to_owned())),
        Some(_) => Err(mode.wants("one of bridge, private, vepa, passthru")),
    }
}

/// What this plugin does not do yet: a conf that asks for it must not get less unnoticed.
fn refuse(conf: &Conf<'_>) -> Result<(), Failure> {
    let asked = [
        ("linkInContainer", conf.at("linkInContainer")?.flag()?),
        ("bcqueuelen", conf.at("bcqueuelen")?.number()?.is_some()),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((key, _)) => Err(invalid(format!(
            "the conf's `{key}` is not something that this plugin does: use the reference plugin `macvlan`, as a binary \
             (the operator takes `macvlan` out of the catalog)"
        ))),
        None => Ok(()),
    }
}
