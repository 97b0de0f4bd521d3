//! Files that grant access: kubeconfig, certificates, keys, tokens.

use std::io;
use std::path::Path;

use multus_document::file;

/// More than any of them needs, and little enough to read while a pod waits.
const MAX_BYTES: u64 = 1 << 20;

/// A whole file. Links are followed, since a mounted Secret is made of them.
///
/// # Errors
/// It is not there, not readable, not a file (a pipe would never end), or larger than a MiB.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = file::read(path, MAX_BYTES + 1)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(bytes)
}

/// A whole file that is text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path)?).map_err(invalid)
}
