//! The kernel interfaces that have no safe wrapper: a namespace's kind, a socket's namespace and its cookie, other
//! processes' descriptors, options of netlink, frames, and a process that shares our memory.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::libc;
use nix::sched::{CloneFlags, clone};
use nix::sys::wait::{WaitPidFlag, waitpid};

/// `_IO(0xb7, 3)` of `<linux/nsfs.h>`.
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
/// `<linux/sockios.h>`.
const SIOCGSKNS: libc::Ioctl = 0x894c;

/// The `CLONE_NEW…` flag of the namespace behind a descriptor of an nsfs file.
pub(crate) fn namespace_kind(file: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: NS_GET_NSTYPE takes no argument and only reads the open file behind a valid descriptor.
    let kind = unsafe { libc::ioctl(file.as_raw_fd(), NS_GET_NSTYPE) };
    if kind < 0 { Err(io::Error::last_os_error()) } else { Ok(kind) }
}

/// The cookie of the network namespace that a socket belongs to; 0 where the kernel has no cookies.
pub(crate) fn namespace_cookie(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut cookie = 0_u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: `cookie` and `length` outlive the call, and `length` is the size of `cookie`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        return Ok(cookie);
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ENOPROTOOPT) { Ok(0) } else { Err(error) }
}

/// The network namespace that a socket belongs to, open.
pub(crate) fn namespace_of(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: SIOCGSKNS takes no argument and only reads the open socket behind a valid descriptor.
    let opened = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSKNS) };
    owned(opened.into())
}

/// A process, which stands for nobody else when it has ended.
pub(crate) fn process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// A copy of a descriptor that a process has.
pub(crate) fn descriptor_of(process: BorrowedFd<'_>, number: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_getfd takes three numbers, the first of which is a valid descriptor.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })
}

/// What a call has opened for us.
fn owned(opened: libc::c_long) -> io::Result<OwnedFd> {
    match RawFd::try_from(opened) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets an option of netlink (`NETLINK_…`) that takes a number.
pub(crate) fn netlink_option(
    socket: BorrowedFd<'_>,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: `value` outlives the call, and the length given is its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sends a packet of this Ethernet type to everybody on a link, by a packet socket that makes the frame's header.
pub(crate) fn broadcast(socket: BorrowedFd<'_>, index: u32, ethertype: u16, packet: &[u8]) -> io::Result<()> {
    let to = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::c_ushort,
        sll_protocol: ethertype.to_be(),
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
    };
    // SAFETY: `packet` and `to` outlive the call, and the lengths given are theirs.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            packet.as_ptr().cast(),
            packet.len(),
            0,
            (&raw const to).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// For a few system calls, and the formatting of an error. Not from the heap: clearing it there would touch each of
/// its pages, and a first touch costs more than most system calls. Of this one only what is used is ever touched.
static STACK: Mutex<[u8; 64 << 10]> = Mutex::new([0; 64 << 10]);

/// Runs `work` in a process of its own that shares our memory and descriptors, while this thread waits for
/// its end: what it changes of itself, such as its namespace, ends with it. A thread would do as well, and
/// costs four times as much.
///
/// # Errors
/// The process could not be started, or was killed.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    let mut stack = STACK.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut work, mut done) = (Some(work), None);
    let callback = || {
        done = work.take().map(|work| work());
        0
    };
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK | CloneFlags::CLONE_FILES;
    // SAFETY: until the process ends this thread sleeps (CLONE_VFORK), so it is as if this thread itself went
    // on, on a stack of its own: its thread-local data, locks and memory are those that `work` sees.
    let process = unsafe { clone(Box::new(callback), &mut *stack, flags, None) }?;
    waitpid(process, Some(WaitPidFlag::__WCLONE))?;
    done.ok_or_else(|| io::Error::other("the process that was to do it was killed"))
}
