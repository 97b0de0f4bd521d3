//! Kernel settings below `/proc/sys/net`.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use nix::libc;

use super::Kernel;
use crate::Refused;
use crate::effect::Space;

impl Kernel {
    pub(super) fn read_setting(&self, space: Space, key: &str) -> Result<String, Refused> {
        let tried = format_args!("reading {key} {space}");
        let path = path(key, &tried)?;
        let text = self.inside(space, &tried, || fs::read_to_string(&path))?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    pub(super) fn write_setting(
        &self,
        space: Space,
        key: &str,
        value: &str,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let path = path(key, tried)?;
        self.inside(space, tried, || fs::write(&path, value))
    }
}

/// The file of a setting. Other folders than `net` are the whole node's, whoever writes them.
fn path(key: &str, tried: &dyn Display) -> Result<PathBuf, Refused> {
    let mut parts = key.split('/');
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if parts.next() == Some("net") && key.contains('/') && parts.all(plain) {
        return Ok(PathBuf::from("/proc/sys").join(key));
    }
    let said = "a key is a path below `net/` with slashes, `net/ipv4/ip_forward`";
    Err(Refused::because(tried, libc::EINVAL, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_below_net() {
        for key in ["net/ipv4/ip_forward", "net/ipv4/conf/eth0.100/arp_notify", "net/ipv4/conf/a..b/x"] {
            assert_eq!(path(key, &"it").unwrap(), PathBuf::from(format!("/proc/sys/{key}")));
        }
        for key in [
            "",
            "net",
            "net/",
            "/net/ipv4/ip_forward",
            "kernel/hostname",
            "net/../kernel/hostname",
            "net//x",
            "net/./x",
            "net/..",
            "net/x\0",
            "net.ipv4.ip_forward",
        ] {
            assert!(path(key, &"it").is_err(), "{key:?}");
        }
    }
}
