//! Whose a claim is.

use std::fmt;

use crate::{LeaseError, name};

/// What host-local writes between the two.
const SEPARATOR: &str = "\r\n";

/// One interface of one container, as the content of a claim's file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    container_id: String,
    interface: Option<String>,
}

impl Holder {
    /// Who claims.
    ///
    /// # Errors
    /// [`LeaseError::Name`] if one of the two would not be read again as it is: empty, longer than 255 bytes, or with
    /// other than visible ASCII characters.
    pub fn new(container_id: &str, interface: &str) -> Result<Self, LeaseError> {
        name::word("container id", container_id)?;
        name::word("interface name", interface)?;
        Ok(Self { container_id: container_id.to_owned(), interface: Some(interface.to_owned()) })
    }

    /// CNI_CONTAINERID.
    pub fn container_id(&self) -> &str {
        &self.container_id
    }

    /// CNI_IFNAME; `None` in a claim of a very old host-local.
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Whether a claim of `self` may be given back by `other`. An old claim says no interface, and host-local gives it
    /// back by the container alone.
    pub fn is(&self, other: &Self) -> bool {
        let same_interface = self.interface.is_none() || self.interface == other.interface;
        self.container_id == other.container_id && same_interface
    }

    pub(crate) fn content(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{}{SEPARATOR}{interface}", self.container_id),
            None => self.container_id.clone(),
        }
    }

    /// host-local trims before it compares, and never reads more than these two words.
    pub(crate) fn read(content: &str) -> Option<Self> {
        let content = content.trim();
        let (container_id, interface) = match content.split_once(SEPARATOR) {
            Some((container_id, interface)) => (container_id, Some(interface)),
            None => (content, None),
        };
        let words = [Some(container_id), interface];
        let readable = words.into_iter().flatten().all(|word| name::word("", word).is_ok());
        readable
            .then(|| Self { container_id: container_id.to_owned(), interface: interface.map(str::to_owned) })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{}/{interface}", self.container_id),
            None => f.write_str(&self.container_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn contents_as_host_local_writes_them() {
        let rows = [
            ("c1\r\neth0", Some(("c1", Some("eth0")))),
            ("c1", Some(("c1", None))),
            ("c1\r\neth0\n", Some(("c1", Some("eth0")))),
            (" c1\r\n", Some(("c1", None))),
            ("", None),
            ("\r\n", None),
            ("c1\neth0", None),
            ("c1\r\neth0\r\nmore", None),
            ("\0\0\0\0\0\0\0\0", None),
            ("two words", None),
        ];
        for (content, expected) in rows {
            let holder = Holder::read(content);
            let parts = holder.as_ref().map(|holder| (holder.container_id(), holder.interface()));
            assert_eq!(parts, expected, "{content:?}");
        }
    }

    #[test]
    fn an_old_claim_is_its_containers_whatever_the_interface() {
        let (ours, other) = (Holder::new("c1", "eth0").unwrap(), Holder::new("c1", "net1").unwrap());
        let (old, foreign) = (Holder::read("c1").unwrap(), Holder::new("c2", "eth0").unwrap());
        assert!(ours.is(&ours) && old.is(&ours) && old.is(&other));
        assert!(!ours.is(&other) && !ours.is(&foreign) && !old.is(&foreign) && !ours.is(&old));
        assert_eq!((ours.to_string(), old.to_string()), ("c1/eth0".to_owned(), "c1".to_owned()));
    }

    #[test]
    fn words_that_would_be_read_differently_are_refused() {
        for (id, interface) in [("", "eth0"), ("c1", ""), ("c 1", "eth0"), ("c1\r\nx", "eth0"), ("c1", "é")]
        {
            let error = Holder::new(id, interface).unwrap_err();
            assert!(matches!(error, LeaseError::Name { .. }), "{error}");
        }
        assert!(Holder::new(&"c".repeat(256), "eth0").is_err());
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_what_is_written_is_read_again(content in ".{0,60}", id in "[!-~]{1,80}",
                                                                  interface in "[!-~]{1,15}") {
            let _ = Holder::read(&content);
            let holder = Holder::new(&id, &interface).unwrap();
            prop_assert_eq!(Holder::read(&holder.content()), Some(holder));
        }
    }
}
