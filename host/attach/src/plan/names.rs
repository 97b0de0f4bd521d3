//! Interface names: explicit ones are reserved first, a clash is refused before anything is made.

use std::collections::BTreeMap;

use multus_cni::{Code, Error, names};

use crate::networks::Wanted;

/// The interface of each wanted network, in order.
///
/// `existing` are the links already in the pod's namespace. Automatic names are `net<place in the
/// list>`; with `from_net0` they count from `net0`, as in 2018. The default network has the runtime's name.
///
/// # Errors
/// Code 4 or 7 naming both networks that want one name, or the link that has it already (NP-18).
pub(super) fn assign(
    wanted: &[Wanted],
    default_name: &str,
    from_net0: bool,
    existing: &[String],
) -> Result<Vec<String>, Error> {
    let chosen: Vec<String> = wanted
        .iter()
        .enumerate()
        .map(|(index, network)| match explicit(network) {
            _ if network.default => default_name.to_owned(),
            Some(name) => name.to_owned(),
            None => format!("net{}", if from_net0 { index.saturating_sub(1) } else { index }),
        })
        .collect();
    for network in wanted.iter().filter(|network| network.default) {
        check_default(network, default_name)?;
    }
    let mut taken: BTreeMap<&str, &Wanted> = BTreeMap::new();
    for (name, network) in chosen.iter().zip(wanted) {
        check(name, network, existing)?;
        if let Some(other) = taken.insert(name, network) {
            return Err(clash(name, other, network));
        }
    }
    Ok(chosen)
}

fn explicit(network: &Wanted) -> Option<&str> {
    network.selection.as_ref().and_then(|selection| selection.interface.as_deref())
}

/// The runtime looks for the pod's address under its own name: another one would leave it without.
fn check_default(network: &Wanted, default_name: &str) -> Result<(), Error> {
    match explicit(network).filter(|name| *name != default_name) {
        None => Ok(()),
        Some(name) => {
            let message = format!(
                "network {}: the pod wants its default network as `{name}`, the runtime calls it `{default_name}`",
                network.display
            );
            Err(Error::new(Code::InvalidConfig, message)
                .with_details("take `interface` out of the pod's annotation for the default network"))
        }
    }
}

fn check(name: &str, network: &Wanted, existing: &[String]) -> Result<(), Error> {
    names::check_ifname(name).map_err(|error| error.context(&format!("network {}", network.display)))?;
    if existing.iter().any(|link| link == name) {
        let message = format!("network {}: the pod's namespace already has a link `{name}`", network.display);
        return Err(Error::new(Code::InvalidEnvironment, message)
            .with_details("another plugin or an earlier ADD made it; DEL comes before a second ADD"));
    }
    Ok(())
}

fn clash(name: &str, first: &Wanted, second: &Wanted) -> Error {
    let message =
        format!("networks {} and {} both want the interface `{name}`", first.display, second.display);
    Error::new(Code::InvalidConfig, message)
        .with_details("give one of them another `interface` in the pod's annotation")
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_cluster::{Selection, parse_selections};
    use multus_cni::conf::NetworkConf;
    use multus_document::Object;

    use crate::networks::{Asked, Found, Origin};

    fn wanted(annotation: &str) -> Vec<Wanted> {
        let object = Object::parse(br#"{"name":"n","type":"t"}"#).unwrap();
        let network = NetworkConf::parse(&object, None, None).unwrap();
        let of = |display: &str, selection: Option<Selection>| Wanted {
            display: display.to_owned(),
            network: network.clone(),
            default: selection.is_none(),
            origin: Origin { asked: Asked::Networks, found: Found::Conf },
            selection,
            definition: None,
        };
        let mut list = vec![of("default", None)];
        list.extend(
            parse_selections(annotation, "ns")
                .unwrap()
                .into_iter()
                .map(|s| of(&s.network.name.clone(), Some(s))),
        );
        list
    }

    #[test]
    fn names_are_planned_as_a_whole() {
        type Row =
            (&'static str, bool, &'static [&'static str], Result<&'static [&'static str], &'static str>);
        let rows: &[Row] = &[
            ("a,b", false, &[], Ok(&["eth0", "net1", "net2"])),
            ("a,b", true, &[], Ok(&["eth0", "net0", "net1"])),
            ("a@north,b", false, &["lo"], Ok(&["eth0", "north", "net2"])),
            ("a@net2,b", false, &[], Err("networks a and b both want the interface `net2`")),
            ("a@eth0", false, &[], Err("networks default and a both want")),
            ("a,b", false, &["lo", "net2"], Err("already has a link `net2`")),
            ("a", false, &["eth0"], Err("already has a link `eth0`")),
        ];
        for (annotation, from_net0, existing, expected) in rows {
            let existing: Vec<String> = existing.iter().map(|s| (*s).to_owned()).collect();
            let found = assign(&wanted(annotation), "eth0", *from_net0, &existing);
            match (expected, found) {
                (Ok(names), Ok(found)) => assert_eq!(&found, names, "{annotation}"),
                (Err(text), Err(error)) => assert!(error.msg.contains(text), "{annotation}: {error}"),
                (_, found) => panic!("{annotation}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_default_network_has_the_runtimes_name() {
        for (annotation, fits) in [("a", true), ("a@eth0", true), ("a@eth1", false)] {
            let mut chosen = wanted(annotation).remove(1);
            chosen.default = true;
            let found = assign(&[chosen], "eth0", false, &[]);
            assert_eq!(found.is_ok(), fits, "{annotation}: {found:?}");
        }
    }
}
