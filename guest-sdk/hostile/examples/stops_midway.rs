//! A delegate that does what `bridge` does, and stops after as many host calls as its configuration says.

#![allow(clippy::panic, reason = "this is what a broken component does")]

use multus_guest::network::{self, Veth};
use multus_guest::node::{self, Bridge};
use multus_guest::result::Route;
use multus_guest::{Attachment, Failure, firewall, ipam, sysctl};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Conf {
    bridge: String,
    after: u32,
    /// By an error instead of a trap.
    #[serde(default)]
    politely: bool,
}

struct Steps<'a> {
    conf: &'a Conf,
    made: u32,
}

impl Steps<'_> {
    /// Before each host call.
    fn next(&mut self) -> Result<(), Failure> {
        if self.made == self.conf.after {
            if self.conf.politely {
                return Err(Failure::new(100, format!("stopped after {} host calls", self.made)));
            }
            panic!("stopped after {} host calls", self.made);
        }
        self.made += 1;
        Ok(())
    }
}

multus_guest::delegate!(add);

fn add(it: &Attachment, value: &Value, _: Option<&Value>, _: &()) -> Result<Option<Value>, Failure> {
    let conf = Conf::deserialize(value).map_err(|error| Failure::new(7, error.to_string()))?;
    let mut steps = Steps { conf: &conf, made: 0 };
    steps.next()?;
    let _ = network::sandbox()?;
    steps.next()?;
    let _ = node::host()?;
    steps.next()?;
    let bridge = Bridge::default().ensure(&conf.bridge)?;
    steps.next()?;
    bridge.set_up(true)?;
    steps.next()?;
    let (pod, port) = Veth::default().create(&it.interface_name)?;
    steps.next()?;
    port.set_master(&bridge)?;
    steps.next()?;
    port.set_hairpin(true)?;
    steps.next()?;
    let mac = pod.info()?.mac;
    steps.next()?;
    firewall::spoof_check(&port, &mac)?;
    steps.next()?;
    port.set_up(true)?;
    steps.next()?;
    let result = ipam::add(value)?;
    steps.next()?;
    pod.set_sysctl("ipv4/arp_notify", "1")?;
    for ip in &result.ips {
        steps.next()?;
        pod.add_address(&ip.address)?;
        steps.next()?;
        pod.set_up(true)?;
        let Some(gateway) = &ip.gateway else { continue };
        steps.next()?;
        pod.add_route(&Route { dst: "0.0.0.0/0".into(), gw: Some(gateway.clone()), ..Route::default() })?;
        steps.next()?;
        let length = ip.address.split('/').nth(1).unwrap_or("32");
        bridge.add_address(&format!("{gateway}/{length}"))?;
        steps.next()?;
        firewall::masquerade(&ip.address)?;
    }
    steps.next()?;
    sysctl::ensure("net/ipv4/ip_forward", "1")?;
    steps.next()?;
    pod.announce()?;
    steps.next()?;
    Ok(None)
}
