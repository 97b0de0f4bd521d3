//! A folder of claims as some other plugin, or nobody, left it: whatever is in it, a file is a claim, and what we claim
//! and give back leaves everything else as it was.
#![no_main]

use std::fs;
use std::path::Path;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use multus_leases::{Folder, Holder};

fuzz_target!(|bytes: &[u8]| {
    let root = tempfile::tempdir_in(memory()).expect("a folder in memory");
    let folder = root.path().join("net");
    fs::create_dir(&folder).expect("the network's folder");
    // `name content`, one a line.
    for line in bytes.split(|byte| *byte == b'\n').take(32) {
        let (name, content) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if !name.is_empty() && name.len() < 200 && !name.contains(['/', '\0']) && ![".", ".."].contains(&name) {
            fs::write(folder.join(name), content.get(1..).unwrap_or_default()).expect("a claim");
        }
    }
    let Ok(opened) = Folder::open(root.path(), "net") else { return };
    let Ok(mut locked) = opened.lock(Instant::now()) else { return };
    let holder = Holder::new("fuzzed", "eth0").expect("a holder that can be read again");
    let Ok(before) = locked.claimed() else { return };
    for key in &before {
        let _whose = locked.holder(key);
        assert!(locked.is_claimed(key).unwrap_or(true), "{key}: a file is a claim");
    }
    let _note = locked.note("last_reserved_ip.0");
    if locked.claim("10.1.0.2", &holder).is_ok_and(|claimed| claimed) {
        assert!(!before.iter().any(|key| key == "10.1.0.2"), "claimed twice");
        assert!(locked.release("10.1.0.2", &holder).is_ok_and(|released| released), "what is ours is given back");
        assert_eq!(locked.claimed().expect("still readable"), before, "nothing else changed");
    }
});

fn memory() -> &'static Path {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { shared } else { Path::new(".") }
}
