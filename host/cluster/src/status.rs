//! What was attached, as a pod's network-status tells it (NP-27 to NP-34).

use std::net::IpAddr;

use multus_cni::result::{CniResult, Dns, Ip};
use serde::Serialize;
use serde_json::Value;

/// One attachment in the network-status list: the specification's keys, and upstream's `gateway` beside them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkStatus {
    /// `namespace/name` of the definition, or the name of the node's own configuration (NP-30).
    pub name: String,
    /// The interface in the pod; always there, so `mac` never stands without it (NP-31).
    pub interface: String,
    /// Its addresses, without prefix lengths (NP-31).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<String>,
    /// Its MAC address, if the result has one (NP-31).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its MTU in bytes, if the result has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Whether this is the pod's default network; always written (NP-32).
    pub default: bool,
    /// Where the result's default routes lead (upstream's key).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway: Vec<String>,
    /// The same for the attachment whose selection has `default-route`, and for no other (NP-33).
    #[serde(rename = "default-route", skip_serializing_if = "Option::is_none")]
    pub default_route: Option<Vec<String>>,
    /// The name service that the network gave.
    #[serde(skip_serializing_if = "is_empty")]
    pub dns: Dns,
    /// What the device-information file says, as it says it (NP-34).
    #[serde(rename = "device-info", skip_serializing_if = "Option::is_none")]
    pub device_info: Option<Value>,
}

/// What is known of one attachment.
#[derive(Debug, Clone, Copy)]
pub struct Attached<'a> {
    /// How it is displayed: `namespace/name` of the definition, or the configuration's name.
    pub name: &'a str,
    /// The interface that its plugins were asked for.
    pub interface: &'a str,
    /// Whether it is the pod's default network.
    pub default: bool,
    /// Its list's result, default routes as they are now.
    pub result: &'a CniResult,
    /// `default-route` of its selection: the gateways asked for, none of them for `[]`.
    pub default_route: Option<&'a [IpAddr]>,
    /// Its device's information, where a device plugin left some.
    pub device_info: Option<&'a Value>,
}

impl NetworkStatus {
    /// The element with upstream's keys alone: no `default-route`, and `default` only where it is true.
    #[must_use]
    pub fn with_upstream_keys(&self) -> Value {
        let mut element = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(members) = &mut element {
            members.remove("default-route");
            if !self.default {
                members.remove("default");
            }
        }
        element
    }
}

impl Attached<'_> {
    /// Its element of the list.
    ///
    /// It describes the first interface in the pod (NP-28). Of a result that lists none (all before
    /// 0.3.0) it tells what is left: the interface that was asked for, and the addresses that are of no other. The
    /// specification takes the first of these only, which would lose a family.
    pub fn status(&self) -> NetworkStatus {
        let result = self.result;
        let index = result.interfaces.iter().position(|found| found.in_sandbox());
        let found = index.and_then(|index| result.interfaces.get(index));
        // Plugins that say of no address where it is mean the interface that they were asked for.
        let here = |ip: &&Ip| ip.interface.is_none() || ip.interface == index;
        let gateway = default_gateways(result);
        NetworkStatus {
            name: self.name.to_owned(),
            interface: found.map_or(self.interface, |found| &found.name).to_owned(),
            ips: result.ips.iter().filter(here).map(|ip| bare(&ip.address).to_owned()).collect(),
            mac: found.and_then(|found| found.mac.clone()).filter(|mac| !mac.is_empty()),
            mtu: found.and_then(|found| found.mtu).filter(|mtu| *mtu > 0),
            default: self.default,
            default_route: self.default_route.map(|asked| with_asked(&gateway, asked)),
            gateway,
            dns: result.dns.clone(),
            device_info: self.device_info.cloned(),
        }
    }
}

/// Results before 0.3.0 hold no route of a family without an address, such as one by a link-local gateway.
fn with_asked(gateways: &[String], asked: &[IpAddr]) -> Vec<String> {
    let mut all = gateways.to_vec();
    for gateway in asked.iter().map(IpAddr::to_string) {
        if !all.contains(&gateway) {
            all.push(gateway);
        }
    }
    all
}

fn default_gateways(result: &CniResult) -> Vec<String> {
    let mut gateways = Vec::new();
    for route in result.routes.iter().filter(|route| route.is_main_default()) {
        if let Some(gateway) = result.gateway_of(route)
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
        serde_json::to_value(attached(&document.result().unwrap()).status()).unwrap()
    }

    fn attached(result: &CniResult) -> Attached<'_> {
        Attached {
            name: "shop/storage",
            interface: "net1",
            default: false,
            result,
            default_route: None,
            device_info: None,
        }
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
        let default = Attached { default: true, ..attached(&CniResult::default()) }.status();
        assert_eq!(serde_json::to_value(default).unwrap()["default"], true);
    }

    #[test]
    fn default_route_is_told_of_whoever_asked_for_it_np_33() {
        let v4 = json!({"routes": [{"dst": "0.0.0.0/0", "gw": "10.1.2.1"}, {"dst": "0.0.0.0/0", "gw": "10.1.2.2"}]});
        let own = json!({"ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}], "routes": [{"dst": "0.0.0.0/0"}]});
        let device =
            json!({"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "fd00::1", "table": 100}]});
        let early = json!({"ip4": {"ip": "10.1.2.3/24", "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.2.1"}]}});
        let (none, one): (&[&str], &[&str]) = (&[], &["10.1.2.1"]);
        type Row<'a> = (&'a Value, Option<&'a [&'a str]>, Value, Value);
        let rows: [Row<'_>; 7] = [
            (&v4, None, json!(["10.1.2.1", "10.1.2.2"]), Value::Null),
            (&v4, Some(one), json!(["10.1.2.1", "10.1.2.2"]), json!(["10.1.2.1", "10.1.2.2"])),
            (&own, Some(none), json!(["10.1.2.1"]), json!(["10.1.2.1"])),
            (&device, Some(none), Value::Null, json!([])),
            (&json!({}), Some(none), Value::Null, json!([])),
            (&early, Some(one), json!(["10.1.2.1"]), json!(["10.1.2.1"])),
            (&early, Some(&["fe80::1"]), json!(["10.1.2.1"]), json!(["10.1.2.1", "fe80::1"])),
        ];
        for (text, asked, gateway, default_route) in rows {
            let version = if text["ip4"].is_null() { Version::V1_1_0 } else { Version::V0_2_0 };
            let result =
                ResultDocument::parse(text.to_string().as_bytes(), version).unwrap().result().unwrap();
            let asked: Option<Vec<IpAddr>> =
                asked.map(|all| all.iter().map(|ip| ip.parse().unwrap()).collect());
            let status = Attached { default_route: asked.as_deref(), ..attached(&result) }.status();
            let status = serde_json::to_value(status).unwrap();
            assert_eq!([&status["gateway"], &status["default-route"]], [&gateway, &default_route], "{text}");
        }
    }

    #[test]
    fn device_information_is_passed_on_np_34() {
        let info = json!({"type": "pci", "version": "1.1.0", "pci": {"pci-address": "0000:03:02.0"}});
        let status = Attached { device_info: Some(&info), ..attached(&CniResult::default()) }.status();
        assert_eq!(serde_json::to_value(status).unwrap()["device-info"], info);
    }

    #[test]
    fn upstreams_keys_alone_are_what_its_readers_know() {
        let of = |default, routes: Option<&[IpAddr]>| {
            let result = CniResult::default();
            let attached = Attached {
                name: "a",
                interface: "net1",
                default,
                result: &result,
                default_route: routes,
                device_info: None,
            };
            attached.status().with_upstream_keys()
        };
        assert_eq!(of(false, Some(&[])), json!({"name": "a", "interface": "net1"}));
        assert_eq!(of(true, None), json!({"name": "a", "interface": "net1", "default": true}));
    }

    proptest! {
        #[test]
        fn any_index_is_taken(indices in proptest::collection::vec(proptest::option::of(0_usize..9), 0..6)) {
            let ip = |interface: &Option<usize>| Ip { address: "10.0.0.1/8".into(), interface: *interface, gateway: None };
            let result = CniResult { ips: indices.iter().map(ip).collect(), ..CniResult::default() };
            let without = indices.iter().filter(|index| index.is_none()).count();
            prop_assert_eq!(attached(&result).status().ips.len(), without);
        }
    }
}
