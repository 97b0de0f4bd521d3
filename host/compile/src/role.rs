//! Whether a component fits the world of its role: found when it is installed, not when a pod starts.

use std::fmt;

use multus_wasm::{Grants, Role, grant_of, is_wasi};
use wit_component::{DecodedWasm, decode, targets};
use wit_parser::{Resolve, SourceMap, WorldId, WorldItem, WorldKey};

/// The WIT package, the same text that host and SDK are built from.
const WIT: [(&str, &str); 11] = [
    ("types.wit", include_str!("../../../guest-sdk/wit/types.wit")),
    ("log.wit", include_str!("../../../guest-sdk/wit/log.wit")),
    ("transform.wit", include_str!("../../../guest-sdk/wit/transform.wit")),
    ("policy.wit", include_str!("../../../guest-sdk/wit/policy.wit")),
    ("network.wit", include_str!("../../../guest-sdk/wit/network.wit")),
    ("node.wit", include_str!("../../../guest-sdk/wit/node.wit")),
    ("ipam.wit", include_str!("../../../guest-sdk/wit/ipam.wit")),
    ("sriov.wit", include_str!("../../../guest-sdk/wit/sriov.wit")),
    ("delegate.wit", include_str!("../../../guest-sdk/wit/delegate.wit")),
    ("settings.wit", include_str!("../../../guest-sdk/wit/settings.wit")),
    ("worlds.wit", include_str!("../../../guest-sdk/wit/worlds.wit")),
];

/// Everything about a component that does not fit its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfits(pub Vec<String>);

impl fmt::Display for Misfits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Misfits {}

/// What a component may export beside its role's interface, and the role that this is for, if it is not for all.
const OPTIONAL: [(&str, Option<Role>); 3] = [
    ("multus:delegate/lifecycle@0.1.0", Some(Role::Delegate)),
    ("multus:delegate/description@0.1.0", None),
    ("multus:delegate/settings@0.1.0", None),
];

/// The world that has every interface.
const EVERYTHING: &str = "bindings";

/// Checks that a component exports what its role needs and imports nothing that its role is not given, with
/// the types of both.
///
/// # Errors
/// All misfits.
pub fn check_role(component: &[u8], role: Role) -> Result<(), Misfits> {
    let (theirs, their_world) = decoded(component)?;
    let (mut resolve, world) = worlds(role.world()).map_err(failed)?;
    expect_optional(&mut resolve, world, role, &exports(&theirs, their_world));
    let misfits = names(&resolve, world, &theirs, their_world, role);
    if !misfits.is_empty() {
        return Err(Misfits(misfits));
    }
    // Names fit; now the types behind them. Those of WASI are compared when the compiled component is linked.
    let resolve = if imports(&theirs, their_world).iter().any(|name| is_wasi(name)) {
        with_wasi(resolve, world, theirs, their_world).map_err(|error| unlike(role, &error))?
    } else {
        resolve
    };
    targets(&resolve, world, component, true).map_err(|error| unlike(role, &error.root_cause().to_string()))
}

/// Has a role's world export what a component exports besides, so that the types of that are compared as well.
fn expect_optional(resolve: &mut Resolve, world: WorldId, role: Role, offered: &[String]) {
    let is_offered = |name: &str| {
        let wanted =
            OPTIONAL.iter().any(|(optional, of)| *optional == name && of.is_none_or(|of| of == role));
        wanted && offered.iter().any(|offered| same_track(offered, name))
    };
    let all = resolve.worlds.iter().find(|(_, world)| world.name == EVERYTHING);
    let found: Vec<_> = all
        .into_iter()
        .flat_map(|(_, all)| &all.exports)
        .filter(|(key, _)| is_offered(&resolve.name_world_key(key)))
        .map(|(key, item)| (key.clone(), item.clone()))
        .collect();
    if let Some(world) = resolve.worlds.get_mut(world) {
        world.exports.extend(found);
    }
}

fn unlike(role: Role, error: &str) -> Misfits {
    failed(format!("its types are not those of a {role}: {error}"))
}

/// Our package with what a component imports of WASI in a world of it.
fn with_wasi(
    mut ours: Resolve,
    world: WorldId,
    theirs: Resolve,
    their_world: WorldId,
) -> Result<Resolve, String> {
    let wanted: Vec<(usize, WorldItem)> = theirs
        .worlds
        .get(their_world)
        .into_iter()
        .flat_map(|world| &world.imports)
        .filter(|(key, _)| is_wasi(&theirs.name_world_key(key)))
        .filter_map(|(key, item)| match key {
            WorldKey::Interface(id) => Some((id.index(), item.clone())),
            WorldKey::Name(_) => None,
        })
        .collect();
    let merged = ours.merge(theirs).map_err(|error| error.root_cause().to_string())?;
    for (index, mut item) in wanted {
        if let (Some(Some(merged)), WorldItem::Interface { id, .. }) =
            (merged.interfaces.get(index), &mut item)
            && let Some(world) = ours.worlds.get_mut(world)
        {
            *id = *merged;
            world.imports.insert(WorldKey::Interface(*merged), item);
        }
    }
    Ok(ours)
}

/// The grants that a component needs, by its imports: in the order of the catalog's documentation, each once. Nothing
/// of it runs.
///
/// # Errors
/// What is no component.
pub fn needed_grants(component: &[u8]) -> Result<Vec<&'static str>, Misfits> {
    let missing = missing_grants(component, &Grants::default())?;
    let needed = |grant: &&str| missing.iter().any(|(_, needed)| needed == grant);
    Ok(Grants::NAMES.into_iter().filter(needed).collect())
}

/// The imports of a component that these grants don't open, and the grant that each takes.
pub(crate) fn missing_grants(
    component: &[u8],
    grants: &Grants,
) -> Result<Vec<(String, &'static str)>, Misfits> {
    let (theirs, their_world) = decoded(component)?;
    let takes = |import: String| grant_of(&import).map(|grant| (import, grant));
    let imports = imports(&theirs, their_world).into_iter().filter_map(takes);
    Ok(imports.filter(|(_, grant)| !grants.has(grant)).collect())
}

fn decoded(component: &[u8]) -> Result<(Resolve, WorldId), Misfits> {
    match decode(component).map_err(|error| failed(format!("it cannot be read: {error:#}")))? {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => Err(failed("it is a WIT package, which has no code".to_owned())),
    }
}

fn failed(error: String) -> Misfits {
    Misfits(vec![error])
}

fn names(
    ours: &Resolve,
    our_world: WorldId,
    theirs: &Resolve,
    their_world: WorldId,
    role: Role,
) -> Vec<String> {
    let (given, needed) = (imports(ours, our_world), exports(ours, our_world));
    let (wanted, offered) = (imports(theirs, their_world), exports(theirs, their_world));
    let foreign =
        wanted.iter().filter(|name| !is_wasi(name) && !given.iter().any(|given| same_track(given, name)));
    let missing = needed.iter().filter(|name| !offered.iter().any(|offered| same_track(offered, name)));
    let foreign = foreign.map(|name| format!("it imports {name}, which a {role} is not given"));
    let missing = missing.map(|name| format!("it does not export {name}, which a {role} needs"));
    foreign.chain(missing).collect()
}

/// `0.1.1` serves who asks for `0.1.0` and the reverse.
fn same_track(one: &str, other: &str) -> bool {
    let track = |name: &str| name.rsplit_once('.').map(|(track, _)| track.to_owned());
    one == other || (one.contains("@0.") && track(one) == track(other))
}

pub(crate) fn imports(resolve: &Resolve, world: WorldId) -> Vec<String> {
    resolve.worlds.get(world).map(|world| item_names(resolve, &world.imports)).unwrap_or_default()
}

pub(crate) fn exports(resolve: &Resolve, world: WorldId) -> Vec<String> {
    resolve.worlds.get(world).map(|world| item_names(resolve, &world.exports)).unwrap_or_default()
}

fn item_names<'a>(
    resolve: &Resolve,
    items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> Vec<String> {
    items.into_iter().map(|(key, _)| resolve.name_world_key(key)).collect()
}

fn worlds(name: &str) -> Result<(Resolve, WorldId), String> {
    let mut sources = SourceMap::default();
    for (name, text) in WIT {
        sources.push_str(name, text);
    }
    let group = sources.parse().map_err(|(_, error)| error.to_string())?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).map_err(|error| error.to_string())?;
    let world = resolve.select_world(&[package], Some(name)).map_err(|error| error.to_string())?;
    Ok((resolve, world))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_world_and_exports_its_interface() {
        let base = ["multus:delegate/log@0.1.0", "multus:delegate/types@0.1.0"];
        for role in Role::ALL {
            let (resolve, world) = worlds(role.world()).unwrap();
            assert_eq!(exports(&resolve, world), [role.interface()]);
            let imports = imports(&resolve, world);
            assert!(base.iter().all(|name| imports.contains(&(*name).to_owned())), "{imports:?}");
            match role {
                Role::Delegate => assert_eq!(imports.len(), 11, "{imports:?}"),
                _ => assert_eq!(imports, base, "a role's imports are its authority"),
            }
        }
        let offered = OPTIONAL.map(|(name, _)| name.replace("@0.1.0", "@0.1.7"));
        for role in Role::ALL {
            let (mut resolve, world) = worlds(role.world()).unwrap();
            expect_optional(&mut resolve, world, role, &offered);
            let found = exports(&resolve, world);
            assert_eq!(found.len(), if role == Role::Delegate { 4 } else { 3 }, "{found:?}");
        }
    }

    #[test]
    fn an_empty_component_fits_no_role() {
        let misfits = check_role(b"\0asm\x0d\0\x01\0", Role::Policy).unwrap_err();
        assert_eq!(
            misfits.to_string(),
            "it does not export multus:delegate/policy@0.1.0, which a policy needs"
        );
    }

    #[test]
    fn versions_of_one_track_fit() {
        assert!(same_track("a:b/c@0.1.0", "a:b/c@0.1.7"));
        assert!(!same_track("a:b/c@0.1.0", "a:b/c@0.2.0"));
        assert!(!same_track("a:b/c@0.1.0", "a:b/d@0.1.0"));
    }
}
