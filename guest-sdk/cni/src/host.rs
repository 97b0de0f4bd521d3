//! What a delegate may ask of the host.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::firewall::PortMapping;
use multus_guest::network::{Limits, LinkInfo, Macvlan, NewLink, PortVlans, Veth, Vrf};
use multus_guest::node::Bridge;
use multus_guest::sriov::Details;
use multus_guest::{CniResult, Failure, Plugin, log};
use serde_json::Value;

/// What a host call answers.
pub type Answer<T> = Result<T, Failure>;

/// The host's interfaces `network`, `network-edit`, `node`, `firewall`, `sysctl`, `ipam` and `sriov`, as far as the shipped
/// delegates use them. The functions are those of the SDK, where they are described; every one of them may refuse.
#[allow(missing_docs, clippy::missing_errors_doc, reason = "described in the SDK, function by function")]
pub trait Host {
    /// A link that was lent.
    type Link;
    /// A virtual function that was claimed.
    type Function;

    /// How results name the pod's namespace.
    fn sandbox(&self) -> Answer<String>;
    fn info(&self, link: &Self::Link) -> Answer<LinkInfo>;
    fn find_in_sandbox(&self, name: &str) -> Answer<Option<Self::Link>>;

    /// The pod's end, and the node's.
    fn create_veth(&self, name: &str, veth: &Veth) -> Answer<(Self::Link, Self::Link)>;
    fn create_macvlan(&self, parent: &Self::Link, name: &str, macvlan: &Macvlan) -> Answer<Self::Link>;
    fn create_link(&self, parent: Option<&Self::Link>, name: &str, link: &NewLink) -> Answer<Self::Link>;
    /// With the number of its table.
    fn ensure_vrf(&self, name: &str, vrf: &Vrf) -> Answer<(Self::Link, u32)>;
    fn move_to_sandbox(&self, link: &Self::Link, name: &str) -> Answer<()>;
    fn set_master(&self, link: &Self::Link, master: &Self::Link) -> Answer<()>;
    fn set_mac(&self, link: &Self::Link, mac: &str) -> Answer<()>;
    fn set_mtu(&self, link: &Self::Link, mtu: u32) -> Answer<()>;
    fn set_up(&self, link: &Self::Link) -> Answer<()>;
    fn set_promiscuous(&self, link: &Self::Link) -> Answer<()>;
    fn set_all_multicast(&self, link: &Self::Link, on: bool) -> Answer<()>;
    fn set_tx_queue_length(&self, link: &Self::Link, packets: u32) -> Answer<()>;
    fn set_hairpin(&self, link: &Self::Link) -> Answer<()>;
    fn set_isolated(&self, port: &Self::Link) -> Answer<()>;
    fn set_vlans(&self, port: &Self::Link, vlans: &PortVlans) -> Answer<()>;
    fn add_address(&self, link: &Self::Link, address: IpNet) -> Answer<()>;
    fn remove_address(&self, link: &Self::Link, address: IpNet) -> Answer<()>;
    /// A route as the SDK's, or with `src` besides.
    fn add_route(&self, link: &Self::Link, route: &Value) -> Answer<()>;
    fn remove_prefix_route(&self, link: &Self::Link, address: IpNet) -> Answer<()>;
    fn settle(&self, link: &Self::Link) -> Answer<()>;
    fn announce(&self, link: &Self::Link) -> Answer<()>;
    fn set_sysctl(&self, link: &Self::Link, key: &str, value: &str) -> Answer<()>;
    fn set_sandbox_sysctl(&self, key: &str, value: &str) -> Answer<()>;
    fn routes(&self, link: &Self::Link) -> Answer<Vec<Value>>;
    fn remove_route(&self, link: &Self::Link, route: &Value) -> Answer<()>;
    fn routing_tables(&self) -> Answer<Vec<u32>>;
    fn add_rule(&self, address: IpAddr, table: u32) -> Answer<()>;
    fn limit_bandwidth(&self, link: &Self::Link, limits: &Limits) -> Answer<Option<Self::Link>>;
    fn bring_up_loopback(&self) -> Answer<Self::Link>;

    fn ensure_bridge(&self, name: &str, bridge: &Bridge) -> Answer<Self::Link>;
    fn ensure_vlan_end(&self, bridge: &Self::Link, vlan: u16) -> Answer<Self::Link>;
    fn default_link(&self) -> Answer<Option<Self::Link>>;
    fn find_on_node(&self, name: &str) -> Answer<Option<Self::Link>>;
    fn links_of_node(&self) -> Answer<Vec<Self::Link>>;
    fn find_device(&self, device: &str) -> Answer<Option<Self::Link>>;

    fn masquerade(&self, address: IpNet) -> Answer<()>;
    fn spoof_check(&self, port: &Self::Link, mac: &str) -> Answer<()>;
    fn map_port(&self, mapping: &PortMapping) -> Answer<()>;
    fn ensure_sysctl(&self, key: &str, value: &str) -> Answer<()>;
    fn ipam(&self, conf: &Plugin) -> Answer<CniResult>;

    /// The virtual function that the conf names.
    fn function(&self) -> Answer<Self::Function>;
    fn pick_function(&self, physical: &str) -> Answer<Self::Function>;
    fn function_details(&self, function: &Self::Function) -> Answer<Details>;
    fn function_link(&self, function: &Self::Function) -> Answer<Option<Self::Link>>;
    fn set_function(&self, function: &Self::Function, setting: &FunctionSetting<'_>) -> Answer<()>;
}

/// A setting of a virtual function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionSetting<'a> {
    /// Its hardware address.
    Mac(&'a str),
    /// The tag of its frames.
    Vlan {
        /// 0 for none.
        id: u16,
        /// Priority.
        qos: u8,
        /// `802.1q` or `802.1ad`.
        protocol: &'a str,
    },
    /// How fast it may send, in Mbit/s.
    Rate {
        /// At least.
        min: u32,
        /// At most.
        max: u32,
    },
    /// Drops frames from other addresses.
    SpoofCheck(bool),
    /// May change its address.
    Trust(bool),
    /// `auto`, `enable`, `disable`.
    LinkState(&'a str),
    /// Leaves it to programs.
    Driver(&'a str),
}

/// A setting of a link that not every kernel has: without IPv6, say. A grant that is missing is the operator's to add.
///
/// # Errors
/// Code 7: the setting is not granted.
pub fn set_if_there<H: Host>(host: &H, link: &H::Link, key: &str, value: &str) -> Answer<()> {
    match host.set_sysctl(link, key, value) {
        Err(failure) if failure.code != 7 => {
            log::debug(&format!("{key} stays as it is: {}", failure.message));
            Ok(())
        }
        outcome => outcome,
    }
}
