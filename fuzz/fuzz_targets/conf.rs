//! The conf of multus, and the conf or conflist of a delegate: read, or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multus_attach::MultusConf;
use multus_attach::conf::ConfError;
use multus_cni::conf::{NetworkConf, stdin_for};
use multus_document::{Object, json};

fuzz_target!(|bytes: &[u8]| {
    match MultusConf::parse(bytes) {
        Ok(conf) => {
            let default =
                conf.cluster.network.is_some() || conf.delegates.iter().any(|delegate| delegate.default);
            assert!(default || conf.cluster.is_named(), "every pod has a default network, or can bring one");
        }
        Err(ConfError::Problems(problems) | ConfError::Version(problems)) => {
            assert!(!problems.is_empty(), "refused without a reason");
        }
        Err(ConfError::Syntax(_)) => {}
    }
    let Ok(object) = Object::parse(bytes) else { return };
    let text = String::from_utf8_lossy(bytes);
    for problem in MultusConf::problems(&object) {
        assert!(json::locate(&text, &problem.pointer).is_some(), "{problem} is nowhere");
    }
    match NetworkConf::parse(&object, Some("given"), None) {
        Ok(network) => {
            for plugin in &network.plugins {
                let stdin = stdin_for(plugin, &network, &Default::default(), None).to_string();
                Object::parse(stdin.as_bytes()).expect("a plugin gets one JSON object");
                plugin.nested_types();
            }
        }
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
});
