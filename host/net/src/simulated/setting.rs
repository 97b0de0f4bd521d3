//! Kernel settings (`/proc/sys/net`): texts by key, of which a link's come and go with it. What a setting does is not
//! simulated, but for `promote_secondaries`.

use std::collections::BTreeMap;

use nix::libc;

use super::no::{Done, No};
use super::space::Namespace;

/// Settings of a namespace.
const OF_A_NAMESPACE: &[(&str, &str)] = &[
    ("net/core/somaxconn", "4096"),
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv4/ip_local_port_range", "32768\t60999"),
    ("net/ipv4/ip_unprivileged_port_start", "1024"),
    ("net/ipv4/ping_group_range", "1\t0"),
    ("net/ipv6/bindv6only", "0"),
];

/// Settings of every link, of `all` and of `default`, which new links begin with.
const OF_A_LINK: &[(&str, &str)] = &[
    ("ipv4/accept_local", "0"),
    ("ipv4/arp_announce", "0"),
    ("ipv4/arp_filter", "0"),
    ("ipv4/arp_ignore", "0"),
    ("ipv4/arp_notify", "0"),
    ("ipv4/forwarding", "0"),
    ("ipv4/promote_secondaries", "0"),
    ("ipv4/proxy_arp", "0"),
    ("ipv4/route_localnet", "0"),
    ("ipv4/rp_filter", "0"),
    ("ipv6/accept_dad", "1"),
    ("ipv6/accept_ra", "1"),
    ("ipv6/accept_ra_defrtr", "1"),
    ("ipv6/addr_gen_mode", "0"),
    ("ipv6/autoconf", "1"),
    ("ipv6/disable_ipv6", "0"),
    ("ipv6/forwarding", "0"),
    ("ipv6/keep_addr_on_down", "0"),
    ("ipv6/proxy_ndp", "0"),
];

/// What a new namespace has.
pub(super) fn of_a_namespace() -> BTreeMap<String, String> {
    let mut settings: BTreeMap<_, _> = OF_A_NAMESPACE.iter().map(own).collect();
    for scope in ["all", "default"] {
        settings.extend(OF_A_LINK.iter().map(own).map(|(key, value)| (path(scope, &key), value)));
    }
    settings
}

/// What a new link has.
pub(super) fn of_a_link(settings: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let known = |(key, usual): &(&str, &str)| {
        let value = settings.get(&path("default", key)).cloned();
        ((*key).to_owned(), value.unwrap_or_else(|| (*usual).to_owned()))
    };
    OF_A_LINK.iter().map(known).collect()
}

fn own((key, value): &(&str, &str)) -> (String, String) {
    ((*key).to_owned(), (*value).to_owned())
}

/// `net/ipv4/conf/eth0/arp_notify` for `eth0` and `ipv4/arp_notify`.
fn path(link: &str, key: &str) -> String {
    let (family, key) = key.split_once('/').unwrap_or((key, ""));
    format!("net/{family}/conf/{link}/{key}")
}

/// The link and the rest of the key, if it is one of a link's.
fn of_whom(key: &str) -> Option<(&str, String)> {
    let mut parts = key.strip_prefix("net/")?.splitn(4, '/');
    let (family, conf, link, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (conf == "conf").then(|| (link, format!("{family}/{rest}")))
}

/// A path below `net`, as back ends have it.
fn check(key: &str) -> Done {
    let mut parts = key.split('/');
    let plain = parts.next() == Some("net") && parts.all(|part| !matches!(part, "" | "." | ".."));
    if plain { Ok(()) } else { Err(libc::EINVAL.into()) }
}

impl Namespace {
    pub(super) fn setting(&self, key: &str) -> Done<&str> {
        check(key)?;
        let value = self.settings.get(key).or_else(|| {
            let (link, rest) = of_whom(key)?;
            self.devices().find(|device| device.name == link)?.settings.get(&rest)
        });
        value.map(String::as_str).ok_or(No::from(libc::ENOENT))
    }

    pub(super) fn set_setting(&mut self, key: &str, value: &str) -> Done {
        check(key)?;
        *self.setting_mut(key).ok_or(No::from(libc::ENOENT))? = value.trim_end_matches('\n').to_owned();
        Ok(())
    }

    fn setting_mut(&mut self, key: &str) -> Option<&mut String> {
        if self.settings.contains_key(key) {
            return self.settings.get_mut(key);
        }
        let (link, rest) = of_whom(key)?;
        let index = self.devices().find(|device| device.name == link)?.index;
        self.device_mut(index).ok()?.settings.get_mut(&rest)
    }

    /// Whether `ipv4/promote_secondaries` and the like is on for a link: for itself or for all.
    pub(super) fn is_on(&self, index: u32, key: &str) -> bool {
        let all = self.settings.get(&path("all", key));
        let own = self.device(index).ok().and_then(|device| device.settings.get(key));
        [all, own].into_iter().flatten().any(|value| value != "0")
    }
}
