//! How a gRPC call can fail.

use std::fmt;
use std::io;
use std::time::Duration;

/// How a call of the kubelet can fail.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no socket, or nobody accepts connections at it.
    #[error("nobody listens there")]
    NobodyListens,
    /// It has more connections waiting than it takes. Worth another try.
    #[error("it accepts no more connections now")]
    Busy,
    /// The socket can't be used.
    #[error("can't connect: {0}; check who may open the socket")]
    Connection(io::Error),
    /// Whoever listens does not speak HTTP/2 as it should.
    #[error("what listens there does not speak gRPC ({0}); check that this is the kubelet's own socket")]
    Protocol(#[from] h2::Error),
    /// It speaks HTTP/2, but not gRPC.
    #[error(
        "what listens there answers, but not with gRPC ({0}); check that this is the kubelet's own socket"
    )]
    NotGrpc(String),
    /// It answers with an error of its own.
    #[error("it answers with {code}: {message}")]
    Refused {
        /// What kind.
        code: Code,
        /// In its words.
        message: String,
    },
    /// The answer is no message of the expected kind.
    #[error("its answer can't be read: {0}")]
    Decode(#[from] prost::DecodeError),
    /// No answer in time.
    #[error("no answer within {:.1} s; the kubelet may be overloaded, the call can be repeated", after.as_secs_f32())]
    Silent {
        /// How long it was waited for.
        after: Duration,
    },
}

/// The kind of a gRPC error, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 8: it has too much to do now.
    ResourceExhausted,
    /// Any other.
    Other(u32),
}

impl Code {
    /// The kind of that number; `None` for 0, which is no error.
    pub(super) fn of(number: u32) -> Option<Self> {
        match number {
            0 => None,
            8 => Some(Self::ResourceExhausted),
            other => Some(Self::Other(other)),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = match self {
            Self::ResourceExhausted => 8,
            Self::Other(number) => *number,
        };
        write!(f, "gRPC status {number}")
    }
}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Self::NobodyListens,
            io::ErrorKind::WouldBlock => Self::Busy,
            _ => Self::Connection(error),
        }
    }
}
