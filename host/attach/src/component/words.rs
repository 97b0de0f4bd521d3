//! What a module writes in its host calls, read and checked: names, addresses, documents.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_cni::names;
use multus_net::{IpvlanMode, MacAddr, MacvlanMode, Route};
use multus_wasm::node::{Answer, Failure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::refusal::{self, invalid};

/// A route as CNI results have it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RouteText {
    dst: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advmss: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<u8>,
    #[serde(default)]
    onlink: bool,
}

/// What `create-veth` takes besides the name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct VethOptions {
    pub(super) mtu: Option<u32>,
    pub(super) mac: Option<String>,
    pub(super) host_name: Option<String>,
}

/// What `create-macvlan` takes besides parent and name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MacvlanOptions {
    pub(super) mode: Option<MacvlanMode>,
    pub(super) mtu: Option<u32>,
    pub(super) mac: Option<String>,
    pub(super) queue: Option<u32>,
}

/// What `create-link` takes besides kind, parent and name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkOptions {
    pub(super) mode: Option<IpvlanMode>,
    pub(super) id: Option<u16>,
    pub(super) mtu: Option<u32>,
    pub(super) mac: Option<String>,
}

/// What `ensure-vrf` takes besides the name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VrfOptions {
    pub(super) table: Option<u32>,
}

/// What `set-port-vlans` takes besides the port.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PortOptions {
    pub(super) native: Option<u16>,
    #[serde(default)]
    pub(super) tagged: Vec<Range>,
    #[serde(default)]
    pub(super) only: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
}

/// What `ensure-bridge` takes besides the name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BridgeOptions {
    pub(super) mtu: Option<u32>,
    pub(super) mac: Option<String>,
    #[serde(default)]
    pub(super) vlans: bool,
}

/// The options of a call.
pub(super) fn options<T: DeserializeOwned>(text: &str) -> Answer<T> {
    serde_json::from_str(text).map_err(|error| invalid(format!("the options of this call: {error}")))
}

/// An interface's name.
pub(super) fn link_name(name: &str) -> Answer<()> {
    names::check_ifname(name).map_err(|error| Failure { code: 7, ..refusal::of_error(error) })
}

/// A hardware address.
pub(super) fn mac(text: &str) -> Answer<MacAddr> {
    text.parse().map_err(|_| invalid(format!("`{}` is no hardware address", text.escape_debug())))
}

/// An address with the length of its prefix, as a link has it: `10.1.2.3/24`.
pub(super) fn cidr(text: &str) -> Answer<IpNet> {
    text.parse().map_err(|_| {
        invalid(format!("`{}` is no address with a prefix length, like 10.1.2.3/24", text.escape_debug()))
    })
}

/// An address.
pub(super) fn address(text: &str) -> Answer<IpAddr> {
    text.parse().map_err(|_| invalid(format!("`{}` is no address", text.escape_debug())))
}

/// A route: a document like those of CNI results.
pub(super) fn route(text: &str) -> Answer<Route> {
    let text: RouteText =
        serde_json::from_str(text).map_err(|error| invalid(format!("the route: {error}")))?;
    let destination: IpNet = text.dst.parse().map_err(|_| {
        invalid(format!("the route's `dst`, `{}`, is no network like 10.0.0.0/8", text.dst.escape_debug()))
    })?;
    let optional = |what: Option<&str>| what.filter(|text| !text.is_empty()).map(address).transpose();
    let gateway = optional(text.gw.as_deref())?;
    let source = optional(text.src.as_deref())?;
    let other = |other: IpAddr| other.is_ipv4() != destination.addr().is_ipv4();
    if gateway.into_iter().chain(source).any(other) {
        return Err(invalid(format!("the route to {destination} mixes IPv4 and IPv6")));
    }
    Ok(Route {
        destination: destination.trunc(),
        gateway,
        source,
        metric: text.priority,
        table: text.table.filter(|table| *table != 0),
        scope: text.scope,
        mtu: text.mtu.filter(|mtu| *mtu != 0),
        advmss: text.advmss.filter(|advmss| *advmss != 0),
        onlink: text.onlink,
    })
}

/// The other way round: what is read again is the same route.
pub(super) fn of_route(route: &Route) -> String {
    let text = RouteText {
        dst: route.destination.to_string(),
        gw: route.gateway.map(|gateway| gateway.to_string()),
        src: route.source.map(|source| source.to_string()),
        priority: route.metric,
        table: route.table,
        mtu: route.mtu,
        advmss: route.advmss,
        scope: route.scope,
        onlink: route.onlink,
    };
    // Plain data with text for keys can always be written.
    serde_json::to_string(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_route_is_read_as_results_have_it() {
        let text =
            r#"{"dst": "10.1.2.3/8", "gw": "10.0.0.1", "priority": 5, "table": 0, "mtu": 0, "scope": 253}"#;
        let read = route(text).unwrap();
        assert_eq!(read.destination.to_string(), "10.0.0.0/8");
        assert_eq!((read.metric, read.table, read.mtu, read.scope), (Some(5), None, None, Some(253)));
        assert_eq!(route(&of_route(&read)).unwrap(), read);
        for (text, words) in [
            ("{}", "`dst`"),
            (r#"{"dst": "10.0.0.0"}"#, "no network"),
            (r#"{"dst": "10.0.0.0/8", "gw": "fd00::1"}"#, "mixes"),
            (r#"{"dst": "10.0.0.0/8", "gw": "router"}"#, "no address"),
            (r#"{"dst": "10.0.0.0/8", "metric": 5}"#, "metric"),
            ("[]", "the route"),
        ] {
            let failure = route(text).unwrap_err();
            assert!(failure.code == 7 && failure.message.contains(words), "{text}: {failure:?}");
        }
    }

    #[test]
    fn names_are_those_that_the_kernel_takes() {
        assert!(link_name("eth0").is_ok());
        for name in ["", "../x", "sixteen-letters-", "a b"] {
            assert_eq!(link_name(name).unwrap_err().code, 7, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_the_reader(text in ".{0,80}") {
            let _ = (route(&text), cidr(&text), mac(&text), address(&text), options::<VethOptions>(&text));
        }
    }
}
