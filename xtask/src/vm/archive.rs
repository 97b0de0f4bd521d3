//! The archive that a kernel unpacks as its first root: cpio in the format "newc", as in the kernel's
//! `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};

const FOLDER: u32 = 0o040_755;
const LINK: u32 = 0o120_777;
const FILE: u32 = 0o100_000;

/// Everything below a folder, as root's.
pub(super) fn pack(folder: &Path, into: &Path) -> Result<()> {
    let mut archive = Vec::new();
    let mut count = 0;
    below(folder, "", &mut archive, &mut count)?;
    entry(&mut archive, "TRAILER!!!", 0, 0, b"")?;
    fs::write(into, archive).with_context(|| format!("{} can't be written", into.display()))
}

fn below(folder: &Path, prefix: &str, archive: &mut Vec<u8>, count: &mut u32) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for found in entries {
        *count += 1;
        let path = found.path();
        let name = format!("{prefix}{}", found.file_name().to_string_lossy());
        let about = fs::symlink_metadata(&path)?;
        if about.is_symlink() {
            let target = fs::read_link(&path)?;
            entry(archive, &name, *count, LINK, target.as_os_str().as_encoded_bytes())?;
        } else if about.is_dir() {
            entry(archive, &name, *count, FOLDER, b"")?;
            below(&path, &format!("{name}/"), archive, count)?;
        } else {
            let mode = FILE | (about.permissions().mode() & 0o777);
            let content = fs::read(&path)?;
            debug_assert_eq!(about.size(), u64::try_from(content.len())?);
            entry(archive, &name, *count, mode, &content)?;
        }
    }
    Ok(())
}

/// Header, name and content, each filled up to four bytes. Owner, times and devices are none.
fn entry(archive: &mut Vec<u8>, name: &str, number: u32, mode: u32, content: &[u8]) -> Result<()> {
    let size = u32::try_from(content.len()).context("a file of 4 GB in the machine's archive")?;
    let named = u32::try_from(name.len() + 1)?;
    let fields = [number, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, named, 0];
    archive.extend_from_slice(b"070701");
    for field in fields {
        write!(archive, "{field:08x}")?;
    }
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    fill(archive);
    archive.extend_from_slice(content);
    fill(archive);
    Ok(())
}

fn fill(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_follows_its_folder_and_the_trailer_ends_it() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::write(root.join("bin/sh"), "12345").unwrap();
        let file = place.path().join("archive");
        pack(&root, &file).unwrap();
        let text = String::from_utf8(fs::read(file).unwrap()).unwrap();
        let starts: Vec<_> = text.match_indices("070701").map(|(at, _)| at).collect();
        assert_eq!(starts.len(), 3);
        assert!(starts.iter().all(|at| at % 4 == 0), "{starts:?}");
        assert!(text[starts[0]..].contains("000041ed"), "a folder");
        assert!(text[starts[1]..].contains("bin/sh\0"));
        assert!(text[starts[1]..starts[2]].ends_with("12345\0\0\0"));
        assert!(text[starts[2]..].contains("TRAILER!!!\0"));
    }
}
