//! Appending to a record.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::entry::Entry;
use crate::error::JournalError;
use crate::line;

/// A record open for appending. The container's lock must be held while it lives.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    /// Bytes of whole lines.
    whole: u64,
    /// An append failed half-way and its fragment could not be cut off.
    fragment: bool,
    /// Folders with a new entry that was not synced yet.
    fresh: Vec<PathBuf>,
    fsyncs: u32,
}

impl Writer {
    pub(crate) fn new(file: File, path: &Path, whole: u64, fresh: Vec<PathBuf>) -> Self {
        Self { file, path: path.to_owned(), whole, fragment: false, fresh, fsyncs: 0 }
    }

    /// The record's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one entry in one write, without sync: that survives the death of this process, not a power
    /// cut.
    ///
    /// # Errors
    /// [`JournalError::NoSpace`] on a full disk. After any error the record is as it was before, and an
    /// undo may go on without writing.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let line = line::encode(entry).map_err(|e| JournalError::io("write", &self.path, e.into()))?;
        self.write(&line)
    }

    pub(crate) fn write(&mut self, line: &[u8]) -> Result<(), JournalError> {
        if self.fragment {
            self.cut()?;
        }
        if let Err(source) = self.file.write_all(line) {
            self.fragment = true;
            let _ = self.cut();
            return Err(JournalError::io("append to", &self.path, source));
        }
        self.whole += line.len() as u64;
        Ok(())
    }

    /// Cuts a fragment off, so that the next entry doesn't become part of it.
    fn cut(&mut self) -> Result<(), JournalError> {
        self.file.set_len(self.whole).map_err(|e| JournalError::io("cut the torn end of", &self.path, e))?;
        self.fragment = false;
        Ok(())
    }

    /// Makes everything appended so far survive a power cut: the file, and once each folder that got a new
    /// entry for it.
    ///
    /// # Errors
    /// [`JournalError::Io`]; nothing may be relied on then.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.fsyncs += 1;
        self.file.sync_data().map_err(|e| JournalError::io("sync", &self.path, e))?;
        while let Some(folder) = self.fresh.first() {
            self.fsyncs += 1;
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|e| JournalError::io("sync folder", folder, e))?;
            self.fresh.remove(0);
        }
        Ok(())
    }

    /// How many fsyncs this writer has made, for the bench.
    pub fn fsyncs(&self) -> u32 {
        self.fsyncs
    }
}
