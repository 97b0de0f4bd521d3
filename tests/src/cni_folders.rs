//! `/etc/cni` and `/opt/cni` of a node of the test's own.

use std::process::Command;

/// Stands in front of each folder's own content, so that nothing of the machine's is hidden but `cni`. The machine's
/// is read-only there: what a test writes stays in the test.
const REPLACE: &str = "set -e
for folder in /etc /opt; do
    mkdir /run/draft
    mount -n -t tmpfs -o mode=755 tmpfs /run/draft
    mkdir /run/draft/.machine
    mount -n --rbind $folder /run/draft/.machine
    mount -n -o remount,bind,ro,nosuid,nodev /run/draft/.machine
    for entry in $folder/* $folder/.[!.]*; do
        name=${entry##*/}
        case $name in cni|'*'|'.[!.]*') ;; *) ln -s \".machine/$name\" \"/run/draft/$name\";; esac
    done
    mount -n --move /run/draft $folder
    rmdir /run/draft
done
mkdir -p /etc/cni/net.d /opt/cni/bin
";

/// Gives a test `/etc/cni/net.d` and `/opt/cni/bin`, both empty, where confs and people expect them; everything else
/// in `/etc` and `/opt` is as it was. Only within [`crate::private`], with which they vanish.
///
/// # Panics
/// If they can't be mounted.
pub fn fresh_cni_folders() {
    let output = Command::new("sh").args(["-c", REPLACE]).output().expect("`sh` starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "/etc and /opt can't be replaced: {said}");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::private;

    #[test]
    fn only_cni_is_another() {
        let names = |folder: &str| {
            let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = entries.filter(|name| name != "cni" && name != ".machine").collect();
            names.sort();
            names
        };
        private(|| {
            let before = ["/etc", "/opt"].map(names);
            let hosts = fs::read("/etc/hosts").unwrap_or_default();
            fresh_cni_folders();
            assert_eq!(["/etc", "/opt"].map(names), before);
            assert_eq!(fs::read("/etc/hosts").unwrap_or_default(), hosts);
            for folder in ["/etc/cni/net.d", "/opt/cni/bin"] {
                assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{folder}");
            }
            assert!(fs::write("/etc/.machine/cni-of-a-test", "").is_err(), "the machine's is read-only");
            assert_eq!(fs::read_dir("/run").unwrap().count(), 0);
        });
    }
}
