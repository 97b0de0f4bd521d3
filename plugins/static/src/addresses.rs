//! Which addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::Failure;
use multus_guest_cni::conf::invalid;
use multus_guest_cni::result::Lease;
use multus_guest_cni::{Args, Conf};

const WITH_PREFIX: &str = "an address with its prefix length, like 10.1.0.5/24";

/// The pod's wish takes the place of the conf's addresses: the capability `ips`, else `args.cni.ips`. Without one the
/// addresses of `CNI_ARGS` come after the conf's.
pub(crate) fn read(conf: &Conf<'_>, args: &Args) -> Result<Vec<Lease>, Failure> {
    for wish in [conf.path(&["runtimeConfig", "ips"])?, conf.path(&["args", "cni", "ips"])?] {
        let items = wish.items()?;
        if !items.is_empty() {
            return items.iter().map(|item| Ok(Lease { address: needed(item)?, gateway: None })).collect();
        }
    }
    let mut leases = of_conf(&conf.path(&["ipam", "addresses"])?)?;
    leases.extend(of_args(args)?);
    Ok(leases)
}

fn of_conf(list: &Conf<'_>) -> Result<Vec<Lease>, Failure> {
    let lease = |item: &Conf<'_>| {
        let gateway = item.at("gateway")?.parsed("an address")?;
        Ok(Lease { address: needed(&item.at("address")?)?, gateway })
    };
    list.items()?.iter().map(lease).collect()
}

fn needed(place: &Conf<'_>) -> Result<IpNet, Failure> {
    place.parsed(WITH_PREFIX)?.ok_or_else(|| place.wants(WITH_PREFIX))
}

/// `IP=…,…;GATEWAY=…,…`: each address gets the last gateway that is in its network.
fn of_args(args: &Args) -> Result<Vec<Lease>, Failure> {
    let wrong = |key: &str, text: &str, what: &str| {
        invalid(format!("CNI_ARGS: `{key}` must be {what}, and is {text}"))
    };
    let gateway = |text: &str| text.parse::<IpAddr>().map_err(|_| wrong("GATEWAY", text, "an address"));
    let gateways: Vec<IpAddr> = args.list("GATEWAY").map(gateway).collect::<Result<_, _>>()?;
    let lease = |text: &str| {
        let address: IpNet = text.parse().map_err(|_| wrong("IP", text, WITH_PREFIX))?;
        let gateway = gateways.iter().rev().find(|gateway| address.contains(*gateway)).copied();
        Ok(Lease { address, gateway })
    };
    args.list("IP").map(lease).collect()
}
