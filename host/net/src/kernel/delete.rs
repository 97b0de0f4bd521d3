//! Deleting links. Each deletion costs a grace period of the kernel, about 25 ms, and a group of links costs one.

use std::hash::{BuildHasher, RandomState};

use netlink_packet_route::link::LinkAttribute;
use nix::libc;

use super::link::about;
use super::{Kernel, failed, gone_is_good, refused};
use crate::Refused;
use crate::effect::{LinkRef, Space};
use crate::netlink::{Request, body};

impl Kernel {
    /// Deletes links of one namespace at once. Those that are gone are as good.
    pub(super) fn delete_links(&self, space: Space, links: &[LinkRef]) -> Result<(), Refused> {
        let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
        let tried = format_args!("deleting {} {space}", names.join(", "));
        let socket = self.socket(space, &tried)?;
        let attributes = match links {
            [] => return Ok(()),
            [one] => {
                let done = socket.change(libc::RTM_DELLINK, 0, &body(&about(one.index, Vec::new())));
                return gone_is_good(done).map_err(refused(&tried));
            }
            _ => vec![LinkAttribute::Group(group())],
        };
        let join = |link: &LinkRef| Request {
            kind: libc::RTM_SETLINK,
            flags: libc::NLM_F_ACK,
            body: body(&about(link.index, attributes.clone())),
        };
        let joined = socket.changes(&links.iter().map(join).collect::<Vec<_>>()).map_err(failed(&tried))?;
        // One that can't join is told of after those that can are deleted.
        let unable = joined.into_iter().map(gone_is_good).find_map(Result::err);
        gone_is_good(socket.change(libc::RTM_DELLINK, 0, &body(&about(0, attributes))))
            .map_err(refused(&tried))?;
        unable.map_or(Ok(()), |refusal| Err(refused(&tried)(refusal)))
    }
}

/// A group that nobody else has: people number theirs from 0.
fn group() -> u32 {
    1 << 31 | (RandomState::new().hash_one(0) >> 33) as u32
}
