//! The address that a function's own link has. Some drivers ask their physical function for it and answer later, some take
//! it before it is so.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc;

use super::super::Kernel;
use super::busy::is_busy;
use crate::Refused;
use crate::effect::{FunctionRef, LinkRef, MacAddr, Property, Space};

const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

impl Kernel {
    /// Until the link says that it has it.
    pub(super) fn give_own_mac(
        &self,
        function: &FunctionRef,
        mac: MacAddr,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut last = None;
        for attempt in 0..ATTEMPTS {
            let Some(link) = self.function_at(&function.address)?.and_then(|found| found.link) else {
                return Err(Refused::because(tried, libc::ENODEV, "it has no link on the node"));
            };
            if link.mac == mac.to_string() {
                return Ok(());
            }
            if attempt > 0 {
                if Instant::now() + PAUSE >= self.patience() {
                    break;
                }
                sleep(PAUSE);
            }
            let link = LinkRef::to(Space::Host, &link);
            match self.set(&link, &Property::Mac(mac), tried) {
                Ok(()) => {}
                Err(refused) if is_busy(&refused) => last = Some(refused),
                Err(refused) => return Err(refused),
            }
        }
        let said = "its driver took the address, and the link never had it";
        Err(last.unwrap_or_else(|| Refused::because(tried, libc::ETIMEDOUT, said)))
    }
}
