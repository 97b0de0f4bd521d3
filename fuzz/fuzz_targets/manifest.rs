//! Manifests: YAML of any kind is read or refused, and every problem has a place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multus_cluster::validate;
use multus_document::yaml;

fuzz_target!(|text: &str| {
    for document in yaml::parse(text).unwrap_or_default() {
        for problem in validate::manifest(&document) {
            assert!(document.locate(&problem.pointer).is_some(), "{problem} is nowhere");
        }
    }
});
