//! The annotation that selects a pod's networks, in both forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multus_cluster::parse_selections;
use multus_cni::names;

fuzz_target!(|text: &str| match parse_selections(text, "shop") {
    Ok(selections) => {
        for selection in selections {
            assert!(!selection.network.namespace.is_empty() && !selection.network.name.is_empty());
            if let Some(interface) = selection.interface {
                names::check_ifname(&interface).expect("an interface that the kernel can name");
            }
        }
    }
    Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
});
