//! What the kernel answers to a request: messages of a dump, its end, an acknowledgement, a refusal.

use std::{fmt, io};

use nix::libc;

use crate::Why;
use crate::attribute::{after, bytes, text, u16_at, u32_at, value};

/// Length of a netlink message's header.
pub(crate) const HEADER: usize = 16;
/// The request that an error repeats is its header alone.
const CAPPED: libc::c_int = 0x100;
/// Attributes follow the request that an error repeats.
const HAS_ATTRIBUTES: libc::c_int = 0x200;
/// `NLMSGERR_ATTR_MSG`: why, in words.
const WORDS: u16 = 1;

/// A message's kind (`RTM_…`) and what follows its header.
pub(crate) type Message = (u16, Vec<u8>);

/// What one datagram did for a dump.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Complete,
    /// Complete, but the table changed meanwhile.
    Inconsistent,
}

/// The kernel did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) source: io::Error,
    /// In the kernel's own words, where it has some.
    words: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.words {
            Some(words) => write!(f, "{words}: {}", self.source),
            None => self.source.fmt(f),
        }
    }
}

impl Refusal {
    pub(crate) fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// What it is about is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.errno().is_some_and(|errno| Why::of(errno) == Why::Missing)
    }

    /// What the kernel should have refused.
    pub(crate) fn new(errno: libc::c_int, words: &str) -> Self {
        Self { source: io::Error::from_raw_os_error(errno), words: Some(words.to_owned()) }
    }
}

impl From<io::Error> for Refusal {
    fn from(source: io::Error) -> Self {
        Self { source, words: None }
    }
}

/// One message of a datagram.
struct Answer<'a> {
    kind: u16,
    flags: libc::c_int,
    /// The request that it answers.
    sequence: u32,
    body: &'a [u8],
}

/// The first message of a datagram, and the rest of it.
fn first(datagram: &[u8]) -> io::Result<(Answer<'_>, &[u8])> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a malformed netlink message");
    let length = u32_at(datagram, 0).ok_or_else(malformed)? as usize;
    let answer = Answer {
        kind: u16_at(datagram, 4).ok_or_else(malformed)?,
        flags: libc::c_int::from(u16_at(datagram, 6).ok_or_else(malformed)?),
        sequence: u32_at(datagram, 8).ok_or_else(malformed)?,
        body: datagram.get(HEADER..length).ok_or_else(malformed)?,
    };
    Ok((answer, after(datagram, length)))
}

/// Takes the messages of one datagram that answer dump number `sequence`.
pub(crate) fn read(
    datagram: &[u8],
    sequence: u32,
    messages: &mut Vec<Message>,
    interrupted: &mut bool,
) -> io::Result<Progress> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let (answer, next) = first(rest)?;
        rest = next;
        if answer.sequence != sequence {
            continue;
        }
        *interrupted |= answer.flags & libc::NLM_F_DUMP_INTR != 0;
        match libc::c_int::from(answer.kind) {
            libc::NLMSG_NOOP => {}
            libc::NLMSG_OVERRUN => return Err(io::Error::other("the kernel lost data")),
            libc::NLMSG_ERROR | libc::NLMSG_DONE => {
                check(answer.body)?;
                return Ok(if *interrupted { Progress::Inconsistent } else { Progress::Complete });
            }
            _ => messages.push((answer.kind, answer.body.to_vec())),
        }
    }
    Ok(Progress::More)
}

/// How a request went: its number, and the kernel's refusal if it has one.
pub(crate) type Acknowledgement = (u32, Result<(), Refusal>);

/// The answers to changes in this datagram.
pub(crate) fn acknowledgements(datagram: &[u8]) -> io::Result<Vec<Acknowledgement>> {
    let mut answers = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let (answer, next) = first(rest)?;
        rest = next;
        if libc::c_int::from(answer.kind) == libc::NLMSG_ERROR {
            answers.push((answer.sequence, acknowledged(&answer)));
        }
    }
    Ok(answers)
}

/// The answer to question number `sequence` for one thing, if it is in this datagram.
pub(crate) fn reply(datagram: &[u8], sequence: u32) -> io::Result<Option<Result<Message, Refusal>>> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let (answer, next) = first(rest)?;
        rest = next;
        if answer.sequence != sequence {
            continue;
        }
        return Ok(Some(match libc::c_int::from(answer.kind) {
            libc::NLMSG_ERROR => match acknowledged(&answer) {
                Err(refusal) => Err(refusal),
                Ok(()) => Err(io::Error::other("an acknowledgement where an answer was due").into()),
            },
            _ => Ok((answer.kind, answer.body.to_vec())),
        }));
    }
    Ok(None)
}

fn acknowledged(answer: &Answer<'_>) -> Result<(), Refusal> {
    check(answer.body).map_err(|source| Refusal { source, words: words(answer) })
}

/// Fails with the negated error number at the start of an ending message, if there is one.
fn check(body: &[u8]) -> io::Result<()> {
    let code = bytes(body, 0).map_or(0, i32::from_ne_bytes);
    if code < 0 { Err(io::Error::from_raw_os_error(code.saturating_neg())) } else { Ok(()) }
}

/// An error is its number, the request's header, the request's body unless capped, and attributes.
fn words(answer: &Answer<'_>) -> Option<String> {
    if answer.flags & HAS_ATTRIBUTES == 0 {
        return None;
    }
    let request = answer.body.get(4..)?;
    let length = if answer.flags & CAPPED != 0 { HEADER } else { u32_at(request, 0)? as usize };
    value(after(request, length), WORDS).map(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, flags: libc::c_int, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut message = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend((flags as u16).to_ne_bytes());
        message.extend(sequence.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(body);
        message
    }

    fn reading(datagram: &[u8]) -> io::Result<(Progress, usize)> {
        let mut messages = Vec::new();
        read(datagram, 7, &mut messages, &mut false).map(|progress| (progress, messages.len()))
    }

    #[test]
    fn a_dump_ends_with_done_and_starts_again_if_interrupted() {
        let (done, error) = (libc::NLMSG_DONE as u16, libc::NLMSG_ERROR as u16);
        let link = message(16, 2, 7, &[0; 16]);
        let interrupted = message(16, libc::NLM_F_DUMP_INTR, 7, &[0; 16]);
        let (end, refused) = (message(done, 2, 7, &[0; 4]), message(error, 0, 7, &(-1_i32).to_ne_bytes()));
        let (failed, old) = (message(done, 2, 7, &(-12_i32).to_ne_bytes()), message(done, 2, 6, &[0; 4]));

        assert_eq!(reading(&link).unwrap(), (Progress::More, 1));
        assert_eq!(reading(&[link.clone(), end.clone()].concat()).unwrap(), (Progress::Complete, 1));
        assert_eq!(reading(&[interrupted, end.clone()].concat()).unwrap(), (Progress::Inconsistent, 1));
        assert_eq!(reading(&[old, link].concat()).unwrap(), (Progress::More, 1));
        assert_eq!(reading(&refused).unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(reading(&failed).unwrap_err().raw_os_error(), Some(libc::ENOMEM));
        assert!(reading(&end[..end.len() - 1]).is_err());
    }

    #[test]
    fn a_refusal_has_the_kernels_words_if_it_gave_any() {
        let error = |flags, rest: &[u8]| {
            let number = (-libc::ENETUNREACH).to_ne_bytes();
            message(libc::NLMSG_ERROR as u16, flags, 7, &[&number[..], rest].concat())
        };
        let request = message(24, 0, 7, &[0; 12]);
        let mut attribute = 9_u16.to_ne_bytes().to_vec();
        attribute.extend(WORDS.to_ne_bytes());
        attribute.extend(b"why?\0");
        let rows: [(libc::c_int, &[u8], &str); 5] = [
            (0, &[], "Network is unreachable (os error 101)"),
            (0, &[&request[..], &attribute].concat(), "Network is unreachable (os error 101)"),
            (
                HAS_ATTRIBUTES,
                &[&request[..], &attribute].concat(),
                "why?: Network is unreachable (os error 101)",
            ),
            (
                HAS_ATTRIBUTES | CAPPED,
                &[&request[..HEADER], &attribute].concat(),
                "why?: Network is unreachable (os error 101)",
            ),
            (HAS_ATTRIBUTES, &request[..3], "Network is unreachable (os error 101)"),
        ];
        for (flags, rest, expected) in rows {
            let mut answers = acknowledgements(&error(flags, rest)).unwrap();
            let (7, Err(refusal)) = answers.remove(0) else { panic!("{flags:x} {rest:?}") };
            assert_eq!(refusal.to_string(), expected, "{flags:x} {rest:?}");
            assert_eq!(refusal.source.raw_os_error(), Some(libc::ENETUNREACH));
        }
        let done = message(libc::NLMSG_ERROR as u16, 0, 7, &[0; 4]);
        assert!(matches!(acknowledgements(&done).unwrap().as_slice(), [(7, Ok(()))]));
        assert!(acknowledgements(&done[..7]).is_err());
    }

    #[test]
    fn one_thing_is_answered_or_refused() {
        let gone = message(libc::NLMSG_ERROR as u16, 0, 7, &(-libc::ENODEV).to_ne_bytes());
        let (link, other) = (message(16, 0, 7, &[1; 16]), message(16, 0, 6, &[2; 16]));
        let (kind, body) = reply(&[other.clone(), link].concat(), 7).unwrap().unwrap().unwrap();
        assert_eq!((kind, body), (16, vec![1; 16]));
        assert!(reply(&other, 7).unwrap().is_none(), "the answer to another question");
        let refusal = reply(&gone, 7).unwrap().unwrap().unwrap_err();
        assert_eq!(refusal.source.raw_os_error(), Some(libc::ENODEV));
        assert!(reply(&gone[..9], 7).is_err());
    }

    proptest! {
        #[test]
        fn no_datagram_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = reading(&data);
            let _ = (acknowledgements(&data), reply(&data, u32_at(&data, 8).unwrap_or_default()));
        }

        #[test]
        fn no_error_stops_the_reader(flags: u16, data in prop::collection::vec(any::<u8>(), 0..80)) {
            let error = message(libc::NLMSG_ERROR as u16, libc::c_int::from(flags), 7, &data);
            let _ = (acknowledgements(&error), reply(&error, 7));
        }
    }
}
