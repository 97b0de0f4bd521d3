//! Which names a link can have. Alternative names share the room of names with them.

use nix::libc;

use super::no::{Done, No};
use super::space::Namespace;

/// `IFNAMSIZ` and `ALTIFNAMSIZ`, both with the zero at the end.
const LONGEST: usize = 16;
const LONGEST_ALTERNATIVE: usize = 128;

/// Other names that can't be are refused by every back end before the kernel is asked.
pub(super) fn check_length(name: &str) -> Done {
    if name.len() < LONGEST { Ok(()) } else { Err(libc::ERANGE.into()) }
}

impl Namespace {
    /// Whether a link has this name, or this alternative name.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.index_of(name).is_some()
    }

    /// The link of that name or alternative name.
    pub(super) fn index_of(&self, name: &str) -> Option<u32> {
        let named = |device: &&super::device::Device| {
            device.name == name || device.alternative_names.iter().any(|n| n == name)
        };
        self.devices().find(named).map(|device| device.index)
    }

    /// The first name that is free for a link that may have any: `dev0` of `dev%d`.
    pub(super) fn choose_name(&self, pattern: &str) -> String {
        let mut names = (0_u32..).map(|number| pattern.replace("%d", &number.to_string()));
        names.find(|name| !self.has_name(name)).unwrap_or_default()
    }

    /// Gives a link another name. Its own alternative name is taken, too.
    pub(super) fn rename(&mut self, index: u32, name: &str) -> Done {
        check_length(name)?;
        let device = self.device(index)?;
        if device.name == name {
            return Ok(());
        }
        if self.has_name(name) {
            return Err(libc::EEXIST.into());
        }
        name.clone_into(&mut self.device_mut(index)?.name);
        Ok(())
    }

    /// Gives a link a further name.
    pub(super) fn add_name(&mut self, index: u32, name: &str) -> Done {
        self.device(index)?;
        match name.len() {
            0 => return Err(libc::EINVAL.into()),
            LONGEST_ALTERNATIVE.. => return Err(libc::ERANGE.into()),
            _ if self.has_name(name) => return Err(libc::EEXIST.into()),
            _ => {}
        }
        self.device_mut(index)?.alternative_names.push(name.to_owned());
        Ok(())
    }

    /// Takes a further name away.
    pub(super) fn drop_name(&mut self, index: u32, name: &str) -> Done {
        let names = &mut self.device_mut(index)?.alternative_names;
        let before = names.len();
        names.retain(|known| known != name);
        if names.len() == before { Err(No::from(libc::ENOENT)) } else { Ok(()) }
    }
}
