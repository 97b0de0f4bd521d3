//! The machine's kernel out of Debian's package: a file that QEMU starts, and the modules that networks need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::run;

/// What is taken of a kernel's modules: some 60 of 900 MB.
const MODULES: [&str; 37] = [
    "arch",
    "crypto",
    "lib",
    "net",
    "fs/9p",
    "fs/ext4",
    "fs/jbd2",
    "fs/mbcache.ko.xz",
    "fs/netfs",
    "fs/overlayfs",
    "drivers/block/virtio_blk.ko.xz",
    "drivers/dca",
    "drivers/i2c/algos",
    "drivers/net/bonding",
    "drivers/net/dummy.ko.xz",
    "drivers/net/ethernet/intel/igb",
    "drivers/net/ethernet/intel/igbvf",
    "drivers/net/geneve.ko.xz",
    "drivers/net/ifb.ko.xz",
    "drivers/net/ipvlan",
    "drivers/net/macsec.ko.xz",
    "drivers/net/macvlan.ko.xz",
    "drivers/net/macvtap.ko.xz",
    "drivers/net/mdio",
    "drivers/net/mdio.ko.xz",
    "drivers/net/net_failover.ko.xz",
    "drivers/net/nlmon.ko.xz",
    "drivers/net/tap.ko.xz",
    "drivers/net/team",
    "drivers/net/tun.ko.xz",
    "drivers/net/veth.ko.xz",
    "drivers/net/virtio_net.ko.xz",
    "drivers/net/vrf.ko.xz",
    "drivers/net/vxlan",
    "drivers/net/wireguard",
    "drivers/vfio",
    "virt/lib/irqbypass.ko.xz",
];

/// The kernel's version, from what its package has in `/boot`.
pub(super) fn version(unpacked: &Path) -> Result<String> {
    let boot = unpacked.join("boot");
    let entries = fs::read_dir(&boot).with_context(|| format!("{} can't be read", boot.display()))?;
    let mut names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let version = names.find_map(|name| name.strip_prefix("vmlinuz-").map(str::to_owned));
    version.context("there is no kernel in the kernel's package")
}

/// The kernel proper, without the part that unpacks it: QEMU starts that as it is, some seconds earlier.
pub(super) fn extract(packed: &Path, zstd: &Path, into: &Path) -> Result<()> {
    let image = fs::read(packed)?;
    let compressed = into.with_extension("zst");
    fs::write(
        &compressed,
        payload(&image).context("this kernel's file has another form than x86's boot protocol says")?,
    )?;
    run::output(
        Command::new(zstd).args(["--decompress", "--quiet", "--force"]).arg(&compressed).arg("-o").arg(into),
    )
    .context("the kernel can't be unpacked")?;
    fs::remove_file(compressed)?;
    Ok(())
}

/// Where `Documentation/arch/x86/boot.rst` says that it is: after the real-mode part, whose length in sectors of 512
/// bytes is at 0x1f1, at the offset and with the length that are at 0x248. The last four bytes are its size unpacked.
fn payload(image: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| image.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let sectors = usize::from(*image.get(0x1f1)?);
    let start = (sectors + 1) * 512 + usize::try_from(word(0x248)?).ok()?;
    let length = usize::try_from(word(0x24c)?).ok()?;
    image.get(start..start + length.checked_sub(4)?)
}

/// Copies the modules, uncompressed and with the tables that `modprobe` reads. Returns their folder.
pub(super) fn modules(
    unpacked: &Path,
    version: &str,
    further: &[PathBuf],
    busybox: &Path,
    into: &Path,
) -> Result<()> {
    let from = unpacked.join("lib/modules").join(version);
    let folder = into.join("lib/modules").join(version);
    fs::create_dir_all(&folder)?;
    for table in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
        fs::copy(from.join(table), folder.join(table))?;
    }
    let mut all = Vec::new();
    for name in MODULES {
        let place = Path::new("kernel").join(name);
        ensure!(from.join(&place).exists(), "the kernel {version} has no module {name}");
        copy(&from.join(&place), &folder.join(&place), &mut all)?;
    }
    let mut unpack = Command::new(busybox);
    run::output(
        unpack.arg("unxz").args(all.iter().filter(|file| file.extension().is_some_and(|end| end == "xz"))),
    )?;
    for file in further {
        fs::copy(file, folder.join(file.file_name().context("a module without a name")?))?;
    }
    run::output(Command::new(busybox).args(["depmod", "-b"]).arg(into).arg(version)).map(drop)
}

/// A file, or all files below a folder.
fn copy(from: &Path, to: &Path, all: &mut Vec<PathBuf>) -> Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), all)?;
        }
        return Ok(());
    }
    fs::create_dir_all(to.parent().context("a file in no folder")?)?;
    fs::copy(from, to)?;
    all.push(to.to_owned());
    Ok(())
}

/// The files of some modules and of those that they need, from the folder of the modules.
pub(super) fn with_dependencies(folder: &Path, names: &[&str]) -> Result<(Vec<String>, String)> {
    let table = fs::read_to_string(folder.join("modules.dep"))?;
    let (mut files, mut lines) = (Vec::<String>::new(), String::new());
    for name in names {
        let ending = format!("/{name}.ko");
        let line =
            table.lines().find(|line| line.split_once(':').is_some_and(|(file, _)| file.ends_with(&ending)));
        let line = line.with_context(|| format!("the kernel has no module {name}"))?;
        files.extend(line.split([':', ' ']).filter(|file| !file.is_empty()).map(str::to_owned));
        lines.push_str(&format!("{line}\n"));
    }
    files.sort();
    files.dedup();
    Ok((files, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_where_the_boot_protocol_says() {
        let mut image = vec![0; 3 * 512 + 100];
        image[0x1f1] = 2;
        image[0x248] = 16;
        image[0x24c] = 12;
        image[3 * 512 + 16..3 * 512 + 28].copy_from_slice(b"the kernel..");
        assert_eq!(payload(&image), Some(&b"the kern"[..]));
        image[0x24c] = 200;
        assert_eq!(payload(&image), None);
        assert_eq!(payload(b"MZ"), None);
    }
}
