//! Are the addresses of a result addresses? Whoever comes next relies on it (CNI-15).

use std::net::IpAddr;

use super::{CniResult, Ip, Route};

/// The first thing in a result that is not what it should be, in words.
pub(super) fn fault(result: &CniResult) -> Option<String> {
    result.ips.iter().find_map(ip_fault).or_else(|| result.routes.iter().find_map(route_fault))
}

fn ip_fault(ip: &Ip) -> Option<String> {
    subnet_fault("an address", &ip.address).or_else(|| gateway_fault(ip.gateway.as_deref()))
}

fn route_fault(route: &Route) -> Option<String> {
    subnet_fault("a route's destination", &route.dst).or_else(|| gateway_fault(route.gw.as_deref()))
}

fn subnet_fault(what: &str, text: &str) -> Option<String> {
    let fits = text.split_once('/').is_some_and(|(address, length)| {
        let digits = length.bytes().all(|byte| byte.is_ascii_digit());
        match (address.parse(), length.parse::<u8>()) {
            (Ok(IpAddr::V4(_)), Ok(length)) => digits && length <= 32,
            (Ok(IpAddr::V6(_)), Ok(length)) => digits && length <= 128,
            _ => false,
        }
    });
    (!fits).then(|| format!("{what} is `{}`, expected one such as 10.0.0.2/24", text.escape_debug()))
}

fn gateway_fault(gateway: Option<&str>) -> Option<String> {
    let text = gateway.filter(|text| text.parse::<IpAddr>().is_err())?;
    Some(format!("a gateway is `{}`, expected an address such as 10.0.0.1", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cni_15_addresses_are_addresses() {
        let ip = |address: &str, gateway: Option<&str>| CniResult {
            ips: vec![Ip { address: address.into(), gateway: gateway.map(Into::into), interface: None }],
            ..CniResult::default()
        };
        let rows = [
            ("10.0.0.2/24", None, true),
            ("10.0.0.2/0", Some("10.0.0.1"), true),
            ("fd00::2/128", Some("fe80::1"), true),
            ("::ffff:10.0.0.2/120", None, true),
            ("", None, false),
            ("10.0.0.2", None, false),
            ("10.0.0.2/33", None, false),
            ("10.0.0.2/+8", None, false),
            ("10.0.0.2/24/1", None, false),
            ("010.0.0.2/24", None, false),
            ("fd00::2/129", None, false),
            ("host/24", None, false),
            ("10.0.0.2/24", Some("10.0.0.1/24"), false),
            ("10.0.0.2/24", Some("x"), false),
        ];
        for (address, gateway, fits) in rows {
            assert_eq!(fault(&ip(address, gateway)).is_none(), fits, "{address} {gateway:?}");
            let route = Route { dst: address.into(), gw: gateway.map(Into::into), ..Route::default() };
            let result = CniResult { routes: vec![route], ..CniResult::default() };
            assert_eq!(fault(&result).is_none(), fits, "route {address} {gateway:?}");
        }
    }
}
