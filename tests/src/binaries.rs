//! Where the programs are that the tests drive.
//!
//! | variable | what | without it |
//! |---|---|---|
//! | `MULTUS_BIN` | the plugin | where `cargo xtask build` leaves it |
//! | `MULTUSCTL_BIN` | the operator's tool | the same |
//! | `MULTUS_COMPONENTS` | folder with `mtu.wasm` and `tenant_guard.wasm` | the same |
//! | `MULTUS_DELEGATES` | folder with the tests' own delegates | beside the test program |
//! | `KUBEBUILDER_ASSETS` | folder with `etcd`, `kube-apiserver` and `kubectl` | stories at a real API server are left out |
//! | `CNI_PLUGINS` | folder with the reference CNI plugins | `/usr/lib/cni`, `/opt/cni/bin` |
//! | `CONTAINERD` | folder with `containerd`, its shim, `ctr` and `runc` | where `cargo xtask setup` leaves it |

use std::env;
use std::path::{Path, PathBuf};

/// Name of the delegate that does nothing and prints a minimal result: the floor that a call is measured against.
pub const NULL: &str = "null-delegate";
/// Name of the delegate that keeps leases, records its calls and misbehaves when its conf says so.
pub const RECORDING: &str = "recording-delegate";

/// The plugin under test.
pub fn multus() -> PathBuf {
    built("MULTUS_BIN", "bin/multus")
}

/// The operator's tool under test.
pub fn multusctl() -> PathBuf {
    built("MULTUSCTL_BIN", "bin/multusctl")
}

/// The folder of the components that the project ships.
pub fn components() -> PathBuf {
    built("MULTUS_COMPONENTS", "components")
}

/// One of the tests' own delegates.
pub fn delegate(name: &str) -> PathBuf {
    let beside = profile_folder();
    let folder = env::var_os("MULTUS_DELEGATES").map_or(beside, PathBuf::from);
    present(folder.join(name), "cargo build -p multus-tests --bins")
}

/// The folder of the reference CNI plugins (bridge, host-local, …). `None` where the machine has none: the test
/// then says what it leaves out.
pub fn reference_plugins() -> Option<PathBuf> {
    let folders = match env::var_os("CNI_PLUGINS") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => vec!["/usr/lib/cni".into(), "/opt/cni/bin".into()],
    };
    folders.into_iter().find(|folder| folder.join("bridge").is_file())
}

/// The folder of a container runtime's programs. `None` where there is none: the test then says what it leaves out.
pub fn containerd() -> Option<PathBuf> {
    let own = || target_folder().join("containerd/bin");
    let folder = env::var_os("CONTAINERD").map_or_else(own, PathBuf::from);
    folder.join("containerd").is_file().then_some(folder)
}

/// The build folder; everything that tests write is below its `tmp`.
pub fn target_folder() -> PathBuf {
    profile_folder().parent().expect("a profile's folder is in the build folder").to_owned()
}

/// `target/debug`, whether the program lies there or in its `deps`.
fn profile_folder() -> PathBuf {
    let program = env::current_exe().expect("the program's own path");
    let folder = program.parent().expect("a program lies in a folder");
    if folder.ends_with("deps") { folder.parent().expect("deps lies in a folder") } else { folder }.to_owned()
}

fn built(variable: &str, below_target: &str) -> PathBuf {
    let path = env::var_os(variable).map_or_else(|| target_folder().join(below_target), PathBuf::from);
    present(path, "cargo xtask build")
}

fn present(path: PathBuf, remedy: &str) -> PathBuf {
    assert!(Path::new(&path).exists(), "{} does not exist: run `{remedy}` first", path.display());
    path
}
