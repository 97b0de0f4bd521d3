//! A Debian package's files, without installing it and without root: apt works on lists and caches of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::run;
use crate::workspace::Workspace;

/// Fetches a package, and those of its dependencies that the machine lacks, and unpacks them into a folder.
///
/// # Errors
/// If this machine has no apt, or apt can't reach its archive.
pub(crate) fn unpack(workspace: &Workspace, package: &str, into: &Path) -> Result<()> {
    ensure!(
        workspace.has_program("apt-get") && workspace.has_program("dpkg-deb"),
        "this machine has no apt, so {package} can't be fetched"
    );
    let apt = Apt::new(workspace.target.join("apt").join(package))?;
    run::output(apt.get().arg("update")).context("apt can't read its archive's lists")?;
    run::output(apt.get().args(["install", "--download-only", "--no-install-recommends", "--yes", package]))
        .with_context(|| format!("apt can't fetch {package}"))?;
    fs::create_dir_all(into)?;
    let packages = apt.packages()?;
    ensure!(!packages.is_empty(), "apt says that {package} is installed, but its files are not there");
    for deb in packages {
        run::output(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(into))?;
    }
    Ok(())
}

/// Where a program lies that was unpacked there.
pub(crate) fn program(unpacked: &Path, name: &str) -> Option<PathBuf> {
    let folders = ["usr/bin", "usr/sbin", "bin", "sbin"];
    folders.iter().map(|folder| unpacked.join(folder).join(name)).find(|path| path.is_file())
}

/// apt with state and cache in a folder of ours. What is installed it reads from the machine, so that it fetches
/// nothing that is there.
pub(crate) struct Apt {
    folder: PathBuf,
}

impl Apt {
    pub(crate) fn new(folder: PathBuf) -> Result<Apt> {
        for sub in ["state/lists/partial", "cache/archives/partial", "log"] {
            fs::create_dir_all(folder.join(sub))?;
        }
        fs::write(folder.join("apt.conf"), configuration(&folder))?;
        Ok(Apt { folder })
    }

    /// The same, that reads its sources from a folder's files instead of the machine's.
    pub(crate) fn with_sources(folder: PathBuf, sources: &Path) -> Result<Apt> {
        let apt = Apt::new(folder)?;
        let sources = format!(
            "Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{}\";\n",
            sources.display()
        );
        fs::write(apt.folder.join("apt.conf"), configuration(&apt.folder) + &sources)?;
        Ok(apt)
    }

    pub(crate) fn get(&self) -> Command {
        self.command("apt-get")
    }

    pub(crate) fn cache(&self) -> Command {
        self.command("apt-cache")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--config-file").arg(self.folder.join("apt.conf")).arg("--quiet=2");
        command
    }

    /// What it has fetched.
    pub(crate) fn packages(&self) -> Result<Vec<PathBuf>> {
        let archives = fs::read_dir(self.folder.join("cache/archives"))?;
        let paths = archives.flatten().map(|entry| entry.path());
        Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect())
    }
}

/// Read after the machine's own configuration, whose sources and proxies count, but not its hooks: those of
/// container images empty the machine's cache.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n\
         #clear DPkg::Pre-Invoke;\n#clear DPkg::Post-Invoke;\n\
         Dir::State \"{folder}/state\";\nDir::State::status \"/var/lib/dpkg/status\";\n\
         Dir::Cache \"{folder}/cache\";\nDir::Log \"{folder}/log\";\n\
         Debug::NoLocking \"1\";\nAPT::Sandbox::User \"\";\n"
    )
}
