//! What others may have put into the folder: nothing leads out of it, and nothing that is not ours is touched.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Instant;

use multus_leases::{Folder, LeaseError};
use support::{NETWORK, folder, holder, locked};

#[test]
fn the_operators_directory_may_be_a_link_and_nothing_below_it() {
    let folder = folder();
    let real = folder.path().join("real");
    fs::create_dir_all(real.join("elsewhere")).unwrap();
    symlink(&real, folder.path().join("link")).unwrap();
    assert!(locked(&folder.path().join("link")).claim("10.1.0.2", &holder("c1", "eth0")).unwrap());
    assert!(real.join(NETWORK).join("10.1.0.2").is_file());

    symlink("elsewhere", real.join("bad")).unwrap();
    symlink("/etc", real.join("worse")).unwrap();
    fs::write(real.join("file"), "").unwrap();
    for (network, why) in [("bad", "a symbolic link"), ("worse", "a symbolic link"), ("file", "not a folder")]
    {
        for error in [Folder::open(&real, network).unwrap_err(), Folder::find(&real, network).unwrap_err()] {
            assert!(matches!(error, LeaseError::Foreign { .. }), "{error}");
            assert!(error.to_string().contains(why) && error.to_string().contains(network), "{error}");
        }
    }
    assert_eq!(fs::read_dir(real.join("elsewhere")).unwrap().count(), 0);
}

#[test]
fn links_in_the_place_of_claims_are_taken_and_stay_as_they_are() {
    let folder = folder();
    let precious = folder.path().join("precious");
    fs::write(&precious, "c1\r\neth0").unwrap();
    let (mut locked, ours) = (locked(folder.path()), holder("c1", "eth0"));
    let network = folder.path().join(NETWORK);
    symlink(&precious, network.join("10.1.0.2")).unwrap();
    symlink("nowhere", network.join("10.1.0.3")).unwrap();
    fs::create_dir(network.join("10.1.0.4")).unwrap();
    let _socket = UnixListener::bind(network.join("10.1.0.5")).unwrap();
    assert!(Command::new("mkfifo").arg(network.join("10.1.0.6")).status().unwrap().success());

    assert_eq!(locked.claimed().unwrap().len(), 5);
    for host in 2..=6 {
        let key = format!("10.1.0.{host}");
        assert!(!locked.claim(&key, &ours).unwrap() && !locked.release(&key, &ours).unwrap(), "{key}");
        assert_eq!(locked.holder(&key).unwrap(), None, "{key}");
    }
    assert!(locked.reclaim(|_| false).unwrap().is_empty() && locked.claimed_by(&ours).unwrap().is_empty());
    assert_eq!(fs::read(&precious).unwrap(), b"c1\r\neth0");
    assert_eq!(fs::read_dir(&network).unwrap().count(), 6);
}

#[test]
fn links_in_the_place_of_draft_and_note_are_replaced_and_never_written_through() {
    let folder = folder();
    let precious = folder.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    let mut locked = locked(folder.path());
    for link in [".draft", "last_reserved_ip.0"] {
        symlink(&precious, folder.path().join(NETWORK).join(link)).unwrap();
    }
    assert!(matches!(locked.note("last_reserved_ip.0"), Err(LeaseError::Foreign { .. })));
    assert!(locked.claim("10.1.0.2", &holder("c1", "eth0")).unwrap());
    locked.set_note("last_reserved_ip.0", "10.1.0.2").unwrap();
    assert_eq!(locked.note("last_reserved_ip.0").unwrap().as_deref(), Some("10.1.0.2"));
    assert_eq!(fs::read(&precious).unwrap(), b"precious");

    fs::create_dir(folder.path().join(NETWORK).join(".draft")).unwrap();
    let error = locked.claim("10.1.0.3", &holder("c1", "eth0")).unwrap_err();
    assert!(error.to_string().contains(".draft can't be used: it is a folder"), "{error}");
}

#[test]
fn a_lock_that_is_no_file_locks_nothing() {
    let folder = folder();
    drop(locked(folder.path()));
    let lock = folder.path().join(NETWORK).join("lock");
    let error =
        || Folder::open(folder.path(), NETWORK).unwrap().lock(Instant::now()).unwrap_err().to_string();
    fs::remove_file(&lock).unwrap();
    symlink("/etc/passwd", &lock).unwrap();
    assert!(error().contains("lan/lock can't be used: it is a symbolic link"), "{}", error());
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    assert!(error().contains("lan/lock can't be used: it is a folder"), "{}", error());
    fs::remove_dir(&lock).unwrap();
    assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
    assert!(error().contains("lan/lock can't be used: it is not a regular file"), "{}", error());
}
