//! The conf.

use multus_guest::network::Macvlan;
use multus_guest::result::Dns;
use multus_guest::{Attachment, Failure, Plugin};
use multus_guest_cni::{Args, Conf, Master, pod, result};

const MODES: [&str; 4] = ["bridge", "private", "vepa", "passthru"];

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) master: Master<'a>,
    pub(crate) link: Macvlan,
    pub(crate) ipam: Option<&'a str>,
    pub(crate) dns: Dns,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(attachment: &Attachment, plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let given = pod::wanted_mac(&Args::of(attachment)?, &conf)?;
        let own = conf.at("mac")?.text()?.map(str::to_owned);
        let link = Macvlan {
            mode: mode(&conf)?,
            mtu: conf.at("mtu")?.number()?,
            mac: given.or(own),
            queue: conf.at("bcqueuelen")?.number()?,
        };
        Ok(Self {
            master: Master::read(&conf)?,
            link,
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
