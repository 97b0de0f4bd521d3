//! As much of `tar` as an image needs: files, and no names longer than 100 bytes.

use std::io::{Result, Write};

const BLOCK: usize = 512;

/// Puts files into an archive: their names, whether they can be run, their bytes.
pub(super) fn tar(files: &[(&str, bool, &[u8])]) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    for (name, runs, bytes) in files {
        archive.write_all(&header(name, *runs, bytes.len())?)?;
        archive.write_all(bytes)?;
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Ok(archive)
}

/// POSIX.1-1988, `ustar`: fields at fixed places, numbers in octal, a sum over all with blanks in its own place.
fn header(name: &str, runs: bool, size: usize) -> Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    let mode = if runs { 0o755 } else { 0o644 };
    let fields: [(usize, usize, String); 8] = [
        (0, 100, name.to_owned()),
        (100, 8, format!("{mode:07o}")),
        (108, 8, format!("{:07o}", 0)),
        (116, 8, format!("{:07o}", 0)),
        (124, 12, format!("{size:011o}")),
        (136, 12, format!("{:011o}", 0)),
        (148, 9, "        0".to_owned()),
        (257, 8, "ustar\x0000".to_owned()),
    ];
    for (from, length, text) in &fields {
        (&mut block[*from..*from + *length]).write_all(text.as_bytes())?;
    }
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    (&mut block[148..156]).write_all(format!("{sum:06o}\0 ").as_bytes())?;
    Ok(block)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_machines_tar_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.tar");
        let long = vec![b'x'; 1025];
        std::fs::write(&path, tar(&[("bin/run", true, b"#!"), ("data", false, &long)]).unwrap()).unwrap();
        let output = Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stderr, b"", "no complaint either");
        assert_eq!(std::fs::read(folder.path().join("data")).unwrap(), long);
        assert_eq!(std::fs::read(folder.path().join("bin/run")).unwrap(), b"#!");
        assert!(
            tar(&[(&"n".repeat(101), false, b"")]).is_err(),
            "a name that does not fit is no shorter name"
        );
    }
}
