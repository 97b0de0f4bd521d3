//! The host's functions as they are natively: those of the fixture that is being tried on this thread. The same names and
//! types as the generated ones of a component.

#![allow(unreachable_pub, reason = "the names of the generated functions, of which some are handed on")]

use std::cell::RefCell;

use multus_fixtures::Double;

use crate::Failure;

type Answer<T> = Result<T, Failure>;

thread_local! {
    static HOST: RefCell<Option<Double>> = const { RefCell::new(None) };
}

/// Lends a host to this thread until it is taken back.
pub(crate) fn lend(host: Double) {
    HOST.set(Some(host));
}

/// Takes it back.
pub(crate) fn take_back() -> Option<Double> {
    HOST.take()
}

fn ask<T>(question: impl FnOnce(&mut Double) -> Result<T, multus_fixtures::Failure>) -> Answer<T> {
    HOST.with_borrow_mut(|host| match host {
        Some(host) => question(host).map_err(|failure| {
            let multus_fixtures::Failure { code, message, details } = failure;
            Failure { code, message, details }
        }),
        None => Err(Failure::new(999, "natively there is no host but the one of a fixture")),
    })
}

fn look<T>(question: impl FnOnce(&Double) -> T) -> Answer<T> {
    ask(|host| Ok(question(host)))
}

#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "described in the WIT package, function by function"
)]
pub mod network {
    use super::{Answer, ask, look};

    /// A link that was lent.
    #[derive(Debug)]
    pub struct Link(pub(super) usize);

    #[derive(Debug, Clone, PartialEq)]
    pub struct LinkInfo {
        pub index: u32,
        pub name: String,
        pub kind: String,
        pub mac: String,
        pub mtu: u32,
        pub up: bool,
        pub addresses: Vec<String>,
    }

    /// The pod's namespace, or the node's.
    #[derive(Debug)]
    pub struct Netns {
        pub(super) of_node: bool,
    }

    pub fn sandbox() -> Answer<Netns> {
        Ok(Netns { of_node: false })
    }

    impl Netns {
        pub fn path(&self) -> String {
            look(|host| host.path(self.of_node)).unwrap_or_default()
        }

        pub fn links(&self) -> Answer<Vec<Link>> {
            Ok(look(|host| host.links(self.of_node))?.into_iter().map(Link).collect())
        }

        pub fn find(&self, name: &str) -> Answer<Option<Link>> {
            Ok(look(|host| host.find(self.of_node, name))?.map(Link))
        }
    }

    impl Link {
        pub fn info(&self) -> Answer<LinkInfo> {
            let multus_fixtures::LinkInfo { index, name, kind, mac, mtu, up, addresses } =
                ask(|host| host.info(self.0))?;
            Ok(LinkInfo { index, name, kind, mac, mtu, up, addresses })
        }
    }
}

pub mod network_edit {
    use super::network::{Link, Netns};
    use super::{Answer, Double, ask, look};

    pub fn create_veth(name: &str, options: &str) -> Answer<(Link, Link)> {
        ask(|host| host.create_veth(name, options)).map(|(inside, outside)| (Link(inside), Link(outside)))
    }

    pub fn create_macvlan(parent: &Link, name: &str, options: &str) -> Answer<Link> {
        ask(|host| host.create_macvlan(parent.0, name, options)).map(Link)
    }

    pub fn move_link(link: &Link, to: &Netns, name: &str) -> Answer<()> {
        ask(|host| host.move_link(link.0, to.of_node, name))
    }

    pub fn set_master(link: &Link, master: Option<&Link>) -> Answer<()> {
        ask(|host| host.set_master(link.0, master.map(|master| master.0)))
    }

    pub fn set_mac(link: &Link, mac: &str) -> Answer<()> {
        ask(|host| host.set_mac(link.0, mac))
    }

    pub fn set_mtu(link: &Link, mtu: u32) -> Answer<()> {
        ask(|host| host.set_mtu(link.0, mtu))
    }

    pub fn set_up(link: &Link, up: bool) -> Answer<()> {
        ask(|host| host.set_up(link.0, up))
    }

    fn set(link: &Link, function: &str, value: &str) -> Answer<()> {
        ask(|host| host.set(link.0, function, value))
    }

    pub fn set_promiscuous(link: &Link, on: bool) -> Answer<()> {
        set(link, "set-promiscuous", &on.to_string())
    }

    pub fn set_all_multicast(link: &Link, on: bool) -> Answer<()> {
        set(link, "set-all-multicast", &on.to_string())
    }

    pub fn set_tx_queue_length(link: &Link, packets: u32) -> Answer<()> {
        set(link, "set-tx-queue-length", &packets.to_string())
    }

    pub fn set_hairpin(link: &Link, on: bool) -> Answer<()> {
        set(link, "set-hairpin", &on.to_string())
    }

    pub fn add_address(link: &Link, address: &str) -> Answer<()> {
        ask(|host| host.add_address(link.0, address))
    }

    pub fn remove_address(link: &Link, address: &str) -> Answer<()> {
        ask(|host| host.remove_address(link.0, address))
    }

    pub fn add_route(link: &Link, route: &str) -> Answer<()> {
        set(link, "add-route", route)
    }

    pub fn remove_prefix_route(link: &Link, address: &str) -> Answer<()> {
        set(link, "remove-prefix-route", address)
    }

    pub fn add_neighbour(link: &Link, address: &str, mac: &str) -> Answer<()> {
        set(link, "add-neighbour", &format!("{address} {mac}"))
    }

    pub fn settle(link: &Link) -> Answer<()> {
        set(link, "settle", "")
    }

    pub fn announce(link: &Link) -> Answer<()> {
        set(link, "announce", "")
    }

    pub fn set_sysctl(link: &Link, key: &str, value: &str) -> Answer<()> {
        set(link, "set-sysctl", &format!("{key} {value}"))
    }

    pub fn set_sandbox_sysctl(key: &str, value: &str) -> Answer<()> {
        ask(|host| host.apart("set-sandbox-sysctl", &format!("{key} {value}")))
    }

    pub fn create_link(kind: &str, parent: Option<&Link>, name: &str, options: &str) -> Answer<Link> {
        ask(|host| host.create_link(kind, parent.map(|parent| parent.0), name, options)).map(Link)
    }

    pub fn ensure_vrf(name: &str, options: &str) -> Answer<(Link, u32)> {
        ask(|host| host.ensure_vrf(name, options)).map(|(link, table)| (Link(link), table))
    }

    pub fn set_isolated(port: &Link, on: bool) -> Answer<()> {
        set(port, "set-isolated", &on.to_string())
    }

    pub fn set_port_vlans(port: &Link, vlans: &str) -> Answer<()> {
        set(port, "set-port-vlans", vlans)
    }

    pub fn routes(link: &Link) -> Answer<Vec<String>> {
        ask(|host| host.routes(link.0))
    }

    pub fn remove_route(link: &Link, route: &str) -> Answer<()> {
        set(link, "remove-route", route)
    }

    pub fn routing_tables() -> Answer<Vec<u32>> {
        look(Double::routing_tables)
    }

    pub fn add_rule(address: &str, table: u32) -> Answer<()> {
        ask(|host| host.apart("add-rule", &format!("{address} {table}")))
    }

    pub fn limit_bandwidth(link: &Link, limits: &str) -> Answer<Option<Link>> {
        Ok(ask(|host| host.limit_bandwidth(link.0, limits))?.map(Link))
    }

    pub fn bring_up_loopback() -> Answer<Link> {
        ask(Double::bring_up_loopback).map(Link)
    }
}

#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "described in the WIT package, function by function"
)]
pub mod node {
    use super::network::{Link, Netns};
    use super::{Answer, Double, ask, look};

    pub fn host() -> Answer<Netns> {
        Ok(Netns { of_node: true })
    }

    pub fn ensure_bridge(name: &str, options: &str) -> Answer<Link> {
        ask(|host| host.ensure_bridge(name, options)).map(Link)
    }

    pub fn ensure_vlan_end(bridge: &Link, vlan: u16) -> Answer<Link> {
        ask(|host| host.ensure_vlan_end(bridge.0, vlan)).map(Link)
    }

    pub fn default_link() -> Answer<Option<Link>> {
        Ok(look(Double::default_link)?.map(Link))
    }

    pub fn find_device(device: &str) -> Answer<Option<Link>> {
        Ok(ask(|host| host.find_device(device))?.map(Link))
    }
}

#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "described in the WIT package, function by function"
)]
pub mod firewall {
    use super::network::Link;
    use super::{Answer, ask};

    pub fn masquerade(address: &str) -> Answer<()> {
        ask(|host| host.apart("masquerade", address))
    }

    pub fn spoof_check(port: &Link, mac: &str) -> Answer<()> {
        ask(|host| host.set(port.0, "spoof-check", mac))
    }

    pub fn map_port(mapping: &str) -> Answer<()> {
        ask(|host| host.apart("map-port", mapping))
    }
}

#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "described in the WIT package, function by function"
)]
pub mod sysctl {
    use super::{Answer, ask};

    pub fn ensure(key: &str, value: &str) -> Answer<()> {
        ask(|host| host.apart("ensure-sysctl", &format!("{key} {value}")))
    }
}

pub mod ipam {
    use super::{Answer, ask};

    pub fn add(config: &str) -> Answer<String> {
        ask(|host| host.ipam_add(config))
    }
}

pub mod plugins {
    use super::{Answer, ask};

    pub fn add(name: &str, config: &str) -> Answer<String> {
        ask(|host| host.plugin_add(name, config))
    }
}

#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "described in the WIT package, function by function"
)]
pub mod store {
    use super::{Answer, ask};

    /// One network's folder.
    #[derive(Debug)]
    pub struct Transaction(usize);

    pub fn begin(directory: Option<&str>, network: &str) -> Answer<Transaction> {
        ask(|host| host.begin(directory, network)).map(Transaction)
    }

    impl Transaction {
        pub fn claimed(&self) -> Answer<Vec<String>> {
            ask(|host| host.claimed(self.0))
        }

        pub fn owned(&self) -> Answer<Vec<String>> {
            ask(|host| host.owned(self.0))
        }

        pub fn claim(&self, key: &str) -> Answer<bool> {
            ask(|host| host.claim(self.0, key))
        }

        pub fn reclaim(&self) -> Answer<u32> {
            ask(|host| host.reclaim(self.0))
        }

        pub fn note(&self, name: &str) -> Answer<Option<String>> {
            ask(|host| host.note(self.0, name))
        }

        pub fn set_note(&self, name: &str, value: &str) -> Answer<()> {
            ask(|host| host.set_note(self.0, name, value))
        }
    }
}

#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "described in the WIT package, function by function"
)]
pub mod sriov {
    use super::network::Link;
    use super::{Answer, ask};

    /// A virtual function that was claimed, by its address.
    #[derive(Debug)]
    pub struct VirtualFunction(String);

    pub fn device() -> Answer<VirtualFunction> {
        ask(|host| host.function()).map(VirtualFunction)
    }

    pub fn pick(physical: &str) -> Answer<VirtualFunction> {
        ask(|host| host.pick_function(physical)).map(VirtualFunction)
    }

    impl VirtualFunction {
        pub fn info(&self) -> Answer<String> {
            ask(|host| host.function_info(&self.0))
        }

        pub fn link(&self) -> Answer<Option<Link>> {
            Ok(ask(|host| host.function_link(&self.0))?.map(Link))
        }

        fn set(&self, function: &str, value: &str) -> Answer<()> {
            ask(|host| host.set_function(&self.0, function, value))
        }

        pub fn set_mac(&self, mac: &str) -> Answer<()> {
            self.set("mac", mac)
        }

        pub fn set_vlan(&self, id: u16, qos: u8, protocol: &str) -> Answer<()> {
            self.set("vlan", &format!("{id} {qos} {protocol}"))
        }

        pub fn set_rate(&self, min: u32, max: u32) -> Answer<()> {
            self.set("rate", &format!("{min} {max}"))
        }

        pub fn set_spoof_check(&self, on: bool) -> Answer<()> {
            self.set("spoof-check", &on.to_string())
        }

        pub fn set_trust(&self, on: bool) -> Answer<()> {
            self.set("trust", &on.to_string())
        }

        pub fn set_link_state(&self, state: &str) -> Answer<()> {
            self.set("link-state", state)
        }

        pub fn set_driver(&self, driver: &str) -> Answer<()> {
            self.set("driver", driver)
        }
    }
}
