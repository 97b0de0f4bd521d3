//! An IPAM delegate: the addresses are those that the conf names, or the pod. It asks the host for nothing.
//!
//! Conf keys and what it does otherwise than the reference plugin: `README.md`.

mod addresses;

use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::{Args, Conf, result};

multus_guest::delegate!(delegate);
#[cfg(test)]
multus_guest::fixtures!(delegate = delegate);

fn delegate(
    attachment: &Attachment,
    conf: &Plugin,
    _: Option<&CniResult>,
    _: &(),
) -> Result<Option<CniResult>, Failure> {
    add(attachment, conf).map(Some)
}

fn add(attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let (conf, args) = (Conf::of(conf), Args::of(attachment)?);
    let leases = addresses::read(&conf, &args)?;
    result::check_version(&conf, leases.iter().map(|lease| lease.address.addr()))?;
    let ipam = conf.at("ipam")?;
    Ok(CniResult {
        ips: leases.iter().map(|lease| lease.write(None)).collect(),
        routes: result::routes(&ipam.at("routes")?)?,
        dns: result::dns(&ipam.at("dns")?)?,
        ..CniResult::default()
    })
}

#[cfg(test)]
mod tests;
