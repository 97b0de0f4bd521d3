//! What is shipped.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::workspace::Workspace;
use crate::{build, run};

/// Builds everything and puts it into `dist/`, with checksums that `sha256sum --check SHA256SUMS` reads.
///
/// # Errors
/// If something does not build, or `dist/` can't be written.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let built = build::run(workspace)?;
    let dist = workspace.root.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).context("the old dist/ can't be removed")?;
    }
    fs::create_dir_all(dist.join("components"))?;
    let mut files = vec![(built.multus, PathBuf::from("multus")), (built.multusctl, "multusctl".into())];
    let components = fs::read_dir(&built.components)?.flatten();
    for entry in components.filter(|entry| entry.path().is_file()) {
        files.push((entry.path(), Path::new("components").join(entry.file_name())));
    }
    files.sort_by(|one, other| one.1.cmp(&other.1));
    let mut sums = String::new();
    run::say("packing dist/");
    for (from, name) in &files {
        fs::copy(from, dist.join(name)).with_context(|| format!("{} can't be copied", from.display()))?;
        let bytes = fs::read(dist.join(name))?;
        writeln!(sums, "{}  {}", hex(&Sha256::digest(&bytes)), name.display())?;
        println!("    {:<30} {:>9} bytes", name.display().to_string(), bytes.len());
    }
    fs::write(dist.join("SHA256SUMS"), sums)?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
