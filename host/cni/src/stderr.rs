//! Standard error, for as long as somebody takes what is written to it.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd;

/// What a pipe that has room at all takes without waiting.
const PIECE: usize = 4 << 10;

/// How long, in milliseconds, somebody who is to read may be busy with something else.
const PATIENCE: u8 = 50;

/// A runtime that does not read must not keep a pod from starting, or from being taken back: what finds no room is dropped.
/// The log file has it all the same.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stderr(());

/// Whether nobody read for as long as one may be busy: from then on nothing waits.
static IS_STUCK: AtomicBool = AtomicBool::new(false);

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(io::stderr().as_fd(), bytes, &IS_STUCK)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A part of the bytes; all of them, into nowhere, if there is no room.
fn write(to: BorrowedFd<'_>, bytes: &[u8], is_stuck: &AtomicBool) -> io::Result<usize> {
    let patience = if is_stuck.load(Ordering::Relaxed) { 0 } else { PATIENCE };
    let has_room = has_room(to, patience);
    is_stuck.store(!has_room, Ordering::Relaxed);
    match bytes.get(..PIECE.min(bytes.len())) {
        Some(piece) if has_room => Ok(unistd::write(to, piece)?),
        _ => Ok(bytes.len()),
    }
}

/// Whether a piece can be written without waiting; also if it would fail, which the writer then hears.
fn has_room(to: BorrowedFd<'_>, patience: u8) -> bool {
    let mut asked = [PollFd::new(to, PollFlags::POLLOUT)];
    // Interrupted, or not to be asked: as if there were none.
    poll(&mut asked, PollTimeout::from(patience)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::time::{Duration, Instant};

    fn all(to: BorrowedFd<'_>, mut bytes: &[u8], is_stuck: &AtomicBool) {
        while !bytes.is_empty() {
            let written = write(to, bytes, is_stuck).unwrap();
            bytes = &bytes[written..];
        }
    }

    #[test]
    fn who_does_not_read_holds_nobody_up_and_who_reads_again_hears_on() {
        let (reader, writer) = unistd::pipe().unwrap();
        let (mut reader, is_stuck) = (File::from(reader), AtomicBool::new(false));
        let begun = Instant::now();
        for _ in 0..200 {
            all(writer.as_fd(), &[b'x'; 10_000], &is_stuck);
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it waits once: {:?}", begun.elapsed());
        assert!(is_stuck.load(Ordering::Relaxed));
        let mut some = vec![0; 1 << 20];
        assert!(reader.read(&mut some).unwrap() >= 4096);
        all(writer.as_fd(), b"again", &is_stuck);
        assert!(!is_stuck.load(Ordering::Relaxed));
        drop(writer);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"again"));
    }

    #[test]
    fn what_is_read_arrives_whole_and_a_closed_end_is_an_error() {
        let (reader, writer) = unistd::pipe().unwrap();
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut reader = File::from(reader);
        let heard = std::thread::spawn(move || {
            let mut heard = vec![0; 400_000];
            reader.read_exact(&mut heard).unwrap();
            heard
        });
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            // Whoever reads here is never busy for long; a machine that is may drop nothing either.
            let is_stuck = AtomicBool::new(false);
            if has_room(writer.as_fd(), PATIENCE) {
                rest = &rest[write(writer.as_fd(), rest, &is_stuck).unwrap()..];
            }
        }
        assert!(heard.join().unwrap() == text);
        let error = write(writer.as_fd(), b"x", &AtomicBool::new(false)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
