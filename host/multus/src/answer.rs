//! Running the verb and printing its one answer.

use std::io::{self, Write};

use multus_attach::conf::ConfError;
use multus_attach::{Call, Deadlines, Log, MultusConf, Node, Severity};
use multus_cni::env::{Command, Request};
use multus_cni::{Code, Error, Version, version};
use multus_document::Problem;

use crate::log::CallLog;

/// Answers one call, and says whether it succeeded.
pub(crate) fn give(input: &io::Result<Vec<u8>>) -> bool {
    match run(input) {
        Ok(()) => true,
        Err(error) => {
            // The exit status stays if nobody reads the object.
            let _ = print(&error.to_json(&input.as_deref().map_or_else(|_| newest(), version_of)));
            false
        }
    }
}

/// A panic is a defect, but the runtime still gets an error object it can show.
pub(crate) fn print_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let error = Error::new(Code::Internal, format!("multus stopped on a defect of its own: {panic}"))
            .with_details("nothing is lost: the record of this container is kept, and the next call on it goes on from there");
        let _ = print(&error.to_json(&newest()));
    }));
}

fn run(input: &io::Result<Vec<u8>>) -> Result<(), Error> {
    let request = Request::from_env(|name| std::env::var_os(name))?;
    let input = input
        .as_deref()
        .map_err(|error| Error::new(Code::Io, format!("can't read standard input: {error}")))?;
    if request.command == Command::Version {
        return print(&version::report(&version_of(input))).map_err(unread);
    }
    let (conf, passed_over) = read_conf(request.command, input)?;
    let log = CallLog::new(&conf.log, &request);
    log.add_panics();
    for problem in passed_over {
        log.log(Severity::Warning, &format!("DEL goes by the record, but an ADD would fail: {problem}"));
    }
    let node = Node::new(&log);
    let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
    let outcome = serve(&call);
    log.ended(outcome.as_ref().copied());
    outcome
}

fn serve(call: &Call<'_>) -> Result<(), Error> {
    match call.request.command {
        Command::Add => add(call),
        Command::Del => multus_attach::del(call),
        Command::Check => multus_attach::check(call),
        Command::Status => multus_attach::status(call),
        Command::Gc => multus_attach::gc(call),
        Command::Version => Ok(()),
    }
}

/// A DEL makes do with a conf that an ADD would refuse; what that is comes along.
fn read_conf(command: Command, input: &[u8]) -> Result<(MultusConf, Vec<Problem>), ConfError> {
    if command == Command::Del {
        MultusConf::parse_for_del(input)
    } else {
        Ok((MultusConf::parse(input)?, Vec::new()))
    }
}

/// A result that the runtime never got is a failed ADD (design 3): it is taken back.
fn add(call: &Call<'_>) -> Result<(), Error> {
    let added = multus_attach::add(call)?;
    match print(added.result()) {
        Ok(()) => {
            added.keep();
            Ok(())
        }
        Err(error) => Err(added.undo(unread(error))),
    }
}

fn unread(error: io::Error) -> Error {
    Error::new(Code::Io, format!("the runtime did not take the result: {error}"))
}

fn print(document: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{document}")?;
    out.flush()
}

/// The version that an answer without a conf speaks, from whatever was readable.
fn version_of(input: &[u8]) -> String {
    let conf = multus_document::Object::parse(input).ok();
    conf.and_then(|conf| conf.read("cniVersion")).unwrap_or_else(newest)
}

fn newest() -> String {
    Version::V1_1_0.to_string()
}
