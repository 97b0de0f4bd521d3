//! A call's environment (CNI-01): which variables each verb needs, and what they say.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::args::Args;
use crate::error::{Code, Error};
use crate::names;

/// A verb of the protocol: `CNI_COMMAND`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Attach a container.
    Add,
    /// Take an attachment back.
    Del,
    /// Is the attachment as it was made? Since 0.4.0.
    Check,
    /// Can ADD be served? Since 1.1.0.
    Status,
    /// Take back what the runtime no longer knows. Since 1.1.0.
    Gc,
    /// Which versions are spoken? Since 0.2.0.
    Version,
}

impl Command {
    const ALL: [Self; 6] = [Self::Add, Self::Del, Self::Check, Self::Status, Self::Gc, Self::Version];

    /// The text of `CNI_COMMAND`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Status => "STATUS",
            Self::Gc => "GC",
            Self::Version => "VERSION",
        }
    }

    fn names_an_attachment(self) -> bool {
        matches!(self, Self::Add | Self::Del | Self::Check)
    }

    fn needs_a_namespace(self) -> bool {
        matches!(self, Self::Add | Self::Check)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the caller asks for, checked. Variables that the verb does not use are left empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The verb.
    pub command: Command,
    /// `CNI_CONTAINERID`; empty for STATUS, GC and VERSION.
    pub container_id: String,
    /// `CNI_NETNS`; always there for ADD and CHECK. At DEL it may be missing or name nothing.
    pub netns: Option<PathBuf>,
    /// `CNI_IFNAME`; empty for STATUS, GC and VERSION.
    pub ifname: String,
    /// `CNI_ARGS`, read. What can't be read stops ADD and CHECK; the other verbs go on without it.
    pub args: Args,
    /// `CNI_ARGS` as given.
    pub raw_args: String,
    /// `CNI_PATH`: the folders of plugins.
    pub path: Vec<PathBuf>,
    /// `CNI_NETNS_OVERRIDE`: a `CNI_NETNS` that is the plugin's own namespace is meant.
    pub netns_override: bool,
}

impl Request {
    /// Reads the environment through `get`.
    ///
    /// # Errors
    /// Code 4, naming every variable that is missing or invalid at once.
    pub fn from_env(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let mut reader = Reader { get, faults: Vec::new() };
        let command = reader.command()?;
        let request = reader.request(command);
        match reader.faults.as_slice() {
            [] => Ok(request),
            faults => Err(Error::new(Code::InvalidEnvironment, format!("{command}: {}", faults.join("; ")))),
        }
    }
}

struct Reader<G> {
    get: G,
    faults: Vec<String>,
}

impl<G: Fn(&str) -> Option<OsString>> Reader<G> {
    fn command(&mut self) -> Result<Command, Error> {
        let text = self.text("CNI_COMMAND");
        Command::ALL.into_iter().find(|command| command.as_str() == text).ok_or_else(|| {
            let msg = match text.as_str() {
                "" => "CNI_COMMAND is not set".to_owned(),
                other => format!("CNI_COMMAND is `{}`, which is no verb of CNI", other.escape_debug()),
            };
            let verbs = Command::ALL.map(Command::as_str).join(", ");
            Error::new(Code::InvalidEnvironment, msg).with_details(format!(
                "CNI plugins are run by container runtimes, which set it to one of {verbs}"
            ))
        })
    }

    fn request(&mut self, command: Command) -> Request {
        let mut request = Request {
            command,
            container_id: String::new(),
            netns: None,
            ifname: String::new(),
            args: Args::default(),
            raw_args: String::new(),
            path: Vec::new(),
            netns_override: false,
        };
        if command == Command::Version {
            return request;
        }
        if command.names_an_attachment() {
            request.container_id = self.checked("CNI_CONTAINERID", names::check_container_id);
            request.ifname = self.checked("CNI_IFNAME", names::check_ifname);
            request.netns = self.netns(command);
        }
        request.raw_args = self.text("CNI_ARGS");
        request.args = self.args(command, &request.raw_args);
        request.path = self.path(command);
        request.netns_override =
            matches!(self.text("CNI_NETNS_OVERRIDE").as_str(), "1" | "TRUE" | "True" | "true");
        request
    }

    /// A variable's text; empty when unset, and when it is not UTF-8, which is a fault.
    fn text(&mut self, name: &str) -> String {
        let value = (self.get)(name).unwrap_or_default();
        value.into_string().unwrap_or_else(|bytes| {
            self.faults.push(format!("{name} `{}` is not UTF-8", bytes.display()));
            String::new()
        })
    }

    fn required(&mut self, name: &str) -> String {
        let faults = self.faults.len();
        let text = self.text(name);
        if text.is_empty() && faults == self.faults.len() {
            self.faults.push(format!("{name} is not set"));
        }
        text
    }

    fn checked(&mut self, name: &str, check: fn(&str) -> Result<(), Error>) -> String {
        let text = self.required(name);
        if !text.is_empty()
            && let Err(error) = check(&text)
        {
            self.faults.push(format!("{name}: {}", error.msg));
        }
        text
    }

    fn netns(&mut self, command: Command) -> Option<PathBuf> {
        let text =
            if command.needs_a_namespace() { self.required("CNI_NETNS") } else { self.text("CNI_NETNS") };
        (!text.is_empty()).then(|| text.into())
    }

    /// A DEL always comes after a failed ADD, with the same environment: it must not fail for the
    /// same reason, or the pod is never gone.
    fn args(&mut self, command: Command, text: &str) -> Args {
        Args::parse(text).unwrap_or_else(|error| {
            if command.needs_a_namespace() {
                self.faults.push(error.msg);
            }
            Args::default()
        })
    }

    /// Empty parts are skipped: they would mean the working directory, which is nobody's choice.
    fn path(&mut self, command: Command) -> Vec<PathBuf> {
        let text = if command == Command::Gc { self.required("CNI_PATH") } else { self.text("CNI_PATH") };
        text.split(':').filter(|dir| !dir.is_empty()).map(PathBuf::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::os::unix::ffi::OsStringExt;

    const FULL: &str =
        "CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/x CNI_IFNAME=eth0 CNI_PATH=/a::/b CNI_ARGS=K=V";

    fn read(text: &str) -> Result<Request, Error> {
        let variables: BTreeMap<&str, &str> =
            text.split(' ').filter_map(|pair| pair.split_once('=')).collect();
        Request::from_env(|name| variables.get(name).map(OsString::from))
    }

    #[test]
    fn cni_01_each_verb_needs_its_variables() {
        let rows: &[(&str, Result<Command, &str>)] = &[
            ("CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_NETNS=/n CNI_IFNAME=eth0", Ok(Command::Add)),
            ("CNI_COMMAND=CHECK CNI_CONTAINERID=c CNI_NETNS=/n CNI_IFNAME=eth0", Ok(Command::Check)),
            ("CNI_COMMAND=DEL CNI_CONTAINERID=c CNI_IFNAME=eth0", Ok(Command::Del)),
            (
                "CNI_COMMAND=DEL CNI_CONTAINERID=c CNI_NETNS= CNI_IFNAME=eth0 CNI_ARGS=broken",
                Ok(Command::Del),
            ),
            ("CNI_COMMAND=GC CNI_PATH=/a", Ok(Command::Gc)),
            ("CNI_COMMAND=STATUS", Ok(Command::Status)),
            ("CNI_COMMAND=STATUS CNI_CONTAINERID=/ CNI_IFNAME=/", Ok(Command::Status)),
            ("CNI_COMMAND=VERSION CNI_ARGS=broken", Ok(Command::Version)),
            ("", Err("CNI_COMMAND is not set")),
            ("CNI_COMMAND=add", Err("CNI_COMMAND is `add`, which is no verb of CNI")),
            ("CNI_COMMAND=GC", Err("GC: CNI_PATH is not set")),
            (
                "CNI_COMMAND=ADD",
                Err("ADD: CNI_CONTAINERID is not set; CNI_IFNAME is not set; CNI_NETNS is not set"),
            ),
            ("CNI_COMMAND=CHECK CNI_CONTAINERID=c CNI_IFNAME=eth0", Err("CHECK: CNI_NETNS is not set")),
            ("CNI_COMMAND=DEL CNI_IFNAME=eth0", Err("DEL: CNI_CONTAINERID is not set")),
            (
                "CNI_COMMAND=ADD CNI_CONTAINERID=../c CNI_IFNAME=a/b CNI_NETNS=/n CNI_ARGS=x",
                Err("ADD: CNI_CONTAINERID: the container id `../c` must begin with a letter or digit; \
                     CNI_IFNAME: the interface name `a/b` has a `/`, a `:` or white space in it; \
                     CNI_ARGS has a pair `x` that is not KEY=VALUE"),
            ),
        ];
        for (text, expected) in rows {
            let found = read(text);
            let found = found.as_ref().map(|request| request.command).map_err(|error| {
                assert!(error.is(Code::InvalidEnvironment), "{text}");
                error.msg.as_str()
            });
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn cni_01_variables_are_read() {
        let request = read(&format!("CNI_COMMAND=ADD {FULL}")).unwrap();
        assert_eq!(request.container_id, "c1");
        assert_eq!(request.netns, Some("/run/netns/x".into()));
        assert_eq!(request.ifname, "eth0");
        assert_eq!(request.args.get("K"), Some("V"));
        assert_eq!(request.raw_args, "K=V");
        assert_eq!(request.path, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert!(!request.netns_override);
        for value in ["1", "TRUE", "true"] {
            assert!(
                read(&format!("CNI_COMMAND=ADD {FULL} CNI_NETNS_OVERRIDE={value}")).unwrap().netns_override
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        let error = Request::from_env(|name| match name {
            "CNI_COMMAND" => Some("DEL".into()),
            "CNI_CONTAINERID" => Some(OsString::from_vec(vec![0xff])),
            _ => Some("eth0".into()),
        });
        let error = error.unwrap_err();
        assert!(error.msg.starts_with("DEL: CNI_CONTAINERID `\u{fffd}` is not UTF-8"), "{error}");
    }
}
