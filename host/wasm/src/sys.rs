//! The one place where compiled code enters the process.

use std::fs::File;
use std::os::fd::AsRawFd;

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
