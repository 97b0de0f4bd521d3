//! One pod's call, as the tests of records tell it.
#![allow(dead_code, reason = "not every test uses every part")]

use std::path::PathBuf;

use multus_journal::{
    AttachmentIntent, Call, CallKey, Effect, Entry, Implementation, Outcome, Part, PodKey, StepIntent, Store,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn store() -> (TempDir, Store) {
    let folder = folder();
    let store = Store::new(&folder.path().join("cni/multus"));
    (folder, store)
}

pub(crate) fn key(container_id: &str, interface: &str) -> CallKey {
    CallKey { container_id: container_id.to_owned(), interface: interface.to_owned() }
}

pub(crate) fn path(folder: &TempDir, key: &CallKey) -> PathBuf {
    folder.path().join("cni/multus/attachments").join(format!("{}@{}", key.container_id, key.interface))
}

pub(crate) fn call(key: &CallKey) -> Call {
    Call {
        key: key.clone(),
        network: "pods".to_owned(),
        netns_path: "/run/netns/a".to_owned(),
        netns: serde_json::from_value(json!({"boot": "b", "cookie": 7, "inode": 8, "device": 4})).unwrap(),
        boot: serde_json::from_value(json!("b")).unwrap(),
        args: "IgnoreUnknown=1;K8S_POD_NAME=web".to_owned(),
        path: "/opt/cni/bin".to_owned(),
        pod: Some(PodKey { namespace: "shop".to_owned(), name: "web".to_owned(), uid: None }),
        started: 1_700_000_000_000,
    }
}

/// A plan of one attachment for each of `steps`, with that many plugins.
pub(crate) fn plan(steps: &[usize]) -> Entry {
    let attachments = steps.iter().zip(0..).map(|(steps, index)| attachment(index, *steps)).collect();
    Entry::Plan { attachments }
}

fn attachment(index: u32, steps: usize) -> AttachmentIntent {
    let mut runtime_config = Map::new();
    runtime_config.insert("mac".to_owned(), Value::from("0a:00:00:00:00:01"));
    AttachmentIntent {
        index,
        interface: format!("net{index}"),
        network: "storage".to_owned(),
        display: "shop/storage".to_owned(),
        default: index == 0,
        cni_version: "1.0.0".to_owned(),
        args: String::new(),
        runtime_config,
        disable_check: false,
        disable_gc: false,
        source: "{\n  \"type\": \"bridge\"\n}".to_owned(),
        steps: vec![
            StepIntent {
                plugin: "bridge".to_owned(),
                conf: "{\"type\": \"bridge\"}".to_owned(),
                implementation: Implementation::Exec { path: "/opt/cni/bin/bridge".to_owned() },
            };
            steps
        ],
    }
}

pub(crate) fn intent(sequence: u64, attachment: u32, step: u32) -> Entry {
    let effect = Effect::Exec { verb: "ADD".to_owned(), stdin: "{\"type\": \"bridge\"}".to_owned() };
    Entry::Intent { part: Part::Step { attachment, step }, sequence, at: 10 + sequence, effect }
}

pub(crate) fn done(sequence: u64) -> Entry {
    Entry::Done { sequence, at: 20 + sequence, outcome: Outcome::Ok }
}

pub(crate) fn result(attachment: u32, step: u32) -> Entry {
    Entry::Result { attachment, step, result: format!("{{\n \"step\": {step}\n}}") }
}

/// A whole successful ADD of two attachments, the second with two plugins.
pub(crate) fn story() -> Vec<Entry> {
    let status = Effect::Status { path: "status/shop/web.json".to_owned() };
    vec![
        plan(&[1, 2]),
        intent(0, 0, 0),
        done(0),
        result(0, 0),
        Entry::Attached { attachment: 0, at: 30, result: "{\"of\": 0}".to_owned() },
        intent(1, 1, 0),
        done(1),
        result(1, 0),
        intent(2, 1, 1),
        done(2),
        result(1, 1),
        Entry::Attached { attachment: 1, at: 40, result: "{\"of\": 1}".to_owned() },
        Entry::Intent { part: Part::Call, sequence: 3, at: 41, effect: status },
        Entry::Committed { at: 42 },
    ]
}
