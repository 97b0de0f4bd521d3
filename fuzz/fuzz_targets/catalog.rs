//! The operator's catalog: read, or refused with problems that can be found in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multus_document::json;
use multus_wasm::{Catalog, Role};

fuzz_target!(|bytes: &[u8]| {
    match Catalog::parse(bytes) {
        Ok(catalog) => {
            let ordered = [Role::Transform, Role::Policy, Role::Delegate].map(|role| catalog.order(role));
            for name in ordered.into_iter().flatten() {
                let module = catalog.modules.get(name).expect("what has a place in an order is a module");
                let _words = module.grants.in_words();
                let everything = module.grants.links_match("eth0") && module.grants.names_match("eth0");
                assert!(!everything || module.role == Role::Delegate, "only delegates hold grants");
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            let text = String::from_utf8_lossy(bytes);
            for problem in problems.iter().filter(|problem| !problem.pointer.is_empty()) {
                assert!(json::locate(&text, &problem.pointer).is_some(), "{problem} is nowhere");
            }
        }
    }
});
