//! What does effects and answers questions: the kernel, or a simulated one in memory.

use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;

use crate::effect::{
    Effect, FunctionRef, Home, LinkRef, MacAddr, NewLink, PciAddress, PolicyRule, PortVlans, Route, Space,
};
use crate::sriov::Function;
use crate::{Link, NetnsId, Refused};

/// A node as one attachment meets it: its own namespace and the pod's. Each call ends by `deadline`.
pub trait Backend {
    /// What the pod's namespace is; `None` if it is gone.
    ///
    /// # Errors
    /// It can't be told.
    fn sandbox(&mut self) -> Result<Option<NetnsId>, Refused>;

    /// Every link of a namespace, with addresses, by index. None where the namespace is gone.
    ///
    /// # Errors
    /// The kernel does not answer.
    fn links(&mut self, space: Space) -> Result<Vec<Link>, Refused>;

    /// The link of that name, alternative names included.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn link_named(&mut self, space: Space, name: &str) -> Result<Option<Link>, Refused>;

    /// The link of that index.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn link_at(&mut self, space: Space, index: u32) -> Result<Option<Link>, Refused>;

    /// The routes of a link, of all tables but `local`.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn routes(&mut self, link: &LinkRef) -> Result<Vec<Route>, Refused>;

    /// The permanent entries of a link's neighbour table.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn neighbours(&mut self, link: &LinkRef) -> Result<Vec<(IpAddr, MacAddr)>, Refused>;

    /// What a link is now, so that it can come home as it was.
    ///
    /// # Errors
    /// It is gone.
    fn home(&mut self, link: &LinkRef) -> Result<Home, Refused>;

    /// The node's link of a device, by the device's address on its bus (`0000:03:02.1`) or its path below
    /// `/sys/devices`; `None` if its driver leaves it to programs.
    ///
    /// # Errors
    /// There is no such device, it has no link for another reason, such as that a pod has it, `/sys` can't be read, or the
    /// text names no device.
    fn link_of_device(&mut self, device: &str) -> Result<Option<Link>, Refused>;

    /// A kernel setting, without the line's end.
    ///
    /// # Errors
    /// There is no such setting.
    fn sysctl(&mut self, space: Space, key: &str) -> Result<String, Refused>;

    /// The links of the pod's namespace that lead their ports' packets by a routing table of their own, each with the
    /// number of that.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn vrfs(&mut self) -> Result<Vec<(Link, u32)>, Refused>;

    /// Whether a bridge tells VLANs apart; what is none does not.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn tells_vlans_apart(&mut self, bridge: &LinkRef) -> Result<bool, Refused>;

    /// The VLANs that pass by a bridge's port, by number; none where it is no port.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn vlans(&mut self, port: &LinkRef) -> Result<Vec<PortVlans>, Refused>;

    /// The node's link that is the other end of another one (veth); `None` if that is elsewhere, or there is none.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn other_end(&mut self, link: &LinkRef) -> Result<Option<Link>, Refused>;

    /// The rules by which the pod's packets find their tables, of both families, in the order in which they are asked. None
    /// where the namespace is gone.
    ///
    /// # Errors
    /// As [`Backend::links`].
    fn policy_rules(&mut self) -> Result<Vec<PolicyRule>, Refused>;

    /// Does it. A [`Effect::Bridge`] or [`Effect::Pair`] that is there is success, everything else that is there already a refusal.
    ///
    /// # Errors
    /// The kernel's refusal, in its words; nothing of the effect is done then.
    fn apply(&mut self, effect: &Effect, deadline: Instant) -> Result<(), Refused>;

    /// Waits until IPv6 addresses of a link are usable (duplicate address detection).
    ///
    /// # Errors
    /// Somebody else has one of the addresses, or the deadline came first.
    fn settle(&mut self, link: &LinkRef, deadline: Instant) -> Result<(), Refused>;

    /// Takes an address off a link; one that is not there is success.
    ///
    /// # Errors
    /// The kernel's refusal.
    fn drop_address(&mut self, link: &LinkRef, address: IpNet) -> Result<(), Refused>;

    /// Takes effects back, given in the order in which they were done: what is owned and still ours is deleted, links
    /// in one batch at the end; what was modified and still holds our value is restored. What is gone already, or is
    /// somebody else's by now, is left alone.
    ///
    /// # Errors
    /// Each effect that could not be taken back, with the reason; the others are taken back all the same.
    fn undo(&mut self, effects: &[&Effect], deadline: Instant) -> Vec<(usize, Refused)>;

    /// Deletes bridges of the node, and the node's own ends in them ([`Effect::Pair`]), that are still as they were made, at
    /// once. No effect's undoing does that: whoever calls knows that nobody uses them.
    ///
    /// # Errors
    /// The kernel's refusal.
    fn drop_bridges(
        &mut self,
        bridges: &[NewLink],
        pairs: &[NewLink],
        deadline: Instant,
    ) -> Result<(), Refused>;

    /// What of an effect is no longer as it was done, in words; `None` if all of it is (CHECK).
    ///
    /// # Errors
    /// It can't be told.
    fn compare(&mut self, effect: &Effect) -> Result<Option<String>, Refused>;

    /// The virtual function at an address, as it is now; `None` if there is none.
    ///
    /// # Errors
    /// Its physical function has no link on the node, or `/sys` can't be read.
    fn function(&mut self, address: &PciAddress) -> Result<Option<Function>, Refused>;

    /// The virtual functions of the card that a link of the node is of, by number.
    ///
    /// # Errors
    /// There is no such link, or `/sys` can't be read.
    fn functions_of(&mut self, physical: &str) -> Result<Vec<FunctionRef>, Refused>;
}
