//! What becomes of an effect when its attachment ends.

use super::{Effect, Space};

/// Design 4, "Three classes of effects", and those that leave nothing of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Made by this attachment: deleted.
    Owned,
    /// Was there before: restored if it still holds our value.
    Modified,
    /// Shared with other attachments: written down, never restored.
    Ensured,
    /// Goes with a link of ours, or leaves nothing.
    Passing,
}

impl Effect {
    /// What becomes of it at DEL.
    pub fn class(&self) -> Class {
        match self {
            Self::Veth { .. }
            | Self::Link { .. }
            | Self::Masquerade { .. }
            | Self::SpoofCheck { .. }
            | Self::PortMapping { .. }
            | Self::Limit { .. }
            | Self::Redirect { .. }
            | Self::PolicyRule { .. } => Class::Owned,
            Self::Bridge { .. } | Self::Pair { .. } | Self::NoAddress { .. } => Class::Ensured,
            Self::Move { .. } => Class::Modified,
            Self::Set { before, .. } if before.is_some() => Class::Modified,
            Self::Sysctl { space: Space::Host, .. } => Class::Ensured,
            Self::Sysctl { space: Space::Sandbox, .. } => Class::Modified,
            Self::Address { lasting: true, .. }
            | Self::Route { lasting: true, .. }
            | Self::NoRoute { lasting: true, .. } => Class::Modified,
            Self::Function(change) => change.class(),
            Self::Set { .. }
            | Self::Address { .. }
            | Self::Route { .. }
            | Self::NoRoute { .. }
            | Self::Neighbour { .. }
            | Self::Vlans { .. }
            | Self::NoVlans { .. }
            | Self::Announce { .. } => Class::Passing,
        }
    }
}
