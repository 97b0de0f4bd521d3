//! Records over their life, as a call, a crash and a DEL see them.
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
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use multus_journal::{
    CallKey, Effect, Entry, JournalError, Outcome, Part, Record, RecordProblem, Removal, StepState, Store,
};
use sample::{call, done, intent, key, path, plan, result, store, story};

fn write(store: &Store, key: &CallKey, entries: &[Entry]) {
    let mut writer = store.create(&call(key)).unwrap();
    for entry in entries {
        writer.append(entry).unwrap();
    }
    writer.sync().unwrap();
}

fn read(store: &Store, key: &CallKey) -> Record {
    store.open(key).unwrap().expect("the record is there")
}

#[test]
fn a_successful_add_reads_back_as_it_went() {
    let (_folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &story());

    let record = read(&store, &key);
    assert_eq!(record.call, Some(call(&key)));
    assert_eq!((record.torn, record.problems.len(), record.newer()), (false, 0, false));
    assert_eq!(record.committed, Some(42));
    assert_eq!(record.next_sequence(), 4);
    let Entry::Plan { attachments } = plan(&[1, 2]) else { unreachable!() };
    let intents: Vec<_> = record.attachments.iter().map(|a| a.intent.clone()).collect();
    assert_eq!(intents, attachments);
    assert_eq!(record.attachments[1].result.as_deref(), Some("{\"of\": 1}"));
    assert_eq!(record.attachments[1].step_state(1), StepState::Done);
    assert_eq!(record.attachments[1].step_state(2), StepState::NotStarted);
    assert_eq!(record.attachments[1].steps[0].result.as_deref(), Some("{\n \"step\": 0\n}"));
    assert_eq!(record.attachments[1].steps[0].own.effects[0].outcome, Some(Outcome::Ok));
    assert_eq!(record.own.effects[0].effect, Effect::Status { path: "status/shop/web.json".to_owned() });
    assert_eq!(record.own.effects[0].outcome, None);
}

#[test]
fn each_cut_of_the_story_tells_what_has_to_be_undone() {
    use StepState::{Done, NotStarted, Started};
    let cases: [(usize, [StepState; 3]); 6] = [
        (1, [NotStarted, NotStarted, NotStarted]),
        (2, [Started, NotStarted, NotStarted]),
        (3, [Started, NotStarted, NotStarted]),
        (4, [Done, NotStarted, NotStarted]),
        (9, [Done, Done, Started]),
        (11, [Done, Done, Done]),
    ];
    for (length, expected) in cases {
        let (_folder, store) = store();
        let key = key("c1", "eth0");
        write(&store, &key, &story()[..length]);
        let record = read(&store, &key);
        let states =
            [(0, 0), (1, 0), (1, 1)].map(|(a, s): (usize, usize)| record.attachments[a].step_state(s));
        assert_eq!(states, expected, "killed after entry {length}");
    }
}

#[test]
fn undoing_counts_attempts_and_keeps_the_first_clock() {
    let (_folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &[plan(&[1]), intent(0, 0, 0), done(0), result(0, 0)]);
    let step = Part::Step { attachment: 0, step: 0 };

    let mut writer = store.writer(&read(&store, &key)).unwrap();
    writer.append(&Entry::Undoing { at: 100, reason: "DEL".to_owned() }).unwrap();
    writer.append(&Entry::UndoFailed { part: step, at: 101, message: "no route".to_owned() }).unwrap();
    drop(writer);
    let record = read(&store, &key);
    let undoing = record.undoing.as_ref().unwrap();
    assert_eq!((undoing.since, undoing.attempts, undoing.reason.as_str()), (100, 1, "DEL"));
    assert_eq!(record.attachments[0].steps[0].own.undo_failure.as_ref().unwrap().message, "no route");
    assert_eq!(record.attachments[0].step_state(0), StepState::Done);

    let mut writer = store.writer(&record).unwrap();
    writer.append(&Entry::Undoing { at: 200, reason: "DEL again".to_owned() }).unwrap();
    writer.append(&Entry::Undone { part: step, at: 201 }).unwrap();
    drop(writer);
    let record = read(&store, &key);
    let undoing = record.undoing.as_ref().unwrap();
    assert_eq!((undoing.since, undoing.attempts, undoing.reason.as_str()), (100, 2, "DEL"));
    assert_eq!(record.attachments[0].steps[0].own.undo_failure, None);
    assert_eq!(record.attachments[0].step_state(0), StepState::Undone);
}

#[test]
fn a_second_add_without_del_is_refused_and_changes_nothing() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &story());
    let before = fs::read(path(&folder, &key)).unwrap();
    let error = store.create(&call(&key)).unwrap_err();
    assert!(matches!(error, JournalError::Exists { .. }), "{error}");
    assert_eq!(fs::read(path(&folder, &key)).unwrap(), before);
}

#[test]
fn only_root_may_look_into_a_record() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &[]);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let file = path(&folder, &key);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
}

#[test]
fn the_first_sync_covers_the_folders_that_were_made_and_the_next_ones_only_the_file() {
    let (folder, store) = store();
    // Below the existing folder: cni, multus, attachments were made, so that each one's parent has a
    // new entry, and attachments has the file.
    let mut writer = store.create(&call(&key("c1", "eth0"))).unwrap();
    writer.sync().unwrap();
    assert_eq!(writer.fsyncs(), 1 + 4);
    writer.sync().unwrap();
    assert_eq!(writer.fsyncs(), 1 + 4 + 1);
    let mut second = store.create(&call(&key("c2", "eth0"))).unwrap();
    second.sync().unwrap();
    assert_eq!(second.fsyncs(), 1 + 1, "file, its folder");
    drop(folder);
}

#[test]
fn removing_a_record_leaves_the_containers_others() {
    let (folder, store) = store();
    let (first, second) = (key("c1", "eth0"), key("c1", "eth1"));
    write(&store, &first, &story());
    write(&store, &second, &story());
    assert_eq!(store.remove(&first).unwrap(), Removal::Removed);
    assert!(!path(&folder, &first).exists() && path(&folder, &second).exists());
    assert_eq!(store.remove(&second).unwrap(), Removal::Removed);
    assert_eq!(store.remove(&second).unwrap(), Removal::Absent);
    assert_eq!(store.open(&second).unwrap(), None);
}

#[test]
fn a_torn_last_entry_is_cut_and_writing_goes_on() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &[plan(&[1]), intent(0, 0, 0)]);
    let file = path(&folder, &key);
    let torn = |length| fs::write(&file, &fs::read(&file).unwrap()[..length]).unwrap();
    let length = fs::read(&file).unwrap().len();
    torn(length - 5);

    let record = read(&store, &key);
    assert_eq!((record.torn, record.problems.len()), (true, 0));
    assert_eq!(record.attachments[0].step_state(0), StepState::NotStarted);
    store.writer(&record).unwrap().append(&intent(0, 0, 0)).unwrap();
    let record = read(&store, &key);
    assert_eq!((record.torn, record.attachments[0].step_state(0)), (false, StepState::Started));
    assert_eq!(fs::read(&file).unwrap().len(), length);
    assert_eq!(store.remove(&key).unwrap(), Removal::Removed, "torn is normal");
}

#[test]
fn a_record_that_was_never_begun_is_nothing_to_undo() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &[]);
    for content in ["", "0123", "\0\0\0\0"] {
        fs::write(path(&folder, &key), content).unwrap();
        let record = read(&store, &key);
        assert_eq!((record.call.is_none(), record.torn), (true, !content.is_empty()), "{content:?}");
        assert!(record.problems.is_empty() && record.attachments.is_empty() && !record.begun());
    }
    assert_eq!(store.remove(&key).unwrap(), Removal::Removed);
}

#[test]
fn a_damaged_record_is_still_undone_and_then_quarantined() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &story());
    let file = path(&folder, &key);
    let mut bytes = fs::read(&file).unwrap();
    bytes[20] ^= 0x20; // the header
    let third = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(2).unwrap().0;
    bytes[third + 30] ^= 1; // the first Done
    fs::write(&file, &bytes).unwrap();

    let record = read(&store, &key);
    assert_eq!(record.problems, [1, 4].map(|line| RecordProblem::Damaged { line }));
    assert_eq!((record.call.is_none(), record.attachments.len()), (true, 2));
    assert_eq!(record.attachments[0].steps[0].own.effects[0].outcome, None);
    let part = Part::Step { attachment: 0, step: 0 };
    store.writer(&record).unwrap().append(&Entry::Undone { part, at: 1 }).unwrap();
    assert_eq!(read(&store, &key).attachments[0].step_state(0), StepState::Undone);

    let Removal::Quarantined(kept) = store.remove(&key).unwrap() else { panic!("it was thrown away") };
    assert!(kept.starts_with(folder.path().join("cni/multus/quarantine")));
    assert!(fs::read(kept).unwrap().starts_with(&bytes));
    assert!(!file.exists());
}

/// Puts a line with a good checksum at the end of a record.
fn append_raw(file: &std::path::Path, json: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
    writeln!(file, "{:08x} {json}", crc32fast::hash(json.as_bytes())).unwrap();
}

#[test]
fn what_a_newer_version_wrote_is_named_and_never_guessed() {
    let cases = [
        (r#"{"kernel-effect":{"sequence":9}}"#, "kernel-effect"),
        (r#"{"intent":{"part":"call","sequence":1,"at":1,"effect":{"link":{"kind":"veth"}}}}"#, "intent"),
        (r#"{"undone":{"part":{"effect":{"sequence":3}},"at":1}}"#, "undone"),
        (r#""sealed""#, "sealed"),
        ("[1]", "another form"),
    ];
    for (json, named) in cases {
        let (folder, store) = store();
        let key = key("c1", "eth0");
        write(&store, &key, &[plan(&[1]), intent(0, 0, 0)]);
        append_raw(&path(&folder, &key), json);
        store.writer(&read(&store, &key)).unwrap().append(&done(0)).unwrap();

        let record = read(&store, &key);
        assert!(record.newer());
        let [problem] = &record.problems[..] else { panic!("{:?}", record.problems) };
        let text = problem.to_string();
        assert!(text.starts_with("line 4 was written by a newer version") && text.contains(named), "{text}");
        assert_eq!(record.attachments[0].steps[0].own.effects[0].outcome, Some(Outcome::Ok));
        assert!(matches!(store.remove(&key).unwrap(), Removal::Quarantined(_)));
    }
}

#[test]
fn default_routes_are_an_effect_of_the_call_and_change_results() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &[plan(&[1]), intent(0, 0, 0), done(0), result(0, 0)]);
    let attached = |at, result: &str| Entry::Attached { attachment: 0, at, result: result.to_owned() };
    let effect = Effect::DefaultRoutes {
        delete: vec!["default via 10.0.0.1 dev eth0 proto boot".to_owned()],
        add: vec!["default via 10.1.0.1 dev net1 proto static".to_owned()],
        deaf: vec!["eth0".to_owned()],
    };
    let changed = Entry::Intent { part: Part::Call, sequence: 1, at: 31, effect: effect.clone() };
    let mut writer = store.writer(&read(&store, &key)).unwrap();
    for entry in [attached(30, "{\"routes\": 1}"), changed, done(1), attached(32, "{\"routes\": 2}")] {
        writer.append(&entry).unwrap();
    }

    let record = read(&store, &key);
    assert_eq!(record.problems, []);
    assert_eq!(record.own.effects[0].effect, effect);
    assert_eq!(record.own.effects[0].outcome, Some(Outcome::Ok));
    assert_eq!(
        record.attachments[0].result.as_deref(),
        Some("{\"routes\": 2}"),
        "DEL and CHECK get the latter"
    );
    // What a reader that does not know the effect makes of such a line, `what_a_newer_version_wrote…` tells.
    let text = fs::read_to_string(path(&folder, &key)).unwrap();
    let spelt = r#""effect":{"default-routes":{"delete":["default via 10.0.0.1 dev eth0 proto boot"]"#;
    assert!(text.contains(spelt), "{text}");
}

#[test]
fn a_later_format_is_left_alone() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &[]);
    let file = path(&folder, &key);
    fs::write(&file, "").unwrap();
    append_raw(&file, r#"{"format":2,"what":"ever"}"#);
    append_raw(&file, r#"{"committed":{"at":1}}"#);
    let record = read(&store, &key);
    assert!(record.newer());
    assert_eq!((record.committed, record.call), (None, None));
}

#[test]
fn a_member_that_may_be_ignored_is_ignored() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    write(&store, &key, &[]);
    append_raw(&path(&folder, &key), r#"{"committed":{"at":1,"took":{"ms":3}}}"#);
    let record = read(&store, &key);
    assert_eq!((record.committed, record.problems.len()), (Some(1), 0));
}

#[test]
fn entries_that_contradict_the_plan_are_named_and_effects_are_never_lost() {
    let cases: Vec<(Vec<Entry>, &str)> = vec![
        (vec![plan(&[1]), plan(&[1])], "there is a plan already"),
        (vec![intent(0, 0, 0)], "no attachment 0"),
        (vec![plan(&[1]), intent(0, 0, 1)], "has no step 1"),
        (vec![plan(&[1]), intent(0, 0, 0), intent(0, 0, 0)], "number 0 was used before"),
        (vec![plan(&[1]), done(7)], "no intent has number 7"),
        (vec![plan(&[1]), result(3, 0)], "no attachment 3"),
    ];
    for (entries, expected) in cases {
        let (_folder, store) = store();
        let key = key("c1", "eth0");
        write(&store, &key, &entries);
        let record = read(&store, &key);
        let [problem] = &record.problems[..] else { panic!("{:?}", record.problems) };
        assert!(problem.to_string().contains(expected), "{problem} should say {expected}");
        let intents = entries.iter().filter(|entry| matches!(entry, Entry::Intent { .. })).count();
        let planned: usize =
            record.attachments.iter().flat_map(|a| &a.steps).map(|step| step.own.effects.len()).sum();
        assert_eq!(planned + record.strays.len(), intents);
    }
}

#[test]
fn another_calls_record_is_not_undone_in_this_ones_name() {
    let (folder, store) = store();
    let (mine, other) = (key("c1", "eth0"), key("c2", "eth0"));
    write(&store, &mine, &story());
    write(&store, &other, &story());
    fs::copy(path(&folder, &other), path(&folder, &mine)).unwrap();
    let record = read(&store, &mine);
    assert_eq!((record.call, record.attachments.len()), (None, 0));
    assert!(record.problems[0].to_string().contains("container c2"), "{}", record.problems[0]);
    assert!(matches!(store.remove(&mine).unwrap(), Removal::Quarantined(_)));
}

#[test]
fn what_del_gives_up_on_waits_among_the_leftovers() {
    let (folder, store) = store();
    let key = key("c1", "eth0@if7");
    for _ in 0..2 {
        write(&store, &key, &story());
        store.to_leftover(&key, "bridge: no such device").unwrap();
        assert_eq!(store.open(&key).unwrap(), None);
    }
    let leftovers = store.leftovers();
    assert!(leftovers.unreadable.is_empty());
    assert_eq!(leftovers.records.len(), 2, "the second one replaced the first");
    let names: Vec<_> =
        leftovers.records.iter().map(|r| r.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["c1@eth0@if7@1700000000000", "c1@eth0@if7@1700000000001"]);
    for record in &leftovers.records {
        assert_eq!((&record.key, record.committed), (&key, Some(42)));
        assert_eq!(record.leftover.as_ref().unwrap().why, "bridge: no such device");
        let mut writer = store.writer(record).unwrap();
        writer.append(&Entry::Undoing { at: 1, reason: "sweep".to_owned() }).unwrap();
        assert_eq!(store.dispose(record).unwrap(), Removal::Removed);
    }
    assert!(store.leftovers().records.is_empty());
    assert!(!path(&folder, &key).exists());
    assert!(store.to_leftover(&key, "gone").is_err());
}

#[test]
fn one_unreadable_record_hides_no_other() {
    let (folder, store) = store();
    for name in ["c1", "c2", "c3"] {
        write(&store, &key(name, "eth0"), &story());
    }
    let attachments = folder.path().join("cni/multus/attachments");
    fs::create_dir(attachments.join("c1@eth1")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", attachments.join("c2@eth1")).unwrap();
    fs::write(attachments.join("stray"), "x").unwrap();
    fs::write(attachments.join("@eth0"), "x").unwrap();
    fs::write(folder.path().join("cni/multus/leftover/what"), "x").unwrap();

    let listing = store.records();
    let names: Vec<_> = listing.records.iter().map(|r| r.key.container_id.as_str()).collect();
    assert_eq!(names, ["c1", "c2", "c3"]);
    let reasons: Vec<_> = listing.unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    for part in ["stray", "/@eth0", "not a regular file", "symbolic link"] {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part} is missing from {reasons:?}");
    }
    assert_eq!(store.records_of("c2").records.len(), 1);
    assert_eq!(store.records_of("none").records.len(), 0);
    assert_eq!(store.leftovers().unreadable.len(), 1);
}

#[test]
fn no_key_leads_out_of_the_store() {
    let (_folder, store) = store();
    for bad in ["..", ".", "", "a/b", "../../etc", "a\0b"] {
        for key in [key(bad, "eth0"), key("c1", bad)] {
            assert!(matches!(store.open(&key), Err(JournalError::Name { .. })), "{key}");
            assert!(matches!(store.create(&call(&key)), Err(JournalError::Name { .. })), "{key}");
            assert!(matches!(store.remove(&key), Err(JournalError::Name { .. })), "{key}");
        }
        assert_eq!(store.records_of(bad).records.len(), 0);
    }
}

#[test]
fn runtime_config_nests_as_deep_as_its_source_did() {
    let (_folder, store) = store();
    let key = key("c1", "eth0");
    let deep: serde_json::Value =
        serde_json::from_str(&format!("{}1{}", "[".repeat(126), "]".repeat(126))).unwrap();
    let Entry::Plan { mut attachments } = plan(&[1]) else { unreachable!() };
    attachments[0].runtime_config.insert("deep".to_owned(), deep);
    write(&store, &key, &[Entry::Plan { attachments: attachments.clone() }]);
    assert_eq!(read(&store, &key).attachments[0].intent, attachments[0]);
}
