//! Addresses as people write them.

use std::fmt;
use std::net::IpAddr;

use multus_document::Problem;

/// Checks an address with or without a prefix length and gives it back as written (NP-14).
pub(super) fn with_prefix(text: &str) -> Result<String, Problem> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return Err(not_an_address(text, "write \"10.1.2.3/24\", \"10.1.2.3\" or \"fd00::3/64\"")),
    };
    if prefix.is_some_and(|prefix| prefix_length(prefix).is_none_or(|length| length > longest)) {
        return Err(not_an_address(text, &format!("its prefix length is a number from 0 to {longest}")));
    }
    Ok(text.to_owned())
}

/// Reads a gateway's address (NP-22).
pub(super) fn gateway(text: &str) -> Result<IpAddr, Problem> {
    text.parse()
        .map_err(|_| not_an_address(text, "write a gateway without prefix length, such as \"10.1.2.1\""))
}

fn prefix_length(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn not_an_address(text: &str, advice: &str) -> Problem {
    Problem::new("", format!("`{}` is not an IP address", text.escape_debug())).advise(advice)
}

/// A hardware address; displayed as `0a:1b:…`.
pub(super) struct Hardware(Vec<u8>);

impl Hardware {
    /// Reads `0a:1b:…`, `0a-1b-…` or `0a1b.2c3d.…` (what CNI plugins read) of so many bytes.
    pub(super) fn parse(text: &str, length: usize) -> Option<Self> {
        let (separator, width) = match text {
            _ if text.contains(':') => (':', 2),
            _ if text.contains('-') => ('-', 2),
            _ => ('.', 4),
        };
        let well_formed =
            |group: &str| group.len() == width && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !text.split(separator).all(well_formed) {
            return None;
        }
        let digits: Vec<char> = text.chars().filter(|c| *c != separator).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok();
        let bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
        (bytes.len() == length).then_some(Self(bytes))
    }

    /// Whether one interface can have it: not a group's address, not all zeros.
    pub(super) fn is_unicast(&self) -> bool {
        self.0.first().is_some_and(|first| first & 1 == 0) && self.0.iter().any(|byte| *byte != 0)
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        f.write_str(&bytes.join(":"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_are_one_hardware_address() {
        for text in ["0A:58:0a:01:02:03", "0a-58-0a-01-02-03", "0a58.0a01.0203"] {
            assert_eq!(Hardware::parse(text, 6).unwrap().to_string(), "0a:58:0a:01:02:03", "{text}");
        }
        let bad = ["", "0a", "0a580a010203", "0a:58:0a:01:02:3", "0a:58-0a:01:02:03", "0g:58:0a:01:02:03"];
        for text in bad.into_iter().chain(["é:58:0a:01:02:03", "+a:58:0a:01:02:03", "0a:58:0a:01:02:03:04"])
        {
            assert!(Hardware::parse(text, 6).is_none(), "{text}");
        }
    }

    #[test]
    fn addresses_with_and_without_prefix() {
        for good in ["10.1.2.3", "10.1.2.3/0", "10.1.2.3/32", "fd00::1/128", "::ffff:10.1.2.3/96"] {
            assert_eq!(with_prefix(good).unwrap(), good);
        }
        let bad = [
            "",
            "10.1.2",
            "10.1.2.3/",
            "10.1.2.3/33",
            "10.1.2.3/+8",
            "fd00::1/129",
            "fe80::1%eth0",
            "010.1.2.3",
        ];
        for text in bad {
            assert!(with_prefix(text).is_err(), "{text}");
        }
    }
}
