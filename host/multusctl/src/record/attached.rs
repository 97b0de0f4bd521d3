//! What an attachment gave the container, from its recorded result.

use multus_cni::Version;
use multus_cni::result::ResultDocument;
use multus_net::Link;
use serde::Serialize;

/// The container's end of an attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Attached {
    /// With prefix length.
    pub(crate) addresses: Vec<String>,
    /// Hardware address.
    pub(crate) mac: Option<String>,
    /// Results tell it since 1.1.0 only.
    pub(crate) mtu: Option<u32>,
}

impl Attached {
    /// What a recorded result of `version` says of `interface`; nothing where there is none that can be read.
    pub(crate) fn read(result: Option<&str>, version: &str, interface: &str) -> Self {
        let document = Version::parse(version).and_then(|version| {
            ResultDocument::parse(result.unwrap_or_default().as_bytes(), version)?.result()
        });
        let result = document.unwrap_or_default();
        let place = result.interfaces.iter().position(|found| found.name == interface && found.in_sandbox());
        let found = place.and_then(|place| result.interfaces.get(place));
        let ours = result.ips.iter().filter(|ip| ip.interface.is_none() || ip.interface == place);
        Self {
            addresses: ours.map(|ip| ip.address.clone()).collect(),
            mac: found.and_then(|found| found.mac.clone()).filter(|mac| !mac.is_empty()),
            mtu: found.and_then(|found| found.mtu),
        }
    }

    /// Adds what the result left out and the kernel knows.
    pub(crate) fn complete(&mut self, link: &Link) {
        self.mtu = self.mtu.or(Some(link.mtu));
        if self.mac.is_none() && !link.mac.is_empty() {
            self.mac = Some(link.mac.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_every_version_are_read() {
        let new = r#"{"cniVersion":"1.1.0","interfaces":[{"name":"veth1"},
            {"name":"eth0","mac":"0a:58:00:00:00:01","mtu":1400,"sandbox":"/n"},{"name":"x","sandbox":"/n"}],
            "ips":[{"address":"10.0.0.2/24","interface":1},{"address":"10.9.9.9/24","interface":2},{"address":"fd00::2/64"}]}"#;
        let old = r#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24"},"ip6":{"ip":"fd00::2/64"},"dns":{}}"#;
        let addresses = vec!["10.0.0.2/24".to_owned(), "fd00::2/64".to_owned()];
        let mac = Some("0a:58:00:00:00:01".to_owned());
        let rows = [
            ("1.1.0", Some(new), Attached { addresses: addresses.clone(), mac, mtu: Some(1400) }),
            ("0.2.0", Some(old), Attached { addresses, ..Attached::default() }),
            ("1.0.0", Some(r#"{"interfaces":5}"#), Attached::default()),
            ("1.0.0", Some(""), Attached::default()),
            ("x", Some(new), Attached::default()),
            ("1.0.0", None, Attached::default()),
        ];
        for (version, text, expected) in rows {
            assert_eq!(Attached::read(text, version, "eth0"), expected, "{text:?}");
        }
    }
}
