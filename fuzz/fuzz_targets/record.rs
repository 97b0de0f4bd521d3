//! A call's record, as found on disk: opened, undone on paper, and moved away, whatever is in it.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use multus_journal::{CallKey, Store};

fuzz_target!(|bytes: &[u8]| {
    open(bytes);
    open(&with_checksums(bytes));
});

/// The same lines with checksums that are right, or nothing behind the checksum would ever be reached.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        file.extend_from_slice(format!("{:08x} ", crc32fast::hash(line)).as_bytes());
        file.extend_from_slice(line);
        file.push(b'\n');
    }
    file
}

fn open(record: &[u8]) {
    let folder = tempfile::tempdir_in(memory()).expect("a folder in memory");
    let key = CallKey { container_id: "c".to_owned(), interface: "eth0".to_owned() };
    let place = folder.path().join("attachments");
    fs::create_dir_all(&place).expect("a folder for the record");
    fs::write(place.join("c@eth0"), record).expect("the record");
    let store = Store::new(folder.path());
    if let Ok(Some(record)) = store.open(&key) {
        record.begun();
        for attachment in &record.attachments {
            let _states: Vec<_> = attachment.steps.iter().map(|step| step.state()).collect();
        }
    }
    let _listed = store.records();
    let _gone = store.remove(&key);
}

fn memory() -> &'static Path {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { shared } else { Path::new(".") }
}
