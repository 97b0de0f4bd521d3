//! From verified code to something that can be called: what it imports is linked if it may have it, and its role's
//! exports are found.

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings;
use crate::catalog::{Module, Role};
use crate::context::Context;
use crate::engine::engine_config;
use crate::error::Fault;
use crate::interface::{Interface, Withheld};
use crate::wasi::Wasi;

pub(crate) struct Runtime {
    pub(crate) engine: Engine,
}

/// A module that is verified, linked and known to export its role.
pub(crate) struct Loaded {
    pub(crate) pre: InstancePre<Context>,
    pub(crate) role: Exports,
    /// Whether it can ask for random numbers.
    pub(crate) random: bool,
}

pub(crate) enum Exports {
    Transform(bindings::transform::GuestIndices),
    Policy(bindings::policy::GuestIndices),
    Delegate(DelegateExports),
}

/// What a delegate exports; work of its own at CHECK and DEL only if it has any.
pub(crate) struct DelegateExports {
    pub(crate) delegate: bindings::delegate::GuestIndices,
    pub(crate) lifecycle: Option<bindings::lifecycle::GuestIndices>,
}

/// What a module is given for one of its imports.
enum Given<'a> {
    Ours(&'static Interface),
    Wasi(&'static Wasi, &'a str, ComponentInstance),
}

impl Runtime {
    pub(crate) fn start() -> wasmtime::Result<Self> {
        Ok(Self::on(Engine::new(&engine_config())?))
    }

    pub(crate) fn on(engine: Engine) -> Self {
        Self { engine }
    }

    /// Links what the component imports, each interface only if the module may have it.
    pub(crate) fn link(&self, component: &Component, module: &Module) -> Result<Loaded, Fault> {
        let unlinkable = |error: wasmtime::Error| Fault::Host { message: format!("{error:#}") };
        let ty = component.component_type();
        let mut linker = Linker::new(&self.engine);
        let (mut resources, mut random) = (Vec::new(), false);
        for given in self.imports(&ty, module)? {
            match given {
                Given::Ours(interface) => (interface.link)(&mut linker).map_err(unlinkable)?,
                Given::Wasi(wasi, name, imported) => {
                    random |= wasi.random;
                    let mut functions = linker.instance(name).map_err(unlinkable)?;
                    wasi.link(&self.engine, &imported, &mut functions, &mut resources).map_err(unlinkable)?;
                }
            }
        }
        let misfit = |error: wasmtime::Error| Fault::WrongImports { reason: format!("{error:#}") };
        let pre = linker.instantiate_pre(component).map_err(misfit)?;
        let role = Exports::find(&pre, module.role)?;
        Ok(Loaded { pre, role, random })
    }

    /// The interfaces that a component imports, if it may have all of them.
    fn imports<'a>(
        &'a self,
        component: &'a types::Component,
        module: &Module,
    ) -> Result<Vec<Given<'a>>, Fault> {
        let mut given = Vec::new();
        let mut missing = Vec::new();
        for (import, item) in component.imports(&self.engine) {
            if let (Some(wasi), ComponentItem::ComponentInstance(imported)) =
                (Wasi::of_import(import), item.ty)
            {
                given.push(Given::Wasi(wasi, import, imported));
                continue;
            }
            let foreign = || Fault::UngrantedImport { import: import.to_owned(), role: module.role };
            let interface = Interface::of_import(import).ok_or_else(foreign)?;
            match interface.withheld(module.role, &module.grants) {
                None => given.push(Given::Ours(interface)),
                Some(Withheld::Role) => return Err(foreign()),
                Some(Withheld::Grant(grant)) => missing.push((import.to_owned(), grant)),
            }
        }
        if missing.is_empty() { Ok(given) } else { Err(Fault::MissingGrants { imports: missing }) }
    }
}

impl Exports {
    fn find(pre: &InstancePre<Context>, role: Role) -> Result<Self, Fault> {
        let found = match role {
            Role::Transform => bindings::transform::GuestIndices::new(pre).map(Self::Transform),
            Role::Policy => bindings::policy::GuestIndices::new(pre).map(Self::Policy),
            Role::Delegate => bindings::delegate::GuestIndices::new(pre).map(|delegate| {
                let lifecycle = bindings::lifecycle::GuestIndices::new(pre).ok();
                Self::Delegate(DelegateExports { delegate, lifecycle })
            }),
        };
        found.map_err(|_| Fault::WrongRole { role })
    }
}
