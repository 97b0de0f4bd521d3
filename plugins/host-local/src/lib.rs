//! An IPAM delegate: one address of each range set, claimed on this node, in turn.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod allocate;
mod conf;
mod range;
mod store;

use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::result::Lease;

use conf::Wanted;
use store::{Real, Store};

multus_guest::delegate!(delegate);
#[cfg(test)]
multus_guest::fixtures!(delegate = delegate);

fn delegate(
    attachment: &Attachment,
    conf: &Plugin,
    _: Option<&CniResult>,
    _: &(),
) -> Result<Option<CniResult>, Failure> {
    add(&Real, attachment, conf).map(Some)
}

fn add<S: Store>(store: &S, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(attachment, conf)?;
    let leases = allocate::all(store, &wanted)?;
    Ok(CniResult {
        ips: leases.iter().map(|lease: &Lease| lease.write(None)).collect(),
        routes: wanted.routes,
        ..CniResult::default()
    })
}

#[cfg(test)]
mod tests;
