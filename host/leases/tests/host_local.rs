//! The same range with the reference plugin: side by side, after each other, and both at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use multus_tests::private;
use serde_json::json;
use support::{HostLocal, NETWORK, files, folder, holder, locked, process, said, told};

/// Processes of each kind, and claims of each process.
const CROWD: (usize, usize) = (8, 6);

#[test]
#[ignore = "a process that the other tests start"]
fn part() {
    let (words, directory) = told();
    assert_eq!(words[0], "crowd");
    for round in 0..CROWD.1 {
        let mut locked = locked(&directory);
        let (taken, ours) = (locked.claimed().unwrap(), holder(&words[1], &format!("net{round}")));
        let free = (1..255)
            .map(|host| format!("10.1.0.{host}"))
            .find(|key| *key != "10.1.0.1" && !taken.contains(key));
        let free = free.expect("the range is large enough");
        assert!(locked.claim(&free, &ours).unwrap());
        println!("got {free} net{round}");
    }
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, content)| (key.to_owned(), content.to_owned())).into()
}

fn ranges(directory: &Path) -> Option<HostLocal> {
    HostLocal::new(directory, json!([[{ "subnet": "10.1.0.0/29" }], [{ "subnet": "fd00::/64" }]]))
}

#[test]
fn both_leave_the_same_files() {
    let (theirs, ours) = (folder(), folder());
    let Some(host_local) = ranges(theirs.path()) else { return };
    assert_eq!(host_local.add("c1", "eth0").unwrap(), ["10.1.0.2", "fd00::2"]);

    let mut locked = locked(ours.path());
    for (key, note) in [("10.1.0.2", "last_reserved_ip.0"), ("fd00::2", "last_reserved_ip.1")] {
        assert!(locked.claim(key, &holder("c1", "eth0")).unwrap());
        locked.set_note(note, key).unwrap();
    }
    assert_eq!(files(ours.path()), files(theirs.path()));
    let lock = |folder: &Path| {
        let metadata = fs::metadata(folder.join(NETWORK).join("lock")).unwrap();
        (metadata.permissions().mode(), metadata.len())
    };
    assert_eq!(lock(ours.path()), lock(theirs.path()));
    let mode = |folder: &Path| fs::metadata(folder.join(NETWORK)).unwrap().permissions().mode();
    assert_eq!(mode(ours.path()), mode(theirs.path()));
}

#[test]
fn each_skips_what_the_other_has_and_goes_on_after_its_last_one() {
    let folder = folder();
    let Some(host_local) = ranges(folder.path()) else { return };
    let mut ours = locked(folder.path());
    ours.claim("10.1.0.2", &holder("ours", "eth0")).unwrap();
    ours.claim("fd00::2", &holder("ours", "eth0")).unwrap();
    drop(ours);
    assert_eq!(host_local.add("theirs", "eth0").unwrap(), ["10.1.0.3", "fd00::3"]);

    let mut ours = locked(folder.path());
    assert!(!ours.claim("10.1.0.3", &holder("ours", "net1")).unwrap());
    assert_eq!(ours.note("last_reserved_ip.0").unwrap().as_deref(), Some("10.1.0.3"));
    ours.set_note("last_reserved_ip.0", "10.1.0.4").unwrap();
    drop(ours);
    assert_eq!(host_local.add("theirs", "net1").unwrap(), ["10.1.0.5", "fd00::4"]);
}

#[test]
fn each_gives_back_what_the_other_claimed() {
    let folder = folder();
    let Some(host_local) = ranges(folder.path()) else { return };
    let mut ours = locked(folder.path());
    for (key, interface) in [("10.1.0.2", "eth0"), ("fd00::2", "eth0"), ("10.1.0.3", "net1")] {
        assert!(ours.claim(key, &holder("c1", interface)).unwrap());
    }
    drop(ours);
    let refused = host_local.add("c1", "eth0").unwrap_err();
    assert!(refused.contains("10.1.0.2 has been allocated to c1"), "{refused}");
    host_local.del("c1", "eth0");
    assert_eq!(files(folder.path()), pairs([("10.1.0.3", "c1\r\nnet1")]));

    assert_eq!(host_local.add("c2", "eth0").unwrap(), ["10.1.0.2", "fd00::2"]);
    let mut ours = locked(folder.path());
    let theirs = holder("c2", "eth0");
    let mut found = ours.claimed_by(&theirs).unwrap();
    found.sort();
    assert_eq!(found, ["10.1.0.2", "fd00::2"]);
    assert!(found.iter().all(|key| ours.release(key, &theirs).unwrap()));
    assert_eq!(ours.claimed().unwrap(), ["10.1.0.3"]);
}

/// A very old host-local wrote the container alone. The plugin of today gives such a claim back by it, and so do we.
#[test]
fn claims_of_old_are_given_back_by_both() {
    let folder = folder();
    let Some(host_local) = ranges(folder.path()) else { return };
    drop(locked(folder.path()));
    for key in ["10.1.0.2", "10.1.0.3"] {
        fs::write(folder.path().join(NETWORK).join(key), "old").unwrap();
    }
    assert!(locked(folder.path()).release("10.1.0.2", &holder("old", "net1")).unwrap());
    host_local.del("old", "net1");
    assert!(files(folder.path()).is_empty());
}

/// An empty file takes an address from both for good; in the next boot it is nobody's, and then both give it again.
#[test]
fn what_a_crash_of_the_plugin_left_is_reclaimed_for_both() {
    let folder = folder();
    let Some(host_local) = HostLocal::new(folder.path(), json!([[{ "subnet": "10.1.0.0/30" }]])) else {
        return;
    };
    drop(locked(folder.path()));
    let path = folder.path().join(NETWORK).join("10.1.0.2");
    let file = fs::File::create(path).unwrap();
    assert!(host_local.add("c1", "eth0").unwrap_err().contains("no IP addresses available"));
    assert!(locked(folder.path()).reclaim(|_| true).unwrap().is_empty());
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(locked(folder.path()).reclaim(|_| true).unwrap(), ["10.1.0.2"]);
    // Whoever noted in an earlier boot that it would be claimed may say so, also where the
    // machine was up again so soon that the clocks leave it in doubt.
    fs::File::create(folder.path().join(NETWORK).join("10.1.0.2")).unwrap();
    assert!(locked(folder.path()).release_of_earlier_boot("10.1.0.2", &holder("c1", "eth0")).unwrap());
    // And whoever had it, once the clocks agree.
    let file = fs::File::create(folder.path().join(NETWORK).join("10.1.0.2")).unwrap();
    assert!(!locked(folder.path()).release("10.1.0.2", &holder("c1", "eth0")).unwrap());
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(locked(folder.path()).release("10.1.0.2", &holder("c1", "eth0")).unwrap());
    assert_eq!(host_local.add("c1", "eth0").unwrap(), ["10.1.0.2"]);
}

#[test]
fn the_default_directory_is_the_plugins() {
    private(|| {
        let default = PathBuf::from("/var/lib/cni/networks");
        let Some(host_local) = ranges(&default) else { return };
        let mut ours = locked(&default);
        ours.claim("10.1.0.2", &holder("ours", "eth0")).unwrap();
        drop(ours);
        assert_eq!(host_local.without_data_dir().add("theirs", "eth0").unwrap(), ["10.1.0.3", "fd00::2"]);
    });
}

#[test]
fn a_crowd_of_both_gets_no_address_twice_and_gives_all_back_crosswise() {
    let folder = folder();
    let Some(host_local) = HostLocal::new(folder.path(), json!([[{ "subnet": "10.1.0.0/24" }]])) else {
        return;
    };
    let (processes, claims) = CROWD;
    let mut given: Vec<(String, String)> = Vec::new();
    std::thread::scope(|scope| {
        let ours = (0..processes).map(|number| {
            let mut process = process(&[], &format!("crowd ours{number}"), folder.path());
            (format!("ours{number}"), process.spawn().unwrap())
        });
        let ours: Vec<_> = ours.collect();
        let host_local = &host_local;
        let theirs = (0..processes).map(|number| {
            scope.spawn(move || {
                let id = format!("theirs{number}");
                let add = |round| (host_local.add(&id, &format!("net{round}")).unwrap()[0].clone(), round);
                let content = |(address, round)| (address, format!("{id}\r\nnet{round}"));
                (0..claims).map(add).map(content).collect::<Vec<_>>()
            })
        });
        let theirs: Vec<_> = theirs.collect();
        for (id, process) in ours {
            for line in said(&process.wait_with_output().unwrap(), "got") {
                let (address, interface) = line.split_once(' ').unwrap();
                given.push((address.to_owned(), format!("{id}\r\n{interface}")));
            }
        }
        given.extend(theirs.into_iter().flat_map(|thread| thread.join().unwrap()));
    });
    assert_eq!(given.len(), 2 * processes * claims);
    let mut found = files(folder.path());
    found.retain(|name, _| !name.starts_with("last_"));
    assert_eq!(found.len(), given.len(), "an address was given twice");
    assert_eq!(found, given.iter().cloned().collect());

    std::thread::scope(|scope| {
        for (address, content) in &given {
            let (id, interface) = content.split_once("\r\n").unwrap();
            let host_local = &host_local;
            match id.starts_with("ours") {
                true => drop(scope.spawn(move || host_local.del(id, interface))),
                false => assert!(locked(folder.path()).release(address, &holder(id, interface)).unwrap()),
            }
        }
    });
    assert_eq!(locked(folder.path()).claimed().unwrap(), Vec::<String>::new());
}
