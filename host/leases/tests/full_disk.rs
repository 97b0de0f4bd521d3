//! A disk that is full, or refuses to be written: a claim is whole or not there, and giving back goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use multus_leases::{Folder, LeaseError};
use multus_tests::private;
use support::{NETWORK, files, holder, locked, soon};

const DISK: &str = "/run/disk";

fn mount(options: &str) {
    fs::create_dir_all(DISK).unwrap();
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none", DISK]).status().unwrap();
    assert!(status.success());
}

/// Leaves no byte free.
fn fill() {
    let mut file = File::create(format!("{DISK}/ballast")).unwrap();
    while file.write(&[0; 512]).is_ok_and(|written| written > 0) {}
}

fn is_full<T: std::fmt::Debug>(outcome: Result<T, LeaseError>) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, LeaseError::NoSpace { .. }), "{error}");
    assert!(error.to_string().contains(DISK), "{error}");
}

/// One where no data goes on the disk any more, then one where no files do.
#[test]
fn a_full_disk_takes_no_claim_and_gives_all_back() {
    private(|| {
        let (directory, ours) = (Path::new("/run/disk/networks"), holder("c1", "eth0"));
        for (options, full) in [("size=64k", fill as fn()), ("nr_inodes=8", || {})] {
            mount(options);
            let mut claims = locked(directory);
            assert!(claims.claim("10.1.0.2", &ours).unwrap());
            claims.set_note("last_reserved_ip.0", "10.1.0.2").unwrap();
            full();
            if options.starts_with("nr") {
                assert!(claims.claim("10.1.0.9", &ours).unwrap());
            }
            let before = files(directory);
            is_full(claims.claim("10.1.0.3", &ours));
            if options.starts_with("size") {
                is_full(claims.set_note("last_reserved_ip.0", "10.1.0.3"));
            }
            assert_eq!(files(directory), before, "{options}");
            assert_eq!(claims.note("last_reserved_ip.0").unwrap().as_deref(), Some("10.1.0.2"));
            drop(claims);
            if options.starts_with("nr") {
                is_full(Folder::open(directory, "another").and_then(|folder| folder.lock(soon())));
            }

            let mut claims = Folder::find(directory, NETWORK).unwrap().unwrap().lock(soon()).unwrap();
            assert!(claims.release("10.1.0.2", &ours).unwrap());
            drop(claims);
            assert!(Command::new("umount").arg(DISK).status().unwrap().success());
        }
    });
}

#[test]
fn a_disk_that_can_not_be_written_is_named() {
    private(|| {
        mount("size=64k");
        let (directory, ours) = (Path::new("/run/disk/networks"), holder("c1", "eth0"));
        assert!(locked(directory).claim("10.1.0.2", &ours).unwrap());
        assert!(Command::new("mount").args(["-o", "remount,ro", DISK]).status().unwrap().success());
        let mut claims = locked(directory);
        let errors = [
            claims.claim("10.1.0.3", &ours).unwrap_err(),
            claims.release("10.1.0.2", &ours).unwrap_err(),
            claims.reclaim(|_| false).unwrap_err(),
            Folder::open(directory, "another").unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.contains("/run/disk/networks/") && text.contains("Read-only file system"), "{text}");
        }
        assert_eq!(claims.claimed().unwrap(), ["10.1.0.2"]);
    });
}
