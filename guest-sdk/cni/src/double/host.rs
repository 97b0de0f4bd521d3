//! A host in memory.

use std::cell::RefCell;
use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::firewall::PortMapping;
use multus_guest::network::{Kind, Limits, LinkInfo, Macvlan, NewLink, PortVlans, Veth, Vrf};
use multus_guest::node::Bridge;
use multus_guest::sriov::Details;
use multus_guest::{CniResult, Failure, Plugin};
use serde_json::{Value, json};

use crate::Host;
use crate::host::{Answer, FunctionSetting};

/// One pod's host. Its links are numbers.
#[derive(Debug)]
pub struct Double {
    case: Value,
    links: RefCell<Vec<Simulated>>,
    calls: RefCell<Vec<String>>,
}

#[derive(Debug)]
struct Simulated {
    info: LinkInfo,
    of_node: bool,
    device: Option<String>,
}

impl Double {
    /// As a case says.
    ///
    /// # Panics
    /// If the case makes no sense.
    pub fn of(case: &Value) -> Self {
        let links = [("node", true), ("pod", false)].into_iter().flat_map(|(place, of_node)| {
            let there = case[place].as_object().into_iter().flatten();
            there.map(move |(name, link)| Simulated::of(name, link, of_node))
        });
        Self { case: case.clone(), links: RefCell::new(links.collect()), calls: RefCell::default() }
    }

    /// What it was asked for.
    pub fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    /// Notes a call, and refuses it if the case says so.
    fn asked(&self, call: String) -> Answer<()> {
        let refused = self.case["refuse"].as_object();
        let refused = refused.into_iter().flatten().find(|(begin, _)| call.starts_with(begin.as_str()));
        let outcome = match refused {
            Some((begin, code)) => {
                let code = u32::try_from(code.as_u64().unwrap()).unwrap();
                Err(Failure::new(code, format!("the double refuses {begin}")))
            }
            None => Ok(()),
        };
        self.calls.borrow_mut().push(call);
        outcome
    }

    fn about(&self, what: &str, link: usize, rest: &str) -> Answer<()> {
        let name = self.name(link);
        self.asked(format!("{what} {name} {rest}").trim_end().to_owned())
    }

    fn name(&self, link: usize) -> String {
        self.links.borrow().get(link).map(|link| link.info.name.clone()).expect("a link that was lent")
    }

    fn change(&self, link: usize, change: impl FnOnce(&mut Simulated)) {
        change(self.links.borrow_mut().get_mut(link).expect("a link that was lent"));
    }

    fn make(&self, name: &str, mac: &str, mtu: Option<u32>, of_node: bool) -> usize {
        let mut links = self.links.borrow_mut();
        links.push(Simulated { info: info(name, mac, mtu.map(u64::from)), of_node, device: None });
        links.len() - 1
    }

    fn position(&self, wanted: impl Fn(&Simulated) -> bool) -> Option<usize> {
        self.links.borrow().iter().position(|link| link.of_node && wanted(link))
    }
}

impl Simulated {
    fn of(name: &str, link: &Value, of_node: bool) -> Self {
        let info = LinkInfo {
            up: link["up"].as_bool().unwrap_or_default(),
            addresses: texts(&link["addresses"]).map(str::to_owned).collect(),
            ..info(name, link["mac"].as_str().unwrap_or_default(), link["mtu"].as_u64())
        };
        Self { info, of_node, device: link["device"].as_str().map(str::to_owned) }
    }
}

fn info(name: &str, mac: &str, mtu: Option<u64>) -> LinkInfo {
    LinkInfo {
        index: 0,
        name: name.to_owned(),
        kind: String::new(),
        mac: mac.to_owned(),
        mtu: u32::try_from(mtu.unwrap_or(1500)).unwrap(),
        up: false,
        addresses: Vec::new(),
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap())
}

impl Host for Double {
    type Link = usize;
    /// Its address.
    type Function = String;

    fn sandbox(&self) -> Answer<String> {
        Ok("/run/netns/pod".to_owned())
    }

    fn info(&self, link: &usize) -> Answer<LinkInfo> {
        Ok(self.links.borrow().get(*link).expect("a link that was lent").info.clone())
    }

    fn find_in_sandbox(&self, name: &str) -> Answer<Option<usize>> {
        Ok(self.links.borrow().iter().position(|link| !link.of_node && link.info.name == name))
    }

    fn create_veth(&self, name: &str, veth: &Veth) -> Answer<(usize, usize)> {
        self.asked(format!("create-veth {name} {}", json!(veth)))?;
        let inside = self.make(name, veth.mac.as_deref().unwrap_or("0a:58:00:00:00:0e"), veth.mtu, false);
        Ok((inside, self.make("veth1", "0a:58:00:00:00:0f", veth.mtu, true)))
    }

    fn create_macvlan(&self, parent: &usize, name: &str, macvlan: &Macvlan) -> Answer<usize> {
        self.about("create-macvlan", *parent, &format!("{name} {}", json!(macvlan)))?;
        let mtu = macvlan.mtu.unwrap_or(self.info(parent)?.mtu);
        Ok(self.make(name, macvlan.mac.as_deref().unwrap_or("0a:58:00:00:00:0e"), Some(mtu), false))
    }

    fn create_link(&self, parent: Option<&usize>, name: &str, link: &NewLink) -> Answer<usize> {
        let kind = match link.kind {
            Kind::Ipvlan { .. } => "ipvlan",
            Kind::Vlan { .. } => "vlan",
            Kind::Dummy => "dummy",
        };
        let on = parent.map_or("nothing".to_owned(), |parent| self.name(*parent));
        self.asked(format!("create-{kind} {on} {name} {}", json!(link)))?;
        let below = parent.map(|parent| self.info(parent)).transpose()?;
        let (mac, mtu) =
            below.map_or(("0a:58:00:00:00:0e".to_owned(), None), |below| (below.mac, Some(below.mtu)));
        Ok(self.make(name, link.mac.as_deref().unwrap_or(&mac), link.mtu.or(mtu), false))
    }

    fn ensure_vrf(&self, name: &str, vrf: &Vrf) -> Answer<(usize, u32)> {
        self.asked(format!("ensure-vrf {name} {}", json!(vrf)))?;
        let found = self.find_in_sandbox(name)?;
        let link = found.unwrap_or_else(|| self.make(name, "0a:58:00:00:00:0d", Some(65575), false));
        Ok((link, vrf.table.unwrap_or(1)))
    }

    fn move_to_sandbox(&self, link: &usize, name: &str) -> Answer<()> {
        self.about("move-link", *link, name)?;
        self.change(*link, |link| {
            link.of_node = false;
            link.info.up = false;
            link.info.name = name.to_owned();
        });
        Ok(())
    }

    fn set_master(&self, link: &usize, master: &usize) -> Answer<()> {
        self.about("set-master", *link, &self.name(*master))?;
        // The kernel takes them off a link of the pod whose routes are in another table from then on.
        self.change(*link, |link| {
            let in_pod = !link.of_node;
            link.info.addresses.retain(|address| !(in_pod && address.contains(':')));
        });
        Ok(())
    }

    fn set_mac(&self, link: &usize, mac: &str) -> Answer<()> {
        self.about("set-mac", *link, mac)?;
        self.change(*link, |link| link.info.mac = mac.to_owned());
        Ok(())
    }

    fn set_mtu(&self, link: &usize, mtu: u32) -> Answer<()> {
        self.about("set-mtu", *link, &mtu.to_string())?;
        self.change(*link, |link| link.info.mtu = mtu);
        Ok(())
    }

    fn set_up(&self, link: &usize) -> Answer<()> {
        self.about("set-up", *link, "")?;
        self.change(*link, |link| link.info.up = true);
        Ok(())
    }

    fn set_promiscuous(&self, link: &usize) -> Answer<()> {
        self.about("set-promiscuous", *link, "")
    }

    fn set_all_multicast(&self, link: &usize, on: bool) -> Answer<()> {
        self.about("set-all-multicast", *link, &on.to_string())
    }

    fn set_tx_queue_length(&self, link: &usize, packets: u32) -> Answer<()> {
        self.about("set-tx-queue-length", *link, &packets.to_string())
    }

    fn set_hairpin(&self, link: &usize) -> Answer<()> {
        self.about("set-hairpin", *link, "")
    }

    fn set_isolated(&self, port: &usize) -> Answer<()> {
        self.about("set-isolated", *port, "")
    }

    fn set_vlans(&self, port: &usize, vlans: &PortVlans) -> Answer<()> {
        self.about("set-vlans", *port, &json!(vlans).to_string())
    }

    fn add_address(&self, link: &usize, address: IpNet) -> Answer<()> {
        self.about("add-address", *link, &address.to_string())?;
        self.change(*link, |link| link.info.addresses.push(address.to_string()));
        Ok(())
    }

    fn remove_address(&self, link: &usize, address: IpNet) -> Answer<()> {
        self.about("remove-address", *link, &address.to_string())?;
        self.change(*link, |link| link.info.addresses.retain(|other| *other != address.to_string()));
        Ok(())
    }

    fn add_route(&self, link: &usize, route: &Value) -> Answer<()> {
        self.about("add-route", *link, &route.to_string())
    }

    fn remove_prefix_route(&self, link: &usize, address: IpNet) -> Answer<()> {
        self.about("remove-prefix-route", *link, &address.to_string())
    }

    fn settle(&self, link: &usize) -> Answer<()> {
        self.about("settle", *link, "")
    }

    fn announce(&self, link: &usize) -> Answer<()> {
        self.about("announce", *link, "")
    }

    fn set_sysctl(&self, link: &usize, key: &str, value: &str) -> Answer<()> {
        self.about("set-sysctl", *link, &format!("{key} {value}"))
    }

    fn set_sandbox_sysctl(&self, key: &str, value: &str) -> Answer<()> {
        self.asked(format!("set-sandbox-sysctl {key} {value}"))
    }

    fn routes(&self, link: &usize) -> Answer<Vec<Value>> {
        let name = self.name(*link);
        Ok(self.case["pod"][&name]["routes"].as_array().cloned().unwrap_or_default())
    }

    fn remove_route(&self, link: &usize, route: &Value) -> Answer<()> {
        self.about("remove-route", *link, &route.to_string())
    }

    fn routing_tables(&self) -> Answer<Vec<u32>> {
        let tables = self.case["tables"].as_array().into_iter().flatten();
        Ok(tables.map(|table| u32::try_from(table.as_u64().unwrap()).unwrap()).collect())
    }

    fn add_rule(&self, address: IpAddr, table: u32) -> Answer<()> {
        self.asked(format!("add-rule {address} {table}"))
    }

    fn limit_bandwidth(&self, link: &usize, limits: &Limits) -> Answer<Option<usize>> {
        self.about("limit-bandwidth", *link, &json!(limits).to_string())?;
        Ok(limits.send.map(|_| self.make("bwp0", "0a:58:00:00:00:0c", None, true)))
    }

    fn bring_up_loopback(&self) -> Answer<usize> {
        self.asked("bring-up-loopback".to_owned())?;
        Ok(self.find_in_sandbox("lo")?.unwrap_or_else(|| {
            let lo = self.make("lo", "00:00:00:00:00:00", Some(65536), false);
            let addresses = ["127.0.0.1/8", "::1/128"].map(str::to_owned).to_vec();
            self.change(lo, |link| (link.info.up, link.info.addresses) = (true, addresses));
            lo
        }))
    }

    fn ensure_bridge(&self, name: &str, bridge: &Bridge) -> Answer<usize> {
        self.asked(format!("ensure-bridge {name} {}", json!(bridge)))?;
        let found = self.position(|link| link.info.name == name);
        Ok(found.unwrap_or_else(|| self.make(name, "0a:58:00:00:00:0b", bridge.mtu, true)))
    }

    fn ensure_vlan_end(&self, bridge: &usize, vlan: u16) -> Answer<usize> {
        let bridge = self.name(*bridge);
        self.asked(format!("ensure-vlan-end {bridge} {vlan}"))?;
        let name = format!("{bridge}.{vlan}");
        let found = self.position(|link| link.info.name == name);
        Ok(found.unwrap_or_else(|| self.make(&name, "0a:58:00:00:00:0d", None, true)))
    }

    fn default_link(&self) -> Answer<Option<usize>> {
        Ok(self.case["defaultLink"].as_str().and_then(|name| self.position(|link| link.info.name == name)))
    }

    fn find_on_node(&self, name: &str) -> Answer<Option<usize>> {
        Ok(self.position(|link| link.info.name == name))
    }

    fn links_of_node(&self) -> Answer<Vec<usize>> {
        let links = self.links.borrow();
        Ok((0..links.len()).filter(|at| links.get(*at).is_some_and(|link| link.of_node)).collect())
    }

    fn find_device(&self, device: &str) -> Answer<Option<usize>> {
        Ok(self.position(|link| link.device.as_deref() == Some(device)))
    }

    fn masquerade(&self, address: IpNet) -> Answer<()> {
        self.asked(format!("masquerade {address}"))
    }

    fn spoof_check(&self, port: &usize, mac: &str) -> Answer<()> {
        self.about("spoof-check", *port, mac)
    }

    fn map_port(&self, mapping: &PortMapping) -> Answer<()> {
        self.asked(format!("map-port {}", json!(mapping)))
    }

    fn ensure_sysctl(&self, key: &str, value: &str) -> Answer<()> {
        self.asked(format!("ensure-sysctl {key} {value}"))
    }

    fn ipam(&self, conf: &Plugin) -> Answer<CniResult> {
        let kind = conf
            .get("ipam")
            .and_then(|ipam| ipam.get("type"))
            .and_then(Value::as_str)
            .expect("an IPAM to ask");
        self.asked(format!("ipam {kind}"))?;
        Ok(serde_json::from_value(self.case["ipam"].clone()).expect("a result"))
    }

    fn function(&self) -> Answer<String> {
        self.asked("device".to_owned())?;
        Ok(self.case["conf"]["deviceID"].as_str().expect("a device").to_owned())
    }

    fn pick_function(&self, physical: &str) -> Answer<String> {
        self.asked(format!("pick {physical}"))?;
        let all = self.case["functions"].as_object().into_iter().flatten();
        let mut of_it = all.filter(|(_, function)| function["physical"] == physical);
        let (address, _) = of_it.next().expect("a function of it");
        Ok(address.clone())
    }

    fn function_details(&self, function: &String) -> Answer<Details> {
        let of_case = &self.case["functions"][function];
        let driver = of_case["driver"].as_str().unwrap_or("iavf");
        Ok(Details {
            address: function.clone(),
            physical: of_case["physical"].as_str().unwrap_or_default().to_owned(),
            number: 0,
            driver: Some(driver.to_owned()),
            userspace: driver == "vfio-pci",
        })
    }

    fn function_link(&self, function: &String) -> Answer<Option<usize>> {
        Ok(self.position(|link| link.device.as_ref() == Some(function)))
    }

    fn set_function(&self, function: &String, setting: &FunctionSetting<'_>) -> Answer<()> {
        self.asked(format!("set {function} {setting:?}"))?;
        let link = self.function_link(function)?;
        match (setting, link) {
            (FunctionSetting::Mac(mac), Some(link)) => {
                self.change(link, |link| link.info.mac = (*mac).to_owned());
            }
            // Its driver takes the link along.
            (FunctionSetting::Driver(_), Some(link)) => self.change(link, |link| link.device = None),
            _ => {}
        }
        Ok(())
    }
}
