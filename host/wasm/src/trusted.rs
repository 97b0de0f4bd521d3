//! Files that decide what runs as root: read only if nobody else could have written them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;
use nix::unistd::geteuid;

use crate::error::FileError;
use crate::limits::human_size;

/// More than any catalog needs; `multus-document` reads no more either.
const MAX_BYTES: u64 = multus_document::json::MAX_BYTES as u64;

/// Bytes of a file that a module is given the text of.
pub(crate) const INPUT_BYTES: u64 = 64 << 10;

/// Reads a file for a module; none if it is not there. No part of its path may be a symbolic link: what it leads to would
/// not be what the operator declared.
pub(crate) fn read_input(path: &Path) -> Result<Option<String>, FileError> {
    let refused = |why: String| FileError::Untrusted { path: path.to_owned(), why };
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = match openat2(AT_FDCWD, path, how) {
        Ok(fd) => File::from(fd),
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
        Err(Errno::ELOOP) => {
            return Err(refused(
                "it is, or lies behind, a symbolic link: name the place that it leads to".to_owned(),
            ));
        }
        Err(error) => return Err(unreadable(error.into())),
    };
    if let Some(why) = distrust(&file.metadata().map_err(unreadable)?) {
        return Err(refused(why));
    }
    let mut text = Vec::new();
    file.take(INPUT_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > INPUT_BYTES {
        return Err(refused(format!("it has more than {} in it", human_size(INPUT_BYTES))));
    }
    String::from_utf8(text).map(Some).map_err(|_| refused("it is no text in UTF-8".to_owned()))
}

/// Reads a catalog or lock, checking owner and mode of what was opened and of the folder that it was found in: who can
/// write there can bring back an older one. Behind a symbolic link, of the folder that it leads to as well.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let real = path.canonicalize().map_err(unreadable)?;
    for folder in [folder_of(path), folder_of(&real)] {
        if let Some(why) = distrust_folder(folder).map_err(unreadable)? {
            return Err(FileError::Untrusted { path: folder.to_owned(), why });
        }
    }
    if let Some(why) = distrust(&metadata) {
        return Err(FileError::Untrusted { path: path.to_owned(), why });
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Opens an artifact; a symbolic link at its place is an error. Fails with the reason to distrust it.
pub(crate) fn open_artifact(path: &Path) -> Result<(File, Metadata), Distrust> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Distrust::Missing),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(Distrust::Refused("it is a symbolic link".to_owned()));
        }
        Err(error) => return Err(Distrust::Refused(error.to_string())),
    };
    let refused = |error: io::Error| Distrust::Refused(error.to_string());
    let metadata = file.metadata().map_err(refused)?;
    if let Some(why) = distrust(&metadata) {
        return Err(Distrust::Refused(why));
    }
    // Each is written under one name. Whoever gave it another one can do so again after the next.
    if metadata.nlink() > 1 {
        let more = metadata.nlink().saturating_sub(1);
        return Err(Distrust::Refused(format!("it is a hard link, {more} more of it are elsewhere")));
    }
    match distrust_folder(folder_of(path)).map_err(refused)? {
        Some(why) => Err(Distrust::Refused(format!("its folder is not to be trusted: {why}"))),
        None => Ok((file, metadata)),
    }
}

/// Why an artifact was not opened.
pub(crate) enum Distrust {
    /// There is none.
    Missing,
    /// There is something else, or others could have written it.
    Refused(String),
}

/// The reason not to trust a file, if there is one.
fn distrust(metadata: &Metadata) -> Option<String> {
    if !metadata.is_file() {
        return Some("it is not a regular file".to_owned());
    }
    writable_by_others(metadata)
}

/// The same for a folder.
fn distrust_folder(folder: &Path) -> io::Result<Option<String>> {
    Ok(writable_by_others(&folder.metadata()?))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn writable_by_others(metadata: &Metadata) -> Option<String> {
    let (owner, user) = (metadata.uid(), geteuid().as_raw());
    if owner != 0 && owner != user {
        return Some(format!("it belongs to user {owner}; it has to belong to root or user {user}"));
    }
    let mode = metadata.mode() & 0o7777;
    (mode & 0o022 != 0)
        .then(|| format!("its mode {mode:04o} lets others write it; remove that with `chmod go-w`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// What reading said, without the folder.
    fn said(folder: &Path, name: &str) -> String {
        let path = folder.join(name);
        match read_input(&path) {
            Ok(text) => format!("{text:?}"),
            Err(error) => error.to_string().replace(&path.display().to_string(), "FILE"),
        }
    }

    #[test]
    fn an_input_is_a_small_text_of_root_or_ours_behind_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name);
        let put = |name: &str, text: &[u8], mode: u32| {
            fs::write(below(name), text).unwrap();
            fs::set_permissions(below(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        put("good", b"A=1\n", 0o644);
        put("full", &vec![b'x'; INPUT_BYTES as usize], 0o600);
        put("over", &vec![b'x'; INPUT_BYTES as usize + 1], 0o600);
        put("group", b"A=1\n", 0o664);
        put("bytes", b"\xff", 0o644);
        fs::create_dir(below("dir")).unwrap();
        put("dir/good", b"A=1\n", 0o644);
        symlink(below("good"), below("link")).unwrap();
        symlink(below("dir"), below("linked")).unwrap();
        symlink("/nowhere", below("dangling")).unwrap();
        nix::unistd::mkfifo(&below("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let rows = [
            ("good", "Some(\"A=1\\n\")"),
            ("dir/good", "Some(\"A=1\\n\")"),
            ("absent", "None"),
            ("absent/x", "None"),
            ("good/x", "None"),
            ("over", "refused FILE: it has more than 64 KiB in it"),
            ("group", "refused FILE: its mode 0664 lets others write it; remove that with `chmod go-w`"),
            ("bytes", "refused FILE: it is no text in UTF-8"),
            ("dir", "refused FILE: it is not a regular file"),
            ("fifo", "refused FILE: it is not a regular file"),
            ("link", "refused FILE: it is, or lies behind, a symbolic link: name the place that it leads to"),
            (
                "linked/good",
                "refused FILE: it is, or lies behind, a symbolic link: name the place that it leads to",
            ),
            (
                "dangling",
                "refused FILE: it is, or lies behind, a symbolic link: name the place that it leads to",
            ),
        ];
        for (name, expected) in rows {
            assert_eq!(said(folder.path(), name), expected, "{name}");
        }
        assert!(said(folder.path(), "full").starts_with("Some"));
    }
}
