#!/bin/busybox sh
# The machine's first process: from its small root to one that is the host's, read over 9p, with memory above it for
# whatever is written. `inside.sh` goes on there.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
failed() {
  echo "vm: FAILED: $*" >/dev/console
  reboot -f
}
read -r up _ </proc/uptime
echo "vm: booted after $up s" >/dev/console

for module in 9p 9pnet_virtio overlay; do modprobe $module || failed "there is no module $module"; done
mkdir -p /host /memory /root
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /host || failed "no files of the host"
mount -t tmpfs -o size=90% memory /memory
mkdir /memory/written /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/written,workdir=/memory/work root /root || failed "no overlay"
mkdir -p /root/.vm/bin
cp /bin/busybox /inside.sh /root/.vm
/bin/busybox --install -s /root/.vm/bin
rm /root/.vm/bin/busybox
for applet in /root/.vm/bin/*; do ln -sf ../busybox "$applet"; done
# Before anything is run there: until then these are the host's own, with processes that are not here.
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs dev /root/dev
umount /dev
umount /proc
exec switch_root -c /dev/console /root /.vm/busybox sh /.vm/inside.sh
