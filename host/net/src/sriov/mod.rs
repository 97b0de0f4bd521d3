//! Virtual functions of network cards (SR-IOV): which there are, what their physical function has set of them, and who
//! has claimed them.

mod claim;
mod message;
pub(crate) mod sysfs;

use crate::Link;
use crate::effect::{FunctionRef, Setting};

pub use claim::{ClaimError, Claims, DIRECTORY, Holder, Locked, Taken};
pub use message::Settings;
pub(crate) use message::{decode, encode};
pub use sysfs::{PhysicalFunction, Sysfs, VirtualFunction};

/// A virtual function as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Where it is, and whose.
    pub place: FunctionRef,
    /// The physical function's link, by name.
    pub physical: String,
    /// What drives it.
    pub driver: Option<String>,
    /// The only driver that it may get, if somebody said so.
    pub reserved_for: Option<String>,
    /// The switch in the card that it is plugged into, if the card is in the mode `switchdev`.
    pub switch: Option<String>,
    /// Its RDMA devices, if each of the node's is in one network namespace alone: they stay where they are when its link goes
    /// to the pod.
    pub confined: Vec<String>,
    /// What the physical function has set.
    pub settings: Settings,
    /// Its link, if that is on the node.
    pub link: Option<Link>,
    /// A link of the node's that is on that one, such as a VLAN's, by name.
    pub carries: Option<String>,
}

impl Function {
    /// Whether programs have it instead of the kernel.
    pub fn is_for_userspace(&self) -> bool {
        self.driver.as_deref().is_some_and(sysfs::is_for_userspace)
    }

    /// What it has of the same kind as `like`; `None` where nobody can tell.
    pub fn like(&self, like: &Setting) -> Option<Setting> {
        match like {
            Setting::OwnMac(_) => {
                let mac = self.link.as_ref().and_then(|link| link.mac.parse().ok());
                mac.map(Setting::OwnMac)
            }
            other => self.settings.like(other),
        }
    }

    pub(crate) fn has(&self, setting: &Setting) -> bool {
        self.like(setting).as_ref() == Some(setting)
    }
}
