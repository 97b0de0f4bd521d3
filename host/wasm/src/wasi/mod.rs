//! WASI 0.2, for components of languages whose runtimes can't do without: all of it is there, and nothing of it reaches
//! anything. What a module sees of each interface is listed in `docs/security.md`, why it is ours in
//! `docs/decisions/0019-wasi-of-our-own.md`.
//!
//! An interface is linked only into components that import it, and of it only what they import. What has a meaning here
//! is answered by the function of that name; all else refuses, in whatever way its type has for that.

mod cli;
mod clocks;
mod io;
mod output;
mod random;
mod refuse;

use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{LinkerInstance, ResourceType};
use wasmtime::{Engine, StoreContextMut};

use crate::context::Context;

pub(crate) use clocks::Pollable;
pub(crate) use output::{Output, Written};
pub(crate) use random::Seed;

/// A store in a host call.
type Store<'a> = StoreContextMut<'a, Context>;

/// Where the functions of an interface are defined.
type Functions<'a> = LinkerInstance<'a, Context>;

/// Defines a function of an interface, if it has a meaning here; whether it does.
type Define = fn(&mut Functions<'_>, &str) -> wasmtime::Result<bool>;

/// One interface of WASI.
pub(crate) struct Wasi {
    name: &'static str,
    define: Define,
    /// The type of a resource that the interface makes, if modules can get one that means anything.
    resource: fn(&str) -> Option<Kind>,
    /// Whether it gives random numbers.
    pub(crate) random: bool,
}

/// A resource that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Pollable,
    Input,
    Output,
}

/// An error of a stream. There is none: streams that reach nothing don't fail.
pub(crate) struct StreamFailure;

/// A stream to read from, at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input;

/// What a handle stands for that means nothing: a network, a socket, the fields of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

const fn refusing(name: &'static str) -> Wasi {
    Wasi { name, define: |_, _| Ok(false), resource: |_| None, random: false }
}

const fn answering(name: &'static str, define: Define) -> Wasi {
    Wasi { name, define, resource: |_| None, random: false }
}

/// Every interface that a component may import of WASI 0.2. A test calls each.
const INTERFACES: [Wasi; 30] = [
    Wasi { resource: |_| Some(Kind::Error), ..answering("io/error", io::error) },
    Wasi { resource: |_| Some(Kind::Pollable), ..answering("io/poll", clocks::poll) },
    Wasi { resource: io::stream, ..answering("io/streams", io::streams) },
    answering("cli/environment", cli::environment),
    answering("cli/exit", cli::exit),
    answering("cli/stdin", cli::stdin),
    answering("cli/stdout", cli::stdout),
    answering("cli/stderr", cli::stderr),
    refusing("cli/terminal-input"),
    refusing("cli/terminal-output"),
    refusing("cli/terminal-stdin"),
    refusing("cli/terminal-stdout"),
    refusing("cli/terminal-stderr"),
    answering("clocks/monotonic-clock", clocks::monotonic),
    answering("clocks/wall-clock", clocks::wall),
    refusing("clocks/timezone"),
    Wasi { random: true, ..answering("random/random", random::random) },
    Wasi { random: true, ..answering("random/insecure", random::insecure) },
    Wasi { random: true, ..answering("random/insecure-seed", random::insecure_seed) },
    refusing("filesystem/preopens"),
    refusing("filesystem/types"),
    refusing("sockets/instance-network"),
    refusing("sockets/ip-name-lookup"),
    refusing("sockets/network"),
    refusing("sockets/tcp"),
    refusing("sockets/tcp-create-socket"),
    refusing("sockets/udp"),
    refusing("sockets/udp-create-socket"),
    refusing("http/types"),
    refusing("http/outgoing-handler"),
];

/// Whether modules may import an interface: one of WASI 0.2, in any of its versions. For those who look at a component
/// without running it.
pub fn is_wasi(import: &str) -> bool {
    Wasi::of_import(import).is_some()
}

/// The interfaces, such as `io/streams`.
pub fn wasi_interfaces() -> impl Iterator<Item = &'static str> {
    INTERFACES.iter().map(|one| one.name)
}

impl Wasi {
    /// The interface that a component imports by that name, in any version of WASI 0.2.
    pub(crate) fn of_import(import: &str) -> Option<&'static Self> {
        let (name, version) = import.strip_prefix("wasi:")?.split_once('@')?;
        // What came before 0.2.0 was something else.
        version.strip_prefix("0.2.")?.parse::<u16>().ok()?;
        const { &INTERFACES }.iter().find(|one| one.name == name)
    }

    /// Links what a component imports of the interface. `known` are the resources of the imports before.
    pub(crate) fn link(
        &'static self,
        engine: &Engine,
        imported: &ComponentInstance,
        functions: &mut Functions<'_>,
        known: &mut Vec<ResourceType>,
    ) -> wasmtime::Result<()> {
        for (name, item) in imported.exports(engine) {
            match item.ty {
                // Another interface's, which has defined it.
                ComponentItem::Resource(resource) if known.contains(&resource) => {}
                ComponentItem::Resource(resource) => {
                    known.push(resource);
                    self.resource(functions, name)?;
                }
                ComponentItem::ComponentFunc(_) if (self.define)(functions, name)? => {}
                ComponentItem::ComponentFunc(_) => {
                    let asked = format!("wasi:{} {}", self.name, refuse::plain(name));
                    functions.func_new(name, move |store, function, given, results| {
                        refuse::refuse(store, &asked, &function, given, results)
                    })?;
                }
                // Types have no definition; what else there might be is found missing.
                _ => {}
            }
        }
        Ok(())
    }

    fn resource(&self, functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<()> {
        match (self.resource)(name) {
            Some(Kind::Error) => define::<StreamFailure>(functions, name),
            Some(Kind::Pollable) => define::<Pollable>(functions, name),
            Some(Kind::Input) => define::<Input>(functions, name),
            Some(Kind::Output) => define::<Output>(functions, name),
            None => define::<Nothing>(functions, name),
        }
    }
}

/// A resource whose handles are given back when the module drops them.
fn define<T: 'static>(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<()> {
    functions.resource(name, ResourceType::host::<T>(), |mut store, handle| {
        store.data_mut().let_go(wasmtime::component::Resource::<T>::new_own(handle))?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_of_wasi_0_2_and_no_other() {
        for (import, given) in [
            ("wasi:cli/environment@0.2.0", true),
            ("wasi:cli/environment@0.2.12", true),
            ("wasi:http/outgoing-handler@0.2.3", true),
            ("wasi:cli/environment@0.2.0-rc-2023-11-10", false),
            ("wasi:cli/environment@0.3.0", false),
            ("wasi:cli/environment@0.20.0", false),
            ("wasi:cli/environment", false),
            ("wasi:cli/run@0.2.0", false),
            ("wasi:keyvalue/store@0.2.0", false),
            ("mine:cli/environment@0.2.0", false),
        ] {
            assert_eq!(is_wasi(import), given, "{import}");
        }
    }
}
