//! Which network gets which device.

use multus_cluster::devices::{Device, Devices};

use super::need::Need;

/// Why a pod's devices don't do for its networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unmet<'a> {
    /// The pod has no device of it at all.
    #[error("network {network} needs a device of resource `{resource}`, which was not requested by the pod")]
    NotRequested { network: &'a str, resource: &'a str },
    /// Fewer than it takes.
    #[error(
        "the pod's networks {} need {} devices of resource `{resource}`, the pod requests {has}",
        networks.join(", "), networks.len()
    )]
    TooFew { resource: &'a str, has: usize, networks: Vec<&'a str> },
    /// Networks without a resource took the pod's devices of it, by their names.
    #[error(
        "network {network} needs a device of resource `{resource}`, and other networks name all that the pod has"
    )]
    NoneLeft { network: &'a str, resource: &'a str },
    /// The selection names a device that is not one of them.
    #[error(
        "the pod asks for device `{id}` on network {network}, its devices of resource `{resource}` are {}",
        has.join(", ")
    )]
    NotThePods { network: &'a str, resource: &'a str, id: &'a str, has: Vec<String> },
    /// Two networks on one device.
    #[error("networks {first} and {second} both want device `{id}`, which can be only one's")]
    Twice { first: &'a str, second: &'a str, id: &'a str },
}

impl Unmet<'_> {
    /// What to do about it.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::NotRequested { resource, .. } => {
                format!(
                    "request it in a container of the pod: `resources: {{limits: {{\"{resource}\": 1}}}}`"
                )
            }
            Self::TooFew { resource, networks, .. } => format!(
                "request {} of `{resource}` over all containers, or take networks out of the pod's annotation",
                networks.len()
            ),
            Self::NotThePods { .. } => {
                "leave `deviceID` out of the annotation: the node chooses the devices".to_owned()
            }
            Self::NoneLeft { .. } | Self::Twice { .. } => {
                "correct `deviceID` in the pod's annotation".to_owned()
            }
        }
    }
}

/// Gives each need that names a resource a device of its own. A device that a selection names is that
/// network's; the others go in their order to the networks in theirs, over default and further networks alike.
///
/// # Errors
/// What the pod lacks. Nothing is assigned then.
pub(super) fn assign<'a>(needs: &[Need<'a>], devices: &Devices) -> Result<Vec<Option<Device>>, Unmet<'a>> {
    check_counts(needs, devices)?;
    let mut taken = chosen(needs, devices)?;
    let mut assigned = Vec::new();
    for need in needs {
        let Some(resource) = need.resource else {
            assigned.push(None);
            continue;
        };
        let id = match need.chosen {
            Some(id) => id.to_owned(),
            None => take_next(need, resource, devices, &mut taken)?,
        };
        assigned.push(Some(Device { resource: resource.to_owned(), id }));
    }
    Ok(assigned)
}

fn check_counts<'a>(needs: &[Need<'a>], devices: &Devices) -> Result<(), Unmet<'a>> {
    for need in needs {
        let Some(resource) = need.resource else { continue };
        let has = devices.of(resource).count();
        let of_it = needs.iter().filter(|other| other.resource == Some(resource));
        let networks: Vec<&str> = of_it.map(|other| other.network).collect();
        if has == 0 {
            return Err(Unmet::NotRequested { network: need.network, resource });
        }
        if has < networks.len() {
            return Err(Unmet::TooFew { resource, has, networks });
        }
    }
    Ok(())
}

/// A device that is some network's; `resource` is none where only the selection names it.
struct Taken {
    resource: Option<String>,
    id: String,
}

impl Taken {
    fn is(&self, resource: &str, id: &str) -> bool {
        self.id == id && self.resource.as_deref().is_none_or(|of| of == resource)
    }
}

/// The devices that selections name. Where the definition names no resource, whose device it is can't be
/// checked; but it is given to nobody else.
fn chosen<'a>(needs: &[Need<'a>], devices: &Devices) -> Result<Vec<Taken>, Unmet<'a>> {
    let mut taken = Vec::new();
    for (index, need) in needs.iter().enumerate() {
        let Some(id) = need.chosen else { continue };
        if let Some(resource) = need.resource {
            if !devices.of(resource).any(|known| known == id) {
                let has = devices.of(resource).map(str::to_owned).collect();
                return Err(Unmet::NotThePods { network: need.network, resource, id, has });
            }
            let others = needs.iter().enumerate().filter(|(other, _)| *other != index);
            let same = |other: &&Need<'_>| {
                other.chosen == Some(id) && other.resource.is_none_or(|of| of == resource)
            };
            if let Some(other) = others.map(|(_, other)| other).find(same) {
                return Err(Unmet::Twice { first: need.network, second: other.network, id });
            }
        }
        taken.push(Taken { resource: need.resource.map(str::to_owned), id: id.to_owned() });
    }
    Ok(taken)
}

fn take_next<'a>(
    need: &Need<'a>,
    resource: &'a str,
    devices: &Devices,
    taken: &mut Vec<Taken>,
) -> Result<String, Unmet<'a>> {
    let free = |id: &&str| !taken.iter().any(|taken| taken.is(resource, id));
    match devices.of(resource).find(free).map(str::to_owned) {
        Some(id) => {
            taken.push(Taken { resource: Some(resource.to_owned()), id: id.clone() });
            Ok(id)
        }
        None => Err(Unmet::NoneLeft { network: need.network, resource }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `resource=id`, several with blanks between.
    fn devices(text: &str) -> Devices {
        let found = text.split_whitespace().map(|device| {
            let (resource, id) = device.split_once('=').unwrap();
            Device { resource: resource.to_owned(), id: id.to_owned() }
        });
        Devices::new("the kubelet".to_owned(), found)
    }

    /// `network:resource:device`, the latter two may be empty.
    fn needs(text: &str) -> Vec<Need<'_>> {
        let need = |text| {
            let parts: Vec<&str> = str::split(text, ':').collect();
            let part = |index: usize| Some(parts[index]).filter(|part| !part.is_empty());
            Need { network: parts[0], resource: part(1), chosen: part(2) }
        };
        text.split_whitespace().map(need).collect()
    }

    fn outcome(wanted: &str, has: &str) -> Result<String, String> {
        let assigned = assign(&needs(wanted), &devices(has)).map_err(|unmet| unmet.to_string())?;
        let ids: Vec<String> =
            assigned.into_iter().map(|device| device.map_or("-".to_owned(), |device| device.id)).collect();
        Ok(ids.join(" "))
    }

    /// Row (`multus.md` 6.9), networks, the pod's devices, what each network gets or what is said.
    const ROWS: &[(&str, &str, &str, Result<&str, &str>)] = &[
        ("nothing named", "a:: b::", "r=1", Ok("- -")),
        ("order", "a:r: b:r:", "r=3 r=1", Ok("3 1")),
        ("two containers", "a:r: b:r: c:r: d:r:", "r=3 r=1 r=2 r=0", Ok("3 1 2 0")),
        ("one cursor for each resource", "a:r: b:s: c:r: d:s:", "s=7 r=1 r=2 s=8", Ok("1 7 2 8")),
        ("default network first", "default:r: a:: b:r:", "r=1 r=2", Ok("1 - 2")),
        ("more than needed", "a:r:", "r=1 r=2", Ok("1")),
        ("same id of two resources", "a:r: b:s:", "r=0 s=0", Ok("0 0")),
        (
            "not requested",
            "a:r:",
            "",
            Err("network a needs a device of resource `r`, which was not requested by the pod"),
        ),
        (
            "another one requested",
            "a:: b:r:",
            "s=1",
            Err("network b needs a device of resource `r`, which was not"),
        ),
        (
            "too few",
            "a:r: b:r: c:s:",
            "r=1 s=1",
            Err("networks a, b need 2 devices of resource `r`, the pod requests 1"),
        ),
        ("chosen", "a:r:2 b:r:", "r=1 r=2", Ok("2 1")),
        ("chosen later", "a:r: b:r:1", "r=1 r=2", Ok("2 1")),
        (
            "chosen, not the pod's",
            "a:r:9",
            "r=1 r=2",
            Err("device `9` on network a, its devices of resource `r` are 1, 2"),
        ),
        ("chosen, of another resource", "a:r:7 b:s:", "r=1 s=7", Err("device `7` on network a")),
        ("chosen, not requested", "a:r:1", "", Err("which was not requested by the pod")),
        ("chosen twice", "a:r:1 b:r:1", "r=1 r=2", Err("networks a and b both want device `1`")),
        ("chosen without a resource", "a::x b::x", "", Ok("- -")),
        ("no resource's choice is not handed out", "a::1 b:r:", "r=1 r=2", Ok("- 2")),
        (
            "no resource's choice and a resource's",
            "a::1 b:r:1",
            "r=1 r=2",
            Err("networks b and a both want device `1`"),
        ),
        (
            "no resource's choice leaves none",
            "a::1 b:r:",
            "r=1",
            Err("other networks name all that the pod has"),
        ),
    ];

    #[test]
    fn np_34_devices_are_assigned_in_order_and_once() {
        for (row, wanted, has, expected) in ROWS {
            match (outcome(wanted, has), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, *expected, "{row}"),
                (Err(told), Err(words)) => assert!(told.contains(words), "{row}: {told}"),
                (found, _) => panic!("{row}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_refusal_says_what_to_change() {
        let advice = |wanted, has| assign(&needs(wanted), &devices(has)).unwrap_err().advice();
        assert!(advice("a:v.example/vf:", "").contains(r#"limits: {"v.example/vf": 1}"#));
        assert!(advice("a:r: b:r:", "r=1").contains("request 2 of `r`"));
        assert!(advice("a:r:9", "r=1").contains("`deviceID`"));
        assert!(advice("a:r:1 b:r:1", "r=1 r=2").contains("`deviceID`"));
    }

    proptest! {
        #[test]
        fn no_device_is_anybodys_twice(
            wanted in proptest::collection::vec((0_u8..3, proptest::option::of(0_u8..4)), 0..6),
            has in proptest::collection::vec((0_u8..2, 0_u8..4), 0..8),
        ) {
            let text: Vec<String> = wanted.iter().enumerate().map(|(index, (resource, id))| {
                let resource = ["", "r", "s"][usize::from(*resource)];
                format!("n{index}:{resource}:{}", id.map(|id| id.to_string()).unwrap_or_default())
            }).collect();
            let owned: Vec<String> =
                has.iter().map(|(resource, id)| format!("{}={id}", ["r", "s"][usize::from(*resource)])).collect();
            let (text, devices) = (text.join(" "), devices(&owned.join(" ")));
            let needs = needs(&text);
            if let Ok(assigned) = assign(&needs, &devices) {
                prop_assert_eq!(assigned.len(), needs.len());
                let mut seen: Vec<&Device> = Vec::new();
                for (need, device) in needs.iter().zip(&assigned) {
                    prop_assert_eq!(need.resource, device.as_ref().map(|device| device.resource.as_str()));
                    let Some(device) = device else { continue };
                    prop_assert!(devices.of(&device.resource).any(|id| id == device.id));
                    prop_assert!(need.chosen.is_none_or(|id| id == device.id));
                    prop_assert!(!seen.contains(&device), "{:?} twice", device);
                    seen.push(device);
                }
            }
        }
    }
}
