//! What a module will be able to do, in words, and asking whether that is meant.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::bail;
use multus_compile::Preview;
use multus_wasm::{Mode, Module, OnFailure, Role};

use super::{inputs, wasi};
use crate::units::{short, size};

/// The lines that an operator should read before a module with these imports is installed.
pub(super) fn in_words(name: &str, preview: &Preview, imports: &[String]) -> Vec<String> {
    let Preview { before, after } = preview;
    let mut words = vec![format!("module {name}, a {}, {}", after.role, after.digest)];
    if let Some(before) = before {
        words.push(match before.digest == after.digest {
            true => "is installed already; what you wrote is laid over its entry".to_owned(),
            false => format!("takes the place of {}", before.digest),
        });
    }
    words.extend(may(name, after).into_iter().map(|what| format!("may {what}")));
    words.extend(wasi::in_words(imports, after.role));
    words.push(cannot(after).to_owned());
    words.push(limits(after));
    words
}

/// What an entry of the catalog lets a module do.
pub(super) fn entry_in_words(name: &str, module: &Module) -> Vec<String> {
    let may = may(name, module).into_iter().map(|what| format!("may {what}"));
    may.chain([limits(module)]).collect()
}

fn limits(module: &Module) -> String {
    let limits = module.limits;
    format!("each call may use {} of memory and {} of CPU time", size(limits.memory), short(limits.timeout))
}

fn may(name: &str, module: &Module) -> Vec<String> {
    match module.role {
        Role::Transform => {
            let change = match module.mode {
                Mode::Enforce => format!("change {}", changeable(module)),
                Mode::Monitor => {
                    format!(
                        "say what it would change of {}, which is logged (mode: monitor)",
                        changeable(module)
                    )
                }
            };
            std::iter::once(change).chain(inputs::in_words(module)).collect()
        }
        Role::Policy => {
            let verdict = match module.mode {
                Mode::Enforce => "refuse attachments, and with them the start of pods",
                Mode::Monitor => "say what it would refuse, which is logged (mode: monitor)",
            };
            let failing = match (module.mode, module.on_failure) {
                (Mode::Enforce, OnFailure::Deny) => {
                    Some("stop pods from starting while it fails (onFailure: deny)")
                }
                (Mode::Enforce, OnFailure::Allow) => Some("be passed over when it fails (onFailure: allow)"),
                (Mode::Monitor, _) => None,
            };
            std::iter::once(verdict).chain(failing).map(str::to_owned).collect()
        }
        Role::Delegate => {
            let own =
                "set up links, addresses and routes in the network namespaces of pods whose networks have";
            let mut words = vec![format!("{own} `\"type\": \"{name}\"`")];
            words.extend(module.grants.in_words());
            words
        }
    }
}

fn changeable(module: &Module) -> String {
    let places: Vec<String> = module.may_change.iter().map(ToString::to_string).collect();
    let types = match &module.types {
        Some(types) => format!("plugins of type {}", types.join(", ")),
        None => "any plugin".to_owned(),
    };
    let chosen = |place: &[&str]| {
        let place: Vec<String> = place.iter().map(ToString::to_string).collect();
        module.may_change.iter().any(|pattern| pattern.allows(&place))
    };
    let runs = match (chosen(&["type"]), chosen(&["ipam", "type"])) {
        (true, _) => ", so also which plugin runs",
        (_, true) => ", so also which IPAM plugin runs",
        _ => "",
    };
    match places.as_slice() {
        [] => "nothing at all: name places with --may-change".to_owned(),
        places => format!("{} in the configuration of {types}{runs}", places.join(", ")),
    }
}

fn cannot(module: &Module) -> &'static str {
    match module.role {
        Role::Transform if !module.inputs.is_empty() => {
            "can't do anything else: no other files, no network, no clock, nothing but lines in the log"
        }
        Role::Transform | Role::Policy => {
            "can't do anything else: no files, no network, no clock, nothing but lines in the log"
        }
        Role::Delegate => "can't do anything else: no files, no sockets, no environment",
    }
}

/// Waits for a yes.
///
/// # Errors
/// The answer was another one, or there is nobody to ask.
pub(super) fn ask(question: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        bail!(
            "nobody can be asked, for this is no terminal: read the above, then write --yes to the same command"
        );
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was changed"),
    }
}
