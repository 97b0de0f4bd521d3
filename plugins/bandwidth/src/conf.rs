//! The conf.

use multus_guest::network::{Limit, Limits};
use multus_guest::{Failure, Plugin};
use multus_guest_cni::Conf;
use multus_guest_cni::conf::invalid;

/// Keys of both directions.
const KEYS: [&str; 4] = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"];
/// Keys of later versions of the reference plugin.
const PARTS: [&str; 2] = ["shapedSubnets", "unshapedSubnets"];

/// What may pass. Any key in the conf itself goes before all that the runtime asks for.
pub(crate) fn limits(plugin: &Plugin) -> Result<Limits, Failure> {
    let conf = Conf::of(plugin);
    let mut in_conf = false;
    for key in KEYS.iter().chain(&PARTS) {
        in_conf |= conf.at(key)?.exists();
    }
    let bandwidth = if in_conf { conf } else { conf.path(&["runtimeConfig", "bandwidth"])? };
    for key in PARTS {
        let subnets = bandwidth.at(key)?;
        if !subnets.items()?.is_empty() {
            return Err(invalid(format!(
                "the conf's `{}` would limit some of what passes only: all of it is limited here, or nothing",
                subnets.place()
            )));
        }
    }
    Ok(Limits {
        receive: limit(&bandwidth, "ingressRate", "ingressBurst")?,
        send: limit(&bandwidth, "egressRate", "egressBurst")?,
    })
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
