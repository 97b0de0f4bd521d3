//! The interface does not break components that were built before: what it is, is compared with what it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wit_parser::{
    Docs, Function, Handle, InterfaceId, Resolve, Type, TypeDef, TypeDefKind, WorldId, WorldItem,
};

fn sdk(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk").join(name)
}

fn resolved() -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_dir(sdk("wit")).unwrap();
    resolve
}

/// What components export: they implement every function there is, so none may come on top.
const EXPORTED: [&str; 6] = ["transform", "policy", "delegate", "lifecycle", "description", "settings"];

/// Worlds that no component is built for, or whose exports one takes or leaves.
const LOOSE: [&str; 1] = ["bindings"];

/// One line for everything that a component can be built against.
fn lines(resolve: &Resolve) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (_, interface) in resolve.interfaces.iter() {
        let name = interface.name.as_deref().unwrap();
        let types = interface.types.iter().filter(|(_, id)| !is_used(resolve, &resolve.types[**id]));
        lines.extend(
            types.map(|(named, id)| format!("{name}.{named}: {}", definition(resolve, &resolve.types[*id]))),
        );
        lines.extend(
            interface.functions.values().map(|function| format!("{name}.{}", signature(resolve, function))),
        );
    }
    for (id, world) in resolve.worlds.iter() {
        let items = |verb: &str, items: Vec<String>| -> Vec<String> {
            items.into_iter().map(|item| format!("world {} {verb} {item}", world.name)).collect()
        };
        lines.extend(items("imports", interfaces(resolve, id, false)));
        lines.extend(items("exports", interfaces(resolve, id, true)));
    }
    lines
}

/// A name for a type of another interface.
fn is_used(resolve: &Resolve, of: &TypeDef) -> bool {
    match of.kind {
        TypeDefKind::Type(Type::Id(other)) => resolve.types[other].owner != of.owner,
        _ => false,
    }
}

fn interfaces(resolve: &Resolve, world: WorldId, exports: bool) -> Vec<String> {
    let world = &resolve.worlds[world];
    let items = if exports { &world.exports } else { &world.imports };
    let name = |id: InterfaceId| resolve.interfaces[id].name.clone().unwrap();
    items
        .values()
        .map(|item| match item {
            WorldItem::Interface { id, .. } => name(*id),
            other => panic!("the worlds have interfaces only: {other:?}"),
        })
        .collect()
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params: Vec<String> = function
        .params
        .iter()
        .map(|param| format!("{}: {}", param.name, named(resolve, &param.ty)))
        .collect();
    let result = function.result.as_ref().map(|result| format!(" -> {}", named(resolve, result)));
    format!("{}({}){}", function.name, params.join(", "), result.unwrap_or_default())
}

/// A type where it is defined: order counts, as in a component.
fn definition(resolve: &Resolve, of: &TypeDef) -> String {
    match &of.kind {
        TypeDefKind::Record(record) => {
            let fields =
                record.fields.iter().map(|field| format!("{}: {}", field.name, named(resolve, &field.ty)));
            format!("record {{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let case = |case: &wit_parser::Case| match &case.ty {
                Some(ty) => format!("{}({})", case.name, named(resolve, ty)),
                None => case.name.clone(),
            };
            format!("variant {{ {} }}", variant.cases.iter().map(case).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Enum(cases) => {
            let cases: Vec<&str> = cases.cases.iter().map(|case| case.name.as_str()).collect();
            format!("enum {{ {} }}", cases.join(", "))
        }
        TypeDefKind::Resource => "resource".to_owned(),
        other => structure(resolve, other),
    }
}

/// A type where it is used.
fn named(resolve: &Resolve, of: &Type) -> String {
    let Type::Id(id) = of else { return format!("{of:?}").to_lowercase() };
    let of = &resolve.types[*id];
    match &of.name {
        Some(name) => name.clone(),
        None => structure(resolve, &of.kind),
    }
}

fn structure(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let of = |ty: &Type| named(resolve, ty);
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), of);
    match kind {
        TypeDefKind::Type(ty) => of(ty),
        TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err)),
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", tuple.types.iter().map(of).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Handle(Handle::Own(id)) => of(&Type::Id(*id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", of(&Type::Id(*id))),
        other => panic!("say here how to write {other:?}"),
    }
}

/// What would break a component that was built for the interface as it was.
fn breaks(before: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<String> {
    let gone = before.difference(now).map(|line| format!("gone, or no longer the same: {line}"));
    let known = |interface: &str| before.iter().any(|line| line.starts_with(&format!("{interface}.")));
    let forced = now.difference(before).filter(|line| {
        let exported = EXPORTED.iter().any(|name| line.starts_with(&format!("{name}.")) && known(name));
        let (world, exports) = match line.strip_prefix("world ").and_then(|rest| rest.split_once(" exports "))
        {
            Some((world, _)) => {
                (world, before.iter().any(|line| line.starts_with(&format!("world {world} "))))
            }
            None => ("", false),
        };
        exported || (exports && !LOOSE.contains(&world))
    });
    gone.chain(forced.map(|line| format!("components would have to have it: {line}"))).collect()
}

/// `MULTUS_BLESS=1` writes what is compatible into the snapshot. What is not takes a new package, `multus:delegate@0.2.0`,
/// beside this one.
#[test]
fn the_interface_only_grows() {
    let path = sdk("interface.snapshot");
    let now = lines(&resolved());
    let text = fs::read_to_string(&path).unwrap();
    let before: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let broken = breaks(&before, &now);
    assert!(
        broken.is_empty(),
        "the interface of 0.1 is no longer the one that components were built for; this takes 0.2, see docs/modules.md:\n{}",
        broken.join("\n")
    );
    let new: Vec<&String> = now.difference(&before).collect();
    if new.is_empty() {
        return;
    }
    assert!(
        std::env::var_os("MULTUS_BLESS").is_some(),
        "the interface has grown, compatibly: run this test once with MULTUS_BLESS=1 and commit guest-sdk/interface.snapshot:\n{new:#?}"
    );
    fs::write(&path, now.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[test]
fn what_breaks_a_component_is_told_from_what_does_not() {
    let before = lines(&resolved());
    let changed = |from: &str, to: &str| -> BTreeSet<String> {
        assert!(before.iter().any(|line| line.contains(from)), "{from}");
        before.iter().map(|line| line.replace(from, to)).collect()
    };
    for (from, to) in [
        ("network: string, index: u32", "network: string, mtu: u32, index: u32"),
        ("set-mtu(link: borrow<link>, mtu: u32)", "set-mtu(link: borrow<link>, mtu: u64)"),
        ("allow, warn(string), deny(string)", "allow, warn(string), deny(string), defer"),
        ("world policy-module exports policy", "world policy-module exports judge"),
    ] {
        let broken = breaks(&before, &changed(from, to));
        assert!(broken.first().is_some_and(|first| first.starts_with("gone")), "{to}: {broken:?}");
    }
    let with = |line: &str| breaks(&before, &before.iter().cloned().chain([line.to_owned()]).collect());
    for line in [
        "node.find-switch(name: string) -> result<link, failure>",
        "sriov.vf: resource",
        "world delegate-module imports sriov",
        "world another-part exports sriov",
    ] {
        assert_eq!(with(line), [""; 0], "{line}");
    }
    for line in ["policy.explain() -> string", "world policy-module exports description"] {
        assert_eq!(with(line).len(), 1, "{line}");
    }
    assert_eq!(breaks(&before, &BTreeSet::new()).len(), before.len());
}

/// Who writes a module in another language than Rust has nothing else to read.
#[test]
fn everything_in_the_interface_says_what_it_is() {
    let resolve = resolved();
    let mut silent = Vec::new();
    let mut look = |what: String, docs: &Docs| {
        if docs.contents.as_deref().is_none_or(|text| text.trim().is_empty()) {
            silent.push(what);
        }
    };
    for (_, package) in resolve.packages.iter() {
        look(package.name.to_string(), &package.docs);
    }
    for (_, world) in resolve.worlds.iter() {
        look(format!("world {}", world.name), &world.docs);
    }
    for (_, interface) in resolve.interfaces.iter() {
        let name = interface.name.as_deref().unwrap();
        look(name.to_owned(), &interface.docs);
        for function in interface.functions.values() {
            look(format!("{name}.{}", function.name), &function.docs);
        }
        for (named, id) in &interface.types {
            let ty = &resolve.types[*id];
            if is_used(&resolve, ty) {
                continue;
            }
            look(format!("{name}.{named}"), &ty.docs);
            let members: Vec<(&str, &Docs)> = match &ty.kind {
                TypeDefKind::Record(record) => {
                    record.fields.iter().map(|one| (&*one.name, &one.docs)).collect()
                }
                TypeDefKind::Variant(variant) => {
                    variant.cases.iter().map(|one| (&*one.name, &one.docs)).collect()
                }
                TypeDefKind::Enum(cases) => cases.cases.iter().map(|one| (&*one.name, &one.docs)).collect(),
                _ => Vec::new(),
            };
            for (member, docs) in members {
                look(format!("{name}.{named}.{member}"), docs);
            }
        }
    }
    assert_eq!(silent, [""; 0], "say in guest-sdk/wit what these are");
}
