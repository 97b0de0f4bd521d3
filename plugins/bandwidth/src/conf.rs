//! The conf.

use ipnet::IpNet;
use multus_guest::network::{Apart, Limit, Limits};
use multus_guest::{Failure, Plugin};
use multus_guest_cni::Conf;
use multus_guest_cni::conf::invalid;

/// Keys of both directions.
const KEYS: [&str; 4] = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"];
/// Subnets that are limited, and those that are not.
const PARTS: [&str; 2] = ["shapedSubnets", "unshapedSubnets"];

/// What may pass. Any key in the conf itself goes before all that the runtime asks for.
pub(crate) fn limits(plugin: &Plugin) -> Result<Limits, Failure> {
    let conf = Conf::of(plugin);
    let mut in_conf = false;
    for key in KEYS.iter().chain(&PARTS) {
        in_conf |= conf.at(key)?.exists();
    }
    let bandwidth = if in_conf { conf } else { conf.path(&["runtimeConfig", "bandwidth"])? };
    Ok(Limits {
        receive: limit(&bandwidth, "ingressRate", "ingressBurst")?,
        send: limit(&bandwidth, "egressRate", "egressBurst")?,
        apart: apart(&bandwidth)?,
    })
}

/// An empty list is as good as none.
fn apart(bandwidth: &Conf<'_>) -> Result<Option<Apart>, Failure> {
    let [limited, free] = PARTS.map(|key| bandwidth.at(key));
    let (limited, free) = (limited?, free?);
    match (subnets(&limited)?, subnets(&free)?) {
        (limited, free) if limited.is_empty() && free.is_empty() => Ok(None),
        (subnets, free) if free.is_empty() => Ok(Some(Apart { subnets, limited: true })),
        (limited, subnets) if limited.is_empty() => Ok(Some(Apart { subnets, limited: false })),
        _ => Err(invalid(format!(
            "the conf has `{}` and `{}`: each says what becomes of everything else, so leave one out",
            limited.place(),
            free.place()
        ))),
    }
}

fn subnets(list: &Conf<'_>) -> Result<Vec<String>, Failure> {
    let subnet = |item: &Conf<'_>| {
        let subnet = item.parsed::<IpNet>("a subnet such as 10.0.0.0/8")?;
        subnet
            .map(|subnet| subnet.trunc().to_string())
            .ok_or_else(|| item.wants("a subnet such as 10.0.0.0/8"))
    };
    list.items()?.iter().map(subnet).collect()
}

fn limit(bandwidth: &Conf<'_>, rate: &str, burst: &str) -> Result<Option<Limit>, Failure> {
    let (rate, burst) = (bandwidth.at(rate)?, bandwidth.at(burst)?);
    match (rate.large_number()?, burst.large_number()?) {
        (None, None) => Ok(None),
        (Some(rate), Some(burst)) => Ok(Some(Limit { rate, burst })),
        (Some(_), None) => {
            Err(invalid(format!("the conf has `{}`, and no `{}`", rate.place(), burst.place())))
        }
        (None, Some(_)) => {
            Err(invalid(format!("the conf has `{}`, and no `{}`", burst.place(), rate.place())))
        }
    }
}
