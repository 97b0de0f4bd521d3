//! Hardware addresses as text.

use std::fmt;
use std::str::FromStr;

use super::MacAddr;

/// A text that is no Ethernet address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no hardware address: six bytes in hexadecimal with colons between, `0a:58:0a:01:02:03`")]
pub struct InvalidMac(pub String);

impl MacAddr {
    /// All zeros, as some links and functions say that they have none.
    pub(crate) fn is_unset(self) -> bool {
        self.0 == [0; 6]
    }
}

impl FromStr for MacAddr {
    type Err = InvalidMac;

    /// Upper or lower case, with colons or, as Windows and some switches write it, hyphens.
    fn from_str(text: &str) -> Result<Self, InvalidMac> {
        let invalid = || InvalidMac(text.to_owned());
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut parts = text.split(separator);
        let mut mac = [0; 6];
        for byte in &mut mac {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(invalid)?;
            // `from_str_radix` takes a sign as well.
            let digits = part.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(part, 16).ok().filter(|_| digits).ok_or_else(invalid)?;
        }
        if parts.next().is_none() { Ok(Self(mac)) } else { Err(invalid()) }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([a, b, c, d, e, g]) = self;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl TryFrom<String> for MacAddr {
    type Error = InvalidMac;

    fn try_from(text: String) -> Result<Self, InvalidMac> {
        text.parse()
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn six_bytes_are_an_address_and_nothing_else_is() {
        let mac = MacAddr([0x0a, 0x58, 0x0a, 1, 2, 3]);
        for text in ["0a:58:0a:01:02:03", "0A:58:0A:01:02:03", "0a-58-0a-01-02-03"] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        for text in [
            "",
            "0a:58:0a:01:02",
            "0a:58:0a:01:02:03:04",
            "0a:58:0a:01:02:03:04:05",
            "a:58:0a:01:02:03",
            "+a:58:0a:01:02:03",
            "0a:58-0a:01:02:03",
            "0a580a010203",
            "0a:58:0a:01:02:0é",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(InvalidMac(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(mac: [u8; 6]) {
            prop_assert_eq!(MacAddr(mac).to_string().parse(), Ok(MacAddr(mac)));
        }

        #[test]
        fn no_text_stops_the_reader(text in "[0-9a-f:é-]{0,20}") {
            let _ = text.parse::<MacAddr>();
        }
    }
}
