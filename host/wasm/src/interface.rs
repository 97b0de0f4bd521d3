//! The interfaces that the host gives, and to whom. Authority is what is linked: what a module may not have is not
//! there when it is instantiated.

use wasmtime::component::{HasSelf, Linker};

use crate::bindings;
use crate::catalog::{Grants, Role};
use crate::context::Context;

/// One interface of the package.
pub(crate) struct Interface {
    name: &'static str,
    to: To,
    /// Puts it where a module finds it.
    pub(crate) link: fn(&mut Linker<Context>) -> wasmtime::Result<()>,
}

/// Who is given an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Everybody,
    /// What it reaches is the attachment's own.
    Delegates,
    /// Delegates with this grant.
    Granted(&'static str),
}

/// Why a module is not given an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    Role,
    Grant(&'static str),
}

type Own = HasSelf<Context>;

const INTERFACES: [Interface; 11] = [
    // Nothing but types.
    Interface { name: "types", to: To::Everybody, link: |_| Ok(()) },
    Interface {
        name: "log",
        to: To::Everybody,
        link: |linker| bindings::log::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "network",
        to: To::Delegates,
        link: |linker| bindings::network::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "network-edit",
        to: To::Delegates,
        link: |linker| bindings::network_edit::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "node",
        to: To::Granted("links"),
        link: |linker| bindings::node::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "firewall",
        to: To::Granted("firewall"),
        link: |linker| bindings::firewall::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "sysctl",
        to: To::Granted("sysctls"),
        link: |linker| bindings::sysctl::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "ipam",
        to: To::Granted("ipam"),
        link: |linker| bindings::ipam::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "plugins",
        to: To::Granted("plugins"),
        link: |linker| bindings::plugins::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "store",
        to: To::Granted("store"),
        link: |linker| bindings::store::add_to_linker::<_, Own>(linker, |context| context),
    },
    Interface {
        name: "sriov",
        to: To::Granted("sriov"),
        link: |linker| bindings::sriov::add_to_linker::<_, Own>(linker, |context| context),
    },
];

impl Interface {
    /// The interface that a component imports by that name, in any version of this track.
    pub(crate) fn of_import(import: &str) -> Option<&'static Self> {
        let (name, version) = import.strip_prefix("multus:delegate/")?.split_once('@')?;
        const { &INTERFACES }.iter().find(|one| one.name == name && version.starts_with("0.1."))
    }

    /// What keeps it from a module of that role with these grants, if anything does.
    pub(crate) fn withheld(&self, role: Role, grants: &Grants) -> Option<Withheld> {
        match self.to {
            To::Everybody => None,
            _ if role != Role::Delegate => Some(Withheld::Role),
            To::Delegates => None,
            To::Granted(grant) => (!grants.has(grant)).then_some(Withheld::Grant(grant)),
        }
    }
}

/// The grant that a delegate needs to import an interface of the host's; `None` where it needs none, and for what is no
/// interface of the host's. For those who look at a component without running it.
pub fn grant_of(import: &str) -> Option<&'static str> {
    match Interface::of_import(import)?.to {
        To::Granted(grant) => Some(grant),
        To::Everybody | To::Delegates => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_grant_opens_its_own_interface_and_no_other() {
        let rows = [
            ("node", "links", json!({"links": ["cni0"]})),
            ("firewall", "firewall", json!({"firewall": ["masquerade"]})),
            ("sysctl", "sysctls", json!({"sysctls": ["net/ipv4/ip_forward"]})),
            ("ipam", "ipam", json!({"ipam": ["static"]})),
            ("plugins", "plugins", json!({"plugins": ["bandwidth"]})),
            ("store", "store", json!({"store": ["/var/lib/cni/networks"]})),
            ("sriov", "sriov", json!({"sriov": ["ens1f*"]})),
        ];
        for (name, grant, given) in &rows {
            let import = format!("multus:delegate/{name}@0.1.0");
            assert_eq!(grant_of(&import), Some(*grant));
            let interface = Interface::of_import(&import).unwrap();
            for (other, _, grants) in &rows {
                let withheld = interface.withheld(Role::Delegate, &Grants::from_value(grants).unwrap());
                let expected = (other != name).then_some(Withheld::Grant(grant));
                assert_eq!(withheld, expected, "{name} with {grants}");
            }
            let everything = Grants::from_value(given).unwrap();
            assert_eq!(interface.withheld(Role::Transform, &everything), Some(Withheld::Role), "{name}");
        }
    }

    #[test]
    fn other_versions_and_packages_are_not_ours() {
        for (import, ours) in [
            ("multus:delegate/log@0.1.0", true),
            ("multus:delegate/log@0.1.9", true),
            ("multus:delegate/log@0.10.0", false),
            ("multus:delegate/log@0.2.0", false),
            ("multus:delegate/log", false),
            ("multus:delegate/nodes@0.1.0", false),
            ("wasi:cli/log@0.1.0", false),
        ] {
            assert_eq!(Interface::of_import(import).is_some(), ours, "{import}");
        }
    }
}
