//! How containerd is told to live in one folder, without the rights of real root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::image;

/// Snapshotters and services that look for kernel modules, or for a machine's folders.
const DISABLED: &str = r#"[
    "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.internal.v1.opt",
]"#;

/// Writes `config.toml`, and the script that stands between the shim and runc.
///
/// # Panics
/// If they can't be written.
pub(super) fn write(runc: &Path, bin_dir: &Path) {
    let wrapper = super::home("runc.sh");
    write_wrapper(&wrapper, runc);
    let (home, pause) = (super::HOME, image::NAME);
    let [wrapper, bin_dir] = [&wrapper, bin_dir].map(|path| path.display());
    let text = format!(
        r#"version = 2
root = "{home}/root"
state = "{home}/state"
disabled_plugins = {DISABLED}

[grpc]
address = "{home}/containerd.sock"

[ttrpc]
address = "{home}/containerd.sock.ttrpc"

# Control groups, priorities and profiles belong to the machine.
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
disable_cgroup = true
disable_hugetlb_controller = true
restrict_oom_score_adj = true
tolerate_missing_hugetlb_controller = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{bin_dir}"
conf_dir = "{home}/net.d"
max_conf_num = 1

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{wrapper}"
SystemdCgroup = false
"#
    );
    fs::write(super::home("config.toml"), text).expect("a file for the configuration");
}

/// Before runc reads what it is to run, the group of terminals is taken out: a namespace that somebody else than root
/// makes knows one user and one group.
fn write_wrapper(path: &Path, runc: &Path) {
    let script = format!(
        "#!/bin/sh\n\
         # The shim calls this in the bundle's folder.\n\
         if [ -f config.json ]; then sed -i 's/,\"gid=5\"//' config.json; fi\n\
         exec '{}' \"$@\"\n",
        runc.display()
    );
    fs::write(path, script).expect("a file for the script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("one's own file");
}
