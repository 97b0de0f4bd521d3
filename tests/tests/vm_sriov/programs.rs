//! Functions that programs drive, by a conf of 2018 with `dpdk`. The first card is behind an IOMMU, the second is not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::ip;
use serde_json::{Value, json};

use crate::Scene;
use crate::card::Card;
use crate::crash::{Struck, claims};

const DEVICES: &str = "/sys/bus/pci/devices";
/// How often it is struck at each moment.
const ROUNDS: usize = 2;
const FOR_PROGRAMS: &str = "vfio-pci";

fn driver(address: &str) -> String {
    leads_to(&Path::new(DEVICES).join(address).join("driver")).unwrap()
}

fn leads_to(link: &Path) -> Option<String> {
    Some(fs::read_link(link).ok()?.file_name()?.to_string_lossy().into_owned())
}

/// By which programs have a function.
fn group(address: &str) -> PathBuf {
    let group = leads_to(&Path::new(DEVICES).join(address).join("iommu_group"));
    Path::new("/dev/vfio").join(group.expect("an IOMMU is in front of the card"))
}

/// A driver that gets its function back makes its link anew, with a number and an address that it chooses.
fn state(card: &Card, number: usize) -> (String, String, Value) {
    let mut told = card.function(number);
    told["address"] = Value::Null;
    (driver(&card.address(number)), card.await_function(number), told)
}

fn conf_of(physical: &str) -> Value {
    let dpdk = json!({ "kernel_driver": "igbvf", "dpdk_driver": FOR_PROGRAMS, "dpdk_tool": "/opt/dpdk/tools/dpdk_nic_bind.py" });
    json!({ "if0": physical, "vlan": 210, "l2enable": true, "dpdk": dpdk })
}

/// What is told, and that its own driver has it again.
pub(crate) fn without_iommu(scene: &Scene) {
    let card = Card::with_functions("pf1", 1, "bare");
    let conf = scene.conf(&conf_of("pf1"));
    let before = state(&card, 0);
    for (loaded, words) in [(false, "`modprobe vfio-pci` loads it"), (true, "the node has no IOMMU")] {
        if loaded {
            let done = Command::new("/.vm/bin/modprobe").arg(FOR_PROGRAMS).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        let pod = scene.node.pod("program");
        let error = scene.node.add(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(said.contains(words) && said.contains(&card.address(0)), "{said}");
        assert_eq!((state(&card, 0), claims()), (before.clone(), Vec::new()));
        ip("netns del program");
    }
    card.without_functions();
}

pub(crate) fn with_iommu(scene: &Scene) {
    let (address, before) = (scene.card.address(0), state(&scene.card, 0));
    let reserved = Path::new(DEVICES).join(&address).join("driver_override");
    fs::write(&reserved, "igbvf").unwrap();
    let (pod, conf, answer) = scene.attached("program", &conf_of("pf0"));
    let link = &answer.result()["interfaces"][0];
    assert_eq!((&link["name"], &link["pciID"]), (&json!("eth0"), &json!(address)), "{link}");
    assert_eq!(driver(&address), FOR_PROGRAMS);
    assert_eq!(scene.card.function(0)["vlan_list"][0]["vlan"], 210);
    assert!(!ip("-n program link show").contains("link/ether"), "programs see no link");
    // One program has it.
    let open = || File::options().read(true).write(true).open(group(&address));
    let program = open().unwrap();
    assert_eq!(open().unwrap_err().raw_os_error(), Some(nix::libc::EBUSY));
    drop(program);
    scene.checked(&pod, &conf).succeeded();
    scene.ends(&pod, &conf);
    assert_eq!((state(&scene.card, 0), claims()), (before, Vec::new()));
    assert_eq!(fs::read_to_string(&reserved).unwrap().trim(), "igbvf", "as somebody had said");
    fs::write(&reserved, "\n").unwrap();
    assert!(!group(&address).exists());
}

/// Between one driver and the other it has none. An ADD on an idle machine is often at its end before the kill.
pub(crate) fn killed(scene: &Scene) {
    let (address, before) = (scene.card.address(0), state(&scene.card, 0));
    let device = Path::new(DEVICES).join(&address);
    let is_reserved = || fs::read_to_string(device.join("driver_override")).unwrap().contains(FOR_PROGRAMS);
    let driver = || leads_to(&device.join("driver"));
    let moments: [(&str, &dyn Fn() -> bool); 3] = [
        ("once it is reserved", &is_reserved),
        ("once its driver is gone", &|| driver().as_ref() != Some(&before.0)),
        ("once it is a program's", &|| driver().as_deref() == Some(FOR_PROGRAMS)),
    ];
    let struck = Struck::new(scene, &conf_of("pf0"));
    let mut kills = 0;
    for (moment, is_so) in moments.repeat(ROUNDS) {
        kills += u32::from(struck.add_killed_once(is_so));
        assert_eq!((state(&scene.card, 0), claims()), (before.clone(), Vec::new()), "killed {moment}");
        assert!(!is_reserved(), "killed {moment}");
    }
    println!("killed {kills} times");
    assert!(kills > 0, "no kill says anything");
}
