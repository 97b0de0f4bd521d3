//! The one place where compiled code enters the process, the interruption of what runs of it, and random numbers.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps an artifact from the descriptor on which it was verified, so that what runs is what was hashed even
/// if its name has come to mean another file.
///
/// The caller has verified owner, mode, size and SHA-256 of the content against the lock.
pub(crate) fn map_verified(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the content is what our own compiler wrote, by its SHA-256 in the trusted lock; nobody but root
    // and ourselves can write the file while it is mapped (owner and mode were checked on this descriptor).
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads an artifact from bytes that were verified, for folders from which nothing may be executed.
///
/// The caller has verified the SHA-256 of these very bytes against the lock.
pub(crate) fn load_verified(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what our own compiler wrote, by their SHA-256 in the trusted lock, and they are
    // private memory of this process.
    unsafe { Component::deserialize(engine, bytes) }
}

/// Fills all of it with random numbers of the kernel's.
///
/// # Errors
/// The kernel's.
pub(crate) fn random(mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the pointer and the length are those of a slice that is ours to write.
        let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match usize::try_from(filled) {
            // A signal may cut it short.
            Ok(filled) => bytes = bytes.get_mut(filled..).unwrap_or_default(),
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}

/// Makes every SIGVTALRM of a timer whose value is an engine's address advance that engine's epoch.
pub(crate) fn handle_ticks() -> nix::Result<()> {
    static HANDLED: OnceLock<nix::Result<()>> = OnceLock::new();
    *HANDLED.get_or_init(|| {
        let flags = SaFlags::SA_SIGINFO | SaFlags::SA_RESTART | SaFlags::SA_ONSTACK;
        let action = SigAction::new(SigHandler::SigAction(tick), flags, SigSet::empty());
        // SAFETY: `tick` does nothing that a signal's handler may not do, and nobody else uses this signal.
        unsafe { sigaction(Signal::SIGVTALRM, &action) }.map(drop)
    })
}

extern "C" fn tick(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t` to a handler that asked for one.
    let Some(info) = (unsafe { info.as_ref() }) else { return };
    // Somebody's `kill` has no engine.
    if info.si_code != libc::SI_TIMER {
        return;
    }
    // SAFETY: the value of each timer with this signal is the address of an engine that outlives it
    // (`watchdog::Watch`). The signal is for the thread that deletes the timer and is not blocked there, so
    // none is under way any more once it is deleted.
    if let Some(engine) = unsafe { info.si_value().sival_ptr.cast::<Engine>().as_ref() } {
        engine.increment_epoch();
    }
}
