//! Where records are kept, and how they move.

mod listing;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc;

use crate::entry::{Call, CallKey, Entry};
use crate::error::JournalError;
use crate::folder;
use crate::name;
use crate::read;
use crate::record::Record;
use crate::writer::Writer;

/// Far more than a pod's plan, results and undo attempts take; a bigger file is somebody else's.
const LONGEST_RECORD: u64 = 64 << 20;

/// The records below one `cniDir`. Holds nothing open; nothing is created before the first record.
///
/// Whoever writes or moves a record holds its container's lock ([`Locks`](crate::Locks)).
#[derive(Debug, Clone)]
pub struct Store {
    attachments: PathBuf,
    leftover: PathBuf,
    quarantine: PathBuf,
}

/// Every record that could be read, and what stood in the way of the others.
#[derive(Debug, Default)]
pub struct Listing {
    /// Ordered by file name. Damage is in each one's [`problems`](Record::problems).
    pub records: Vec<Record>,
    /// Why others could not be read at all.
    pub unreadable: Vec<JournalError>,
}

/// What became of a record that is no longer needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// There was none.
    Absent,
    /// It is gone.
    Removed,
    /// Not all of it could be read, so it was kept, here, for people to look at.
    Quarantined(PathBuf),
}

impl Store {
    /// The store below `cni_dir` (multus's `cniDir`, by default `/var/lib/cni/multus`).
    pub fn new(cni_dir: &Path) -> Self {
        Self {
            attachments: cni_dir.join("attachments"),
            leftover: cni_dir.join("leftover"),
            quarantine: cni_dir.join("quarantine"),
        }
    }

    /// Starts the record of a call. Not yet synced.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if the call has one already (CNI-05); [`JournalError::NoSpace`] on a full
    /// disk, and nothing is left then.
    pub fn create(&self, call: &Call) -> Result<Writer, JournalError> {
        let path = self.path(&call.key)?;
        let header = read::header(call).map_err(|e| JournalError::io("write", &path, e.into()))?;
        let mut fresh = vec![self.attachments.clone()];
        let mut created = self.create_file(&path);
        if created.as_ref().is_err_and(|source| source.kind() == io::ErrorKind::NotFound) {
            fresh.extend(folder::make(&self.attachments)?);
            // Made now because DEL must be able to move a record on a full disk.
            folder::make(&self.leftover)?;
            folder::make(&self.quarantine)?;
            created = self.create_file(&path);
        }
        let file = created.map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                return JournalError::Exists { key: call.key.clone(), path: path.clone() };
            }
            JournalError::io("create", &path, source)
        })?;
        begin(file, &path, &header, fresh)
    }

    /// The record of a call, if it has one. Only reads.
    ///
    /// # Errors
    /// [`JournalError::Foreign`] if something else stands in its place.
    pub fn open(&self, key: &CallKey) -> Result<Option<Record>, JournalError> {
        let path = self.path(key)?;
        Ok(read_file(&path)?.map(|bytes| Record::of(key.clone(), &path, read::contents(&bytes))))
    }

    /// A writer that goes on with a record where it is, be it damaged or a leftover. A torn last line is
    /// cut. Takes no space on the disk.
    ///
    /// # Errors
    /// [`JournalError::Io`] if it can't be opened, or shrank since it was read.
    pub fn writer(&self, record: &Record) -> Result<Writer, JournalError> {
        let path = &record.path;
        let file =
            folder::file_options().open(path).map_err(|e| JournalError::io("open for writing", path, e))?;
        let length = file.metadata().map_err(|e| JournalError::io("measure", path, e))?.len();
        if length < record.whole {
            let source =
                io::Error::other("it shrank since it was read: another process wrote without the lock");
            return Err(JournalError::io("go on with", path, source));
        }
        if length > record.whole {
            file.set_len(record.whole).map_err(|e| JournalError::io("cut the torn end of", path, e))?;
        }
        Ok(Writer::new(file, path, record.whole, Vec::new()))
    }

    /// Drops a record, or a leftover, of which everything is undone. One that could not be read in full is
    /// quarantined instead. Takes no space on the disk.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn dispose(&self, record: &Record) -> Result<Removal, JournalError> {
        if !record.problems.is_empty() {
            return self.move_to(&self.quarantine, record).map(Removal::Quarantined);
        }
        match fs::remove_file(&record.path) {
            Ok(()) => Ok(Removal::Removed),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Removal::Absent),
            Err(source) => Err(JournalError::io("remove", &record.path, source)),
        }
    }

    /// The same for a call's record as it is now.
    ///
    /// # Errors
    /// [`JournalError::Io`]; [`JournalError::Foreign`] if something else stands in its place.
    pub fn remove(&self, key: &CallKey) -> Result<Removal, JournalError> {
        self.open(key)?.map_or(Ok(Removal::Absent), |record| self.dispose(&record))
    }

    /// Moves a record that can't be undone now out of DEL's way, to the leftovers, with the reason. On a
    /// full disk only the reason is lost. Returns its new place.
    ///
    /// # Errors
    /// [`JournalError::Io`] if there is no such record or it can't be moved.
    pub fn to_leftover(&self, key: &CallKey, why: &str) -> Result<PathBuf, JournalError> {
        let path = self.path(key)?;
        let absent = || JournalError::io("move", &path, io::ErrorKind::NotFound.into());
        let record = self.open(key)?.ok_or_else(absent)?;
        let entry = Entry::Leftover { at: now(), why: why.to_owned() };
        // The reason is for people; that the record moves is what matters. A newer version's is as that one left it: a
        // line of ours would cut off what we can't read.
        if !record.newer() {
            let _ = self.writer(&record).and_then(|mut writer| writer.append(&entry));
        }
        self.move_to(&self.leftover, &record)
    }

    /// Moves a record's file to `<container>@<interface>@<started>` in `folder`, over nothing that is there.
    fn move_to(&self, folder: &Path, record: &Record) -> Result<PathBuf, JournalError> {
        folder::make(folder)?;
        let mut started = record.call.as_ref().map_or_else(|| modified(&record.path), |call| call.started);
        let CallKey { container_id, interface } = &record.key;
        loop {
            let target = folder.join(format!("{container_id}@{interface}@{started}"));
            if target.symlink_metadata().is_err() {
                let moved = fs::rename(&record.path, &target);
                return moved
                    .map(|()| target)
                    .map_err(|source| JournalError::io("set aside", &record.path, source));
            }
            started = started.wrapping_add(1);
        }
    }

    fn path(&self, key: &CallKey) -> Result<PathBuf, JournalError> {
        name::check_key(key)?;
        Ok(self.attachments.join(format!("{}@{}", key.container_id, key.interface)))
    }

    fn create_file(&self, path: &Path) -> io::Result<File> {
        folder::file_options().create_new(true).open(path)
    }
}

/// The record's first line; without it the file is nobody's.
fn begin(file: File, path: &Path, header: &[u8], fresh: Vec<PathBuf>) -> Result<Writer, JournalError> {
    let mut writer = Writer::new(file, path, 0, fresh);
    match writer.write(header) {
        Ok(()) => Ok(writer),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// A record's bytes; `None` if there is no file.
fn read_file(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    let foreign = |why: &str| JournalError::Foreign { path: path.to_owned(), why: why.to_owned() };
    // O_NONBLOCK: a fifo must not make a call wait.
    let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file: File = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) if source.raw_os_error() == Some(libc::ELOOP) => {
            return Err(foreign("it is a symbolic link"));
        }
        Err(source) => return Err(JournalError::io("open", path, source)),
    };
    let metadata = file.metadata().map_err(|e| JournalError::io("measure", path, e))?;
    if !metadata.is_file() {
        return Err(foreign("it is not a regular file"));
    }
    if metadata.len() > LONGEST_RECORD {
        return Err(foreign("it is longer than any record, 64 MiB"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_RECORD).read_to_end(&mut bytes).map_err(|e| JournalError::io("read", path, e))?;
    Ok(Some(bytes))
}

/// When a file was last written, for names; 0 if even that can't be told.
fn modified(path: &Path) -> u64 {
    path.metadata().and_then(|metadata| metadata.modified()).map_or(0, milliseconds)
}

/// Milliseconds since 1970, as the times of a record are written.
pub fn now() -> u64 {
    milliseconds(SystemTime::now())
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
