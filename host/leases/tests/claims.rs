//! Claims from the first to the last, alone and against others who keep the lock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod support;

use std::fs::{self, File, FileTimes};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use multus_leases::{Folder, LeaseError};
use support::{NETWORK, files, folder, has_strace, holder, locked, process, said, soon, told};

#[test]
#[ignore = "a process that the other tests start"]
fn part() {
    let (words, directory) = told();
    match words[0].as_str() {
        "hold" => {
            let _locked = locked(&directory);
            println!("held now");
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
        }
        "claim" => {
            let claimed = locked(&directory).claim(&words[1], &holder("c1", "eth0")).unwrap();
            println!("answer {claimed}");
        }
        "release" => {
            let released = locked(&directory).release(&words[1], &holder("c1", "eth0")).unwrap();
            println!("answer {released}");
        }
        part => panic!("no part {part}"),
    }
}

#[test]
fn a_claim_is_made_once_and_given_back_by_its_holder_alone() {
    let folder = folder();
    let directory = folder.path().join("deep/er/networks");
    let (ours, other) = (holder("c1", "eth0"), holder("c1", "net1"));
    let mut locked = locked(&directory);
    assert_eq!(locked.path(), directory.join(NETWORK));
    assert!(!locked.is_claimed("10.1.0.2").unwrap());
    assert!(locked.claim("10.1.0.2", &ours).unwrap() && locked.is_claimed("10.1.0.2").unwrap());
    assert!(locked.claim("fd00::2", &ours).unwrap());
    assert!(!locked.claim("10.1.0.2", &other).unwrap() && !locked.claim("10.1.0.2", &ours).unwrap());
    assert!(locked.claim("10.1.0.3", &other).unwrap());

    let content = |words: &str| words.to_owned();
    let expected = [("10.1.0.2", "c1\r\neth0"), ("10.1.0.3", "c1\r\nnet1"), ("fd00::2", "c1\r\neth0")];
    assert_eq!(files(&directory), expected.map(|(key, words)| (content(key), content(words))).into());
    let mut own = locked.claimed_by(&ours).unwrap();
    own.sort();
    assert_eq!((own, locked.claimed().unwrap().len()), (vec!["10.1.0.2".into(), "fd00::2".into()], 3));
    assert_eq!(locked.holder("10.1.0.3").unwrap().unwrap().interface(), Some("net1"));
    assert_eq!(locked.holder("10.1.0.9").unwrap(), None);

    assert!(!locked.release("10.1.0.2", &other).unwrap() && !locked.release("10.1.0.9", &ours).unwrap());
    assert!(locked.release("10.1.0.2", &ours).unwrap() && !locked.release("10.1.0.2", &ours).unwrap());
    assert!(locked.claim("10.1.0.2", &other).unwrap());
}

#[test]
fn notes_are_replaced_whole_and_are_no_claims() {
    let folder = folder();
    let mut locked = locked(folder.path());
    let name = "last_reserved_ip.0";
    assert_eq!(locked.note(name).unwrap(), None);
    for value in ["10.1.0.2", "10.1.0.200", "10.1.0.3"] {
        locked.set_note(name, value).unwrap();
        assert_eq!(locked.note(name).unwrap().as_deref(), Some(value));
    }
    assert!(locked.claimed().unwrap().is_empty());
    for (text, note) in [("", None), (" \n", None), ("10.1.0.4\n", Some("10.1.0.4"))] {
        fs::write(folder.path().join(NETWORK).join(name), text).unwrap();
        assert_eq!(locked.note(name).unwrap().as_deref(), note, "{text:?}");
    }
    fs::write(folder.path().join(NETWORK).join(name), [0xff, 0xfe]).unwrap();
    assert_eq!(locked.note(name).unwrap(), None);
}

#[test]
fn names_that_lead_elsewhere_or_mean_something_else_are_refused() {
    let folder = folder();
    for network in ["", ".", "..", "../lan", "a/b", "/etc"] {
        for error in [Folder::open(folder.path(), network).err(), Folder::find(folder.path(), network).err()]
        {
            assert!(matches!(error, Some(LeaseError::Name { .. })), "{network}: {error:?}");
        }
    }
    let error = Folder::open(Path::new("networks"), NETWORK).unwrap_err();
    assert!(error.to_string().contains("not an absolute path"), "{error}");

    let (mut locked, ours) = (locked(folder.path()), holder("c1", "eth0"));
    for key in ["", "..", "../x", "a/b", "lock", "last_reserved_ip.0", ".draft"] {
        let errors = [
            locked.claim(key, &ours).err(),
            locked.release(key, &ours).err(),
            locked.holder(key).err(),
            locked.note(key).err().filter(|_| key != "last_reserved_ip.0"),
        ];
        let named = |error: &Option<LeaseError>| matches!(error, Some(LeaseError::Name { .. }) | None);
        assert!(errors.iter().all(named) && errors[0].is_some(), "{key}: {errors:?}");
    }
    for value in ["", "10.1.0.2\n", &"1".repeat(256)] {
        assert!(locked.set_note("last_reserved_ip.0", value).is_err(), "{value:?}");
    }
    assert!(files(folder.path()).is_empty());
}

/// (content, days since it was written, holder, whether it is reclaimed)
type Row = (&'static str, &'static [u8], u64, Option<&'static str>, bool);

/// What a crash of host-local or a lost power may have left, what an operator may have, and what `reclaim` does with it.
#[test]
fn a_file_is_a_claim_whatever_is_in_it_until_it_is_nobodys() {
    let rows: [Row; 10] = [
        ("10.1.0.10", b"alive\r\neth0", 0, Some("alive/eth0"), false),
        ("10.1.0.11", b"dead\r\neth0", 0, Some("dead/eth0"), true),
        ("10.1.0.12", b"dead", 0, Some("dead"), true),
        ("10.1.0.13", b"alive", 9999, Some("alive"), false),
        ("10.1.0.14", b"", 0, None, false),
        ("10.1.0.15", b"", 9999, None, true),
        ("10.1.0.16", b"\0\0\0\0\0\0\0\0\0\0", 9999, None, true),
        ("10.1.0.17", b"\xff\xfe", 9999, None, false),
        ("10.1.0.18", b"what an operator wrote here", 9999, None, false),
        ("10.1.0.19", &[b'x'; 5000], 9999, None, false),
    ];
    let folder = folder();
    let mut locked = locked(folder.path());
    for (key, content, days, ..) in rows {
        let path = folder.path().join(NETWORK).join(key);
        fs::write(&path, content).unwrap();
        let written = SystemTime::now() - Duration::from_secs(days * 86400);
        File::open(&path).unwrap().set_times(FileTimes::new().set_modified(written)).unwrap();
        assert!(!locked.claim(key, &holder("c1", "eth0")).unwrap(), "{key}");
    }
    for (key, _, _, whose, _) in rows {
        assert_eq!(locked.holder(key).unwrap().map(|holder| holder.to_string()).as_deref(), whose, "{key}");
    }
    let mut reclaimed = locked.reclaim(|holder| holder.container_id() == "alive").unwrap();
    reclaimed.sort();
    let expected: Vec<_> = rows.iter().filter(|row| row.4).map(|row| row.0).collect();
    assert_eq!(reclaimed, expected);
    assert_eq!(locked.claimed().unwrap().len(), rows.len() - expected.len());
    assert!(locked.claim("10.1.0.11", &holder("c1", "eth0")).unwrap());
}

#[test]
fn giving_back_makes_nothing() {
    let folder = folder();
    let directory = folder.path().join("networks");
    assert!(Folder::find(&directory, NETWORK).unwrap().is_none() && !directory.exists());
    fs::create_dir(&directory).unwrap();
    assert!(Folder::find(&directory, NETWORK).unwrap().is_none() && !directory.join(NETWORK).exists());
    locked(&directory).claim("10.1.0.2", &holder("c1", "eth0")).unwrap();
    let mut found = Folder::find(&directory, NETWORK).unwrap().unwrap().lock(soon()).unwrap();
    assert!(found.release("10.1.0.2", &holder("c1", "eth0")).unwrap());
}

#[test]
fn a_lock_that_is_not_free_is_waited_for_until_the_deadline() {
    let folder = folder();
    let busy = |patience| {
        let taken = Folder::open(folder.path(), NETWORK).unwrap().lock(Instant::now() + patience);
        let error = taken.unwrap_err();
        assert!(matches!(error, LeaseError::Busy { .. }), "{error}");
        assert!(error.to_string().contains("lan/lock") && error.to_string().contains("fuser"), "{error}");
    };
    let mut other = process(&[], "hold", folder.path()).spawn().unwrap();
    let mut begin = [0; 4096];
    while !String::from_utf8_lossy(&begin).contains("held now") {
        assert!(other.stdout.as_mut().unwrap().read(&mut begin).unwrap() > 0);
    }
    busy(Duration::ZERO);
    let began = Instant::now();
    busy(Duration::from_millis(60));
    assert!(began.elapsed() >= Duration::from_millis(60));

    let directory = folder.path().to_owned();
    let waiting = std::thread::spawn(move || locked(&directory).claim("10.1.0.2", &holder("c1", "eth0")));
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(waiting.join().unwrap().unwrap());
    drop(locked(folder.path()));
    drop(Folder::open(folder.path(), NETWORK).unwrap().lock(Instant::now()).unwrap());
}

/// Somebody clears the folder while others wait: nobody works under a lock that the next one does not find.
#[test]
fn a_lock_that_was_removed_locks_nobody() {
    let folder = folder();
    let first = locked(folder.path());
    fs::remove_file(folder.path().join(NETWORK).join("lock")).unwrap();
    let second = locked(folder.path());
    let third = Folder::open(folder.path(), NETWORK).unwrap().lock(Instant::now());
    assert!(matches!(third, Err(LeaseError::Busy { .. })));
    drop(second);
    drop(first);
    drop(locked(folder.path()));
}

#[test]
fn syncs_of_a_claim_are_counted() {
    if !has_strace("counting the syncs of a claim") {
        return;
    }
    let folder = folder();
    let directory = folder.path().join("var/networks");
    let syncs = |words: &str, answer: &str| {
        let log = folder.path().join("strace");
        let tracer = ["strace", "-f", "-e", "trace=fsync,fdatasync,sync,syncfs", "-o", log.to_str().unwrap()];
        let output = process(&tracer, words, &directory).output().unwrap();
        assert_eq!(said(&output, "answer"), [answer]);
        fs::read_to_string(&log).unwrap().lines().filter(|line| line.contains("sync(")).count()
    };
    // `var`, `networks` and the network's folder are new: three more.
    assert_eq!(syncs("claim 10.1.0.2", "true"), 3, "of the folder that was not there");
    assert_eq!(syncs("claim 10.1.0.3", "true"), 0);
    assert_eq!(syncs("claim 10.1.0.3", "false"), 0);
    assert_eq!(syncs("release 10.1.0.3", "true"), 1);
}
