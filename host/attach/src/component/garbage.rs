//! Bridges that we made and nobody uses any more, with the node's own ends in their VLANs. Only GC drops them, while no call
//! runs.

use std::path::Path;
use std::time::Instant;

use multus_cni::{Code, Error};
use multus_net::{Backend, Kernel, Link, LinkRef, NewLink, Refused, Space};

use super::ensured;

/// Drops the bridges of the node that we made in this boot and that have no port of a pod, and what is the node's own in
/// such a bridge.
///
/// # Errors
/// They could not be dropped, and why.
pub(crate) fn drop_unused_bridges(lock_dir: &Path, deadline: Instant) -> Result<(), Error> {
    if !ensured::any(lock_dir) {
        return Ok(());
    }
    let failed = |error: &multus_net::Refused| Error::new(Code::Io, error.to_string());
    let mut node = Kernel::open(None).map_err(|error| failed(&error))?;
    let links = node.links(Space::Host).map_err(|error| failed(&error))?;
    let (bridges, ends): (Vec<&Link>, Vec<&Link>) =
        ensured::made(lock_dir, &links).into_iter().partition(|link| link.kind == "bridge");
    let ports: Vec<Option<Link>> = ends
        .iter()
        .map(|end| other_end(&mut node, end))
        .collect::<Result<_, _>>()
        .map_err(|error| failed(&error))?;
    let indexes: Vec<u32> = ports.iter().flatten().map(|port| port.index).collect();
    let unused = |bridge: u32| ensured::is_unused(bridge, &links, &indexes);
    let bridges: Vec<NewLink> =
        bridges.into_iter().filter(|it| unused(it.index)).filter_map(ensured::as_made).collect();
    let in_use =
        |port: &Option<Link>| port.as_ref().and_then(|port| port.master).is_some_and(|it| !unused(it));
    let ends: Vec<NewLink> = ends
        .into_iter()
        .zip(&ports)
        .filter(|(_, port)| !in_use(port))
        .filter_map(|(end, _)| ensured::as_made(end))
        .collect();
    node.drop_bridges(&bridges, &ends, deadline).map_err(|error| failed(&error))?;
    bridges.iter().chain(&ends).for_each(|dropped| ensured::forget(lock_dir, &dropped.name));
    Ok(())
}

fn other_end(node: &mut Kernel, end: &Link) -> Result<Option<Link>, Refused> {
    node.other_end(&LinkRef::to(Space::Host, end))
}
