//! Files that are there completely or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::InstallError;

/// Writes a file under another name, syncs and renames it: a reader sees the old content or the new, also after
/// a power cut. `mode` does not depend on the umask, because readers refuse what others can write.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), InstallError> {
    let temporary = path.with_added_extension(format!("{}.tmp", std::process::id()));
    let written = write_new(&temporary, content, mode).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        // The error is about the write; what is left of it is only in the way.
        let _ = fs::remove_file(&temporary);
        return Err(InstallError::io("write", path)(source));
    }
    sync_directory(path).map_err(InstallError::io("sync the directory of", path))
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes a directory and those above it, writable for the owner only.
pub(crate) fn directory(path: &Path) -> Result<(), InstallError> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(InstallError::io("make the directory", path))
}
