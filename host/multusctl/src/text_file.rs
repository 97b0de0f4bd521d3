//! Reading files that people name on the command line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use multus_document::json::MAX_BYTES;

/// A file's bytes, at most one past what the readers of documents take: they refuse it for its size.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.with_context(|| format!("can't read {}", path.display()))?;
    Ok(bytes)
}

/// A file's text.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    match String::from_utf8(read(path)?) {
        Ok(text) => Ok(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
            bail!("{}: line {line} is not UTF-8: save the file as UTF-8", path.display())
        }
    }
}
