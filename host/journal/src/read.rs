//! From bytes to entries: what is whole is used, what is not is named, nothing is guessed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entry::{Call, Entry};
use crate::line;
use crate::record::RecordProblem;

/// The format of records as a whole. It only changes when lines are framed otherwise, or when known
/// entries change their meaning; a reader leaves records of a later format alone.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header<C> {
    format: u32,
    call: C,
}

/// Only what every format's first line has.
#[derive(Deserialize)]
struct AnyHeader {
    format: u32,
}

/// A record's file, read as far as possible.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) call: Option<Call>,
    /// With line numbers, from 1.
    pub(crate) entries: Vec<(usize, Entry)>,
    pub(crate) problems: Vec<RecordProblem>,
    pub(crate) torn: bool,
    /// Bytes of whole lines.
    pub(crate) whole: usize,
}

/// The first line of a record.
pub(crate) fn header(call: &Call) -> serde_json::Result<Vec<u8>> {
    line::encode(&Header { format: FORMAT, call })
}

/// Reads a record's file. A line without its line break is torn: a crash in the middle of a write, or
/// blocks that a power cut left empty.
pub(crate) fn contents(bytes: &[u8]) -> Contents {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut contents = Contents { torn: whole < bytes.len(), whole, ..Contents::default() };
    let lines = bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    for (number, line) in (1..).zip(lines) {
        let Some(json) = line::decode(line.strip_suffix(b"\n").unwrap_or(line)) else {
            contents.problems.push(RecordProblem::Damaged { line: number });
            continue;
        };
        if number > 1 {
            contents.entry(number, json);
        } else if !contents.first(json) {
            break;
        }
    }
    contents
}

impl Contents {
    /// Reads the first line; false if the rest is not ours to read.
    fn first(&mut self, json: &str) -> bool {
        let format = serde_json::from_str::<AnyHeader>(json).ok().map(|any| any.format);
        match (format, serde_json::from_str::<Header<Call>>(json)) {
            (Some(FORMAT), Ok(header)) => {
                self.call = Some(header.call);
                true
            }
            (Some(FORMAT), Err(_)) => {
                self.problems.push(newer(1, "a call with members of another form"));
                true
            }
            (Some(format), _) => {
                self.problems.push(newer(1, &format!("record format {format}, this version reads {FORMAT}")));
                false
            }
            (None, _) => {
                let why = "a record begins with its format and call".to_owned();
                self.problems.push(RecordProblem::Misplaced { line: 1, why });
                true
            }
        }
    }

    fn entry(&mut self, number: usize, json: &str) {
        match serde_json::from_str(json) {
            Ok(entry) => self.entries.push((number, entry)),
            Err(_) => self.problems.push(newer(number, &kind(json))),
        }
    }
}

fn newer(line: usize, what: &str) -> RecordProblem {
    RecordProblem::Newer { line, what: what.to_owned() }
}

/// Names an entry that this version does not understand.
fn kind(json: &str) -> String {
    let value = serde_json::from_str(json).unwrap_or(Value::Null);
    let name = match &value {
        Value::Object(map) => map.keys().next().map(String::as_str),
        Value::String(name) => Some(name.as_str()),
        _ => None,
    };
    name.map_or_else(|| "an entry of another form".to_owned(), |name| format!("an entry {name:?}"))
}
