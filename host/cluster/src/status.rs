//! What was attached, as a pod's network-status tells it (NP-27 to NP-34).

use multus_cni::result::{CniResult, Dns, Ip};
use serde::Serialize;

/// One attachment in the network-status list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkStatus {
    /// `namespace/name` of the definition, or the name of the node's own configuration (NP-30).
    pub name: String,
    /// The interface in the pod (NP-31).
    pub interface: String,
    /// Its addresses, without prefix lengths (NP-31).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<String>,
    /// Its MAC address, if the result has one (NP-31).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its MTU, if the result has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Whether this is the pod's default network; always written (NP-32).
    pub default: bool,
    /// Where the result's default routes lead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway: Vec<String>,
    /// The name service that the network gave.
    #[serde(skip_serializing_if = "is_empty")]
    pub dns: Dns,
}

/// The status of one attachment: `name` as it is displayed, and the result of its list.
///
/// It describes the first interface in the pod (NP-28). Of a result that lists none (all before
/// 0.3.0) it tells what is left: `interface`, the name that was asked for, and the addresses.
pub fn network_status(name: &str, default: bool, result: &CniResult, interface: &str) -> NetworkStatus {
    let index = result.interfaces.iter().position(|found| found.in_sandbox());
    let found = index.and_then(|index| result.interfaces.get(index));
    // Plugins that say of no address where it is mean the interface that they were asked for.
    let here = |ip: &&Ip| ip.interface.is_none() || ip.interface == index;
    NetworkStatus {
        name: name.to_owned(),
        interface: found.map_or(interface, |found| &found.name).to_owned(),
        ips: result.ips.iter().filter(here).map(|ip| bare(&ip.address).to_owned()).collect(),
        mac: found.and_then(|found| found.mac.clone()).filter(|mac| !mac.is_empty()),
        mtu: found.and_then(|found| found.mtu).filter(|mtu| *mtu > 0),
        default,
        gateway: default_gateways(result),
        dns: result.dns.clone(),
    }
}

/// A default route without a gateway of its own uses that of the addresses of its family.
fn default_gateways(result: &CniResult) -> Vec<String> {
    let mut gateways = Vec::new();
    for route in result.routes.iter().filter(|route| route.is_default()) {
        let v6 = route.dst.contains(':');
        let of_addresses =
            || result.ips.iter().filter(|ip| ip.is_v6() == v6).find_map(|ip| ip.gateway.clone());
        if let Some(gateway) = route.gw.clone().or_else(of_addresses)
            && !gateways.contains(&gateway)
        {
            gateways.push(gateway);
        }
    }
    gateways
}

fn bare(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

fn is_empty(dns: &Dns) -> bool {
    *dns == Dns::default()
}

#[cfg(test)]
mod tests {
    use multus_cni::Version;
    use multus_cni::result::ResultDocument;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn status(result: &Value, version: Version) -> Value {
        let document = ResultDocument::parse(result.to_string().as_bytes(), version).unwrap();
        let status = network_status("shop/storage", false, &document.result().unwrap(), "net1");
        serde_json::to_value(status).unwrap()
    }

    #[test]
    fn the_first_interface_in_the_pod_is_described_np_28_np_31() {
        let result = json!({"cniVersion": "1.1.0",
            "interfaces": [{"name": "br0", "mac": "aa:aa:aa:aa:aa:aa"},
                           {"name": "net1", "mac": "0a:58:0a:01:02:03", "mtu": 1400, "sandbox": "/run/netns/a"},
                           {"name": "other", "mac": "0a:58:0a:01:02:04", "sandbox": "/run/netns/a"}],
            "ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1", "interface": 1},
                    {"address": "10.9.9.9/24", "interface": 2},
                    {"address": "fd00::3/64", "gateway": "fd00::1"}],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "fd00::2"}, {"dst": "10.5.0.0/16", "gw": "10.1.2.9"}],
            "dns": {"nameservers": ["10.1.2.53"]}});
        let expected = json!({"name": "shop/storage", "interface": "net1", "ips": ["10.1.2.3", "fd00::3"],
            "mac": "0a:58:0a:01:02:03", "mtu": 1400, "default": false,
            "gateway": ["10.1.2.1", "fd00::2"], "dns": {"nameservers": ["10.1.2.53"]}});
        assert_eq!(status(&result, Version::V1_1_0), expected);
    }

    #[test]
    fn results_before_0_3_0_tell_what_they_know_np_28() {
        let result =
            json!({"cniVersion": "0.2.0", "ip4": {"ip": "10.1.2.3/24"}, "ip6": {"ip": "fd00::3/64"}});
        let expected = json!({"name": "shop/storage", "interface": "net1", "ips": ["10.1.2.3", "fd00::3"], "default": false});
        assert_eq!(status(&result, Version::V0_2_0), expected);
    }

    #[test]
    fn without_an_interface_in_the_pod_only_unassigned_addresses_count_np_31() {
        let result = json!({"cniVersion": "1.0.0", "interfaces": [{"name": "br0", "mac": "aa:aa:aa:aa:aa:aa"}],
            "ips": [{"address": "10.1.2.3/24", "interface": 0}, {"address": "10.1.2.4/24"}]});
        let expected =
            json!({"name": "shop/storage", "interface": "net1", "ips": ["10.1.2.4"], "default": false});
        assert_eq!(status(&result, Version::V1_0_0), expected);
    }

    #[test]
    fn an_empty_result_is_a_minimal_entry_np_28_np_32() {
        let expected = json!({"name": "shop/storage", "interface": "net1", "default": false});
        assert_eq!(status(&json!({"cniVersion": "1.0.0"}), Version::V1_0_0), expected);
        let default = network_status("cluster", true, &CniResult::default(), "eth0");
        assert_eq!(serde_json::to_value(default).unwrap()["default"], true);
    }

    proptest! {
        #[test]
        fn any_index_is_taken(indices in proptest::collection::vec(proptest::option::of(0_usize..9), 0..6)) {
            let ip = |interface: &Option<usize>| Ip { address: "10.0.0.1/8".into(), interface: *interface, gateway: None };
            let result = CniResult { ips: indices.iter().map(ip).collect(), ..CniResult::default() };
            let without = indices.iter().filter(|index| index.is_none()).count();
            prop_assert_eq!(network_status("a", false, &result, "net1").ips.len(), without);
        }
    }
}
