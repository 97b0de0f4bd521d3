//! What a link is that one request makes, and the VLANs of a bridge's port.

use serde::{Deserialize, Serialize};

/// How a macvlan link treats others on its parent, in the kernel's and confs' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MacvlanMode {
    /// They reach each other.
    Bridge,
    /// They don't.
    Private,
    /// They do by way of a switch that sends frames back.
    Vepa,
    /// It is the only one, and has its parent's hardware address.
    Passthru,
}

/// What an ipvlan link looks at, in the kernel's and confs' words. All that are on one parent have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpvlanMode {
    /// Frames: it is on its parent's wire.
    L2,
    /// Packets alone: its parent's namespace routes them.
    L3,
    /// The same, and that namespace filters them.
    L3s,
}

/// What a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// Sends and receives by its parent, with a hardware address of its own.
    Macvlan {
        /// What others on its parent are to it.
        mode: MacvlanMode,
        /// How many broadcasts may wait to be handed to it; `None` leaves it to the kernel.
        #[serde(default)]
        queue: Option<u32>,
    },
    /// Sends and receives by its parent, with its parent's hardware address.
    Ipvlan {
        /// What it looks at.
        mode: IpvlanMode,
    },
    /// One VLAN of its parent (802.1Q).
    Vlan {
        /// Which, 0 to 4094.
        id: u16,
    },
    /// Takes everything and leads nowhere.
    Dummy,
    /// What another link sends by it comes in by that one anew, as late as its queue has it. Of the node.
    Ifb,
    /// Its ports have a routing table of their own. Of the pod: goes with the last of them.
    Vrf {
        /// Which table.
        table: u32,
    },
}

impl LinkKind {
    /// The kernel's name of it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Macvlan { .. } => "macvlan",
            Self::Ipvlan { .. } => "ipvlan",
            Self::Vlan { .. } => "vlan",
            Self::Dummy => "dummy",
            Self::Ifb => "ifb",
            Self::Vrf { .. } => "vrf",
        }
    }

    /// Whether its hardware address is its parent's, and becomes another one with that.
    pub fn has_parents_mac(&self) -> bool {
        matches!(self, Self::Ipvlan { .. } | Self::Macvlan { mode: MacvlanMode::Passthru, .. })
    }

    /// Whether several attachments of a pod share it.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Vrf { .. })
    }
}

/// VLANs that pass by a bridge's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortVlans {
    /// The first of them, 1 to 4094.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// What comes in without a tag belongs to it. It is one alone then.
    #[serde(default)]
    pub native: bool,
    /// They leave without a tag.
    #[serde(default)]
    pub untagged: bool,
}

impl PortVlans {
    /// VLANs with tags.
    pub fn tagged(first: u16, last: u16) -> Self {
        Self { first, last, native: false, untagged: false }
    }

    /// The VLAN of what has no tag.
    pub fn untagged(id: u16) -> Self {
        Self { first: id, last: id, native: true, untagged: true }
    }

    /// Whether there can be such VLANs.
    pub fn is_valid(&self) -> bool {
        1 <= self.first
            && self.first <= self.last
            && self.last <= 4094
            && !(self.native && self.first != self.last)
    }

    /// Each by itself.
    pub fn each(self) -> impl Iterator<Item = Self> {
        (self.first..=self.last).map(move |id| Self { first: id, last: id, ..self })
    }
}
