//! The claims of one network, while nobody else may touch them.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::directory::Directory;
use crate::{Holder, LeaseError, boot, name};

/// Where a file is written before it gets its name. Only who holds the lock does that, so one is enough.
const DRAFT: &str = ".draft";
/// Far more than a claim or a note takes.
const LONGEST: u64 = 4096;

/// A network's folder, locked until this is dropped.
#[derive(Debug)]
pub struct Locked {
    directory: Directory,
    lock: File,
}

/// What a claim's file holds.
enum Content {
    Of(Holder),
    /// Nothing: whoever made it came no further. Written to in an earlier boot, or in this one.
    Empty {
        earlier_boot: bool,
    },
    /// Something else, or no regular file: nobody's that we know, and taken.
    Foreign,
}

impl Locked {
    pub(crate) fn new(directory: Directory, lock: File) -> Self {
        Self { directory, lock }
    }

    /// The network's folder.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// All keys that are claimed, by whomever, in no order.
    ///
    /// # Errors
    /// [`LeaseError::Io`].
    pub fn claimed(&self) -> Result<Vec<String>, LeaseError> {
        let mut keys = self.directory.names()?;
        keys.retain(|key| name::key(key).is_ok());
        Ok(keys)
    }

    /// Whether anybody has a key.
    ///
    /// # Errors
    /// [`LeaseError::Name`] for a key that can't be one; [`LeaseError::Io`].
    pub fn is_claimed(&self, key: &str) -> Result<bool, LeaseError> {
        name::key(key)?;
        Ok(self.directory.stat(key)?.is_some())
    }

    /// The keys that this holder has claimed. Reads every claim.
    ///
    /// # Errors
    /// [`LeaseError::Io`].
    pub fn claimed_by(&self, holder: &Holder) -> Result<Vec<String>, LeaseError> {
        let mut own = Vec::new();
        for key in self.claimed()? {
            if self.holder(&key)?.is_some_and(|found| found.is(holder)) {
                own.push(key);
            }
        }
        Ok(own)
    }

    /// Whose a claim is; `None` if there is none, or its file does not say.
    ///
    /// # Errors
    /// [`LeaseError::Name`] for a key that can't be one; [`LeaseError::Io`].
    pub fn holder(&self, key: &str) -> Result<Option<Holder>, LeaseError> {
        name::key(key)?;
        Ok(match self.content(key)? {
            Some(Content::Of(holder)) => Some(holder),
            _ => None,
        })
    }

    /// Claims a key; false if anybody has it, the same holder included. A claim is whole, or not there. Not synced: a
    /// power cut ends every pod, so what it may lose is what it makes void, and whoever claims has noted on disk before
    /// that it would, which gives back what is left of it.
    ///
    /// # Errors
    /// [`LeaseError::Name`] for a key that can't be one; [`LeaseError::NoSpace`]; [`LeaseError::Io`].
    pub fn claim(&mut self, key: &str, holder: &Holder) -> Result<bool, LeaseError> {
        if self.is_claimed(key)? {
            return Ok(false);
        }
        let claimed = self.draft(&holder.content()).and_then(|()| self.directory.link(DRAFT, key));
        let cleared = self.directory.remove(DRAFT);
        // What can't be promised is not kept: the first error counts, and the key is free again.
        match claimed.and_then(|claimed| cleared.map(|_| claimed)) {
            Err(error) => {
                let _ = self.release(key, holder);
                Err(error)
            }
            claimed => claimed,
        }
    }

    /// Gives a claim back, if it is this holder's, or one whose content an earlier boot's power cut took: false if it is
    /// neither, or there is none. Takes no space on the disk, and is on disk before the answer: whoever knew of the claim
    /// may forget it then, and what nobody knows of would stay for ever if a power cut brought it back.
    ///
    /// # Errors
    /// [`LeaseError::Name`] for a key that can't be one; [`LeaseError::Io`].
    pub fn release(&mut self, key: &str, holder: &Holder) -> Result<bool, LeaseError> {
        self.give_back(key, holder, false)
    }

    /// As [`Locked::release`], for a claim that was noted in an earlier boot: whatever the clocks say, a file without
    /// content is what the power cut left of it.
    ///
    /// # Errors
    /// As for [`Locked::release`].
    pub fn release_of_earlier_boot(&mut self, key: &str, holder: &Holder) -> Result<bool, LeaseError> {
        self.give_back(key, holder, true)
    }

    fn give_back(&mut self, key: &str, holder: &Holder, rebooted: bool) -> Result<bool, LeaseError> {
        // Of a claim that was cut short; nobody else drafts while this lock is held.
        let _ = self.directory.remove(DRAFT);
        name::key(key)?;
        let is_holders = match self.content(key)? {
            Some(Content::Of(found)) => found.is(holder),
            Some(Content::Empty { earlier_boot }) => rebooted || earlier_boot,
            Some(Content::Foreign) | None => false,
        };
        if !is_holders {
            return Ok(false);
        }
        let released = self.directory.remove(key)?;
        if released {
            self.directory.sync()?;
        }
        Ok(released)
    }

    /// Gives back all claims of holders that are dead, and empty files of an earlier boot: those that a crash of
    /// host-local left. Returns their keys. What is nobody's that can be read stays taken. Not synced.
    ///
    /// `alive` answers true for everybody of whom it does not know.
    ///
    /// # Errors
    /// [`LeaseError::Io`]; some may have been given back by then.
    pub fn reclaim(&mut self, mut alive: impl FnMut(&Holder) -> bool) -> Result<Vec<String>, LeaseError> {
        let mut reclaimed = Vec::new();
        for key in self.claimed()? {
            let dead = match self.content(&key)? {
                Some(Content::Of(holder)) => !alive(&holder),
                Some(Content::Empty { earlier_boot }) => earlier_boot,
                Some(Content::Foreign) | None => false,
            };
            if dead && self.directory.remove(&key)? {
                reclaimed.push(key);
            }
        }
        Ok(reclaimed)
    }

    /// A note, such as `last_reserved_ip.0`; `None` if there is none, or nothing in it that is text.
    ///
    /// # Errors
    /// [`LeaseError::Name`] for a name that can't be a note's; [`LeaseError::Foreign`], [`LeaseError::Io`].
    pub fn note(&self, name: &str) -> Result<Option<String>, LeaseError> {
        name::note(name)?;
        let Some(file) = self.directory.reading(name)? else { return Ok(None) };
        let bytes = self.bytes(name, file)?;
        let text = String::from_utf8(bytes).ok().map(|text| text.trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Writes a note, whole or not at all. Not synced: it is a hint.
    ///
    /// # Errors
    /// [`LeaseError::Name`] for a name that can't be a note's, and a value that is no visible ASCII text of at most 255
    /// characters; [`LeaseError::NoSpace`]; [`LeaseError::Io`].
    pub fn set_note(&mut self, name: &str, value: &str) -> Result<(), LeaseError> {
        name::note(name)?;
        name::word("note", value)?;
        let written = self.draft(value).and_then(|()| self.directory.rename(DRAFT, name));
        if written.is_err() {
            // The error that counts is the first one; the next draft removes this one.
            let _ = self.directory.remove(DRAFT);
        }
        written
    }

    /// Writes the one draft there is.
    fn draft(&self, content: &str) -> Result<(), LeaseError> {
        let mut file = self.directory.fresh(DRAFT)?;
        let written = file.write_all(content.as_bytes());
        written.map_err(|source| LeaseError::io("write", &self.directory.at(DRAFT), source))
    }

    fn content(&self, key: &str) -> Result<Option<Content>, LeaseError> {
        let file = match self.directory.reading(key) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(None),
            // A symbolic link, a socket.
            Err(LeaseError::Foreign { .. }) => return Ok(Some(Content::Foreign)),
            Err(error) => return Err(error),
        };
        let failed = |source| LeaseError::io("look at", &self.directory.at(key), source);
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Ok(Some(Content::Foreign));
        }
        let bytes = self.bytes(key, file)?;
        // Some file systems give a file that was not synced its length and zeros for its content.
        if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            let earlier_boot = boot::is_earlier(metadata.modified().map_err(failed)?);
            return Ok(Some(Content::Empty { earlier_boot }));
        }
        let whole = u64::try_from(bytes.len()).is_ok_and(|length| length < LONGEST);
        let holder = std::str::from_utf8(&bytes).ok().filter(|_| whole).and_then(Holder::read);
        Ok(Some(holder.map_or(Content::Foreign, Content::Of)))
    }

    fn bytes(&self, name: &str, file: File) -> Result<Vec<u8>, LeaseError> {
        let mut bytes = Vec::new();
        let read = file.take(LONGEST).read_to_end(&mut bytes);
        read.map_err(|source| LeaseError::io("read", &self.directory.at(name), source))?;
        Ok(bytes)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // A copy of the descriptor that a child has must not keep others waiting.
        let _ = self.lock.unlock();
    }
}
