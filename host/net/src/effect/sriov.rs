//! What is done to functions of network cards: settings that a physical function has of its virtual ones, and drivers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Class, MacAddr};

/// Where a function is on the PCI bus: `0000:03:02.1`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PciAddress(String);

/// A text that is no PCI address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no PCI address: write domain, bus, device and function, `0000:03:02.1`", .0.escape_debug())]
pub struct InvalidPciAddress(pub String);

impl FromStr for PciAddress {
    type Err = InvalidPciAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        if is_address(&lower) { Ok(Self(lower)) } else { Err(InvalidPciAddress(text.to_owned())) }
    }
}

/// A domain may have more than four digits, as behind some host bridges.
fn is_address(text: &str) -> bool {
    let hex = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let parts: Vec<_> = text.split(':').collect();
    let [domain, bus, rest] = parts.as_slice() else { return false };
    let Some((device, function)) = rest.split_once('.') else { return false };
    let function = function.len() == 1 && function.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    hex(domain, 4..=8) && hex(bus, 2..=2) && hex(device, 2..=2) && function
}

impl PciAddress {
    /// As the kernel writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PciAddress {
    type Error = InvalidPciAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PciAddress> for String {
    fn from(address: PciAddress) -> Self {
        address.0
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A virtual function, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FunctionRef {
    /// Its own address.
    pub address: PciAddress,
    /// The physical function's.
    pub physical: PciAddress,
    /// Its number among those of the physical function, from 0.
    pub number: u32,
}

impl fmt::Display for FunctionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "virtual function {} ({} of {})", self.address, self.number, self.physical)
    }
}

/// The kind of VLAN tag that a card adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VlanProtocol {
    /// Customer tag.
    #[default]
    #[serde(rename = "802.1q")]
    Ieee8021Q,
    /// Service tag, outside of others.
    #[serde(rename = "802.1ad")]
    Ieee8021Ad,
}

impl VlanProtocol {
    /// Its Ethernet type.
    pub fn ethertype(self) -> u16 {
        match self {
            Self::Ieee8021Q => 0x8100,
            Self::Ieee8021Ad => 0x88a8,
        }
    }

    /// The one with this Ethernet type.
    pub fn of_ethertype(ethertype: u16) -> Option<Self> {
        [Self::Ieee8021Q, Self::Ieee8021Ad].into_iter().find(|one| one.ethertype() == ethertype)
    }
}

impl fmt::Display for VlanProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ieee8021Q => "802.1q",
            Self::Ieee8021Ad => "802.1ad",
        })
    }
}

/// The tag that the card gives all frames of a function, and takes off those that it gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Vlan {
    /// 1 to 4094; 0 for no tag.
    pub id: u16,
    /// Priority, 0 to 7.
    #[serde(default)]
    pub qos: u8,
    /// Kind of tag.
    #[serde(default)]
    pub protocol: VlanProtocol,
}

/// How fast a function may send, in Mbit/s; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rate {
    /// At least that much is kept for it.
    pub min: u32,
    /// No more than that.
    pub max: u32,
}

/// Whether a function has a carrier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// As the physical function.
    #[default]
    Auto,
    /// Always.
    Enable,
    /// Never.
    Disable,
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Enable => "enable",
            Self::Disable => "disable",
        })
    }
}

/// One setting of a virtual function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// The address that the physical function assigns; all zeros for none.
    Mac(MacAddr),
    /// The address that the function's link, at home on the node, has itself.
    OwnMac(MacAddr),
    /// Its VLAN tag.
    Vlan(Vlan),
    /// How fast it may send.
    Rate(Rate),
    /// Frames from another address than its own are dropped.
    SpoofCheck(bool),
    /// Whether it may change its address and listen to what is for others.
    Trust(bool),
    /// Its carrier.
    LinkState(LinkState),
}

impl Setting {
    /// The hardware address that it gives.
    pub(crate) fn mac(&self) -> Option<MacAddr> {
        match self {
            Self::Mac(mac) | Self::OwnMac(mac) => Some(*mac),
            _ => None,
        }
    }
}

/// Completes a sentence about a function: it has `VLAN 100`, is `trusted`.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on_off = |on: &bool| if *on { "on" } else { "off" };
        match self {
            Self::Mac(mac) => write!(f, "assigned MAC {mac}"),
            Self::OwnMac(mac) => write!(f, "MAC {mac}"),
            Self::Vlan(Vlan { id, qos, protocol }) => write!(f, "VLAN {id} qos {qos} proto {protocol}"),
            Self::Rate(Rate { min, max }) => write!(f, "tx rate {min} to {max} Mbit/s"),
            Self::SpoofCheck(on) => write!(f, "spoofchk {}", on_off(on)),
            Self::Trust(on) => write!(f, "trust {}", on_off(on)),
            Self::LinkState(state) => write!(f, "link state {state}"),
        }
    }
}

/// Something done to a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FunctionChange {
    /// A setting of a virtual function is changed. Modified.
    Set {
        /// Which.
        function: FunctionRef,
        /// To what.
        setting: Setting,
        /// What it was; `None` where its driver does not tell.
        before: Option<Setting>,
        /// Only until the next change of the same: CHECK does not look for it.
        #[serde(default)]
        briefly: bool,
    },
    /// A function gets another driver, such as `vfio-pci`, by which programs reach it without the kernel. Modified.
    Driver {
        /// Which.
        address: PciAddress,
        /// The driver; `None` for none.
        driver: Option<String>,
        /// What it had.
        before: Option<String>,
        /// The name that its link had, which it gets again.
        #[serde(default)]
        name: Option<String>,
        /// The only driver that it was to have before, if somebody said so; it is said again when that one is back.
        #[serde(default)]
        reserved_for: Option<String>,
    },
}

impl FunctionChange {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Set { before: None, .. } => Class::Passing,
            Self::Set { .. } | Self::Driver { .. } => Class::Modified,
        }
    }

    /// The function that it is about.
    pub fn address(&self) -> &PciAddress {
        match self {
            Self::Set { function: FunctionRef { address, .. }, .. } | Self::Driver { address, .. } => address,
        }
    }

    /// It would give a function's link no address, which no driver takes.
    pub(crate) fn is_no_address(&self) -> bool {
        matches!(self, Self::Set { setting: Setting::OwnMac(mac), .. } if mac.is_unset())
    }

    /// What undoes it, if the function still has what it was given.
    pub(crate) fn reverse(&self) -> Option<Self> {
        match self {
            Self::Set { before: None, .. } => None,
            Self::Set { function, before: Some(before), .. } => {
                Some(Self::Set { function: function.clone(), setting: *before, before: None, briefly: false })
            }
            Self::Driver { address, driver, before, name, reserved_for } => Some(Self::Driver {
                address: address.clone(),
                driver: before.clone(),
                before: driver.clone(),
                name: name.clone(),
                reserved_for: reserved_for.clone(),
            }),
        }
    }
}

impl fmt::Display for FunctionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { function, setting, before: None, .. } => write!(f, "{setting} of {function}"),
            Self::Set { function, setting, before: Some(before), .. } => {
                write!(f, "{setting} of {function}, before {before}")
            }
            Self::Driver { address, driver, before, .. } => {
                let [driver, before] = [driver, before].map(|name| name.as_deref().unwrap_or("none"));
                write!(f, "driver {driver} of function {address}, before {before}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_the_kernel_calls_functions() {
        for (text, expected) in [
            ("0000:03:02.3", "0000:03:02.3"),
            ("0000:AF:0A.7", "0000:af:0a.7"),
            ("10000:01:00.0", "10000:01:00.0"),
        ] {
            assert_eq!(text.parse::<PciAddress>().unwrap().as_str(), expected);
        }
        for text in
            ["", "03:02.3", "0000:03:02", "0000:03:02.8", "0000:03:02.10", "0000:03:2.1", "../:03:02.1"]
                .into_iter()
                .chain([
                    "0000:03:02.1/..",
                    "0000:03:02.1\n",
                    "g000:03:02.1",
                    "0000:03:02:1.1",
                    "mlx5_core.sf.2",
                ])
        {
            let error = text.parse::<PciAddress>().unwrap_err().to_string();
            assert!(error.contains("0000:03:02.1`"), "{error}");
        }
    }

    #[test]
    fn a_change_is_written_as_it_always_was() {
        let function = FunctionRef {
            address: "0000:03:02.1".parse().unwrap(),
            physical: "0000:03:00.0".parse().unwrap(),
            number: 4,
        };
        let vlan = |id| Setting::Vlan(Vlan { id, qos: 3, protocol: VlanProtocol::Ieee8021Ad });
        let change =
            FunctionChange::Set { function, setting: vlan(100), before: Some(vlan(0)), briefly: false };
        let text = serde_json::to_string(&change).unwrap();
        let expected = concat!(
            r#"{"set":{"function":{"address":"0000:03:02.1","physical":"0000:03:00.0","number":4},"#,
            r#""setting":{"vlan":{"id":100,"qos":3,"protocol":"802.1ad"}},"#,
            r#""before":{"vlan":{"id":0,"qos":3,"protocol":"802.1ad"}},"briefly":false}}"#
        );
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<FunctionChange>(&text).unwrap(), change);
        assert_eq!(
            change.to_string(),
            "VLAN 100 qos 3 proto 802.1ad of virtual function 0000:03:02.1 (4 of 0000:03:00.0), \
             before VLAN 0 qos 3 proto 802.1ad"
        );
    }
}
