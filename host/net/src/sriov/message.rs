//! Settings of virtual functions in netlink messages about their physical function's link: `IFLA_VFINFO_LIST`, in which
//! functions say their number themselves.

use nix::libc;

use crate::attribute::{NESTED, attribute, attributes, bytes, u16_at, u32_at};
use crate::effect::{LinkState, MacAddr, Rate, Setting, Vlan, VlanProtocol};

/// `struct ifinfomsg`.
const LINK_HEADER: usize = 16;
/// `IFLA_VF_INFO` of `<linux/if_link.h>`, and what is in one.
const INFO: u16 = 1;
const MAC: u16 = 1;
const VLAN: u16 = 2;
const SPOOF_CHECK: u16 = 4;
const LINK_STATE: u16 = 5;
const RATE: u16 = 6;
const TRUST: u16 = 9;
const VLAN_LIST: u16 = 12;
/// `IFLA_VF_VLAN_INFO`, in a list that has one.
const VLAN_INFO: u16 = 1;
/// `MAX_ADDR_LEN`: room for an address of any kind of link.
const LONGEST_ADDRESS: usize = 32;

/// What a physical function has set of one of its virtual ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// The address that it assigned; all zeros for none, though some drivers tell the function's own then.
    pub mac: MacAddr,
    /// VLAN tag.
    pub vlan: Vlan,
    /// How fast it may send.
    pub rate: Rate,
    /// `None` where the driver has no such thing.
    pub spoof_check: Option<bool>,
    /// `None` where the driver has no such thing.
    pub trust: Option<bool>,
    /// Carrier.
    pub link_state: LinkState,
}

impl Settings {
    /// What it has of the same kind as `like`; `None` where the driver has no such thing, or another one knows.
    pub fn like(&self, like: &Setting) -> Option<Setting> {
        match like {
            Setting::Mac(_) => Some(Setting::Mac(self.mac)),
            Setting::OwnMac(_) => None,
            Setting::Vlan(_) => Some(Setting::Vlan(self.vlan)),
            Setting::Rate(_) => Some(Setting::Rate(self.rate)),
            Setting::SpoofCheck(_) => self.spoof_check.map(Setting::SpoofCheck),
            Setting::Trust(_) => self.trust.map(Setting::Trust),
            Setting::LinkState(_) => Some(Setting::LinkState(self.link_state)),
        }
    }
}

/// The settings of all functions in one `RTM_NEWLINK`, by number.
pub(crate) fn decode(body: &[u8]) -> Vec<(u32, Settings)> {
    let all = attributes(body.get(LINK_HEADER..).unwrap_or_default());
    let lists = all.filter(|(kind, _)| *kind == libc::IFLA_VFINFO_LIST).map(|(_, value)| value);
    lists
        .flat_map(attributes)
        .filter(|(kind, _)| *kind == INFO)
        .filter_map(|(_, value)| function(value))
        .collect()
}

fn function(info: &[u8]) -> Option<(u32, Settings)> {
    let mut settings = Settings::default();
    let mut number = None;
    let mut is_listed = false;
    for (kind, value) in attributes(info) {
        // Each begins with the function's number.
        let word = |at: usize| u32_at(value, at * 4);
        match kind {
            MAC => {
                number = word(0);
                settings.mac = MacAddr(bytes(value, 4)?);
            }
            VLAN if !is_listed => settings.vlan = Vlan { protocol: VlanProtocol::default(), ..vlan(value)? },
            VLAN_LIST => {
                if let Some((_, tag)) = attributes(value).find(|(kind, _)| *kind == VLAN_INFO) {
                    (settings.vlan, is_listed) = (vlan(tag)?, true);
                }
            }
            RATE => settings.rate = Rate { min: word(1)?, max: word(2)? },
            SPOOF_CHECK => settings.spoof_check = on(word(1)?),
            TRUST => settings.trust = on(word(1)?),
            LINK_STATE => settings.link_state = state(word(1)?),
            _ => {}
        }
    }
    Some((number?, settings))
}

fn vlan(value: &[u8]) -> Option<Vlan> {
    let id = u16::try_from(u32_at(value, 4)?).ok()?;
    let qos = u8::try_from(u32_at(value, 8)?).ok()?;
    let ethertype = u16_at(value, 12).map(u16::from_be);
    let protocol = ethertype.and_then(VlanProtocol::of_ethertype).unwrap_or_default();
    Some(Vlan { id, qos, protocol })
}

/// All bits set: the driver did not say.
fn on(word: u32) -> Option<bool> {
    (word != u32::MAX).then_some(word != 0)
}

fn state(word: u32) -> LinkState {
    match word {
        1 => LinkState::Enable,
        2 => LinkState::Disable,
        _ => LinkState::Auto,
    }
}

/// The value of an `IFLA_VFINFO_LIST` that changes one setting of one function; `None` for one that its own link has.
pub(crate) fn encode(number: u32, setting: &Setting) -> Option<Vec<u8>> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>();
    let (kind, value) = match setting {
        Setting::OwnMac(_) => return None,
        Setting::Mac(MacAddr(mac)) => {
            let mut value = words(&[number]);
            value.extend(mac);
            value.resize(4 + LONGEST_ADDRESS, 0);
            (MAC, value)
        }
        Setting::Vlan(Vlan { id, qos, protocol }) => {
            let mut value = words(&[number, (*id).into(), (*qos).into()]);
            value.extend(protocol.ethertype().to_be_bytes());
            value.resize(16, 0);
            (VLAN_LIST | NESTED, attribute(VLAN_INFO, &value))
        }
        Setting::Rate(Rate { min, max }) => (RATE, words(&[number, *min, *max])),
        Setting::SpoofCheck(on) => (SPOOF_CHECK, words(&[number, (*on).into()])),
        Setting::Trust(on) => (TRUST, words(&[number, (*on).into()])),
        Setting::LinkState(state) => (LINK_STATE, words(&[number, *state as u32])),
    };
    Some(attribute(INFO | NESTED, &attribute(kind, &value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message as the kernel writes it: about each function all that is known.
    fn message(functions: &[(u32, Settings)]) -> Vec<u8> {
        let mut list = Vec::new();
        for (number, settings) in functions {
            let told = |on: Option<bool>| on.map_or(u32::MAX, u32::from);
            let word =
                |kind, value: u32| attribute(kind, &[number.to_ne_bytes(), value.to_ne_bytes()].concat());
            let mut info = Vec::new();
            let all = [
                Setting::Mac(settings.mac),
                Setting::Vlan(settings.vlan),
                Setting::Rate(settings.rate),
                Setting::LinkState(settings.link_state),
            ];
            // The same structures go both ways, each in its own `IFLA_VF_INFO` on the way in.
            info.extend(all.iter().flat_map(|setting| encode(*number, setting).unwrap().split_off(4)));
            info.extend(attribute(
                VLAN,
                &[*number, settings.vlan.id.into(), 0].map(u32::to_ne_bytes).concat(),
            ));
            info.extend(word(SPOOF_CHECK, told(settings.spoof_check)));
            info.extend(word(TRUST, told(settings.trust)));
            info.extend(attribute(200, b"what newer kernels add"));
            list.extend(attribute(INFO | NESTED, &info));
        }
        let mut body = vec![0; LINK_HEADER];
        body.extend(attribute(libc::IFLA_VFINFO_LIST | NESTED, &list));
        body
    }

    fn any_settings() -> impl Strategy<Value = Settings> {
        let protocol = prop_oneof![Just(VlanProtocol::Ieee8021Q), Just(VlanProtocol::Ieee8021Ad)];
        let vlan =
            (0..4096_u16, 0..8_u8, protocol).prop_map(|(id, qos, protocol)| Vlan { id, qos, protocol });
        let rate = any::<(u32, u32)>().prop_map(|(min, max)| Rate { min, max });
        let state = prop_oneof![Just(LinkState::Auto), Just(LinkState::Enable), Just(LinkState::Disable)];
        (any::<[u8; 6]>(), vlan, rate, any::<Option<bool>>(), any::<Option<bool>>(), state).prop_map(
            |(mac, vlan, rate, spoof_check, trust, link_state)| Settings {
                mac: MacAddr(mac),
                vlan,
                rate,
                spoof_check,
                trust,
                link_state,
            },
        )
    }

    /// `struct ifla_vf_vlan_info` and its like, each in an `IFLA_VF_INFO`.
    #[cfg(target_endian = "little")]
    #[test]
    fn requests_have_the_layout_of_the_kernel() {
        let rows: [(Setting, &[u8]); 3] = [
            (
                Setting::Vlan(Vlan { id: 100, qos: 3, protocol: VlanProtocol::Ieee8021Ad }),
                &[
                    28, 0, 1, 0x80, 24, 0, 12, 0x80, 20, 0, 1, 0, 1, 0, 0, 0, 100, 0, 0, 0, 3, 0, 0, 0, 0x88,
                    0xa8, 0, 0,
                ],
            ),
            (Setting::Trust(true), &[16, 0, 1, 0x80, 12, 0, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
            (
                Setting::Rate(Rate { min: 1, max: 500 }),
                &[20, 0, 1, 0x80, 16, 0, 6, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xf4, 1, 0, 0],
            ),
        ];
        for (setting, expected) in rows {
            assert_eq!(encode(1, &setting).unwrap(), expected, "{setting}");
        }
        assert_eq!(encode(1, &Setting::Mac(MacAddr([2; 6]))).unwrap().len(), 44);
        assert_eq!(encode(1, &Setting::OwnMac(MacAddr([2; 6]))), None, "that is the function's own link's");
    }

    #[test]
    fn an_old_kernel_tells_the_tag_without_its_kind() {
        let mut info = attribute(MAC, &[3_u32.to_ne_bytes().to_vec(), vec![2; 32]].concat());
        info.extend(attribute(VLAN, &[3_u32, 100, 5].map(u32::to_ne_bytes).concat()));
        let mut body = vec![0; LINK_HEADER];
        body.extend(attribute(libc::IFLA_VFINFO_LIST, &attribute(INFO, &info)));
        let vlan = Vlan { id: 100, qos: 5, protocol: VlanProtocol::Ieee8021Q };
        let expected = Settings { mac: MacAddr([2; 6]), vlan, ..Settings::default() };
        assert_eq!(decode(&body), [(3, expected)]);
    }

    proptest! {
        #[test]
        fn what_the_kernel_says_is_read(
            all in prop::collection::btree_map(any::<u32>(), any_settings(), 0..5),
        ) {
            let all: Vec<_> = all.into_iter().collect();
            prop_assert_eq!(decode(&message(&all)), all);
        }

        #[test]
        fn no_message_stops_the_reader(body in prop::collection::vec(any::<u8>(), 0..300), cut in 0..400_usize) {
            let _ = decode(&body);
            let settings = Settings::default();
            let whole = message(&[(0, settings), (1, settings)]);
            let _ = decode(&whole[..cut.min(whole.len())]);
        }
    }
}
