//! A node that does nothing: it writes down what it is asked and answers as arranged.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::rc::Rc;

use multus_wasm::node::{
    Answer, Change, Failure, FunctionId, FunctionSetting, LinkId, LinkInfo, Node, Space, TransactionId,
};

/// Does an IPAM's or a plugin's work.
type Elsewhere = Box<dyn FnMut(&str) -> Answer<String>>;

/// Stands in for the node: each call is a line, `<interface>.<function of the WIT package> <arguments>`.
pub struct RecordingNode {
    pub calls: Vec<String>,
    /// The number of the call that is refused, from 0.
    pub refuses: Option<usize>,
    /// How many links a namespace has.
    pub links: u32,
    /// Folders that are locked.
    pub open: BTreeSet<u32>,
    /// What happens in `network.sandbox`.
    pub meanwhile: Box<dyn FnMut()>,
    /// What happens in `ipam.add`.
    pub ipam: Elsewhere,
    begun: u32,
}

impl Default for RecordingNode {
    fn default() -> Self {
        let leased =
            r#"{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.3/24","gateway":"10.1.2.1"}],"dns":{}}"#;
        Self {
            calls: Vec::new(),
            refuses: None,
            links: 3,
            open: BTreeSet::new(),
            meanwhile: Box::new(|| ()),
            ipam: Box::new(|_| Ok(leased.to_owned())),
            begun: 0,
        }
    }
}

pub fn refusal(what: &str) -> Failure {
    Failure { code: 11, message: format!("RecordingNode refuses {what}"), details: "as arranged".to_owned() }
}

impl RecordingNode {
    pub fn shared() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self::default()))
    }

    /// Everything but the ends of transactions, which come where a handle is dropped.
    pub fn asked(&self) -> Vec<&str> {
        self.calls.iter().map(String::as_str).filter(|call| !call.starts_with("store.end")).collect()
    }

    fn heard(&mut self, call: impl Display) -> Answer<()> {
        let call = call.to_string();
        let refused = self.refuses.is_some_and(|at| at == self.asked().len());
        let failure = refusal(call.split(' ').next().unwrap());
        self.calls.push(call);
        if refused { Err(failure) } else { Ok(()) }
    }

    /// A call within a transaction, which has to be open.
    fn within(&mut self, transaction: TransactionId, call: impl Display) -> Answer<()> {
        assert!(self.open.contains(&transaction.0), "{call} in a folder that is not locked");
        self.heard(format!("store.{call}"))
    }
}

fn words(addresses: &[&str]) -> Vec<String> {
    addresses.iter().map(|&address| address.to_owned()).collect()
}

impl Node for RecordingNode {
    fn sandbox(&mut self) -> Answer<()> {
        (self.meanwhile)();
        self.heard("network.sandbox")
    }

    fn path(&mut self, space: Space) -> String {
        // There is no way to refuse this one.
        let _ = self.heard(format!("network.path {space:?}"));
        if space == Space::Sandbox { "/run/netns/a".to_owned() } else { String::new() }
    }

    fn links(&mut self, space: Space) -> Answer<Vec<LinkId>> {
        self.heard(format!("network.links {space:?}"))?;
        Ok((0..self.links).map(LinkId).collect())
    }

    fn find(&mut self, space: Space, name: &str) -> Answer<Option<LinkId>> {
        self.heard(format!("network.find {space:?} {name}"))?;
        Ok((name == "lo").then_some(LinkId(0)))
    }

    fn info(&mut self, link: LinkId) -> Answer<LinkInfo> {
        self.heard(format!("network.info {}", link.0))?;
        Ok(LinkInfo {
            index: 7,
            name: "lo".to_owned(),
            kind: "veth".to_owned(),
            mac: "0a:58:0a:01:02:03".to_owned(),
            mtu: 65536,
            up: true,
            addresses: words(&["127.0.0.1/8", "::1/128"]),
        })
    }

    fn create_veth(&mut self, name: &str, options: &str) -> Answer<(LinkId, LinkId)> {
        self.heard(format!("network-edit.create-veth {name} {options}"))?;
        Ok((LinkId(10), LinkId(11)))
    }

    fn create_macvlan(&mut self, parent: LinkId, name: &str, options: &str) -> Answer<LinkId> {
        self.heard(format!("network-edit.create-macvlan {} {name} {options}", parent.0))?;
        Ok(LinkId(12))
    }

    fn create_link(
        &mut self,
        kind: &str,
        parent: Option<LinkId>,
        name: &str,
        options: &str,
    ) -> Answer<LinkId> {
        let parent = parent.map(|parent| parent.0);
        self.heard(format!("network-edit.create-link {kind} {parent:?} {name} {options}"))?;
        Ok(LinkId(13))
    }

    fn ensure_vrf(&mut self, name: &str, options: &str) -> Answer<(LinkId, u32)> {
        self.heard(format!("network-edit.ensure-vrf {name} {options}"))?;
        Ok((LinkId(14), 10))
    }

    fn set_port_vlans(&mut self, port: LinkId, vlans: &str) -> Answer<()> {
        self.heard(format!("network-edit.set-port-vlans {} {vlans}", port.0))
    }

    fn move_link(&mut self, link: LinkId, to: Space, name: &str) -> Answer<()> {
        self.heard(format!("network-edit.move-link {} {to:?} {name}", link.0))
    }

    fn change(&mut self, link: LinkId, change: Change<'_>) -> Answer<()> {
        let link = link.0;
        let call = match change {
            Change::Master(master) => format!("set-master {link} {:?}", master.map(|master| master.0)),
            Change::Mac(mac) => format!("set-mac {link} {mac}"),
            Change::Mtu(mtu) => format!("set-mtu {link} {mtu}"),
            Change::Up(up) => format!("set-up {link} {up}"),
            Change::Promiscuous(on) => format!("set-promiscuous {link} {on}"),
            Change::AllMulticast(on) => format!("set-all-multicast {link} {on}"),
            Change::TxQueueLength(packets) => format!("set-tx-queue-length {link} {packets}"),
            Change::Hairpin(on) => format!("set-hairpin {link} {on}"),
            Change::Isolated(on) => format!("set-isolated {link} {on}"),
        };
        self.heard(format!("network-edit.{call}"))
    }

    fn add_address(&mut self, link: LinkId, address: &str) -> Answer<()> {
        self.heard(format!("network-edit.add-address {} {address}", link.0))
    }

    fn remove_address(&mut self, link: LinkId, address: &str) -> Answer<()> {
        self.heard(format!("network-edit.remove-address {} {address}", link.0))
    }

    fn add_route(&mut self, link: LinkId, route: &str) -> Answer<()> {
        self.heard(format!("network-edit.add-route {} {route}", link.0))
    }

    fn remove_prefix_route(&mut self, link: LinkId, address: &str) -> Answer<()> {
        self.heard(format!("network-edit.remove-prefix-route {} {address}", link.0))
    }

    fn add_neighbour(&mut self, link: LinkId, address: &str, mac: &str) -> Answer<()> {
        self.heard(format!("network-edit.add-neighbour {} {address} {mac}", link.0))
    }

    fn settle(&mut self, link: LinkId) -> Answer<()> {
        self.heard(format!("network-edit.settle {}", link.0))
    }

    fn announce(&mut self, link: LinkId) -> Answer<()> {
        self.heard(format!("network-edit.announce {}", link.0))
    }

    fn set_sysctl(&mut self, link: LinkId, key: &str, value: &str) -> Answer<()> {
        self.heard(format!("network-edit.set-sysctl {} {key} {value}", link.0))
    }

    fn set_sandbox_sysctl(&mut self, key: &str, value: &str) -> Answer<()> {
        self.heard(format!("network-edit.set-sandbox-sysctl {key} {value}"))
    }

    fn routes(&mut self, link: LinkId) -> Answer<Vec<String>> {
        self.heard(format!("network-edit.routes {}", link.0))?;
        Ok(words(&[r#"{"dst":"10.9.0.0/16","gw":"10.1.2.1"}"#]))
    }

    fn remove_route(&mut self, link: LinkId, route: &str) -> Answer<()> {
        self.heard(format!("network-edit.remove-route {} {route}", link.0))
    }

    fn routing_tables(&mut self) -> Answer<Vec<u32>> {
        self.heard("network-edit.routing-tables")?;
        Ok(vec![10, 254])
    }

    fn add_rule(&mut self, address: &str, table: u32) -> Answer<()> {
        self.heard(format!("network-edit.add-rule {address} {table}"))
    }

    fn limit_bandwidth(&mut self, link: LinkId, limits: &str) -> Answer<Option<LinkId>> {
        self.heard(format!("network-edit.limit-bandwidth {} {limits}", link.0))?;
        Ok(Some(LinkId(15)))
    }

    fn bring_up_loopback(&mut self) -> Answer<LinkId> {
        self.heard("network-edit.bring-up-loopback")?;
        Ok(LinkId(0))
    }

    fn host(&mut self) -> Answer<()> {
        self.heard("node.host")
    }

    fn ensure_bridge(&mut self, name: &str, options: &str) -> Answer<LinkId> {
        self.heard(format!("node.ensure-bridge {name} {options}"))?;
        Ok(LinkId(20))
    }

    fn ensure_vlan_end(&mut self, bridge: LinkId, vlan: u16) -> Answer<LinkId> {
        self.heard(format!("node.ensure-vlan-end {} {vlan}", bridge.0))?;
        Ok(LinkId(21))
    }

    fn default_link(&mut self) -> Answer<Option<LinkId>> {
        self.heard("node.default-link".to_owned())?;
        Ok(Some(LinkId(31)))
    }

    fn find_device(&mut self, device: &str) -> Answer<Option<LinkId>> {
        self.heard(format!("node.find-device {device}"))?;
        Ok(Some(LinkId(30)))
    }

    fn masquerade(&mut self, address: &str) -> Answer<()> {
        self.heard(format!("firewall.masquerade {address}"))
    }

    fn spoof_check(&mut self, port: LinkId, mac: &str) -> Answer<()> {
        self.heard(format!("firewall.spoof-check {} {mac}", port.0))
    }

    fn map_port(&mut self, mapping: &str) -> Answer<()> {
        self.heard(format!("firewall.map-port {mapping}"))
    }

    fn ensure_sysctl(&mut self, key: &str, value: &str) -> Answer<()> {
        self.heard(format!("sysctl.ensure {key} {value}"))
    }

    fn ipam_add(&mut self, config: &str) -> Answer<String> {
        self.heard(format!("ipam.add {config}"))?;
        (self.ipam)(config)
    }

    fn plugin_add(&mut self, name: &str, config: &str) -> Answer<String> {
        self.heard(format!("plugins.add {name} {config}"))?;
        Ok(r#"{"cniVersion":"1.1.0","dns":{},"limited":true}"#.to_owned())
    }

    fn begin(&mut self, directory: Option<&str>, network: &str) -> Answer<TransactionId> {
        self.heard(format!("store.begin {directory:?} {network}"))?;
        self.begun += 1;
        self.open.insert(self.begun);
        Ok(TransactionId(self.begun))
    }

    fn claimed(&mut self, transaction: TransactionId) -> Answer<Vec<String>> {
        self.within(transaction, "claimed")?;
        Ok(words(&["10.1.2.2", "10.1.2.9"]))
    }

    fn owned(&mut self, transaction: TransactionId) -> Answer<Vec<String>> {
        self.within(transaction, "owned")?;
        Ok(Vec::new())
    }

    fn claim(&mut self, transaction: TransactionId, key: &str) -> Answer<bool> {
        self.within(transaction, format!("claim {key}"))?;
        Ok(true)
    }

    fn reclaim(&mut self, transaction: TransactionId) -> Answer<u32> {
        self.within(transaction, "reclaim")?;
        Ok(2)
    }

    fn note(&mut self, transaction: TransactionId, name: &str) -> Answer<Option<String>> {
        self.within(transaction, format!("note {name}"))?;
        Ok(None)
    }

    fn set_note(&mut self, transaction: TransactionId, name: &str, value: &str) -> Answer<()> {
        self.within(transaction, format!("set-note {name} {value}"))
    }

    fn end(&mut self, transaction: TransactionId) {
        assert!(self.open.remove(&transaction.0), "a folder is unlocked once");
        self.calls.push(format!("store.end {}", transaction.0));
    }

    fn function(&mut self) -> Answer<FunctionId> {
        self.heard("sriov.device")?;
        Ok(FunctionId(0))
    }

    fn pick_function(&mut self, physical: &str) -> Answer<FunctionId> {
        self.heard(format!("sriov.pick {physical}"))?;
        Ok(FunctionId(1))
    }

    fn function_info(&mut self, function: FunctionId) -> Answer<String> {
        self.heard(format!("sriov.info {}", function.0))?;
        Ok(r#"{"address":"0000:03:02.1","physical":"ens1","number":3,"driver":"iavf","userspace":false}"#
            .to_owned())
    }

    fn function_link(&mut self, function: FunctionId) -> Answer<Option<LinkId>> {
        self.heard(format!("sriov.link {}", function.0))?;
        Ok(Some(LinkId(30)))
    }

    fn set_function(&mut self, function: FunctionId, setting: FunctionSetting<'_>) -> Answer<()> {
        let (name, value) = match setting {
            FunctionSetting::Mac(mac) => ("mac", mac.to_owned()),
            FunctionSetting::Vlan { id, qos, protocol } => ("vlan", format!("{id} {qos} {protocol}")),
            FunctionSetting::Rate { min, max } => ("rate", format!("{min} {max}")),
            FunctionSetting::SpoofCheck(on) => ("spoof-check", on.to_string()),
            FunctionSetting::Trust(on) => ("trust", on.to_string()),
            FunctionSetting::LinkState(state) => ("link-state", state.to_owned()),
            FunctionSetting::Driver(driver) => ("driver", driver.to_owned()),
        };
        self.heard(format!("sriov.set-{name} {} {value}", function.0))
    }
}
