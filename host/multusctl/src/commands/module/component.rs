//! A component, read without running any of it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use multus_compile::{Description, check_role, interfaces, read_component};
use multus_wasm::{Digest, Role};
use wasmparser::{ComponentName, CustomSectionReader, KnownCustom, MemoryType, Parser, Payload};

/// What a component says of itself.
pub(super) struct Component<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) digest: Digest,
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
    /// The roles whose interfaces it exports; whether it fits them is another question.
    pub(super) roles: Vec<Role>,
    pub(super) name: Option<String>,
    /// Languages, SDKs and tools, each with its version.
    pub(super) made_with: Vec<String>,
    pub(super) sizes: Sizes,
    /// What is noted in it that it says of itself.
    pub(super) description: Option<Description>,
}

/// Where a component's bytes are, as far as one asks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) code: u64,
    pub(super) data: u64,
    /// What its memories have at the start, before anything is done.
    pub(super) memory: u64,
    /// Names and debug information: of no use on a node.
    pub(super) explaining: u64,
}

/// A component's file, no further than one may be long.
///
/// # Errors
/// Why it can't be read.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.is_dir() {
        bail!(
            "{0} is a folder, and this needs a component: `multusctl module build {0}` makes one",
            path.display()
        );
    }
    read_component(path).with_context(|| format!("can't read the component {}", path.display()))
}

impl<'a> Component<'a> {
    /// # Errors
    /// Bytes that are no component, and what is noted in it that is no description.
    pub(super) fn read(bytes: &'a [u8]) -> anyhow::Result<Self> {
        let names = interfaces(bytes)?;
        let is_exported = |role: &Role| names.exports.iter().any(|export| same_interface(export, role));
        let mut component = Self {
            bytes,
            digest: Digest::of(bytes),
            roles: Role::ALL.into_iter().filter(is_exported).collect(),
            imports: names.imports,
            exports: names.exports,
            name: None,
            made_with: Vec::new(),
            sizes: Sizes::default(),
            description: Description::noted(bytes)
                .map_err(|why| anyhow!("what the component says of itself can't be used: {why}"))?,
        };
        component.read_sections();
        Ok(component)
    }

    /// The roles that it could be installed in.
    ///
    /// # Errors
    /// There is none, and why.
    pub(super) fn usable_roles(&self) -> anyhow::Result<Vec<Role>> {
        let checked: Vec<_> = self.roles.iter().map(|role| (*role, check_role(self.bytes, *role))).collect();
        let usable: Vec<Role> =
            checked.iter().filter(|(_, fits)| fits.is_ok()).map(|(role, _)| *role).collect();
        match (usable.as_slice(), checked.first()) {
            ([], None) => bail!(
                "this component is no module: it exports none of {}. With the SDK, `multus_guest::policy!(function)` \
                 and its like export one",
                Role::ALL.map(Role::interface).join(", ")
            ),
            ([], Some((role, Err(misfits)))) => bail!("this component can't be a {role}: {misfits}"),
            _ => Ok(usable),
        }
    }

    /// What is not as it should be is left out: none of it is needed to run the component.
    fn read_sections(&mut self) {
        let mut made_with = BTreeSet::new();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(self.bytes).map_while(Result::ok) {
            let length = payload.as_section().map_or(0, |(_, range)| range.end.saturating_sub(range.start));
            match payload {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CodeSectionStart { unchecked_range, .. } => {
                    self.sizes.code += unchecked_range.end.saturating_sub(unchecked_range.start);
                }
                Payload::DataSection(_) => self.sizes.data += length,
                Payload::MemorySection(memories) => {
                    let bytes = memories.into_iter().map_while(Result::ok).map(at_start);
                    self.sizes.memory = bytes.fold(self.sizes.memory, u64::saturating_add);
                }
                Payload::CustomSection(section) => {
                    if section.name().starts_with(".debug_") || section.name() == "name" {
                        self.sizes.explaining += length;
                    }
                    self.read_custom(&section, depth, &mut made_with);
                }
                _ => {}
            }
        }
        self.made_with = made_with.into_iter().collect();
    }

    fn read_custom(
        &mut self,
        section: &CustomSectionReader<'_>,
        depth: usize,
        made_with: &mut BTreeSet<String>,
    ) {
        match section.as_known() {
            KnownCustom::ComponentName(names) if depth == 1 => {
                let mut names = names.into_iter().map_while(Result::ok);
                self.name = names.find_map(|name| match name {
                    ComponentName::Component { name, .. } => Some(name.to_owned()),
                    _ => None,
                });
            }
            KnownCustom::Producers(fields) => {
                let values = fields
                    .into_iter()
                    .map_while(Result::ok)
                    .flat_map(|field| field.values)
                    .map_while(Result::ok);
                made_with.extend(
                    values.map(|value| format!("{} {}", value.name, value.version).trim().to_owned()),
                );
            }
            _ => {}
        }
    }
}

/// Bytes. Whoever writes more pages than there can be is refused by the engine.
fn at_start(memory: MemoryType) -> u64 {
    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
    memory.initial.saturating_mul(page)
}

/// `multus:delegate/policy@0.1.7` is `multus:delegate/policy@0.1.0` for who asks which role this is.
fn same_interface(export: &str, role: &Role) -> bool {
    let path = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    path(export) == path(role.interface())
}
