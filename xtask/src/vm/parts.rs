//! What the machine consists of, fetched once into `target/vm`: nothing is installed, and no root is needed.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{archive, kernel, netdevsim, sources};
use crate::debian::{self, Apt};
use crate::run::{self, say};
use crate::workspace::Workspace;

/// To be counted up whenever what is fetched changes, or what is made of it.
const RECIPE: &str = "3";
/// The first that there is: Debian 12 has a newer kernel beside its own.
const KERNELS: [&str; 2] = ["linux-image-6.12-amd64", "linux-image-amd64"];
/// The kernel needs these before it sees the host's files.
const FIRST_MODULES: [&str; 3] = ["9p", "9pnet_virtio", "overlay"];
const INIT: &str = include_str!("init.sh");
const INSIDE: &str = include_str!("inside.sh");

/// The machine, in parts.
pub(crate) struct Parts {
    pub(super) folder: PathBuf,
}

impl Parts {
    /// Fetches them, if they are not there.
    ///
    /// # Errors
    /// If this is no Debian of a kind that has them, or its archive can't be reached.
    pub(crate) fn find(workspace: &Workspace) -> Result<Parts> {
        let parts = Parts { folder: workspace.target.join("vm") };
        fs::create_dir_all(&parts.folder)?;
        // Whoever else wants it waits until it is there.
        let lock = File::create(parts.folder.join("lock"))?;
        lock.lock().context("target/vm can't be locked")?;
        let stamp = parts.folder.join("stamp");
        let is = fs::read_to_string(&stamp).unwrap_or_default();
        if is.lines().next() != Some(RECIPE) {
            ensure!(cfg!(target_arch = "x86_64"), "the virtual machine is one for x86-64 alone");
            say("fetching a virtual machine (QEMU, a kernel) with apt, into target/vm");
            let versions = parts.make(workspace)?;
            fs::write(stamp, format!("{RECIPE}\n{versions}"))?;
        }
        parts.pack_first_root()?;
        Ok(parts)
    }

    fn make(&self, workspace: &Workspace) -> Result<String> {
        for name in ["unpacked", "kernel", "modules"] {
            let folder = self.folder.join(name);
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        let (apt, names) = self.fetch(workspace)?;
        let version = kernel::version(&self.unpacked_kernel())?;
        let packed = self.unpacked_kernel().join("boot").join(format!("vmlinuz-{version}"));
        let zstd = debian::program(&self.unpacked(), "zstd").or_else(|| workspace.program("zstd"));
        kernel::extract(&packed, &zstd.context("there is no `zstd`")?, &self.kernel())?;
        let further: Vec<_> = self.netdevsim(workspace, &apt, &version, &names).into_iter().collect();
        let modules = self.folder.join("modules");
        kernel::modules(&self.unpacked_kernel(), &version, &further, &self.busybox(), &modules)?;
        fs::remove_dir_all(self.unpacked_kernel())?;
        // Not there if nothing could be built.
        let _ = fs::remove_dir_all(self.folder.join("netdevsim"));
        Ok(names.join("\n") + "\n")
    }

    /// The machine goes on without it, and so do tests, which say so.
    fn netdevsim(
        &self,
        workspace: &Workspace,
        apt: &Apt,
        version: &str,
        names: &[String],
    ) -> Option<PathBuf> {
        let package = names.iter().find_map(|name| name.strip_prefix("linux-image-")?.split('_').nth(1));
        let place = self.folder.join("netdevsim");
        let built = netdevsim::build(workspace, apt, &place, version, package?);
        built.map_err(|error| say(&format!("LEFT OUT: netdevsim in the virtual machine: {error:#}"))).ok()
    }

    /// Returns apt, and the file names of what it fetched.
    fn fetch(&self, workspace: &Workspace) -> Result<(Apt, Vec<String>)> {
        ensure!(
            workspace.has_program("apt-get") && workspace.has_program("dpkg-deb"),
            "there is no apt here: the machine is made of packages of Debian 12 or later"
        );
        let listed = self.folder.join("apt/sources");
        let backports = sources::with_backports(&listed)?;
        let apt = Apt::with_sources(self.folder.join("apt"), &listed)?;
        run::output(apt.get().arg("update")).context("apt can't read its archive's lists")?;
        let install = ["install", "--download-only", "--no-install-recommends", "--yes", "--target-release"];
        run::output(apt.get().args(install).args([&backports, "qemu-system-x86", "zstd"]))
            .context("apt can't fetch QEMU")?;
        let kernel = KERNELS.iter().find_map(|name| image(&apt, name)).context("apt knows no kernel")?;
        let archives = self.folder.join("apt/cache/archives");
        // What the machine itself runs on is fetched in any case: whether it is installed here says nothing.
        let own = ["download", &kernel, "busybox-static"];
        run::output(apt.get().args(own).current_dir(&archives)).context("apt can't fetch a kernel")?;
        let mut names = Vec::new();
        for deb in apt.packages()? {
            let name = deb.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let into = if name.starts_with(&kernel) { self.unpacked_kernel() } else { self.unpacked() };
            run::output(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(into))?;
            fs::remove_file(deb)?;
            names.push(name);
        }
        names.sort();
        Ok((apt, names))
    }

    /// Made anew each time, which takes no time: what is in it may be other than when the rest was fetched.
    fn pack_first_root(&self) -> Result<()> {
        let root = self.folder.join("first-root");
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        for folder in ["bin", "sbin", "proc", "sys", "dev"] {
            fs::create_dir_all(root.join(folder))?;
        }
        fs::copy(self.busybox(), root.join("bin/busybox"))?;
        symlink("/bin/busybox", root.join("sbin/modprobe"))?;
        fs::write(root.join("inside.sh"), INSIDE)?;
        fs::write(root.join("init"), INIT)?;
        fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755))?;
        let version = only_entry(&self.modules())?;
        let (from, to) = (self.modules().join(&version), root.join("lib/modules").join(&version));
        let (files, table) = kernel::with_dependencies(&from, &FIRST_MODULES)?;
        for file in files {
            let to = to.join(&file);
            fs::create_dir_all(to.parent().context("a module in no folder")?)?;
            fs::copy(from.join(&file), to)?;
        }
        fs::write(to.join("modules.dep"), table)?;
        // Another machine may be starting from the one that is there.
        let fresh = self.folder.join("first-root.new");
        archive::pack(&root, &fresh)?;
        Ok(fs::rename(fresh, self.first_root())?)
    }

    fn unpacked_kernel(&self) -> PathBuf {
        self.folder.join("unpacked-kernel")
    }

    fn busybox(&self) -> PathBuf {
        self.unpacked().join("bin/busybox")
    }

    /// QEMU and its libraries.
    pub(super) fn unpacked(&self) -> PathBuf {
        self.folder.join("unpacked")
    }

    pub(super) fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinux")
    }

    pub(super) fn first_root(&self) -> PathBuf {
        self.folder.join("first-root.cpio")
    }

    /// The folder of the folder that is named as the kernel's version.
    pub(super) fn modules(&self) -> PathBuf {
        self.folder.join("modules/lib/modules")
    }

    /// QEMU, with the libraries that came with it.
    pub(super) fn qemu(&self, workspace: &Workspace) -> Result<Command> {
        let unpacked = self.unpacked();
        let name = "qemu-system-x86_64";
        let program = debian::program(&unpacked, name).or_else(|| workspace.program(name));
        let mut command = Command::new(program.context("there is no QEMU in target/vm, nor installed")?);
        let libraries = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|path| unpacked.join(path));
        command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries)?);
        for folder in ["usr/share/qemu", "usr/share/seabios"] {
            command.arg("-L").arg(unpacked.join(folder));
        }
        Ok(command)
    }
}

/// The package of a kernel's image that a package for the newest one asks for.
fn image(apt: &Apt, newest: &str) -> Option<String> {
    let told = run::output(apt.cache().args(["depends", newest])).ok()?;
    let names = told.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.map(str::to_owned).find(|name| name.starts_with("linux-image-"))
}

fn only_entry(folder: &Path) -> Result<String> {
    let entry = fs::read_dir(folder)?.next().with_context(|| format!("{} is empty", folder.display()))?;
    Ok(entry?.file_name().to_string_lossy().into_owned())
}
