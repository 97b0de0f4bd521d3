//! Starting the machine, passing on what a command in it says, and ending it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::parts::Parts;
use crate::workspace::Workspace;

/// No disks, clocks or screens that nobody asks for: each costs time while it is looked for.
const BOARD: &str = "q35,smbus=off,sata=off,usb=off,hpet=off,graphics=off";
/// Without checks of ciphers (two seconds), and with links as few as there are in an empty namespace.
const KERNEL_LINE: &str = "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off tsc=reliable no_timer_check \
    net.ifnames=0 nokaslr random.trust_cpu=1 audit=0 cryptomgr.notests dummy.numdummies=0 ifb.numifbs=0 \
    bonding.max_bonds=0 initcall_blacklist=init_encrypted,crypto_kdf108_init,jent_mod_init \
    intel_iommu=on iommu=pt";
/// All of it below 4 GiB: where there is some above, the firmware puts cards' registers there as well, and no message of
/// a virtual function reaches its card, which then gives it neither address nor carrier.
const MEGABYTES: &str = "2800";
/// So that programs may have functions of the first card. With interrupts of its own as well, cards beside it would get none.
const IOMMU: &str = "intel-iommu,intremap=off";
/// A bus beside the first for all other cards, which are as on a node without.
const WITHOUT_IOMMU: &str = "beside";
/// How often is looked at what the machine said.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// What is run in the machine.
pub(crate) struct Job<'a> {
    /// For `sh`, as root of the machine, whose files are this one's; what it writes is gone with the machine.
    pub(crate) script: &'a str,
    /// How many network cards with virtual functions.
    pub(crate) cards: u32,
    /// A file that is a disk there, and the folder that it is mounted on.
    pub(crate) disk: Option<Disk<'a>>,
    /// It is ended then, whatever it does.
    pub(crate) limit: Duration,
}

/// A disk with ext4.
pub(crate) struct Disk<'a> {
    pub(crate) file: &'a Path,
    pub(crate) mounted: &'a Path,
    /// Make a file system first.
    pub(crate) format: bool,
}

/// A machine that runs. Dropped, it loses its power.
pub(crate) struct Machine {
    qemu: Child,
    said: File,
    folder: PathBuf,
    ends: Instant,
    limit: Duration,
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Both fail when it has ended by itself, which is as well.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

impl Machine {
    /// Boots one.
    ///
    /// # Errors
    /// If QEMU does not start.
    pub(crate) fn start(workspace: &Workspace, parts: &Parts, job: &Job<'_>) -> Result<Machine> {
        let folder = parts.folder.join("run").join(std::process::id().to_string());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        fs::create_dir_all(out(parts))?;
        fs::write(folder.join("script"), job.script)?;
        for file in ["console", "said", "status", "qemu"] {
            File::create(folder.join(file))?;
        }
        let mut command = parts.qemu(workspace)?;
        line(&mut command, parts, &folder, job)?;
        let log = File::options().append(true).open(folder.join("qemu"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let said = File::open(folder.join("said"))?;
        let qemu = command.spawn().context("QEMU does not start")?;
        Ok(Machine { qemu, said, folder, ends: Instant::now() + job.limit, limit: job.limit })
    }

    /// Passes on what the command says, to its end. Returns its exit status.
    ///
    /// # Errors
    /// If the machine ends before the command, or doesn't within its time.
    pub(crate) fn finish(mut self, mut hear: impl FnMut(&[u8]) -> io::Result<()>) -> Result<i32> {
        loop {
            let status = self.look(&mut hear)?;
            if let Some(status) = status {
                fs::remove_dir_all(&self.folder).ok();
                return Ok(status);
            }
            thread::sleep(LOOK);
        }
    }

    /// Passes on what was said since, and returns the status, if there is one.
    ///
    /// # Errors
    /// As [`Machine::finish`].
    pub(crate) fn look(&mut self, hear: &mut impl FnMut(&[u8]) -> io::Result<()>) -> Result<Option<i32>> {
        let ended = self.qemu.try_wait()?;
        // Asked before the rest is read: what was said before it is then there.
        let status = fs::read_to_string(self.folder.join("status"))?;
        let mut news = Vec::new();
        self.said.read_to_end(&mut news)?;
        hear(&news)?;
        if let Some(number) = status.strip_suffix('\n') {
            return number
                .trim()
                .parse()
                .map(Some)
                .with_context(|| format!("the machine's status is {number:?}"));
        }
        if let Some(ended) = ended {
            bail!("the virtual machine ended before the command did (QEMU: {ended}). {}", self.last_words());
        }
        if Instant::now() > self.ends {
            bail!(
                "the command in the virtual machine did not end within {:?}. {}",
                self.limit,
                self.last_words()
            );
        }
        Ok(None)
    }

    fn last_words(&self) -> String {
        let text = |name: &str| fs::read(self.folder.join(name)).unwrap_or_default();
        let console = String::from_utf8_lossy(&text("console")).into_owned();
        let lines: Vec<_> = console.lines().collect();
        let last = lines.split_at(lines.len().saturating_sub(40)).1.join("\n    ");
        let qemu = String::from_utf8_lossy(&text("qemu")).into_owned();
        format!("Its console:\n    {last}\nQEMU:\n    {}", qemu.trim_end())
    }
}

/// Where a command in the machine can leave files, under the same path there and here.
pub(crate) fn out(parts: &Parts) -> PathBuf {
    parts.folder.join("out")
}

/// Passes on to our own output.
pub(crate) fn aloud(news: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(news)?;
    out.flush()
}

fn line(command: &mut Command, parts: &Parts, folder: &Path, job: &Job<'_>) -> Result<()> {
    let mut option = |name: &str, value: String| {
        command.args([name, &value]);
    };
    option("-machine", BOARD.into());
    option("-accel", "tcg,thread=multi,tb-size=256".into());
    option("-cpu", "max".into());
    option("-smp", "2".into());
    option("-m", MEGABYTES.into());
    option("-display", "none".into());
    option("-serial", format!("file:{}", comma(&folder.join("console"))));
    if job.cards > 0 {
        // Before the devices that it stands in front of.
        option("-device", IOMMU.into());
    }
    option("-device", "virtio-serial-pci".into());
    for port in ["said", "status"] {
        option("-chardev", format!("file,id={port},path={}", comma(&folder.join(port))));
        option("-device", format!("virtserialport,chardev={port},name={port}"));
    }
    for (tag, path, access) in [("host", Path::new("/"), "on"), ("out", &out(parts), "off")] {
        let access = format!("readonly={access},security_model=none,multidevs=remap");
        option("-fsdev", format!("local,id={tag},path={},{access}", comma(path)));
        option("-device", format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}"));
    }
    if job.cards > 1 {
        option("-device", format!("pxb-pcie,id={WITHOUT_IOMMU},bus_nr=128,bypass_iommu=on"));
    }
    for card in 1..=job.cards {
        // One wire joins all of them, and leads nowhere else.
        option("-netdev", format!("hubport,id=wire{card},hubid=0"));
        let bus = if card == 1 { "pcie.0" } else { WITHOUT_IOMMU };
        option("-device", format!("pcie-root-port,bus={bus},id=port{card},chassis={card},slot={card}"));
        option(
            "-device",
            format!("igb,bus=port{card},netdev=wire{card},mac=52:54:00:00:{card:02x}:00,romfile="),
        );
    }
    let mut words = format!(
        "{KERNEL_LINE} vm.modules={} vm.out={} vm.script={}",
        parts.modules().display(),
        out(parts).display(),
        folder.join("script").display()
    );
    if let Some(disk) = &job.disk {
        option("-drive", format!("if=virtio,format=raw,cache=writeback,file={}", comma(disk.file)));
        words.push_str(&format!(" vm.disk={}", disk.mounted.display()));
        words.push_str(if disk.format { " vm.format" } else { "" });
    }
    option("-append", words);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
    command.arg("-kernel").arg(parts.kernel()).arg("-initrd").arg(parts.first_root());
    Ok(())
}

/// In QEMU's options a comma in a value is doubled.
fn comma(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
