# The rest of the machine's start, and what it is there for. Words of the kernel's line, with paths as on the host:
# vm.modules=FOLDER vm.out=FOLDER vm.script=FILE vm.disk=FOLDER vm.format
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/.vm/bin HOME=/root
told() { sed -n "s|.* $1=\([^ ]*\).*|\1|p" /proc/cmdline; }
said() {
  read -r up _ </proc/uptime
  echo "vm: $* after $up s" >/dev/console
}
failed() {
  said "FAILED: $*"
  reboot -f
}
mkdir -p /dev/pts /dev/shm /dev/net
mount -t devpts devpts /dev/pts
for folder in /dev/shm /tmp /run /var/lib; do mount -t tmpfs -o mode=1777 memory $folder; done
chmod 755 /run /var/lib
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debugfs /sys/kernel/debug
for link in fd:/proc/self/fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do ln -s "${link#*:}" "/dev/${link%%:*}"; done
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
hostname machine
ip link set lo up

# The kernel loads by itself whatever anybody asks for. The host's own modprobe may want other tables than these.
version=$(uname -r)
mkdir -p "/lib/modules/$version"
mount --bind "$(told vm.modules)/$version" "/lib/modules/$version"
echo /.vm/bin/modprobe >/proc/sys/kernel/modprobe

out=$(told vm.out)
mkdir -p "$out"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none out "$out" || failed "nothing can be handed out"

# Emulated cards, where there are any: named by their place on the bus, whatever order they were found in.
if grep -q 0x10c9 /sys/bus/pci/devices/*/device; then
  /.vm/bin/modprobe igb
  /.vm/bin/modprobe igbvf
  number=0
  for card in /sys/bus/pci/drivers/igb/0*; do
    for link in "$card"/net/*; do
      link=${link##*/}
      [ "$link" = pf$number ] || ip link set "$link" name pf$number
    done
    ip link set pf$number up
    number=$((number + 1))
  done
fi

# Cards that are not there at all: `echo "1 1" >/sys/bus/netdevsim/new_device`.
/.vm/bin/modprobe netdevsim 2>/dev/null

disk=$(told vm.disk)
if [ -n "$disk" ]; then
  /.vm/bin/modprobe virtio_blk
  mkdir -p "$disk"
  if grep -q ' vm.format' /proc/cmdline; then mkfs.ext4 -q /dev/vda || failed "no file system on the disk"; fi
  mount -t ext4 /dev/vda "$disk" || failed "the disk can't be mounted"
fi

console=/dev/console
status=/dev/null
for port in /sys/class/virtio-ports/*; do
  case $(cat "$port/name") in
    said) console=/dev/${port##*/} ;;
    status) status=/dev/${port##*/} ;;
  esac
done
said ready
/bin/sh "$(told vm.script)" </dev/null >"$console" 2>&1
code=$?
said done
sync
# The host ends the machine when it has read this.
echo "$code" >"$status"
sleep 10
reboot -f
