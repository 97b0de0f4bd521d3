//! `bandwidth` (NP-21).

use serde::Serialize;

use crate::fields::Fields;

const KEYS: &[&str] = &["ingressRate", "ingressBurst", "egressRate", "egressBurst"];

/// Limits in the form of CNI's capability `bandwidth`: bits a second and bits, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bandwidth {
    /// Into the pod, bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_rate: Option<u64>,
    /// Into the pod at once, bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_burst: Option<u64>,
    /// Out of the pod, bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_rate: Option<u64>,
    /// Out of the pod at once, bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_burst: Option<u64>,
}

/// Reads the limits; at least one is given if the member is there, and a burst has its rate.
pub(super) fn read(fields: &mut Fields<'_, '_>, key: &str) -> Option<Bandwidth> {
    let mut limits = fields.object(key)?;
    limits.only_or_pass_over(KEYS);
    for (rate, burst) in [("ingressRate", "ingressBurst"), ("egressRate", "egressBurst")] {
        if limits.value(burst).is_some() && limits.value(rate).is_none() {
            limits.refuse(burst, &format!("`{burst}` needs `{rate}`"), "add the rate in bits a second");
        }
    }
    let none = KEYS.iter().all(|key| limits.value(key).is_none());
    let bandwidth = Bandwidth {
        ingress_rate: limits.positive("ingressRate", u64::MAX),
        ingress_burst: limits.positive("ingressBurst", u64::MAX),
        egress_rate: limits.positive("egressRate", u64::MAX),
        egress_burst: limits.positive("egressBurst", u64::MAX),
    };
    if none {
        fields.pass_over(key, "no limit is given", "leave it out, or give a rate in bits a second");
        return None;
    }
    Some(bandwidth)
}
