//! The operator's list of modules: what each is for, what it may change and use, and in which order they work.

mod fields;
mod grants;
mod inputs;
mod read;
mod wildcard;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use multus_document::{Pattern, Problem, json};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::FileError;
use crate::limits::Limits;
use crate::trusted;

pub use grants::Grants;
pub use inputs::Input;

/// The modules of a node.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// All modules by name.
    pub modules: BTreeMap<String, Module>,
    /// The transforms, in the order in which they work.
    pub transforms: Vec<String>,
    /// The policies, in the order in which they are asked.
    pub policies: Vec<String>,
    /// The delegates, by name: a configuration says which one works.
    pub delegates: Vec<String>,
}

/// One module of the catalog.
#[derive(Debug, Clone)]
pub struct Module {
    /// What it is for.
    pub role: Role,
    /// The component's digest: nothing else is ever run under this name.
    pub digest: Digest,
    /// Delegates: what it may reach beyond its own attachment.
    pub grants: Grants,
    /// What a call may use.
    pub limits: Limits,
    /// Handed to the module with each call.
    pub settings: Value,
    /// Transforms: the plugin types it works on; `None` is all.
    pub types: Option<Vec<String>>,
    /// Transforms: what it may change.
    pub may_change: Vec<Pattern>,
    /// Transforms: files that it gets the text of, by the names that it knows them under.
    pub inputs: BTreeMap<String, Input>,
    /// Transforms and policies: whether what it answers counts.
    pub mode: Mode,
    /// Policies: what counts where it gives no verdict.
    pub on_failure: OnFailure,
}

/// What a module is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Changes a plugin's configuration before it runs.
    Transform,
    /// Lets an attachment pass, warns, or refuses it.
    Policy,
    /// Does an attachment itself.
    Delegate,
}

/// Whether it counts what a transform makes of a plugin, or how a policy judges an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Enforce,
    /// What it would have changed or refused is logged, and all stays as it was.
    Monitor,
}

/// What counts where a policy gives no verdict because it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The attachment is refused.
    Deny,
    /// It is logged and let pass.
    Allow,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Transform, Self::Policy, Self::Delegate];

    /// The interface that a module of this role exports.
    pub fn interface(self) -> &'static str {
        match self {
            Self::Transform => "multus:delegate/transform@0.1.0",
            Self::Policy => "multus:delegate/policy@0.1.0",
            Self::Delegate => "multus:delegate/delegate@0.1.0",
        }
    }

    /// The WIT world that a module of this role is built for.
    pub fn world(self) -> &'static str {
        match self {
            Self::Transform => "transform-module",
            Self::Policy => "policy-module",
            Self::Delegate => "delegate-module",
        }
    }

    /// The role as the catalog spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transform => "transform",
            Self::Policy => "policy",
            Self::Delegate => "delegate",
        }
    }

    /// The catalog's key with the order of this role's modules; delegates need none.
    pub fn order_key(self) -> Option<&'static str> {
        match self {
            Self::Transform => Some("transforms"),
            Self::Policy => Some("policies"),
            Self::Delegate => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Catalog {
    /// Reads the catalog's file, which only root or the effective user may be able to write.
    ///
    /// # Errors
    /// Why it can't be read or trusted, or every problem in it.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let invalid = |problems| FileError::Invalid { path: path.to_owned(), problems };
        Self::from_value(&Self::load_value(path)?).map_err(invalid)
    }

    /// A catalog's file as JSON, for who writes it anew: what others could have put in it must not be taken over.
    ///
    /// # Errors
    /// A file that can't be read, that others could have written, or that is no JSON.
    pub fn load_value(path: &Path) -> Result<Value, FileError> {
        let text = trusted::read(path).map_err(|error| match error {
            FileError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                FileError::NoCatalog { path: path.to_owned() }
            }
            error => error,
        });
        json::parse(&text?).map_err(|error| {
            let problems = vec![Problem::new("", error.to_string())];
            FileError::Invalid { path: path.to_owned(), problems }
        })
    }

    /// Reads a catalog's text.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn parse(text: &[u8]) -> Result<Self, Vec<Problem>> {
        let value: Value = json::parse(text).map_err(|error| vec![Problem::new("", error.to_string())])?;
        Self::from_value(&value)
    }

    /// Reads a catalog that was parsed already, for those who locate the problems in the text.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn from_value(value: &Value) -> Result<Self, Vec<Problem>> {
        read::catalog(value)
    }

    /// The modules of a role, in order if it has one.
    pub fn order(&self, role: Role) -> &[String] {
        match role {
            Role::Transform => &self.transforms,
            Role::Policy => &self.policies,
            Role::Delegate => &self.delegates,
        }
    }
}
