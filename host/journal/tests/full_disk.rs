//! A full disk refuses an ADD's record in whole lines, and never keeps a DEL from going on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod sample;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use multus_journal::{Entry, JournalError, Removal, Store};
use sample::{call, key, plan, story};

/// Runs this test again, as root of namespaces of its own, with a small file system at `/mnt`.
/// False in the outer run, which is then done.
fn on_a_small_disk(test: &str) -> bool {
    if std::env::var_os("ON_A_SMALL_DISK").is_some() {
        return true;
    }
    let script = r#"mount -t tmpfs -o size=64k none /mnt && exec "$0" --exact "$1" --nocapture"#;
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env("ON_A_SMALL_DISK", "1")
        .status()
        .unwrap();
    assert!(status.success());
    false
}

/// Leaves no byte free.
fn fill() {
    let mut file = File::create("/mnt/ballast").unwrap();
    while file.write(&[0; 512]).is_ok_and(|written| written > 0) {}
}

#[test]
fn a_full_disk() {
    if !on_a_small_disk("a_full_disk") {
        return;
    }
    let store = Store::new(Path::new("/mnt/multus"));
    let (first, second) = (key("c1", "eth0"), key("c2", "eth0"));
    for key in [&first, &second] {
        let mut writer = store.create(&call(key)).unwrap();
        story().iter().for_each(|entry| writer.append(entry).unwrap());
    }
    let mut writer = store.writer(&store.open(&first).unwrap().unwrap()).unwrap();
    fill();

    // An entry that only fits in part is taken back in whole.
    let error = writer.append(&plan(&[200])).unwrap_err();
    assert!(matches!(error, JournalError::NoSpace { .. }), "{error}");
    let record = store.open(&first).unwrap().unwrap();
    assert_eq!((record.torn, record.committed, record.problems.len()), (false, Some(42), 0));

    // Nothing of a refused ADD is left.
    let refused = key("c3", "eth0");
    let error = store.create(&call(&refused)).unwrap_err();
    assert!(matches!(error, JournalError::NoSpace { .. }), "{error}");
    assert_eq!(store.records().records.len(), 2);
    assert!(!Path::new("/mnt/multus/attachments/c3@eth0").exists());

    let new = Store::new(Path::new("/mnt/new"));
    assert!(new.create(&call(&refused)).is_err());
    assert!(!Path::new("/mnt/new/attachments/c3@eth0").exists());

    // DEL goes on: it may fail to note its progress, but it can put the record aside and drop it.
    let mut writer = store.writer(&record).unwrap();
    let noted = writer.append(&Entry::Undoing { at: 1, reason: "x".repeat(70_000) });
    assert!(matches!(noted, Err(JournalError::NoSpace { .. })));
    store.to_leftover(&first, &"why".repeat(30_000)).unwrap();
    assert_eq!(store.remove(&second).unwrap(), Removal::Removed);

    // With space again, writing goes on after the last whole line.
    fs::remove_file("/mnt/ballast").unwrap();
    let leftovers = store.leftovers();
    let [leftover] = &leftovers.records[..] else { panic!("{leftovers:?}") };
    assert_eq!((leftover.torn, leftover.committed, &leftover.leftover), (false, Some(42), &None));
    let mut writer = store.writer(leftover).unwrap();
    writer.append(&Entry::Undoing { at: 2, reason: "sweep".to_owned() }).unwrap();
    assert!(store.leftovers().records[0].undoing.is_some());
    assert_eq!(store.dispose(leftover).unwrap(), Removal::Removed);
}
