//! The annotations that select a pod's networks: today's in both forms, and that of 2018.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multus_cluster::{parse_annotation_2018, parse_selections, parse_selections_as_upstream};
use multus_cni::names;

fuzz_target!(|text: &str| {
    match parse_selections(text, "shop") {
        Ok(selections) => {
            let (as_upstream, _) = parse_selections_as_upstream(text, "shop").expect("upstream refuses less");
            assert_eq!(as_upstream, selections);
            for selection in selections {
                assert!(!selection.network.namespace.is_empty() && !selection.network.name.is_empty());
                if let Some(interface) = selection.interface {
                    names::check_ifname(&interface).expect("an interface that the kernel can name");
                }
            }
        }
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
    match parse_annotation_2018(text) {
        Ok(names) => assert!(!names.is_empty() && names.iter().all(|name| !name.is_empty())),
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
});
