//! Results and their parts, read as what they mean. The host turns them into the version that the conf names.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::result::{Dns, Ip, Route};
use multus_guest::{CniResult, Failure};

use crate::Conf;
use crate::conf::invalid;

/// An address that IPAM gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// With the length of its prefix.
    pub address: IpNet,
    /// The gateway of its network.
    pub gateway: Option<IpAddr>,
}

impl Lease {
    /// Those of a result.
    ///
    /// # Errors
    /// Code 6 for what is no address.
    pub fn of(result: &CniResult) -> Result<Vec<Self>, Failure> {
        result.ips.iter().map(Self::read).collect()
    }

    fn read(ip: &Ip) -> Result<Self, Failure> {
        let wrong =
            |text: &str| Failure::new(6, format!("IPAM's result has the address `{text}`, which is none"));
        let gateway = ip.gateway.as_deref().filter(|text| !text.is_empty());
        Ok(Self {
            address: ip.address.parse().map_err(|_| wrong(&ip.address))?,
            gateway: gateway.map(|text| text.parse().map_err(|_| wrong(text))).transpose()?,
        })
    }

    /// The same for a result, with the place of the link that has it.
    pub fn write(&self, interface: Option<usize>) -> Ip {
        let gateway = self.gateway.map(|gateway| gateway.to_string());
        Ip { address: self.address.to_string(), gateway, interface, ..Ip::default() }
    }

    /// Whether it is an IPv6 address.
    pub fn is_v6(&self) -> bool {
        self.address.addr().is_ipv6()
    }
}

/// Whether a route is for IPv6.
pub fn is_v6(route: &Route) -> bool {
    route.dst.contains(':')
}

/// Whether a route is a default route.
pub fn is_default(route: &Route) -> bool {
    route.dst.ends_with("/0")
}

/// The default route of a family.
pub fn default_route(v6: bool, gateway: Option<IpAddr>) -> Route {
    let dst = if v6 { "::/0" } else { "0.0.0.0/0" }.to_owned();
    Route { dst, gw: gateway.map(|gateway| gateway.to_string()), ..Route::default() }
}

/// A route as it is made: one without a gateway leads by the first one that an address of its family has.
pub fn by_gateway(route: &Route, result: &CniResult) -> Route {
    let own = route.gw.as_ref().filter(|gateway| !gateway.is_empty());
    let mut of_addresses =
        result.ips.iter().filter_map(|ip| ip.gateway.as_ref().filter(|text| !text.is_empty()));
    let gw = own.or_else(|| of_addresses.find(|gateway| gateway.contains(':') == is_v6(route)));
    Route { gw: gw.cloned(), ..route.clone() }
}

/// The result of the plugin before, for one that only adds to it: what `plugin` does, in words.
///
/// # Errors
/// Code 7: there is none, so nothing stands before it in a list.
pub fn before(prev: Option<&CniResult>, plugin: &str, does: &str) -> Result<CniResult, Failure> {
    let missing =
        || invalid(format!("there is no `prevResult`: `{plugin}` {does}, so it stands behind one in a list"));
    prev.cloned().ok_or_else(missing)
}

/// The routes of a conf.
///
/// # Errors
/// Code 7, naming the key that can't be read.
pub fn routes(list: &Conf<'_>) -> Result<Vec<Route>, Failure> {
    list.items()?.iter().map(route).collect()
}

fn route(conf: &Conf<'_>) -> Result<Route, Failure> {
    let (dst, network) = (conf.at("dst")?, "a network like 10.0.0.0/8");
    let number = |key| conf.at(key)?.number();
    let scope = conf.at("scope")?;
    Ok(Route {
        dst: dst.parsed::<IpNet>(network)?.ok_or_else(|| dst.wants(network))?.to_string(),
        gw: conf.at("gw")?.parsed::<IpAddr>("an address")?.map(|gateway| gateway.to_string()),
        mtu: number("mtu")?,
        advmss: number("advmss")?,
        priority: number("priority")?,
        table: number("table")?,
        // 0 is one, the whole world.
        scope: scope
            .exists()
            .then(|| {
                u8::try_from(scope.number()?.unwrap_or(0)).map_err(|_| scope.wants("a number up to 255"))
            })
            .transpose()?,
        ..Route::default()
    })
}

/// A conf's `dns`.
///
/// # Errors
/// Code 7, naming the key that can't be read.
pub fn dns(conf: &Conf<'_>) -> Result<Dns, Failure> {
    let texts = |key| Ok::<_, Failure>(conf.at(key)?.texts()?.into_iter().map(str::to_owned).collect());
    Ok(Dns {
        nameservers: texts("nameservers")?,
        domain: conf.at("domain")?.text()?.map(str::to_owned),
        search: texts("search")?,
        options: texts("options")?,
        ..Dns::default()
    })
}

/// Refuses more than one address of a family where results can't hold them: before version 0.3.0.
///
/// # Errors
/// Code 7.
pub fn check_version(conf: &Conf<'_>, leases: impl IntoIterator<Item = IpAddr>) -> Result<(), Failure> {
    let version = conf.at("cniVersion")?.text()?.unwrap_or("0.1.0");
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) = leases.into_iter().partition(IpAddr::is_ipv6);
    if ["0.1.0", "0.2.0"].contains(&version) && v4.len().max(v6.len()) > 1 {
        return Err(invalid(format!(
            "cniVersion {version} has room for one address of each family: use 0.3.0 or later"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_guest::Plugin;
    use serde_json::json;

    #[test]
    fn leases_are_read_and_written() {
        let text = r#"{"ips": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}, {"address": "fd00::5/64", "gateway": ""}]}"#;
        let leases = Lease::of(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(leases.iter().map(Lease::is_v6).collect::<Vec<_>>(), [false, true]);
        assert_eq!(leases[1], Lease { address: "fd00::5/64".parse().unwrap(), gateway: None });
        assert_eq!(json!(leases[0].write(None)), json!({ "address": "10.1.0.5/24", "gateway": "10.1.0.1" }));
        for text in [
            r#"{"ips": [{"address": "10.1.0.5"}]}"#,
            r#"{"ips": [{"address": "10.1.0.5/24", "gateway": "x"}]}"#,
        ] {
            assert_eq!(Lease::of(&serde_json::from_str(text).unwrap()).unwrap_err().code, 6);
        }
    }

    #[test]
    fn a_route_without_a_gateway_takes_that_of_its_family() {
        let text =
            r#"{"ips": [{"address": "fd00::5/64"}, {"address": "10.1.0.5/24", "gateway": "10.1.0.1"}]}"#;
        let result: CniResult = serde_json::from_str(text).unwrap();
        let gateway = |route: &Route| by_gateway(route, &result).gw;
        let network = Route { dst: "10.9.0.0/16".to_owned(), ..Route::default() };
        assert_eq!(gateway(&network).as_deref(), Some("10.1.0.1"));
        assert_eq!(gateway(&default_route(true, None)), None);
        let own = default_route(false, Some("10.1.0.9".parse().unwrap()));
        assert_eq!(
            (gateway(&own).as_deref(), is_default(&own), is_v6(&own)),
            (Some("10.1.0.9"), true, false)
        );
    }

    #[test]
    fn routes_and_name_resolution_of_a_conf() {
        let text = r#"{"routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.2.0.0/16", "gw": "10.1.0.9", "mtu": 1400, "table": 0, "scope": 0}],
                       "bad": [{"dst": "10.2.0.0"}], "none": [{}], "far": [{"dst": "::/0", "scope": 256}],
                       "dns": {"nameservers": ["1.1.1.1"], "domain": "a.example"}}"#;
        let plugin: Plugin = serde_json::from_str(text).unwrap();
        let conf = Conf::of(&plugin);
        let read = routes(&conf.at("routes").unwrap()).unwrap();
        let second = json!({ "dst": "10.2.0.0/16", "gw": "10.1.0.9", "mtu": 1400, "scope": 0 });
        assert_eq!(json!(read), json!([{ "dst": "0.0.0.0/0" }, second]));
        for (key, place) in [("bad", "bad[0].dst"), ("none", "bad[0].dst"), ("far", "far[0].scope")] {
            let failure = routes(&conf.at(key).unwrap()).unwrap_err();
            assert!(failure.message.contains(&place.replace("bad", key)), "{failure:?}");
        }
        let dns = dns(&conf.at("dns").unwrap()).unwrap();
        assert_eq!(json!(dns), json!({ "nameservers": ["1.1.1.1"], "domain": "a.example" }));
    }

    #[test]
    fn old_versions_have_room_for_one_address_of_a_family() {
        let addresses =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        for (version, texts, fits) in [
            (r#""0.2.0""#, &["10.1.0.5", "fd00::5"][..], true),
            (r#""0.2.0""#, &["10.1.0.5", "10.1.0.6"], false),
            ("null", &["fd00::5", "fd00::6"], false),
            (r#""0.3.0""#, &["10.1.0.5", "10.1.0.6"], true),
        ] {
            let plugin: Plugin = serde_json::from_str(&format!(r#"{{"cniVersion": {version}}}"#)).unwrap();
            assert_eq!(
                check_version(&Conf::of(&plugin), addresses(texts)).is_ok(),
                fits,
                "{version} {texts:?}"
            );
        }
    }
}
