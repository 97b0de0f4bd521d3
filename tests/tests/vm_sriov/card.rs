//! A card in the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_tests::ip;
use serde_json::Value;

/// Its physical function's link.
const LINK: &str = "pf0";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Card {
    addresses: Vec<String>,
}

impl Card {
    /// With that many virtual functions, each with its link, named other than pods name theirs.
    pub(crate) fn with_functions(count: u32) -> Card {
        let device = Path::new("/sys/class/net").join(LINK).join("device");
        // Functions that are made while the card starts have no address that it knows of.
        let has_carrier = || {
            let told = fs::read_to_string(device.join("net").join(LINK).join("carrier"));
            told.is_ok_and(|text| text == "1\n")
        };
        ip(&format!("link set {LINK} up"));
        wait_until("a carrier", has_carrier);
        fs::write(device.join("sriov_numvfs"), count.to_string()).unwrap();
        let address = |number: u32| {
            let leads_to = fs::read_link(device.join(format!("virtfn{number}"))).unwrap();
            leads_to.file_name().unwrap().to_string_lossy().into_owned()
        };
        let card = Card { addresses: (0..count).map(address).collect() };
        for number in 0..card.addresses.len() {
            let link = card.await_function(number);
            ip(&format!("link set {link} down"));
            ip(&format!("link set {link} name vf{number}"));
        }
        wait_until("a carrier", has_carrier);
        card
    }

    pub(crate) fn address(&self, number: usize) -> String {
        self.addresses[number].clone()
    }

    /// What the card says of a function.
    pub(crate) fn function(&self, number: usize) -> Value {
        let told: Value = serde_json::from_str(&ip(&format!("-json link show {LINK}"))).unwrap();
        told[0]["vfinfo_list"][number].clone()
    }

    /// The name of a function's link, once it is on the node.
    pub(crate) fn await_function(&self, number: usize) -> String {
        let folder = PathBuf::from("/sys/bus/pci/devices").join(&self.addresses[number]).join("net");
        let name =
            || Some(fs::read_dir(&folder).ok()?.next()?.ok()?.file_name().to_string_lossy().into_owned());
        wait_until("a function's link", || name().is_some());
        name().unwrap()
    }

    /// All functions: what the card says of them, and their links.
    pub(crate) fn state(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for number in 0..self.addresses.len() {
            let link = ip(&format!("-json link show {}", self.await_function(number)));
            let link: Value = serde_json::from_str(&link).unwrap();
            let own: Vec<_> = ["ifname", "address", "mtu", "operstate", "ifindex"]
                .iter()
                .map(|key| format!("{key} {}", link[0][*key]))
                .collect();
            lines.push(format!("{number}: {} {}", own.join(", "), self.function(number)));
        }
        lines
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what} is not there in {PATIENCE:?}");
        sleep(Duration::from_millis(50));
    }
}
