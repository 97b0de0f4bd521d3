//! The link that the pod's link is on: of the node, or of the pod.

use multus_guest::Failure;
use multus_guest::network::Link;

use crate::conf::invalid;
use crate::host::Answer;
use crate::{Conf, Host};

/// What a conf says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Master<'a> {
    /// Its name; without one it is the node's link by which the default route leads.
    pub name: Option<&'a str>,
    /// It is in the pod.
    pub in_pod: bool,
}

impl<'a> Master<'a> {
    /// By the keys `master` and `linkInContainer`.
    ///
    /// # Errors
    /// Code 7, naming the key that is wrong.
    pub fn read(conf: &Conf<'a>) -> Result<Self, Failure> {
        let master = Self { name: conf.at("master")?.text()?, in_pod: conf.at("linkInContainer")?.flag()? };
        if master.in_pod && master.name.is_none() {
            return Err(invalid(
                "the conf sets `linkInContainer` and names no link of the pod: write its `master`",
            ));
        }
        Ok(master)
    }

    /// The link.
    ///
    /// # Errors
    /// There is none, or it may not be used.
    pub fn find(self, host: Host) -> Answer<Link> {
        let missing = |what: String| {
            Failure::from(format!(
                "no link of the node that this module may use {what}: look at `ip link`, and at the grant `links`"
            ))
        };
        match self.name {
            Some(name) if self.in_pod => host.find_in_sandbox(name)?.ok_or_else(|| {
                Failure::from(format!(
                    "the pod has no link `{name}`: the network that makes it has to come before this one"
                ))
            }),
            Some(name) => host.find_on_node(name)?.ok_or_else(|| missing(format!("has the name `{name}`"))),
            None => host
                .default_link()?
                .ok_or_else(|| missing("has the default route, and the conf names no `master`".to_owned())),
        }
    }
}

/// A link can't have a greater MTU than the one that it is on. The kernel would say no more than that it is invalid.
///
/// # Errors
/// Code 7: it is greater.
pub fn check_mtu(host: Host, master: &Link, mtu: Option<u32>) -> Answer<()> {
    let Some(mtu) = mtu else { return Ok(()) };
    let info = host.info(master)?;
    if mtu <= info.mtu {
        return Ok(());
    }
    Err(invalid(format!("the conf's `mtu` is {mtu}, and `{}` has {}: it can't be more", info.name, info.mtu)))
}
