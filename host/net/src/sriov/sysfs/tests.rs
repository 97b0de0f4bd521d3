//! Cards as `/sys` shows them, made of folders.

use std::os::unix::fs::symlink;

use super::*;

/// A `/sys` that a test writes.
struct Card {
    dir: tempfile::TempDir,
}

const PF: &str = "0000:af:00.1";

impl Card {
    /// A physical function `ens1f1` that may have eight virtual ones and has those at these places.
    fn new(virtuals: &[(u32, &str)]) -> Self {
        let card = Self { dir: tempfile::tempdir().unwrap() };
        card.device(PF, Some("ixgbe"), &["ens1f1"]);
        card.file(PF, "sriov_totalvfs", "8\n");
        card.file(PF, "sriov_numvfs", &format!("{}\n", virtuals.len()));
        for (number, address) in virtuals {
            card.device(address, Some("ixgbevf"), &[&format!("ens1f1v{number}")]);
            card.leads(PF, &format!("virtfn{number}"), &format!("../{address}"));
            card.leads(address, "physfn", &format!("../{PF}"));
        }
        card
    }

    fn sysfs(&self) -> Sysfs {
        Sysfs::at(self.dir.path())
    }

    fn place(&self, address: &str) -> PathBuf {
        self.sysfs().folder(&address.parse().unwrap())
    }

    fn device(&self, address: &str, driver: Option<&str>, links: &[&str]) {
        let folder = self.place(address);
        fs::create_dir_all(folder.join("net")).unwrap();
        if let Some(driver) = driver {
            self.leads(address, "driver", &format!("../../drivers/{driver}"));
        }
        for link in links {
            fs::create_dir(folder.join("net").join(link)).unwrap();
            fs::create_dir_all(self.dir.path().join("class/net").join(link)).unwrap();
        }
    }

    fn file(&self, address: &str, name: &str, text: &str) {
        fs::write(self.place(address).join(name), text).unwrap();
    }

    fn leads(&self, address: &str, name: &str, to: &str) {
        let path = self.place(address).join(name);
        let _ = fs::remove_file(&path);
        symlink(to, path).unwrap();
    }

    fn link_says(&self, link: &str, what: &str, text: &str) {
        let folder = self.dir.path().join("class/net").join(link);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(what), text).unwrap();
    }

    fn function(&self, address: &str) -> Option<VirtualFunction> {
        self.sysfs().virtual_function(&address.parse().unwrap()).unwrap()
    }
}

#[test]
fn functions_know_each_other_by_address_and_number() {
    // Ten come after two: folders are listed as texts.
    let card = Card::new(&[(10, "0000:af:11.5"), (0, "0000:af:10.1"), (2, "0000:af:10.5")]);
    let physical = card.sysfs().physical_functions().unwrap();
    let [found] = physical.as_slice() else { panic!("{physical:?}") };
    let expected = PhysicalFunction {
        address: PF.parse().unwrap(),
        driver: Some("ixgbe".to_owned()),
        links: vec!["ens1f1".to_owned()],
        total: 8,
        enabled: 3,
        rdma: Vec::new(),
        switch: None,
    };
    assert_eq!(*found, expected);
    let all = card.sysfs().virtual_functions(&found.address).unwrap();
    let places: Vec<_> = all.iter().map(|place| (place.number, place.address.as_str())).collect();
    assert_eq!(places, [(0, "0000:af:10.1"), (2, "0000:af:10.5"), (10, "0000:af:11.5")]);
    let one = card.function("0000:af:11.5").unwrap();
    assert_eq!((one.place.physical.as_str(), one.place.number), (PF, 10));
    assert_eq!(
        (one.driver.as_deref(), one.links.as_slice()),
        (Some("ixgbevf"), &["ens1f1v10".to_owned()][..])
    );
    assert!(!one.is_for_userspace() && one.iommu_group.is_none() && one.representor.is_none());
}

#[test]
fn what_is_no_function_is_told_from_one() {
    let card = Card::new(&[(0, "0000:af:10.1")]);
    card.device("0000:00:1f.2", Some("ahci"), &[]);
    // A virtual function that was switched off while we looked: nobody leads to it any more.
    card.device("0000:af:10.3", None, &[]);
    card.leads("0000:af:10.3", "physfn", &format!("../{PF}"));
    for address in ["0000:00:1f.2", "0000:af:10.3", "0000:ff:00.0", PF] {
        assert_eq!(card.function(address), None, "{address}");
    }
    assert_eq!(card.sysfs().physical_function(&"0000:af:10.1".parse().unwrap()).unwrap(), None);
    assert_eq!(Sysfs::at("/nonexistent").physical_functions().unwrap(), []);
    card.file(PF, "sriov_totalvfs", "many\n");
    let error = card.sysfs().physical_functions().unwrap_err().to_string();
    assert!(error.contains("sriov_totalvfs says `many`"), "{error}");
}

#[test]
fn drivers_for_programs_leave_no_link() {
    let address = "0000:af:10.1";
    let card = Card::new(&[(0, address)]);
    fs::remove_dir(card.place(address).join("net/ens1f1v0")).unwrap();
    fs::remove_dir(card.place(address).join("net")).unwrap();
    card.leads(address, "iommu_group", "../../../kernel/iommu_groups/42");
    for (driver, for_programs) in
        [("vfio-pci", true), ("uio_pci_generic", true), ("igb_uio", true), ("ixgbevf", false)]
    {
        card.leads(address, "driver", &format!("../../drivers/{driver}"));
        let found = card.function(address).unwrap();
        assert_eq!((found.is_for_userspace(), found.iommu_group), (for_programs, Some(42)), "{driver}");
        assert!(found.links.is_empty());
    }
    fs::remove_file(card.place(address).join("driver")).unwrap();
    let found = card.function(address).unwrap();
    assert_eq!((found.driver.as_ref(), found.is_for_userspace()), (None, false), "unbound");
}

#[test]
fn a_switch_in_the_card_names_its_ports() {
    let address = "0000:af:10.5";
    for (port, named) in
        [("pf1vf2\n", true), ("2\n", true), ("pf0vf2\n", false), ("pf1vf22\n", false), ("", false)]
    {
        let card = Card::new(&[(2, address)]);
        card.link_says("ens1f1", "phys_switch_id", "e8ebd3aabbcc\n");
        card.link_says("ens1f1", "phys_port_name", "p1\n");
        card.link_says("eth0", "phys_switch_id", "e8ebd3aabbcc\n");
        card.link_says("eth0", "phys_port_name", port);
        // Another card's.
        card.link_says("a0", "phys_switch_id", "000000000000\n");
        card.link_says("a0", "phys_port_name", "pf1vf2\n");
        let found = card.function(address).unwrap();
        assert_eq!(found.representor.as_deref(), named.then_some("eth0"), "{port:?}");
        let physical = card.sysfs().physical_functions().unwrap();
        assert_eq!(physical[0].switch.as_deref(), Some("e8ebd3aabbcc"));
    }
}

#[test]
fn rdma_devices_are_those_of_the_function() {
    let card = Card::new(&[(0, "0000:af:10.1")]);
    fs::create_dir_all(card.place("0000:af:10.1").join("infiniband/mlx5_3")).unwrap();
    fs::create_dir_all(card.place(PF).join("infiniband/mlx5_0")).unwrap();
    assert_eq!(card.function("0000:af:10.1").unwrap().rdma, ["mlx5_3"]);
    assert_eq!(card.sysfs().physical_functions().unwrap()[0].rdma, ["mlx5_0"]);
}

#[test]
fn rdma_devices_are_everybodys_unless_the_kernel_says_otherwise() {
    let card = Card::new(&[(0, "0000:af:10.1")]);
    assert!(card.sysfs().shares_rdma(), "nothing of RDMA is loaded");
    let folder = card.dir.path().join("module/ib_core/parameters");
    fs::create_dir_all(&folder).unwrap();
    for (text, shared) in [("Y\n", true), ("N\n", false)] {
        fs::write(folder.join("netns_mode"), text).unwrap();
        assert_eq!(card.sysfs().shares_rdma(), shared, "{text}");
    }
}

#[test]
fn a_function_is_reserved_for_a_driver_or_for_none() {
    let card = Card::new(&[(0, "0000:af:10.1")]);
    let address = "0000:af:10.1".parse().unwrap();
    assert_eq!(card.sysfs().reserved_for(&address), None);
    for (text, driver) in [("(null)\n", None), ("\n", None), ("vfio-pci\n", Some("vfio-pci"))] {
        card.file("0000:af:10.1", "driver_override", text);
        assert_eq!(card.sysfs().reserved_for(&address).as_deref(), driver, "{text}");
    }
}
