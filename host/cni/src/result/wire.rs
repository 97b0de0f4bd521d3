//! The three shapes that a result has had, and what each can hold.

use serde::{Deserialize, Deserializer, Serialize};

use super::{CniResult, Dns, Interface, Ip, Route};
use crate::version::Version;

/// 0.1.0 and 0.2.0: one address of each family, no links.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Early {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip4: Option<EarlyIp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip6: Option<EarlyIp>,
    #[serde(deserialize_with = "null_is_default")]
    dns: Dns,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct EarlyIp {
    ip: String,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "empty_is_none")]
    gateway: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    routes: Vec<Route>,
}

/// 0.3.0 and later; until 1.0.0 each address says its family.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Later {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    interfaces: Vec<Interface>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    ips: Vec<LaterIp>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    routes: Vec<Route>,
    #[serde(deserialize_with = "null_is_default")]
    dns: Dns,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct LaterIp {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "empty_is_none")]
    gateway: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "negative_is_none")]
    interface: Option<usize>,
}

/// Plugins written in Go print `null` for an empty list.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// And an address that is not set reads and prints as an empty string there.
pub(super) fn empty_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.filter(|text: &String| !text.is_empty()))
}

/// Some plugins say -1 where no interface is meant (NP-31).
pub(super) fn negative_is_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<usize>, D::Error> {
    Ok(Option::<i64>::deserialize(deserializer)?.and_then(|index| usize::try_from(index).ok()))
}

impl Early {
    pub(super) fn of(result: &CniResult) -> Self {
        let family = |v6: bool| {
            let ip = result.ips.iter().find(|ip| ip.is_v6() == v6)?;
            let routes = result.routes.iter().filter(|route| route.is_v6() == v6).map(plain_route);
            Some(EarlyIp { ip: ip.address.clone(), gateway: ip.gateway.clone(), routes: routes.collect() })
        };
        Self { ip4: family(false), ip6: family(true), dns: result.dns.clone() }
    }

    pub(super) fn read(self) -> CniResult {
        let mut result = CniResult { dns: self.dns, ..CniResult::default() };
        for ip in [self.ip4, self.ip6].into_iter().flatten() {
            result.ips.push(Ip { address: ip.ip, gateway: ip.gateway, interface: None });
            result.routes.extend(ip.routes);
        }
        result
    }
}

impl Later {
    pub(super) fn of(result: &CniResult, version: Version) -> Self {
        let full = version >= Version::V1_1_0;
        let family =
            |ip: &Ip| (version < Version::V1_0_0).then(|| if ip.is_v6() { "6" } else { "4" }.to_owned());
        let ip = |ip: &Ip| LaterIp {
            version: family(ip),
            address: ip.address.clone(),
            gateway: ip.gateway.clone(),
            interface: ip.interface,
        };
        let interface = |link: &Interface| if full { link.clone() } else { plain_interface(link) };
        let route = |route: &Route| if full { route.clone() } else { plain_route(route) };
        Self {
            interfaces: result.interfaces.iter().map(interface).collect(),
            ips: result.ips.iter().map(ip).collect(),
            routes: result.routes.iter().map(route).collect(),
            dns: result.dns.clone(),
        }
    }

    pub(super) fn read(self) -> CniResult {
        let ip = |ip: LaterIp| Ip { address: ip.address, gateway: ip.gateway, interface: ip.interface };
        CniResult {
            interfaces: self.interfaces,
            ips: self.ips.into_iter().map(ip).collect(),
            routes: self.routes,
            dns: self.dns,
        }
    }
}

/// A route with what versions before 1.1.0 know of it.
pub(super) fn plain_route(route: &Route) -> Route {
    Route { dst: route.dst.clone(), gw: route.gw.clone(), ..Route::default() }
}

/// A link with what versions before 1.1.0 know of it.
fn plain_interface(link: &Interface) -> Interface {
    Interface {
        name: link.name.clone(),
        mac: link.mac.clone(),
        sandbox: link.sandbox.clone(),
        ..Interface::default()
    }
}
