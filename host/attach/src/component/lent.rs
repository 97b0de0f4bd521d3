//! The links that a module holds handles of, and what each of them may be used for.

use multus_net::{LinkRef, Space};
use multus_wasm::node::{Answer, LinkId};

use super::refusal::{self, not_allowed};

/// How a module came by a link, which decides what it may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Made in this call: it goes with the attachment.
    Made,
    /// Taken from the node in this call: it comes home as it was.
    Moved,
    /// In the pod's namespace, named by the result of the plugin before: what is changed is restored.
    Chained,
    /// Shared, a bridge of the node or a vrf of the pod: what is made sure of stays.
    Ensured,
    /// Of the node, its name granted: to be looked at, moved, or made a master of.
    Granted,
    /// To be looked at only.
    Seen,
}

/// A link that was lent.
#[derive(Debug, Clone)]
pub(super) struct Lent {
    pub(super) link: LinkRef,
    pub(super) origin: Origin,
}

/// All of them, in the order of their handles.
#[derive(Debug, Default)]
pub(super) struct LentLinks(Vec<Lent>);

impl LentLinks {
    /// The handle of a link; one that was lent before keeps what it is, unless it was only looked at and is shared now.
    pub(super) fn lend(&mut self, link: LinkRef, origin: Origin) -> LinkId {
        let known = self.0.iter().position(|lent| same(&lent.link, &link));
        let looked_at = known.and_then(|at| self.0.get_mut(at));
        let looked_at = looked_at.filter(|lent| matches!(lent.origin, Origin::Granted | Origin::Seen));
        if let (Some(lent), Origin::Ensured) = (looked_at, origin) {
            lent.origin = origin;
        }
        let at = known.unwrap_or_else(|| {
            self.0.push(Lent { link, origin });
            self.0.len() - 1
        });
        LinkId(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// How a link was come by, if it was lent.
    pub(super) fn origin(&self, space: Space, index: u32) -> Option<Origin> {
        self.0
            .iter()
            .find(|lent| lent.link.space == space && lent.link.index == index)
            .map(|lent| lent.origin)
    }

    /// What a handle stands for.
    pub(super) fn get(&self, id: LinkId) -> Answer<&Lent> {
        let found = usize::try_from(id.0).ok().and_then(|at| self.0.get(at));
        found.ok_or_else(|| refusal::invalid("this handle stands for no link"))
    }

    /// A link that may be changed.
    pub(super) fn to_change(&self, id: LinkId) -> Answer<Lent> {
        let lent = self.get(id)?;
        match lent.origin {
            Origin::Made | Origin::Moved | Origin::Chained | Origin::Ensured => Ok(lent.clone()),
            Origin::Granted => Err(not_allowed(
                &format!(
                    "change `{}`, a link of the node that other attachments use as well",
                    lent.link.name
                ),
                "only links that this attachment made or moved can be changed, and bridges that it ensured",
            )),
            Origin::Seen => Err(not_allowed(
                &format!("change `{}`, which this attachment neither made nor moved", lent.link.name),
                "a plugin of a list may change the links that the result before it names",
            )),
        }
    }

    /// The link moved: the same handle stands for it, as one that comes home.
    pub(super) fn moved(&mut self, id: LinkId, to: LinkRef) {
        if let Some(lent) = usize::try_from(id.0).ok().and_then(|at| self.0.get_mut(at)) {
            *lent = Lent { link: to, origin: Origin::Moved };
        }
    }
}

fn same(one: &LinkRef, other: &LinkRef) -> bool {
    one.space == other.space && one.index == other.index
}
