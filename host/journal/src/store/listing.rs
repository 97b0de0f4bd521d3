//! Every record there is. One that can't be read never hides the others.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Listing, Store, read_file};
use crate::entry::CallKey;
use crate::error::JournalError;
use crate::name;
use crate::read;
use crate::record::Record;

impl Store {
    /// Every call's record, without the leftovers.
    pub fn records(&self) -> Listing {
        self.records_where(|_| true)
    }

    /// The records of one container.
    pub fn records_of(&self, container_id: &str) -> Listing {
        self.records_where(|key| key.container_id == container_id)
    }

    fn records_where(&self, wanted: impl Fn(&CallKey) -> bool) -> Listing {
        let mut listing = Listing::default();
        for file in listing.names(&self.attachments) {
            let path = self.attachments.join(&file);
            match file.to_str().and_then(key) {
                Some(key) if wanted(&key) => listing.read(key, &path),
                Some(_) => {}
                None => listing.foreign(path, "its name is not <container>@<interface>"),
            }
        }
        listing
    }

    /// Every record that DEL gave up on.
    pub fn leftovers(&self) -> Listing {
        let mut listing = Listing::default();
        for file in listing.names(&self.leftover) {
            let path = self.leftover.join(&file);
            match file.to_str().and_then(leftover_key) {
                Some(key) => listing.read(key, &path),
                None => listing.foreign(path, "its name is not <container>@<interface>@<time>"),
            }
        }
        listing
    }
}

impl Listing {
    fn read(&mut self, key: CallKey, path: &Path) {
        match read_file(path) {
            Ok(Some(bytes)) => self.records.push(Record::of(key, path, read::contents(&bytes))),
            Ok(None) => {} // removed by its call since the folder was read
            Err(error) => self.unreadable.push(error),
        }
    }

    /// What is in a folder, sorted; nothing if there is no folder.
    fn names(&mut self, folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut names: Vec<OsString> = match entries {
            Ok(entries) => entries.iter().map(fs::DirEntry::file_name).collect(),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) if source.kind() == io::ErrorKind::NotADirectory => {
                self.foreign(folder.to_owned(), "a folder belongs here");
                Vec::new()
            }
            Err(source) => {
                self.unreadable.push(JournalError::io("list", folder, source));
                Vec::new()
            }
        };
        names.sort();
        names
    }

    fn foreign(&mut self, path: PathBuf, why: &str) {
        self.unreadable.push(JournalError::Foreign { path, why: why.to_owned() });
    }
}

/// `<container>@<interface>`, where only the interface may contain `@`.
fn key(name: &str) -> Option<CallKey> {
    let (container_id, interface) = name.split_once('@')?;
    let key = CallKey { container_id: container_id.to_owned(), interface: interface.to_owned() };
    name::check_key(&key).is_ok().then_some(key)
}

/// `<container>@<interface>@<time>`.
fn leftover_key(name: &str) -> Option<CallKey> {
    let (name, time) = name.rsplit_once('@')?;
    time.parse::<u64>().ok()?;
    key(name)
}
