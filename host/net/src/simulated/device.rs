//! A link as the kernel keeps it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::Ipv6Net;

use super::address::V4;
use super::port::Switch;
use super::space::SpaceId;
use crate::{Apart, Limit, Link, LinkKind, MacAddr};

/// The queue of a link that nobody gave another one, in packets (`DEFAULT_TX_QUEUE_LEN`).
pub(super) const QUEUE: u32 = 1000;

/// Where a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) space: SpaceId,
    pub(super) index: u32,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Loopback,
    Veth {
        peer: Place,
    },
    /// Goes with its parent, if it has one.
    Made {
        kind: LinkKind,
        parent: Option<Parent>,
    },
    Bridge {
        /// Somebody set its MTU; before that it follows its ports'.
        mtu_chosen: bool,
        /// It tells VLANs apart.
        vlans: bool,
    },
    /// Outlives its namespace.
    Hardware(Factory),
}

/// What a link is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) place: Place,
    /// What it was when the link last followed it.
    pub(super) seen: Seen,
}

/// What a link has that those on it follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) mtu: u32,
    pub(super) mac: MacAddr,
    pub(super) up: bool,
}

impl Seen {
    pub(super) fn of(device: &Device) -> Self {
        Self { mtu: device.mtu, mac: device.mac, up: device.up }
    }
}

/// What a driver gives the link of its device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Factory {
    pub(super) bus_address: String,
    pub(super) name: String,
    pub(super) mac: [u8; 6],
}

/// What a port knows of its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) master: u32,
    /// If that is a bridge.
    pub(super) switch: Option<Switch>,
}

#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) alternative_names: Vec<String>,
    pub(super) mac: MacAddr,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) promiscuous: bool,
    pub(super) all_multicast: bool,
    pub(super) tx_queue_length: u32,
    pub(super) kind: Kind,
    pub(super) port: Option<Port>,
    /// In the order in which the kernel lists them.
    pub(super) v4: Vec<V4>,
    pub(super) v6: Vec<Ipv6Net>,
    /// How fast packets leave.
    pub(super) limit: Option<(Limit, Option<Apart>)>,
    /// By which link leaves what comes in; 0 if that is gone.
    pub(super) redirect: Option<u32>,
    /// Permanent ones.
    pub(super) neighbours: BTreeMap<IpAddr, MacAddr>,
    /// `ipv4/arp_notify` for `net/ipv4/conf/<link>/arp_notify`.
    pub(super) settings: BTreeMap<String, String>,
}

impl Device {
    pub(super) fn new(index: u32, name: &str, mac: MacAddr, mtu: u32, kind: Kind) -> Self {
        Self {
            index,
            name: name.to_owned(),
            alternative_names: Vec::new(),
            mac,
            mtu,
            up: false,
            promiscuous: false,
            all_multicast: false,
            tx_queue_length: QUEUE,
            kind,
            port: None,
            v4: Vec::new(),
            v6: Vec::new(),
            limit: None,
            redirect: None,
            neighbours: BTreeMap::new(),
            settings: BTreeMap::new(),
        }
    }

    pub(super) fn loopback() -> Self {
        Self::new(1, "lo", MacAddr([0; 6]), 65536, Kind::Loopback)
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.kind == Kind::Loopback
    }

    /// Below 68 bytes there is no IPv4 on a link.
    pub(super) fn speaks_v4(&self) -> bool {
        self.mtu >= 68
    }

    /// Below 1280 bytes there is no IPv6 on a link; the loopback keeps it.
    pub(super) fn speaks_v6(&self) -> bool {
        self.mtu >= 1280 || self.is_loopback()
    }

    /// How its back end lists it.
    pub(super) fn view(&self) -> Link {
        let v4 = self.v4.iter().map(|address| address.net.to_string());
        Link {
            index: self.index,
            name: self.name.clone(),
            mac: self.mac.to_string(),
            mtu: self.mtu,
            up: self.up,
            kind: self.kind.name().to_owned(),
            addresses: v4.chain(self.v6.iter().map(ToString::to_string)).collect(),
            master: self.port.as_ref().map(|port| port.master),
            promiscuous: self.promiscuous,
            all_multicast: self.all_multicast,
            tx_queue_length: self.tx_queue_length,
            alternative_names: self.alternative_names.clone(),
        }
    }
}

impl Kind {
    pub(super) fn hardware(&self) -> Option<&Factory> {
        match self {
            Self::Hardware(factory) => Some(factory),
            _ => None,
        }
    }

    /// The other end of a pair.
    pub(super) fn peer(&self) -> Option<Place> {
        match self {
            Self::Veth { peer } => Some(*peer),
            _ => None,
        }
    }

    /// What it goes with.
    pub(super) fn parent(&self) -> Option<Place> {
        match self {
            Self::Made { parent: Some(parent), .. } => Some(parent.place),
            _ => None,
        }
    }

    /// The kernel's name of it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Veth { .. } => "veth",
            Self::Bridge { .. } => "bridge",
            Self::Made { kind, .. } => kind.name(),
            Self::Loopback | Self::Hardware(_) => "",
        }
    }

    /// The MTUs that it can have. Those of hardware differ; these are common.
    pub(super) fn mtus(&self) -> RangeInclusive<u32> {
        match self {
            Self::Loopback | Self::Made { kind: LinkKind::Dummy | LinkKind::Ifb, .. } => 0..=i32::MAX as u32,
            Self::Made { kind: LinkKind::Vlan { .. }, .. } => 0..=65535,
            Self::Made { kind: LinkKind::Vrf { .. }, .. } => 1280..=65575,
            Self::Veth { .. } | Self::Bridge { .. } | Self::Made { .. } => 68..=65535,
            Self::Hardware(_) => 68..=9216,
        }
    }
}
