//! A card in the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_tests::ip;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Card {
    /// Its physical function.
    device: PathBuf,
    addresses: Vec<String>,
}

impl Card {
    /// With that many virtual functions, each with its link, named other than pods name theirs: `vf0`, or with what
    /// stands before that.
    pub(crate) fn with_functions(link: &str, count: u32, before: &str) -> Card {
        let device = Path::new("/sys/class/net").join(link).join("device").canonicalize().unwrap();
        // Functions that are made while the card starts have no address that it knows of.
        let has_carrier = || {
            let told = fs::read_to_string(device.join("net").join(link).join("carrier"));
            told.is_ok_and(|text| text == "1\n")
        };
        ip(&format!("link set {link} up"));
        wait_until("a carrier", has_carrier);
        fs::write(device.join("sriov_numvfs"), count.to_string()).unwrap();
        let address = |number: u32| {
            let leads_to = fs::read_link(device.join(format!("virtfn{number}"))).unwrap();
            leads_to.file_name().unwrap().to_string_lossy().into_owned()
        };
        let addresses = (0..count).map(address).collect();
        let card = Card { device: device.clone(), addresses };
        for number in 0..card.addresses.len() {
            let link = card.await_function(number);
            ip(&format!("link set {link} down"));
            ip(&format!("link set {link} name {before}vf{number}"));
        }
        wait_until("a carrier", has_carrier);
        card
    }

    /// Gives the card's link a name.
    pub(crate) fn rename(&self, name: &str) {
        ip(&format!("link set {} name {name}", self.link()));
    }

    /// Takes its functions away.
    pub(crate) fn without_functions(self) {
        fs::write(self.device.join("sriov_numvfs"), "0").unwrap();
    }

    /// What drives it.
    pub(crate) fn driver(&self) -> String {
        let leads_to = fs::read_link(self.device.join("driver")).unwrap();
        leads_to.file_name().unwrap().to_string_lossy().into_owned()
    }

    fn link(&self) -> String {
        only_entry(&self.device.join("net")).unwrap()
    }

    pub(crate) fn address(&self, number: usize) -> String {
        self.addresses[number].clone()
    }

    /// What the card says of a function.
    pub(crate) fn function(&self, number: usize) -> Value {
        let told: Value = serde_json::from_str(&ip(&format!("-json link show {}", self.link()))).unwrap();
        told[0]["vfinfo_list"][number].clone()
    }

    /// The name of a function's link, once it is on the node.
    pub(crate) fn await_function(&self, number: usize) -> String {
        let folder = PathBuf::from("/sys/bus/pci/devices").join(&self.addresses[number]).join("net");
        wait_until("a function's link", || only_entry(&folder).is_some());
        only_entry(&folder).unwrap()
    }

    /// All functions: what the card says of them, and their links.
    pub(crate) fn state(&self) -> Vec<String> {
        let names: Vec<_> = (0..self.addresses.len()).map(|number| self.await_function(number)).collect();
        let all: Value = serde_json::from_str(&ip("-json link show")).unwrap();
        let named = |name: &str| all.as_array().unwrap().iter().find(|link| link["ifname"] == name).unwrap();
        let card = named(&self.link());
        let line = |(number, name): (usize, &String)| {
            let link = named(name);
            let own = ["ifname", "address", "mtu", "operstate", "ifindex", "altnames"];
            let own: Vec<_> = own.iter().map(|key| format!("{key} {}", link[*key])).collect();
            format!("{number}: {} {}", own.join(", "), card["vfinfo_list"][number])
        };
        names.iter().enumerate().map(line).collect()
    }
}

fn only_entry(folder: &Path) -> Option<String> {
    Some(fs::read_dir(folder).ok()?.next()?.ok()?.file_name().to_string_lossy().into_owned())
}

pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what} is not there in {PATIENCE:?}");
        sleep(Duration::from_millis(50));
    }
}
