//! The kernel interfaces that have no safe wrapper: a namespace's kind, a socket's namespace cookie, and netlink
//! errors with words.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;

/// `_IO(0xb7, 3)` of `<linux/nsfs.h>`.
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;

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

/// Lets the kernel add words to a refusal. Kernels before 4.12 refuse with a number alone.
pub(crate) fn ask_for_words(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: `on` outlives the call, and the length given is its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_EXT_ACK,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
