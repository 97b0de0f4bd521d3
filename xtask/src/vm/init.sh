#!/bin/busybox sh
# The machine's first process. Its root is this small archive, where the kernel finds `modprobe`; the command runs in
# the host's own root, read over 9p, with memory above it for whatever is written.
# Words of the kernel's line: vm.modules=FOLDER vm.out=FOLDER vm.script=FILE vm.disk=FOLDER, paths as on the host.
B=/bin/busybox
export PATH=/bin:/sbin
$B --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
said() { echo "vm: $* at $(cut -d' ' -f1 /proc/uptime) s" >/dev/console; }
told() { sed -n "s|.*$1=\([^ ]*\).*|\1|p" /proc/cmdline; }
failed() { said "FAILED: $*"; reboot -f; }
said booted

for m in 9p 9pnet_virtio overlay; do modprobe $m || failed "no module $m"; done
over9p=trans=virtio,version=9p2000.L,msize=512000
mkdir -p /host /memory /root
mount -t 9p -o $over9p,cache=loose,ro host /host || failed "the host's files can't be had"
mount -t tmpfs -o size=90% memory /memory
mkdir /memory/written /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/written,workdir=/memory/work root /root || failed "no overlay"

# From here on the kernel loads by itself whatever anybody asks for.
rm -r /lib/modules
ln -s "/host$(told vm.modules)" /lib/modules

R=/root
mount -t proc proc $R/proc
mount -t sysfs sysfs $R/sys
mount -t devtmpfs dev $R/dev
mkdir -p $R/dev/pts $R/dev/shm $R/dev/net
mount -t devpts devpts $R/dev/pts
for folder in dev/shm run tmp var/lib; do mkdir -p $R/$folder; mount -t tmpfs -o mode=1777 memory $R/$folder; done
chmod 755 $R/run $R/var/lib
mount -t cgroup2 cgroup2 $R/sys/fs/cgroup
mount -t debugfs debugfs $R/sys/kernel/debug
ln -s /proc/self/fd $R/dev/fd
[ -e $R/dev/net/tun ] || mknod $R/dev/net/tun c 10 200
out=$(told vm.out)
mkdir -p "$R$out"
mount -t 9p -o $over9p,cache=none out "$R$out" || failed "nothing can be handed out"
hostname machine
ip link set lo up

# Emulated cards, where there are any: by their place on the bus, whatever order they were found in.
if [ -n "$(grep -l 0x10c9 /sys/bus/pci/devices/*/device 2>/dev/null)" ]; then
  modprobe igb
  modprobe igbvf
  i=0
  for card in /sys/bus/pci/drivers/igb/0*; do
    for name in "$card"/net/*; do [ "${name##*/}" = pf$i ] || ip link set "${name##*/}" name pf$i; done
    ip link set pf$i up
    i=$((i + 1))
  done
fi
modprobe netdevsim 2>/dev/null

disk=$(told vm.disk)
if [ -n "$disk" ]; then
  modprobe virtio_blk
  modprobe ext4
  mkdir -p "$R$disk"
  case " $(cat /proc/cmdline) " in *" vm.format "*) chroot $R mkfs.ext4 -q /dev/vda || failed "no file system on the disk" ;; esac
  mount -t ext4 /dev/vda "$R$disk" || failed "the disk can't be mounted"
fi

console=/dev/console
for port in /sys/class/virtio-ports/*; do
  case $(cat "$port/name") in said) console=/dev/${port##*/} ;; status) status=/dev/${port##*/} ;; esac
done
said ready
chroot $R /bin/sh "$(told vm.script)" </dev/null >"$console" 2>&1
echo $? >"$status"
said done
sync
reboot -f
