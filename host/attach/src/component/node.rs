//! The host calls of one component: checked against what it may, written down, done.

use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;
use multus_journal::{Effect, NotDone, Part};
use multus_net::{self as net, Link, LinkRef};
use multus_wasm::Grants;
use multus_wasm::node::{
    Answer, Change, FunctionId, FunctionSetting, LinkId, LinkInfo, Node, Space, TransactionId,
};

use super::claims::Claims;
use super::lent::{Lent, LentLinks, Origin};
use super::refusal;
use super::shared::{Hands, Scene};
use super::sriov::{self, Functions};
use super::{bandwidth, bridge, change, firewall, make, nested, routing, story::Story, vlan_end};

/// One component at work for one attachment.
pub(crate) struct ComponentNode {
    pub(super) hands: Hands,
    pub(super) scene: Rc<Scene>,
    pub(super) grants: Grants,
    /// Whose effects they are.
    pub(super) part: Part,
    /// It is run for another component.
    pub(super) nested: bool,
    /// The names that the result before gives the links of the sandbox.
    pub(super) chained: Vec<String>,
    /// The addresses that it gives them.
    pub(super) told: Vec<IpAddr>,
    pub(super) lent: LentLinks,
    pub(super) claims: Claims,
    pub(super) functions: Functions,
    pub(super) story: Story,
}

pub(super) fn space(space: Space) -> net::Space {
    match space {
        Space::Sandbox => net::Space::Sandbox,
        Space::Host => net::Space::Host,
    }
}

impl ComponentNode {
    pub(crate) fn new(hands: Hands, scene: Rc<Scene>, grants: Grants, part: Part) -> Self {
        Self {
            hands,
            scene,
            grants,
            part,
            nested: false,
            chained: Vec::new(),
            told: Vec::new(),
            lent: LentLinks::default(),
            claims: Claims::default(),
            functions: Functions::default(),
            story: Story::default(),
        }
    }

    /// The links that the result of the plugin before places in the sandbox may be changed.
    pub(crate) fn going_on_from(mut self, interfaces: impl IntoIterator<Item = String>) -> Self {
        self.chained = interfaces.into_iter().collect();
        self
    }

    /// The addresses that the same result gives them.
    pub(crate) fn with_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.told = addresses.into_iter().collect();
        self
    }

    /// Whether an address is this attachment's: IPAM gave it in this call and a link of the pod has it, or the result of
    /// the plugin before tells of it and its link has it. One that a module chose by itself is not; it may be anybody's.
    pub(super) fn owns(&self, address: IpAddr) -> Answer<bool> {
        if self.story.is_own(address) {
            return Ok(true);
        }
        if !self.told.contains(&address) || self.hands.take().chosen.contains(&address) {
            return Ok(false);
        }
        let links = self.ask(|backend| backend.links(net::Space::Sandbox))?;
        let has = |link: &Link| {
            let same = |text: &String| text.parse::<IpNet>().is_ok_and(|has| has.addr() == address);
            self.chained.contains(&link.name) && link.addresses.iter().any(same)
        };
        Ok(links.iter().any(has))
    }

    /// Writes an effect down and does it.
    pub(super) fn perform(&self, effect: net::Effect) -> Answer<()> {
        let mut held = self.hands.take();
        let (ledger, backend) = held.both().map_err(refusal::of_error)?;
        let deadline = self.scene.deadline;
        let recorded = Effect::Net { effect: effect.clone() };
        ledger
            .perform(self.part, recorded, || backend.apply(&effect, deadline))
            .map_err(|error| refusal::not_done(error, |error| refusal::refused(&error)))
    }

    /// The same where the kernel's refusal is an answer.
    pub(super) fn attempt(&self, effect: net::Effect) -> Answer<Result<(), net::Refused>> {
        let mut held = self.hands.take();
        let (ledger, backend) = held.both().map_err(refusal::of_error)?;
        let deadline = self.scene.deadline;
        let recorded = Effect::Net { effect: effect.clone() };
        match ledger.perform(self.part, recorded, || backend.apply(&effect, deadline)) {
            Ok(()) => Ok(Ok(())),
            Err(NotDone::Effect(refused)) => Ok(Err(refused)),
            Err(NotDone::Record(error)) => Err(refusal::journal(&error)),
        }
    }

    /// Writes down what is there already and has to stay, so that CHECK knows of it.
    pub(super) fn rely_on(&self, effect: net::Effect) -> Answer<()> {
        let mut held = self.hands.take();
        let ledger = held.ledger().map_err(refusal::of_error)?;
        ledger
            .perform(self.part, Effect::Net { effect }, || Ok::<_, net::Refused>(()))
            .map_err(|error| refusal::not_done(error, |error| refusal::refused(&error)))
    }

    /// Asks the node something.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&mut dyn net::Backend) -> Result<T, net::Refused>,
    ) -> Answer<T> {
        let mut held = self.hands.take();
        let backend = held.node().map_err(refusal::of_error)?;
        question(backend).map_err(|error| refusal::refused(&error))
    }

    /// The link of a handle as it is now.
    pub(super) fn now(&self, lent: &Lent) -> Answer<Link> {
        let LinkRef { space, index, name } = &lent.link;
        self.ask(|backend| backend.link_at(*space, *index))?
            .ok_or_else(|| refusal::invalid(format!("the link `{name}` is gone")))
    }

    /// Whether a link may be looked at, and as what.
    fn origin_of(&self, at: net::Space, link: &Link) -> Option<Origin> {
        if let Some(known) = self.lent.origin(at, link.index) {
            return Some(known);
        }
        match at {
            net::Space::Sandbox if self.chained.contains(&link.name) => Some(Origin::Chained),
            net::Space::Sandbox => Some(Origin::Seen),
            net::Space::Host => self.grants.links_match(&link.name).then_some(Origin::Granted),
        }
    }

    pub(super) fn lend(&mut self, at: net::Space, link: &Link) -> Option<LinkId> {
        let origin = self.origin_of(at, link)?;
        Some(self.lent.lend(LinkRef::to(at, link), origin))
    }
}

impl Node for ComponentNode {
    fn sandbox(&mut self) -> Answer<()> {
        match self.ask(|backend| backend.sandbox())? {
            Some(_) => Ok(()),
            None => Err(refusal::failure(multus_cni::Code::InvalidNetns, "the pod's namespace is gone", "")),
        }
    }

    fn path(&mut self, at: Space) -> String {
        match at {
            Space::Sandbox => self.scene.netns.clone(),
            Space::Host => String::new(),
        }
    }

    fn links(&mut self, at: Space) -> Answer<Vec<LinkId>> {
        let links = self.ask(|backend| backend.links(space(at)))?;
        Ok(links.iter().filter_map(|link| self.lend(space(at), link)).collect())
    }

    fn find(&mut self, at: Space, name: &str) -> Answer<Option<LinkId>> {
        let link = self.ask(|backend| backend.link_named(space(at), name))?;
        Ok(link.and_then(|link| self.lend(space(at), &link)))
    }

    fn info(&mut self, link: LinkId) -> Answer<LinkInfo> {
        let link = self.now(self.lent.get(link)?)?;
        Ok(LinkInfo {
            index: link.index,
            name: link.name,
            kind: link.kind,
            mac: link.mac,
            mtu: link.mtu,
            up: link.up,
            addresses: link.addresses,
        })
    }

    fn create_veth(&mut self, name: &str, options: &str) -> Answer<(LinkId, LinkId)> {
        make::veth(self, name, options)
    }

    fn create_macvlan(&mut self, parent: LinkId, name: &str, options: &str) -> Answer<LinkId> {
        make::macvlan(self, parent, name, options)
    }

    fn move_link(&mut self, link: LinkId, to: Space, name: &str) -> Answer<()> {
        make::moved(self, link, space(to), name)
    }

    fn change(&mut self, link: LinkId, change: Change<'_>) -> Answer<()> {
        change::property(self, link, change)
    }

    fn add_address(&mut self, link: LinkId, address: &str) -> Answer<()> {
        change::add_address(self, link, address)
    }

    fn remove_address(&mut self, link: LinkId, address: &str) -> Answer<()> {
        bridge::remove_address(self, link, address)
    }

    fn add_route(&mut self, link: LinkId, route: &str) -> Answer<()> {
        change::add_route(self, link, route)
    }

    fn remove_prefix_route(&mut self, link: LinkId, address: &str) -> Answer<()> {
        change::remove_prefix_route(self, link, address)
    }

    fn add_neighbour(&mut self, link: LinkId, address: &str, mac: &str) -> Answer<()> {
        change::add_neighbour(self, link, address, mac)
    }

    fn settle(&mut self, link: LinkId) -> Answer<()> {
        let lent = self.lent.to_change(link)?;
        let deadline = self.scene.deadline;
        self.ask(|backend| backend.settle(&lent.link, deadline))
    }

    fn announce(&mut self, link: LinkId) -> Answer<()> {
        let lent = self.lent.to_change(link)?;
        let addresses: Vec<_> = self.story.addresses_of(&lent.link).map(IpNet::addr).collect();
        if addresses.is_empty() {
            return Ok(());
        }
        self.perform(net::Effect::Announce { link: lent.link, addresses })
    }

    fn set_sysctl(&mut self, link: LinkId, key: &str, value: &str) -> Answer<()> {
        change::set_sysctl(self, link, key, value)
    }

    fn set_sandbox_sysctl(&mut self, key: &str, value: &str) -> Answer<()> {
        change::set_sandbox_sysctl(self, key, value)
    }

    fn create_link(
        &mut self,
        kind: &str,
        parent: Option<LinkId>,
        name: &str,
        options: &str,
    ) -> Answer<LinkId> {
        make::link(self, kind, parent, name, options)
    }

    fn ensure_vrf(&mut self, name: &str, options: &str) -> Answer<(LinkId, u32)> {
        make::vrf(self, name, options)
    }

    fn set_port_vlans(&mut self, port: LinkId, vlans: &str) -> Answer<()> {
        bridge::set_vlans(self, port, vlans)
    }

    fn routes(&mut self, link: LinkId) -> Answer<Vec<String>> {
        routing::routes(self, link)
    }

    fn remove_route(&mut self, link: LinkId, route: &str) -> Answer<()> {
        routing::remove(self, link, route)
    }

    fn routing_tables(&mut self) -> Answer<Vec<u32>> {
        routing::tables(self)
    }

    fn add_rule(&mut self, address: &str, table: u32) -> Answer<()> {
        routing::add_rule(self, address, table)
    }

    fn limit_bandwidth(&mut self, link: LinkId, limits: &str) -> Answer<Option<LinkId>> {
        bandwidth::limit(self, link, limits)
    }

    fn bring_up_loopback(&mut self) -> Answer<LinkId> {
        change::bring_up_loopback(self)
    }

    fn host(&mut self) -> Answer<()> {
        Ok(())
    }

    fn ensure_bridge(&mut self, name: &str, options: &str) -> Answer<LinkId> {
        bridge::ensure(self, name, options)
    }

    fn ensure_vlan_end(&mut self, bridge: LinkId, vlan: u16) -> Answer<LinkId> {
        vlan_end::ensure(self, bridge, vlan)
    }

    fn default_link(&mut self) -> Answer<Option<LinkId>> {
        make::default_link(self)
    }

    fn find_device(&mut self, device: &str) -> Answer<Option<LinkId>> {
        make::find_device(self, device)
    }

    fn masquerade(&mut self, address: &str) -> Answer<()> {
        firewall::masquerade(self, address)
    }

    fn spoof_check(&mut self, port: LinkId, mac: &str) -> Answer<()> {
        firewall::spoof_check(self, port, mac)
    }

    fn map_port(&mut self, mapping: &str) -> Answer<()> {
        firewall::map_port(self, mapping)
    }

    fn ensure_sysctl(&mut self, key: &str, value: &str) -> Answer<()> {
        change::ensure_sysctl(self, key, value)
    }

    fn ipam_add(&mut self, config: &str) -> Answer<String> {
        nested::ipam(self, config)
    }

    fn plugin_add(&mut self, name: &str, config: &str) -> Answer<String> {
        nested::plugin(self, name, config)
    }

    fn begin(&mut self, directory: Option<&str>, network: &str) -> Answer<TransactionId> {
        super::claims::begin(self, directory, network)
    }

    fn claimed(&mut self, transaction: TransactionId) -> Answer<Vec<String>> {
        self.claims.get(transaction)?.claimed()
    }

    fn owned(&mut self, transaction: TransactionId) -> Answer<Vec<String>> {
        super::claims::owned(self, transaction)
    }

    fn claim(&mut self, transaction: TransactionId, key: &str) -> Answer<bool> {
        super::claims::claim(self, transaction, key)
    }

    fn reclaim(&mut self, transaction: TransactionId) -> Answer<u32> {
        super::claims::reclaim(self, transaction)
    }

    fn note(&mut self, transaction: TransactionId, name: &str) -> Answer<Option<String>> {
        self.claims.get(transaction)?.note(name)
    }

    fn set_note(&mut self, transaction: TransactionId, name: &str, value: &str) -> Answer<()> {
        super::claims::set_note(self, transaction, name, value)
    }

    fn end(&mut self, transaction: TransactionId) {
        self.claims.end(transaction);
    }

    fn function(&mut self) -> Answer<FunctionId> {
        sriov::device(self)
    }

    fn pick_function(&mut self, physical: &str) -> Answer<FunctionId> {
        sriov::pick(self, physical)
    }

    fn function_info(&mut self, function: FunctionId) -> Answer<String> {
        sriov::info(self, function)
    }

    fn function_link(&mut self, function: FunctionId) -> Answer<Option<LinkId>> {
        sriov::link(self, function)
    }

    fn set_function(&mut self, function: FunctionId, setting: FunctionSetting<'_>) -> Answer<()> {
        sriov::set(self, function, setting)
    }
}
