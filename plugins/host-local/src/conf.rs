//! The conf.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::result::Route;
use multus_guest::{Attachment, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Args, Conf, result};

use crate::range::RangeSet;

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) network: &'a str,
    pub(crate) directory: Option<&'a str>,
    /// Each with the address that the pod wishes for in it.
    pub(crate) sets: Vec<(RangeSet, Option<IpAddr>)>,
    pub(crate) routes: Vec<Route>,
    pub(crate) container: String,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(attachment: &Attachment, plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let ipam = conf.at("ipam")?;
        if let Some(path) = ipam.at("resolvConf")?.text()? {
            return Err(invalid(format!(
                "the conf's `ipam.resolvConf` names {path}, and this plugin reads no files: write the name servers into \
                 the `dns` of the conf"
            )));
        }
        let name = conf.at("name")?;
        let sets = sets(&conf, &ipam)?;
        let families = sets.iter().map(|set| if set.is_v6() { IpAddr::from([0; 16]) } else { [0; 4].into() });
        result::check_version(&conf, families)?;
        Ok(Self {
            network: name.text()?.ok_or_else(|| name.wants("the network's name"))?,
            directory: ipam.at("dataDir")?.text()?,
            sets: assigned(sets, wishes(&conf, &Args::of(attachment)?)?)?,
            routes: result::routes(&ipam.at("routes")?)?,
            container: format!("{}/{}", attachment.container_id, attachment.interface_name),
        })
    }
}

/// Those of the capability `ipRanges`, then the one of the flat form, then `ranges`.
fn sets(conf: &Conf<'_>, ipam: &Conf<'_>) -> Result<Vec<RangeSet>, Failure> {
    let list = |list: Conf<'_>| list.items()?.iter().map(RangeSet::read).collect::<Result<Vec<_>, _>>();
    let mut sets = list(conf.path(&["runtimeConfig", "ipRanges"])?)?;
    if ipam.at("subnet")?.exists() {
        sets.push(RangeSet::of_one(ipam)?);
    }
    sets.extend(list(ipam.at("ranges")?)?);
    for (at, one) in sets.iter().enumerate() {
        if let Some((other, set)) =
            sets.iter().enumerate().skip(at + 1).find(|(_, other)| one.overlaps(other))
        {
            return Err(invalid(format!("the conf's range sets {at} ({one}) and {other} ({set}) overlap")));
        }
    }
    if sets.is_empty() {
        return Err(invalid("the conf needs `ipam.ranges`: lists of ranges, each with a `subnet`"));
    }
    Ok(sets)
}

/// What the pod wishes for, with or without prefix lengths: `CNI_ARGS`, `args.cni.ips` and the capability `ips`.
fn wishes(conf: &Conf<'_>, args: &Args) -> Result<Vec<IpAddr>, Failure> {
    let read = |text: &str| {
        let address = text.parse().or_else(|_| text.parse::<IpNet>().map(|network| network.addr()));
        address.ok().map(|address: IpAddr| address.to_canonical())
    };
    let wrong = |text: &str| invalid(format!("CNI_ARGS: `IP` must be an address, and is {text}"));
    let mut wishes =
        args.list("IP").map(|text| read(text).ok_or_else(|| wrong(text))).collect::<Result<Vec<_>, _>>()?;
    for keys in [["args", "cni", "ips"].as_slice(), &["runtimeConfig", "ips"]] {
        for item in conf.path(keys)?.items()? {
            let address = item.text()?.and_then(read);
            wishes.push(address.ok_or_else(|| item.wants("an address"))?);
        }
    }
    wishes.sort_unstable();
    wishes.dedup();
    Ok(wishes)
}

/// Each wish for the set that it is in, one in each.
fn assigned(
    sets: Vec<RangeSet>,
    mut wishes: Vec<IpAddr>,
) -> Result<Vec<(RangeSet, Option<IpAddr>)>, Failure> {
    let mut with_wish = |set: RangeSet| {
        let found = wishes.iter().position(|wish| set.range_of(*wish).is_some());
        let wish = found.map(|at| wishes.remove(at));
        (set, wish)
    };
    let assigned: Vec<_> = sets.into_iter().map(&mut with_wish).collect();
    if wishes.is_empty() {
        return Ok(assigned);
    }
    let (wishes, sets): (Vec<_>, Vec<_>) = (
        wishes.iter().map(IpAddr::to_string).collect(),
        assigned.iter().map(|(set, _)| set.to_string()).collect(),
    );
    Err(invalid(format!(
        "the pod can't have {}: it gets one address of each of {}",
        wishes.join(", "),
        sets.join("; ")
    )))
}
