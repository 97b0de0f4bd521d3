//! Functions that programs drive. This machine has no IOMMU, so none gets that far: what is told, and that its driver has it
//! again afterwards.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use multus_tests::left_out;
use serde_json::json;

use crate::Scene;

fn driver(scene: &Scene) -> String {
    let device = PathBuf::from("/sys/bus/pci/devices").join(scene.card.address(0)).join("driver");
    fs::read_link(device).unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

pub(crate) fn without_iommu(scene: &Scene) {
    let conf = scene.conf(&json!({ "if0": "pf0", "dpdk": {} }));
    for (loaded, words) in [(false, "`modprobe vfio-pci` loads it"), (true, "the node has no IOMMU")] {
        if loaded {
            let done = Command::new("/.vm/bin/modprobe").arg("vfio-pci").output().unwrap();
            if !done.status.success() {
                left_out(&format!(
                    "functions for programs: vfio-pci can't be loaded: {}",
                    String::from_utf8_lossy(&done.stderr).trim()
                ));
                return;
            }
        }
        let pod = scene.node.pod("program");
        let error = scene.node.add(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(said.contains(words) && said.contains(&scene.card.address(0)), "{said}");
        assert_eq!((driver(scene), scene.card.await_function(0)), ("igbvf".to_owned(), "vf0".to_owned()));
        multus_tests::ip("netns del program");
    }
}
