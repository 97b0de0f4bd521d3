//! The kernel's driver of network cards that are not there, which Debian leaves out: built from its source, against
//! its headers, with this machine's compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::debian::Apt;
use crate::run;
use crate::workspace::Workspace;

const DRIVER: &str = "drivers/net/netdevsim";
/// Out of a package, out of the archive in it, into a folder: the driver alone of a gigabyte.
const UNPACK: &str =
    r#"dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/src/$2.tar.xz" | tar -C "$3" -xJ "$2/$4""#;

/// Builds it in a folder, for the kernel of this version (`6.12.1+deb12-amd64`) and package version (`6.12.1-1`).
///
/// # Errors
/// If a program for it is missing, apt can't fetch its parts, or it doesn't compile.
pub(super) fn build(
    workspace: &Workspace,
    apt: &Apt,
    place: &Path,
    version: &str,
    package: &str,
) -> Result<PathBuf> {
    for program in ["make", "gcc", "tar", "xz", "strip"] {
        ensure!(workspace.has_program(program), "building it takes `{program}`");
    }
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::create_dir_all(place)?;
    let flavour = version.rsplit_once('-').context("a kernel's version without a flavour")?.0;
    let series = version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let source = format!("linux-source-{series}");
    let headers = format!("linux-headers-{version}");
    let common = format!("linux-headers-{flavour}-common");
    let wanted = [
        format!("{source}={package}"),
        format!("{headers}={package}"),
        format!("{common}={package}"),
        format!("linux-kbuild-{flavour}={package}"),
    ];
    run::output(apt.get().arg("download").args(&wanted).current_dir(place))
        .context("apt can't fetch its parts")?;
    let packages = fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    for deb in packages {
        if deb.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&source)) {
            run::output(
                Command::new("sh").args(["-c", UNPACK, "sh"]).arg(deb).arg(&source).arg(place).arg(DRIVER),
            )?;
        } else {
            run::output(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(place))?;
        }
    }
    let installed = place.join("usr/src");
    // It says where the rest is as if it was installed.
    let makefile = format!("include {}/Makefile\n", installed.join(common).display());
    fs::write(installed.join(&headers).join("Makefile"), makefile)?;
    let driver = place.join(source).join(DRIVER);
    let mut make = Command::new("make");
    make.arg("-s").arg("-C").arg(installed.join(headers)).arg(format!("M={}", driver.display()));
    // Type information would take one more program, and nobody asks for it.
    make.args(["CONFIG_NETDEVSIM=m", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"]);
    run::output(&mut make).context("it doesn't compile")?;
    let module = driver.join("netdevsim.ko");
    run::output(Command::new("strip").arg("--strip-debug").arg(&module))?;
    Ok(module)
}
