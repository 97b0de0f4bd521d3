//! An open folder, below which nothing leads elsewhere.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{FileStat, Mode, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, linkat, unlinkat};

use crate::LeaseError;

/// Who may look: host-local's folders are everybody's to read.
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: Mode = Mode::from_bits_truncate(0o600);

#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// The folder at a path that is the operator's: symbolic links are followed. `None` if there is none.
    pub(crate) fn root(path: &Path) -> Result<Option<Self>, LeaseError> {
        if !path.is_absolute() {
            let name = path.display().to_string();
            return Err(LeaseError::Name { what: "directory", name, why: "it is not an absolute path" });
        }
        match open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: path.to_owned() })),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(LeaseError::open("open", path, errno)),
        }
    }

    /// Makes the folder at a path and those above it, on disk before the answer.
    pub(crate) fn make_root(path: &Path) -> Result<Self, LeaseError> {
        // A new entry is on disk once the folder that has it is.
        let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        let mut builder = std::fs::DirBuilder::new();
        let made = builder.recursive(true).mode(FOLDER_MODE).create(path);
        made.map_err(|source| LeaseError::io("create folder", path, source))?;
        for parent in missing.iter().rev().filter_map(|folder| folder.parent()) {
            let synced = File::open(parent).and_then(|folder| folder.sync_all());
            synced.map_err(|source| LeaseError::io("sync folder", parent, source))?;
        }
        let absent = || LeaseError::io("open", path, Errno::ENOENT);
        Self::root(path)?.ok_or_else(absent)
    }

    /// The folder of that name in this one; `None` if there is none.
    pub(crate) fn sub(&self, name: &str) -> Result<Option<Self>, LeaseError> {
        let fd = self.open(name, OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
        Ok(fd.map(|fd| Self { fd, path: self.path.join(name) }))
    }

    /// Makes a folder in this one, on disk before the answer. One that is there is fine.
    pub(crate) fn make_sub(&self, name: &str) -> Result<(), LeaseError> {
        match mkdirat(&self.fd, name, Mode::from_bits_truncate(FOLDER_MODE)) {
            Ok(()) => self.sync(),
            Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(LeaseError::io("create folder", &self.at(name), errno)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry, for messages.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file to read it; `None` if there is none. Never waits for a pipe's other end.
    pub(crate) fn reading(&self, name: &str) -> Result<Option<File>, LeaseError> {
        Ok(self.open(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())?.map(File::from))
    }

    /// Opens a file, which is made if it is not there.
    pub(crate) fn opening(&self, name: &str, mode: Mode) -> Result<File, LeaseError> {
        let flags = OFlag::O_RDONLY | OFlag::O_CREAT | OFlag::O_NONBLOCK;
        // Nothing but the folder itself can be missing then: somebody removed it.
        let removed = || LeaseError::io("create a file in", &self.path, Errno::ENOENT);
        self.open(name, flags, mode)?.map(File::from).ok_or_else(removed)
    }

    /// Makes a file that was not there; one that was is removed.
    pub(crate) fn fresh(&self, name: &str) -> Result<File, LeaseError> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let mut made = self.try_open(name, flags, FILE_MODE);
        if matches!(made, Err(Errno::EEXIST)) {
            self.remove(name)?;
            made = self.try_open(name, flags, FILE_MODE);
        }
        made.map(File::from).map_err(|errno| LeaseError::open("create", &self.at(name), errno))
    }

    /// Gives a file a second name; false if that is taken.
    pub(crate) fn link(&self, name: &str, second: &str) -> Result<bool, LeaseError> {
        match linkat(&self.fd, name, &self.fd, second, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(errno) => Err(LeaseError::io("create", &self.at(second), errno)),
        }
    }

    /// Puts a file in the place of another.
    pub(crate) fn rename(&self, name: &str, to: &str) -> Result<(), LeaseError> {
        let renamed = nix::fcntl::renameat(&self.fd, name, &self.fd, to);
        renamed.map_err(|errno| LeaseError::open("replace", &self.at(to), errno))
    }

    /// Removes a file; false if there was none.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, LeaseError> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(LeaseError::open("remove", &self.at(name), errno)),
        }
    }

    /// What an entry is, links not followed; `None` if there is none.
    pub(crate) fn stat(&self, name: &str) -> Result<Option<FileStat>, LeaseError> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(LeaseError::io("look at", &self.at(name), errno)),
        }
    }

    /// The names of all entries that are text.
    pub(crate) fn names(&self) -> Result<Vec<String>, LeaseError> {
        let failed = |errno| LeaseError::io("list", &self.path, errno);
        // A second descriptor: reading a folder moves through it.
        let again =
            self.try_open(".", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in Dir::from_fd(again).map_err(failed)?.iter() {
            let entry = entry.map_err(failed)?;
            names.extend(entry.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }

    /// Makes entries that were added or removed survive a power cut, or stay away after one.
    pub(crate) fn sync(&self) -> Result<(), LeaseError> {
        fsync(&self.fd).map_err(|errno| LeaseError::io("sync folder", &self.path, errno))
    }

    fn open(&self, name: &str, flags: OFlag, mode: Mode) -> Result<Option<OwnedFd>, LeaseError> {
        match self.try_open(name, flags, mode) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(LeaseError::open("open", &self.at(name), errno)),
        }
    }

    fn try_open(&self, name: &str, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        let beneath = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode).resolve(beneath);
        openat2(self.fd.as_fd(), name, how)
    }
}
