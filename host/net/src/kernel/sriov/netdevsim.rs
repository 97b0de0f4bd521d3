//! Settings that no emulated card takes, on one that the kernel simulates (netdevsim). It has no functions on a PCI bus: a
//! folder stands for `/sys`, and leads to its physical function; all else is the kernel.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::Backend;
use crate::effect::{Effect, LinkState, MacAddr, Rate, Vlan, VlanProtocol};
use crate::sriov::Sysfs;

const BUS: &str = "/sys/bus/netdevsim";
/// Its number, which no other test takes.
const NUMBER: u32 = 77;
const PHYSICAL: &str = "0000:f0:00.0";
const VIRTUAL: &str = "0000:f0:10.0";

struct Simulated {
    sysfs: TempDir,
}

impl Simulated {
    fn new() -> Simulated {
        let sysfs = TempDir::new().unwrap();
        let name = format!("netdevsim{NUMBER}");
        fs::write(format!("{BUS}/new_device"), format!("{NUMBER} 1")).unwrap();
        fs::write(format!("{BUS}/devices/{name}/sriov_numvfs"), "1").unwrap();
        let [bus, card] = ["bus/pci/devices", "devices"].map(|path| sysfs.path().join(path));
        for folder in [bus.join(VIRTUAL), card.join(&name)] {
            fs::create_dir_all(folder).unwrap();
        }
        symlink(Path::new("../../../devices").join(&name), bus.join(PHYSICAL)).unwrap();
        symlink(Path::new("..").join(PHYSICAL), bus.join(VIRTUAL).join("physfn")).unwrap();
        symlink(bus.join(VIRTUAL), card.join(&name).join("virtfn0")).unwrap();
        Simulated { sysfs }
    }

    fn kernel(&self) -> Kernel {
        Kernel { sysfs: Sysfs::at(self.sysfs.path()), ..Kernel::open(None).unwrap() }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        fs::write(format!("{BUS}/del_device"), NUMBER.to_string()).unwrap();
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// What has been done of one kind after the other, and read back.
fn set_all(kernel: &mut Kernel, all: &[Setting]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for setting in all {
        let now = kernel.function(&VIRTUAL.parse().unwrap()).unwrap().unwrap();
        let before = now.like(setting);
        assert!(before.is_some_and(|before| before != *setting), "{setting} before: {before:?}");
        let set = FunctionChange::Set { function: now.place, setting: *setting, before, briefly: false };
        let effect = Effect::Function(set);
        kernel.apply(&effect, soon()).unwrap();
        assert_eq!(kernel.compare(&effect).unwrap(), None, "{setting} is read as it was set");
        effects.push(effect);
    }
    effects
}

#[test]
fn vm_netdevsim_takes_every_setting_of_a_function_and_gets_back_what_it_had() {
    if std::env::var_os("MULTUS_VM").is_none() {
        println!("LEFT TO THE VIRTUAL MACHINE (`cargo xtask test --vm`): netdevsim");
        return;
    }
    if !Path::new(BUS).exists() {
        println!("LEFT OUT: this machine was made without netdevsim, and said so");
        return;
    }
    let simulated = Simulated::new();
    let mut kernel = simulated.kernel();
    let settings =
        |kernel: &mut Kernel| kernel.function(&VIRTUAL.parse().unwrap()).unwrap().unwrap().settings;
    let before = settings(&mut kernel);
    let service = |id| Setting::Vlan(Vlan { id, qos: 3, protocol: VlanProtocol::Ieee8021Ad });
    let all = [
        Setting::Mac(MacAddr([2, 0, 0, 0, 0x77, 1])),
        service(100),
        Setting::Rate(Rate { min: 10, max: 300 }),
        Setting::SpoofCheck(true),
        Setting::Trust(true),
        Setting::LinkState(LinkState::Disable),
    ];
    let effects = set_all(&mut kernel, &all);
    let now = settings(&mut kernel);
    for setting in &all {
        assert_eq!(now.like(setting), Some(*setting));
    }

    // What somebody else set meanwhile stays, and CHECK tells of it.
    let others = set_all(&mut kernel, &[service(7), Setting::LinkState(LinkState::Enable)]);
    let words = kernel.compare(&effects[1]).unwrap().unwrap();
    assert!(words.contains("VLAN 7") && words.contains("802.1ad"), "{words}");
    let all: Vec<_> = effects.iter().collect();
    assert_eq!(kernel.undo(&all, soon()), []);
    let now = settings(&mut kernel);
    assert_eq!(
        (now.rate, now.trust, now.spoof_check, now.mac),
        (before.rate, before.trust, before.spoof_check, before.mac)
    );
    assert_eq!(now.like(&service(7)), Some(service(7)));
    assert_eq!(now.link_state, LinkState::Enable);

    // The last first.
    let all: Vec<_> = effects.iter().chain(&others).collect();
    assert_eq!(kernel.undo(&all, soon()), []);
    assert_eq!(settings(&mut kernel), before);
}
