//! What a fixture lends a module in the sandbox: the attachment, and the host that delegates meet.

use std::cell::RefCell;
use std::rc::Rc;

use multus_fixtures::{Claims, Double, Given, Work};
use multus_wasm::node::{
    Answer, Change, Failure, FunctionId, FunctionSetting, LinkId, LinkInfo, Node, SharedNode, Space,
    TransactionId,
};
use multus_wasm::{Attachment, Pod, Verdict};
use serde_json::{Map, Value, json};

/// A fixture's host, which tells afterwards what it was asked to do.
pub(super) struct Lent(Rc<RefCell<Fixed>>);

/// The double, and the addresses of the functions that it lent.
struct Fixed(Double, Vec<String>);

impl Lent {
    pub(super) fn of(given: &Given) -> Self {
        let double = match &given.work {
            Work::Delegate { world, .. } => Double::of(world),
            Work::Transform(_) | Work::Policy(_) => Double::default(),
        };
        Self(Rc::new(RefCell::new(Fixed(double, Vec::new()))))
    }

    pub(super) fn node(&self) -> SharedNode {
        self.0.clone()
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.0.borrow().0.calls().to_vec()
    }

    pub(super) fn leases(&self) -> Claims {
        self.0.borrow().0.leases().clone()
    }
}

/// Enough for each interface to be there: the fixture's host judges nothing.
pub(super) fn grants(needed: &[&str]) -> Map<String, Value> {
    let value = |grant: &str| match grant {
        "links" | "names" | "sriov" => json!(["*"]),
        "defaultRoutes" => json!(true),
        "firewall" => json!(["masquerade", "spoof-check", "port-mapping"]),
        "sysctls" => json!(["net/ipv4/ip_forward"]),
        "store" => json!(["/var/lib/cni/networks"]),
        _ => json!(["any"]),
    };
    let grants: Map<String, Value> = needed.iter().map(|grant| ((*grant).to_owned(), value(grant))).collect();
    [("grants".to_owned(), Value::Object(grants))].into_iter().collect()
}

pub(super) fn attachment(from: &multus_fixtures::Attachment) -> Attachment {
    let pod = |pod: &multus_fixtures::Pod| Pod {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        service_account: pod.service_account.clone(),
        labels: pod.labels.clone(),
        annotations: pod.annotations.clone(),
        namespace_labels: pod.namespace_labels.clone(),
    };
    Attachment {
        container_id: from.container_id.clone(),
        interface_name: from.interface_name.clone(),
        network: from.network.clone(),
        index: from.index,
        default_network: from.default_network,
        pod: from.pod.as_ref().map(pod),
        context: from.context.clone(),
    }
}

pub(super) fn verdict(verdict: Verdict) -> multus_fixtures::Verdict {
    match verdict {
        Verdict::Allow => multus_fixtures::Verdict::Allow,
        Verdict::Warn(reason) => multus_fixtures::Verdict::Warn(reason),
        Verdict::Deny(reason) => multus_fixtures::Verdict::Deny(reason),
    }
}

fn told<T>(answer: Result<T, multus_fixtures::Failure>) -> Answer<T> {
    answer.map_err(|failure| {
        let multus_fixtures::Failure { code, message, details } = failure;
        Failure { code, message, details }
    })
}

fn lend(index: usize) -> LinkId {
    LinkId(u32::try_from(index).unwrap_or(u32::MAX))
}

fn lent(LinkId(number): LinkId) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn folder(TransactionId(number): TransactionId) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Fixed {
    fn lend_function(&mut self, address: String) -> FunctionId {
        self.1.push(address);
        FunctionId(u32::try_from(self.1.len() - 1).unwrap_or(u32::MAX))
    }

    fn address(&self, FunctionId(number): FunctionId) -> String {
        self.1.get(usize::try_from(number).unwrap_or(usize::MAX)).cloned().unwrap_or_default()
    }
}

impl Node for Fixed {
    fn sandbox(&mut self) -> Answer<()> {
        Ok(())
    }

    fn path(&mut self, space: Space) -> String {
        self.0.path(space == Space::Host)
    }

    fn links(&mut self, space: Space) -> Answer<Vec<LinkId>> {
        Ok(self.0.links(space == Space::Host).into_iter().map(lend).collect())
    }

    fn find(&mut self, space: Space, name: &str) -> Answer<Option<LinkId>> {
        Ok(self.0.find(space == Space::Host, name).map(lend))
    }

    fn info(&mut self, link: LinkId) -> Answer<LinkInfo> {
        let multus_fixtures::LinkInfo { index, name, kind, mac, mtu, up, addresses } =
            told(self.0.info(lent(link)))?;
        Ok(LinkInfo { index, name, kind, mac, mtu, up, addresses })
    }

    fn create_veth(&mut self, name: &str, options: &str) -> Answer<(LinkId, LinkId)> {
        let (inside, outside) = told(self.0.create_veth(name, options))?;
        Ok((lend(inside), lend(outside)))
    }

    fn create_macvlan(&mut self, parent: LinkId, name: &str, options: &str) -> Answer<LinkId> {
        told(self.0.create_macvlan(lent(parent), name, options)).map(lend)
    }

    fn create_link(
        &mut self,
        kind: &str,
        parent: Option<LinkId>,
        name: &str,
        options: &str,
    ) -> Answer<LinkId> {
        told(self.0.create_link(kind, parent.map(lent), name, options)).map(lend)
    }

    fn ensure_vrf(&mut self, name: &str, options: &str) -> Answer<(LinkId, u32)> {
        told(self.0.ensure_vrf(name, options)).map(|(link, table)| (lend(link), table))
    }

    fn move_link(&mut self, link: LinkId, to: Space, name: &str) -> Answer<()> {
        told(self.0.move_link(lent(link), to == Space::Host, name))
    }

    fn change(&mut self, link: LinkId, change: Change<'_>) -> Answer<()> {
        let (link, host) = (lent(link), &mut self.0);
        told(match change {
            Change::Master(master) => host.set_master(link, master.map(lent)),
            Change::Mac(mac) => host.set_mac(link, mac),
            Change::Mtu(mtu) => host.set_mtu(link, mtu),
            Change::Up(up) => host.set_up(link, up),
            Change::Promiscuous(on) => host.set(link, "set-promiscuous", &on.to_string()),
            Change::AllMulticast(on) => host.set(link, "set-all-multicast", &on.to_string()),
            Change::TxQueueLength(packets) => host.set(link, "set-tx-queue-length", &packets.to_string()),
            Change::Hairpin(on) => host.set(link, "set-hairpin", &on.to_string()),
            Change::Isolated(on) => host.set(link, "set-isolated", &on.to_string()),
        })
    }

    fn set_port_vlans(&mut self, port: LinkId, vlans: &str) -> Answer<()> {
        told(self.0.set(lent(port), "set-port-vlans", vlans))
    }

    fn routes(&mut self, link: LinkId) -> Answer<Vec<String>> {
        told(self.0.routes(lent(link)))
    }

    fn remove_route(&mut self, link: LinkId, route: &str) -> Answer<()> {
        told(self.0.set(lent(link), "remove-route", route))
    }

    fn routing_tables(&mut self) -> Answer<Vec<u32>> {
        Ok(self.0.routing_tables())
    }

    fn add_rule(&mut self, address: &str, table: u32) -> Answer<()> {
        told(self.0.apart("add-rule", &format!("{address} {table}")))
    }

    fn limit_bandwidth(&mut self, link: LinkId, limits: &str) -> Answer<Option<LinkId>> {
        Ok(told(self.0.limit_bandwidth(lent(link), limits))?.map(lend))
    }

    fn bring_up_loopback(&mut self) -> Answer<LinkId> {
        told(self.0.bring_up_loopback()).map(lend)
    }

    fn add_address(&mut self, link: LinkId, address: &str) -> Answer<()> {
        told(self.0.add_address(lent(link), address))
    }

    fn remove_address(&mut self, link: LinkId, address: &str) -> Answer<()> {
        told(self.0.remove_address(lent(link), address))
    }

    fn add_route(&mut self, link: LinkId, route: &str) -> Answer<()> {
        told(self.0.set(lent(link), "add-route", route))
    }

    fn remove_prefix_route(&mut self, link: LinkId, address: &str) -> Answer<()> {
        told(self.0.set(lent(link), "remove-prefix-route", address))
    }

    fn add_neighbour(&mut self, link: LinkId, address: &str, mac: &str) -> Answer<()> {
        told(self.0.set(lent(link), "add-neighbour", &format!("{address} {mac}")))
    }

    fn settle(&mut self, link: LinkId) -> Answer<()> {
        told(self.0.set(lent(link), "settle", ""))
    }

    fn announce(&mut self, link: LinkId) -> Answer<()> {
        told(self.0.set(lent(link), "announce", ""))
    }

    fn set_sysctl(&mut self, link: LinkId, key: &str, value: &str) -> Answer<()> {
        told(self.0.set(lent(link), "set-sysctl", &format!("{key} {value}")))
    }

    fn set_sandbox_sysctl(&mut self, key: &str, value: &str) -> Answer<()> {
        told(self.0.apart("set-sandbox-sysctl", &format!("{key} {value}")))
    }

    fn host(&mut self) -> Answer<()> {
        Ok(())
    }

    fn ensure_bridge(&mut self, name: &str, options: &str) -> Answer<LinkId> {
        told(self.0.ensure_bridge(name, options)).map(lend)
    }

    fn ensure_vlan_end(&mut self, bridge: LinkId, vlan: u16) -> Answer<LinkId> {
        told(self.0.ensure_vlan_end(lent(bridge), vlan)).map(lend)
    }

    fn default_link(&mut self) -> Answer<Option<LinkId>> {
        Ok(self.0.default_link().map(lend))
    }

    fn find_device(&mut self, device: &str) -> Answer<Option<LinkId>> {
        Ok(told(self.0.find_device(device))?.map(lend))
    }

    fn masquerade(&mut self, address: &str) -> Answer<()> {
        told(self.0.apart("masquerade", address))
    }

    fn spoof_check(&mut self, port: LinkId, mac: &str) -> Answer<()> {
        told(self.0.set(lent(port), "spoof-check", mac))
    }

    fn map_port(&mut self, mapping: &str) -> Answer<()> {
        told(self.0.apart("map-port", mapping))
    }

    fn ensure_sysctl(&mut self, key: &str, value: &str) -> Answer<()> {
        told(self.0.apart("ensure-sysctl", &format!("{key} {value}")))
    }

    fn function(&mut self) -> Answer<FunctionId> {
        let address = told(self.0.function())?;
        Ok(self.lend_function(address))
    }

    fn pick_function(&mut self, physical: &str) -> Answer<FunctionId> {
        let address = told(self.0.pick_function(physical))?;
        Ok(self.lend_function(address))
    }

    fn function_info(&mut self, function: FunctionId) -> Answer<String> {
        told(self.0.function_info(&self.address(function)))
    }

    fn function_link(&mut self, function: FunctionId) -> Answer<Option<LinkId>> {
        Ok(told(self.0.function_link(&self.address(function)))?.map(lend))
    }

    fn set_function(&mut self, function: FunctionId, setting: FunctionSetting<'_>) -> Answer<()> {
        let address = self.address(function);
        let mut set = |name: &str, value: &str| told(self.0.set_function(&address, name, value));
        match setting {
            FunctionSetting::Mac(mac) => set("mac", mac),
            FunctionSetting::Vlan { id, qos, protocol } => set("vlan", &format!("{id} {qos} {protocol}")),
            FunctionSetting::Rate { min, max } => set("rate", &format!("{min} {max}")),
            FunctionSetting::SpoofCheck(on) => set("spoof-check", &on.to_string()),
            FunctionSetting::Trust(on) => set("trust", &on.to_string()),
            FunctionSetting::LinkState(state) => set("link-state", state),
            FunctionSetting::Driver(driver) => set("driver", driver),
        }
    }

    fn ipam_add(&mut self, config: &str) -> Answer<String> {
        told(self.0.ipam_add(config))
    }

    fn plugin_add(&mut self, name: &str, config: &str) -> Answer<String> {
        told(self.0.plugin_add(name, config))
    }

    fn begin(&mut self, directory: Option<&str>, network: &str) -> Answer<TransactionId> {
        let LinkId(number) = lend(told(self.0.begin(directory, network))?);
        Ok(TransactionId(number))
    }

    fn claimed(&mut self, transaction: TransactionId) -> Answer<Vec<String>> {
        told(self.0.claimed(folder(transaction)))
    }

    fn owned(&mut self, transaction: TransactionId) -> Answer<Vec<String>> {
        told(self.0.owned(folder(transaction)))
    }

    fn claim(&mut self, transaction: TransactionId, key: &str) -> Answer<bool> {
        told(self.0.claim(folder(transaction), key))
    }

    fn reclaim(&mut self, transaction: TransactionId) -> Answer<u32> {
        told(self.0.reclaim(folder(transaction)))
    }

    fn note(&mut self, transaction: TransactionId, name: &str) -> Answer<Option<String>> {
        told(self.0.note(folder(transaction), name))
    }

    fn set_note(&mut self, transaction: TransactionId, name: &str, value: &str) -> Answer<()> {
        told(self.0.set_note(folder(transaction), name, value))
    }

    fn end(&mut self, _: TransactionId) {}
}
