//! What building and testing need besides Rust. Nothing is installed: what is fetched lies below `target/`.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{self, say};
use crate::{debian, workspace::Workspace};

/// The target that components are compiled for.
pub(crate) const COMPONENT_TARGET: &str = "wasm32-unknown-unknown";

/// What was found.
pub(crate) struct Setup {
    /// Folder of the reference CNI plugins; without them the tests leave out what needs them.
    pub(crate) cni_plugins: Option<PathBuf>,
}

/// Finds or fetches everything.
///
/// # Errors
/// If something that can't be done without is missing: the target, `ip`, private namespaces.
pub(crate) fn run(workspace: &Workspace) -> Result<Setup> {
    rust_target(workspace, COMPONENT_TARGET)?;
    rust_target(workspace, &workspace.triple)?;
    iproute(workspace)?;
    packet_filters(workspace);
    private_namespaces()?;
    Ok(Setup { cni_plugins: cni_plugins(workspace) })
}

/// Adds a target to the toolchain, if it is not there.
pub(crate) fn rust_target(workspace: &Workspace, target: &str) -> Result<()> {
    let library = Command::new("rustc").current_dir(&workspace.root).args(["--print", "sysroot"]).output();
    let sysroot =
        library.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if Path::new(&sysroot).join("lib/rustlib").join(target).join("lib").is_dir() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    run::step(
        &format!("adding Rust's target {target}"),
        rustup.current_dir(&workspace.root).args(["target", "add", target]),
    )
    .with_context(|| format!("Rust's standard library for {target} is needed: `rustup target add {target}`"))
}

/// Can this user make private namespaces?
pub(crate) fn private_namespaces() -> Result<()> {
    run::output(&mut multus_tests::privately(&["true".as_ref()])).map(drop).context(
        "no private user, network and mount namespace can be made. Everything here runs in one, as root or not. \
         Some systems forbid them to ordinary users: `sysctl kernel.unprivileged_userns_clone=1`, or \
         `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run this as root",
    )
}

fn iproute(workspace: &Workspace) -> Result<()> {
    if workspace.has_program("ip") {
        return Ok(());
    }
    fetch(workspace, "ip", "iproute2", "ip").context("`ip` is needed: install iproute2")
}

/// Programs by which tests look at rules for packets and reference plugins make them: what they are called, the
/// package that has them, and what they are called there.
const PACKET_FILTERS: [(&str, &str, &str); 3] = [
    ("nft", "nftables", "nft"),
    ("iptables", "iptables", "iptables-nft"),
    ("ip6tables", "iptables", "ip6tables-nft"),
];

/// Tests go on without them, and say what they leave out.
fn packet_filters(workspace: &Workspace) {
    for (name, package, file) in PACKET_FILTERS {
        if workspace.has_program(name) {
            continue;
        }
        if let Err(error) = fetch(workspace, name, package, file) {
            println!("    {error:#}");
            println!("    LEFT OUT: whatever needs `{name}`. Install {package}.");
        }
    }
}

/// Fetches a package for one of its programs, which gets a name in the folder of tools.
fn fetch(workspace: &Workspace, name: &str, package: &str, file: &str) -> Result<()> {
    let folder = workspace.tools();
    say(&format!("fetching {package} with apt, into target/tools"));
    debian::unpack(workspace, package, &folder)?;
    let Some(program) = debian::program(&folder, file) else {
        bail!("{package} was fetched, but there is no `{file}` in it: install {package}");
    };
    wrap(name, &program, &folder)
}

/// The program's libraries lie beside it, where the loader does not look.
fn wrap(name: &str, program: &Path, folder: &Path) -> Result<()> {
    let multiarch = format!("{}-linux-gnu", env::consts::ARCH);
    let below = |path: &str| folder.join(path).join(&multiarch).display().to_string();
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={}:{} XTABLES_LIBDIR={}/xtables exec {} \"$@\"\n",
        below("usr/lib"),
        below("lib"),
        below("usr/lib"),
        program.display()
    );
    let wrapper = folder.join("bin").join(name);
    fs::create_dir_all(folder.join("bin"))?;
    fs::remove_file(&wrapper).ok();
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Tests and demo go on without them, and say what they leave out.
fn cni_plugins(workspace: &Workspace) -> Option<PathBuf> {
    let fetched = workspace.target.join("cni-plugins");
    let named = env::var_os("CNI_PLUGINS").map(PathBuf::from);
    let usual = ["/usr/lib/cni".into(), "/opt/cni/bin".into(), fetched.join("usr/lib/cni")];
    let found = named.into_iter().chain(usual).find(|folder| folder.join("bridge").is_file());
    if found.is_some() {
        return found;
    }
    say("fetching the reference CNI plugins (bridge, host-local, …) with apt, into target/cni-plugins");
    let folder = fetched.join("usr/lib/cni");
    match debian::unpack(workspace, "containernetworking-plugins", &fetched) {
        Ok(()) if folder.join("bridge").is_file() => Some(folder),
        Ok(()) => None,
        Err(error) => {
            println!("    {error:#}");
            println!(
                "    LEFT OUT: whatever needs real CNI plugins. Install containernetworking-plugins, or set"
            );
            println!("    CNI_PLUGINS to a folder that holds bridge, host-local, ptp and tuning.");
            None
        }
    }
}
