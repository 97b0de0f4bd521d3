//! Starting a process without copying ours: what stands between clone and exec.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sched::{CloneFlags, clone};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal};
use nix::unistd::{Pid, getpid, getppid, setpgid};

/// For a few system calls. Not from the heap, where it would be cleared, and so touched, page by page.
static STACK: Mutex<[u8; 16 << 10]> = Mutex::new([0; 16 << 10]);

/// What is to run: everything that needs memory is made before the child exists.
pub(super) struct Image {
    path: CString,
    environment: Vec<CString>,
}

impl Image {
    /// A program that gets its path as its only argument, and these `NAME=value`.
    pub(super) fn new(path: CString, environment: Vec<CString>) -> Self {
        Self { path, environment }
    }
}

/// Starts a program in a process group of its own. It is tied to the calling thread, and keeps `inherit`
/// beside its three streams.
///
/// The kernel kills it when that *thread* ends, not the process: the thread has to stay until the child is
/// reaped, as [`super::run`] does. The kernel forgets the tie for what the child starts itself, and for
/// binaries that are setuid or have file capabilities; those still hold the inherited descriptors.
///
/// A fork would copy our page tables, and then every page that we write: half of what a start costs. So the
/// child borrows our memory until it runs its program, and this thread waits for that.
///
/// # Errors
/// What the system said, to starting the process or to running the program in it.
pub(super) fn spawn(
    image: &Image,
    streams: [BorrowedFd<'_>; 3],
    inherit: &[BorrowedFd<'_>],
) -> io::Result<Pid> {
    let parent = getpid();
    let arguments = [image.path.as_ptr(), ptr::null()];
    let environment: Vec<*const libc::c_char> =
        image.environment.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
    let mut stack = STACK.lock().unwrap_or_else(PoisonError::into_inner);
    let mut failure = None;
    // A handler of ours must not run in the child, on our memory.
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let in_child = || {
        let prepared = prepare(parent, streams.map(|stream| stream.as_raw_fd()), inherit)
            .and_then(|()| mask.thread_set_mask());
        failure = Some(prepared.map_or_else(
            |errno| errno,
            // SAFETY: path, arguments and environment are zero-terminated and outlive the call.
            |()| unsafe {
                libc::execve(image.path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
                Errno::last()
            },
        ));
        127
    };
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    // SAFETY: until its exec or its end this thread sleeps (CLONE_VFORK), so the child has the memory for
    // itself but for other threads, of which it takes no lock: it makes system calls on a stack of its own,
    // and writes nothing but `failure`.
    let started = unsafe { clone(Box::new(in_child), &mut *stack, flags, Some(libc::SIGCHLD)) };
    mask.thread_set_mask()?;
    let child = started?;
    match failure {
        None => Ok(child),
        Some(errno) => {
            let _ = nix::sys::wait::waitpid(child, None);
            Err(errno.into())
        }
    }
}

fn prepare(parent: Pid, streams: [RawFd; 3], inherit: &[BorrowedFd<'_>]) -> nix::Result<()> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    for (target, stream) in (0..).zip(streams) {
        // SAFETY: 0, 1 and 2 are the streams of this process, which nothing of it uses any more; they
        // were opened at its start, by its entry or Rust's runtime, so that no other descriptor has one of the numbers.
        Errno::result(unsafe { libc::dup2(stream, target) })?;
    }
    // SAFETY: sets no handler. Ours is ignored since the start, and what is ignored stays so in a program.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The parent may have died before the line above, and then no signal will come.
    if getppid() != parent {
        return Err(Errno::ESRCH);
    }
    inherit.iter().try_for_each(|fd| fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty())).map(drop))
}
