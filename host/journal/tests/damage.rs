//! Whatever happens to a record's bytes: never a panic, never a wrong reading.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod sample;

use std::fs;

use multus_journal::{Effect, Entry, Outcome, Part, Record, RecordProblem, Store};
use multus_net::{LinkRef, Property, Space};
use proptest::prelude::*;
use sample::{call, key, path, plan, store, story};
use tempfile::TempDir;

/// A record whose bytes can be anything.
struct Bench {
    folder: TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let (folder, store) = store();
        Self { folder, store }
    }

    /// A record of these entries: its bytes, and how it reads.
    fn written(&self, entries: &[Entry]) -> (Vec<u8>, Record) {
        let key = key("c1", "eth0");
        self.store.remove(&key).unwrap();
        let mut writer = self.store.create(&call(&key)).unwrap();
        for entry in entries {
            writer.append(entry).unwrap();
        }
        (fs::read(path(&self.folder, &key)).unwrap(), self.store.open(&key).unwrap().unwrap())
    }

    /// How a record with these bytes reads.
    fn reading(&self, bytes: &[u8]) -> Record {
        let key = key("c1", "eth0");
        fs::write(path(&self.folder, &key), bytes).unwrap();
        self.store.open(&key).unwrap().unwrap()
    }
}

fn same_meaning(one: &Record, other: &Record) -> bool {
    (&one.call, &one.attachments, &one.own, &one.committed)
        == (&other.call, &other.attachments, &other.own, &other.committed)
}

fn effects(record: &Record) -> usize {
    let steps = record.attachments.iter().flat_map(|attachment| &attachment.steps);
    steps.map(|step| step.own.effects.len()).sum::<usize>() + record.own.effects.len() + record.strays.len()
}

#[test]
fn every_truncation_reads_as_a_shorter_story() {
    let bench = Bench::new();
    let (bytes, whole) = bench.written(&story());
    let line_ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    for length in 0..bytes.len() {
        let record = bench.reading(&bytes[..length]);
        assert!(record.problems.is_empty(), "{length}: {:?}", record.problems);
        assert_eq!(record.torn, length != 0 && !line_ends.contains(&length), "{length}");
        assert!(!same_meaning(&record, &whole), "{length}");
        assert!(effects(&record) <= effects(&whole));
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("line\nbreak\r\n\u{2028}\0".to_owned()), "[ -~]{0,40}"]
}

fn parts() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Call),
        Just(Part::Attachment { attachment: 0 }),
        Just(Part::Step { attachment: 0, step: 0 })
    ]
}

/// An effect of the kernel; that each of them survives as text is tested where they are described.
fn renamed(name: String) -> multus_net::Effect {
    let link = LinkRef { space: Space::Sandbox, index: 7, name: name.clone() };
    multus_net::Effect::Set { link, property: Property::Name(name), before: None }
}

fn entries() -> impl Strategy<Value = Entry> {
    let effects = prop_oneof![
        (texts(), texts()).prop_map(|(verb, stdin)| Effect::Exec { verb, stdin }),
        texts().prop_map(|path| Effect::Status { path }),
        texts().prop_map(|path| Effect::DeviceInfo { path }),
        (texts(), texts()).prop_map(|(delete, add)| Effect::DefaultRoutes {
            delete: vec![delete],
            add: vec![add],
            deaf: Vec::new()
        }),
        texts().prop_map(|name| Effect::Net { effect: renamed(name) }),
        (texts(), texts(), texts()).prop_map(|(directory, network, key)| Effect::Claim {
            directory,
            network,
            key
        }),
        (texts(), texts()).prop_map(|(name, value)| Effect::Note {
            directory: "/var/lib/cni/networks".to_owned(),
            network: "storage".to_owned(),
            name,
            value
        }),
        (texts(), any::<bool>()).prop_map(|(stdin, ipam)| Effect::Delegate {
            plugin: "host-local".to_owned(),
            path: "/opt/cni/bin/host-local".to_owned(),
            stdin,
            ipam
        }),
    ];
    prop_oneof![
        (parts(), any::<u64>(), any::<u64>(), effects)
            .prop_map(|(part, sequence, at, effect)| Entry::Intent { part, sequence, at, effect }),
        (any::<u64>(), texts()).prop_map(|(at, message)| Entry::Done {
            sequence: 0,
            at,
            outcome: Outcome::Failed { message }
        }),
        texts().prop_map(|result| Entry::Result { attachment: 0, step: 0, result }),
        texts().prop_map(|result| Entry::Attached { attachment: 0, at: 1, result }),
        any::<u64>().prop_map(|at| Entry::Committed { at }),
        (any::<u64>(), texts()).prop_map(|(at, reason)| Entry::Undoing { at, reason }),
        (parts(), any::<u64>()).prop_map(|(part, at)| Entry::Undone { part, at }),
        (parts(), texts()).prop_map(|(part, message)| Entry::UndoFailed { part, at: 1, message }),
        (any::<u64>(), texts()).prop_map(|(at, why)| Entry::Leftover { at, why }),
    ]
}

#[test]
fn a_changed_byte_is_noticed_and_hides_nothing_else() {
    let bench = Bench::new();
    let (original, whole) = bench.written(&story());
    proptest!(|(at in any::<prop::sample::Index>(), flip in 1_u8..)| {
        let mut bytes = original.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let record = bench.reading(&bytes);
        prop_assert!(record.torn || !record.problems.is_empty());
        prop_assert!(!record.newer(), "damage is not a newer version: {:?}", record.problems);
        // A byte can at most join two lines; every effect on the others is still there.
        prop_assert!(effects(&record) + 2 >= effects(&whole));
    });
}

#[test]
fn any_bytes_in_a_records_place_are_survived() {
    let bench = Bench::new();
    bench.written(&[]);
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..400))| {
        let record = bench.reading(&bytes);
        prop_assert_eq!(record.call, None);
        prop_assert!(record.attachments.is_empty());
    });
}

#[test]
fn holes_are_survived() {
    let bench = Bench::new();
    let (original, _) = bench.written(&story());
    let hole = (any::<prop::sample::Index>(), 1_usize..200);
    proptest!(|(holes in prop::collection::vec(hole, 1..4))| {
        let mut bytes = original.clone();
        for (at, length) in holes {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes[at..end].fill(0);
        }
        let record = bench.reading(&bytes);
        prop_assert!(record.torn || !record.problems.is_empty());
    });
}

#[test]
fn entries_round_trip() {
    let bench = Bench::new();
    proptest!(|(mut entries in prop::collection::vec(entries(), 0..12))| {
        for entry in &entries {
            let text = serde_json::to_string(entry).unwrap();
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(&serde_json::from_str::<Entry>(&text).unwrap(), entry);
        }
        entries.insert(0, plan(&[1]));
        let (_, record) = bench.written(&entries);
        prop_assert!(!record.torn && !record.newer());
        let misplaced = |problem| matches!(problem, &RecordProblem::Misplaced { .. });
        prop_assert!(record.problems.iter().all(misplaced));
    });
}
