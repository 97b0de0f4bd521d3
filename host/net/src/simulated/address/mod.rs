//! Addresses of links, and the routes that the kernel makes of them by itself.

mod v4;
mod v6;

use ipnet::IpNet;

use super::no::Done;
use super::space::Namespace;

pub(super) use v4::V4;

impl Namespace {
    pub(super) fn add_address(&mut self, index: u32, address: IpNet) -> Done {
        match address {
            IpNet::V4(address) => self.add_v4(index, address),
            IpNet::V6(address) => self.add_v6(index, address),
        }
    }

    pub(super) fn drop_address(&mut self, index: u32, address: IpNet) -> Done {
        match address {
            IpNet::V4(address) => self.drop_v4(index, address),
            IpNet::V6(address) => self.drop_v6(index, address),
        }
    }
}
