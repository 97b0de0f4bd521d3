//! What a delegate's host calls become: the only way from a module to the node. `host/attach` implements it on the
//! journal, so no host call can go past it.
//!
//! Texts arrive as the module wrote them: whoever implements this checks every name, address and document, and what
//! the module's grants allow. A module holds nothing but [`LinkId`]s that it was given in the same call.
//!
//! What a host call waits does not count as the module's time, so each has to end by a deadline of the implementer's;
//! the CPU that it takes on the calling thread does, but for [`Node::ipam_add`] and [`Node::plugin_add`]. No tick of the
//! module's clock interrupts system calls meanwhile.

use std::cell::RefCell;
use std::rc::Rc;

/// A refusal, which the module may pass on as its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// CNI error code.
    pub code: u32,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub details: String,
}

/// What a host call answers.
pub type Answer<T> = Result<T, Failure>;

/// Which of the two namespaces of an attachment a handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// The pod's.
    Sandbox,
    /// The node's.
    Host,
}

/// A link that was lent to the module, numbered by the [`Node`] that lent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId(pub u32);

/// A folder of claims that is locked for the module, numbered by the [`Node`] that locked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId(pub u32);

/// A virtual function that was claimed for the module, numbered by the [`Node`] that claimed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FunctionId(pub u32);

/// A setting of a virtual function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionSetting<'a> {
    /// Its hardware address.
    Mac(&'a str),
    /// The tag of its frames.
    Vlan {
        /// 0 for none.
        id: u16,
        /// Priority.
        qos: u8,
        /// Kind of tag.
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
    /// Its carrier.
    LinkState(&'a str),
    /// What drives it.
    Driver(&'a str),
}

/// A link as it is now (`link-info` in the WIT package).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkInfo {
    /// Interface index.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// The kernel's kind.
    pub kind: String,
    /// Hardware address.
    pub mac: String,
    /// MTU in bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
    /// With prefix lengths.
    pub addresses: Vec<String>,
}

/// A change of one property of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// The bridge that it is a port of.
    Master(Option<LinkId>),
    /// Hardware address.
    Mac(&'a str),
    /// MTU in bytes.
    Mtu(u32),
    /// Administratively up.
    Up(bool),
    /// Receives what is for others.
    Promiscuous(bool),
    /// Receives what is for any group.
    AllMulticast(bool),
    /// How many packets may wait to be sent.
    TxQueueLength(u32),
    /// Bridge port: hairpin mode.
    Hairpin(bool),
    /// Bridge port: no frames to and from others that are so.
    Isolated(bool),
}

/// A node in a module's hands. Whoever lends it keeps it, so it is there whatever becomes of the module.
pub type SharedNode = Rc<RefCell<dyn Node>>;

/// The node, as one module meets it in one call for one attachment. The functions are those of the WIT package, where
/// they are described; every one of them may refuse.
#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "described in guest-sdk/wit, function by function"
)]
pub trait Node {
    // network
    fn sandbox(&mut self) -> Answer<()>;
    fn path(&mut self, space: Space) -> String;
    fn links(&mut self, space: Space) -> Answer<Vec<LinkId>>;
    fn find(&mut self, space: Space, name: &str) -> Answer<Option<LinkId>>;
    fn info(&mut self, link: LinkId) -> Answer<LinkInfo>;

    // network-edit
    fn create_veth(&mut self, name: &str, options: &str) -> Answer<(LinkId, LinkId)>;
    fn create_macvlan(&mut self, parent: LinkId, name: &str, options: &str) -> Answer<LinkId>;
    fn move_link(&mut self, link: LinkId, to: Space, name: &str) -> Answer<()>;
    fn change(&mut self, link: LinkId, change: Change<'_>) -> Answer<()>;
    fn add_address(&mut self, link: LinkId, address: &str) -> Answer<()>;
    fn remove_address(&mut self, link: LinkId, address: &str) -> Answer<()>;
    fn add_route(&mut self, link: LinkId, route: &str) -> Answer<()>;
    fn remove_prefix_route(&mut self, link: LinkId, address: &str) -> Answer<()>;
    fn add_neighbour(&mut self, link: LinkId, address: &str, mac: &str) -> Answer<()>;
    fn settle(&mut self, link: LinkId) -> Answer<()>;
    fn announce(&mut self, link: LinkId) -> Answer<()>;
    fn set_sysctl(&mut self, link: LinkId, key: &str, value: &str) -> Answer<()>;
    fn set_sandbox_sysctl(&mut self, key: &str, value: &str) -> Answer<()>;
    fn create_link(
        &mut self,
        kind: &str,
        parent: Option<LinkId>,
        name: &str,
        options: &str,
    ) -> Answer<LinkId>;
    fn ensure_vrf(&mut self, name: &str, options: &str) -> Answer<(LinkId, u32)>;
    fn set_port_vlans(&mut self, port: LinkId, vlans: &str) -> Answer<()>;

    fn routes(&mut self, link: LinkId) -> Answer<Vec<String>>;
    fn remove_route(&mut self, link: LinkId, route: &str) -> Answer<()>;
    fn routing_tables(&mut self) -> Answer<Vec<u32>>;
    fn add_rule(&mut self, address: &str, table: u32) -> Answer<()>;
    fn limit_bandwidth(&mut self, link: LinkId, limits: &str) -> Answer<Option<LinkId>>;
    fn bring_up_loopback(&mut self) -> Answer<LinkId>;

    // node
    fn host(&mut self) -> Answer<()>;
    fn ensure_bridge(&mut self, name: &str, options: &str) -> Answer<LinkId>;
    fn ensure_vlan_end(&mut self, bridge: LinkId, vlan: u16) -> Answer<LinkId>;
    fn default_link(&mut self) -> Answer<Option<LinkId>>;
    fn find_device(&mut self, device: &str) -> Answer<Option<LinkId>>;

    // firewall
    fn masquerade(&mut self, address: &str) -> Answer<()>;
    fn spoof_check(&mut self, port: LinkId, mac: &str) -> Answer<()>;
    fn map_port(&mut self, mapping: &str) -> Answer<()>;

    // sysctl
    fn ensure_sysctl(&mut self, key: &str, value: &str) -> Answer<()>;

    // ipam, plugins
    fn ipam_add(&mut self, config: &str) -> Answer<String>;
    fn plugin_add(&mut self, name: &str, config: &str) -> Answer<String>;

    // store
    fn begin(&mut self, directory: Option<&str>, network: &str) -> Answer<TransactionId>;
    fn claimed(&mut self, transaction: TransactionId) -> Answer<Vec<String>>;
    fn owned(&mut self, transaction: TransactionId) -> Answer<Vec<String>>;
    fn claim(&mut self, transaction: TransactionId, key: &str) -> Answer<bool>;
    fn reclaim(&mut self, transaction: TransactionId) -> Answer<u32>;
    fn note(&mut self, transaction: TransactionId, name: &str) -> Answer<Option<String>>;
    fn set_note(&mut self, transaction: TransactionId, name: &str, value: &str) -> Answer<()>;
    /// The handle was dropped, or the call is over: the folder is unlocked.
    fn end(&mut self, transaction: TransactionId);

    // sriov
    fn function(&mut self) -> Answer<FunctionId>;
    fn pick_function(&mut self, physical: &str) -> Answer<FunctionId>;
    fn function_info(&mut self, function: FunctionId) -> Answer<String>;
    fn function_link(&mut self, function: FunctionId) -> Answer<Option<LinkId>>;
    fn set_function(&mut self, function: FunctionId, setting: FunctionSetting<'_>) -> Answer<()>;
}
