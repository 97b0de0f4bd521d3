//! Bridges that we made and nobody uses any more. Only GC drops them, while no call runs.

use std::path::Path;
use std::time::Instant;

use multus_cni::{Code, Error};
use multus_net::{Backend, Kernel, NewLink, Space};

use super::ensured;

/// Drops the bridges of the node that we made in this boot and that have no port.
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
    let unused: Vec<NewLink> =
        ensured::unused(lock_dir, &links).into_iter().filter_map(ensured::as_made).collect();
    node.drop_bridges(&unused, deadline).map_err(|error| failed(&error))?;
    unused.iter().for_each(|bridge| ensured::forget(lock_dir, &bridge.name));
    Ok(())
}
