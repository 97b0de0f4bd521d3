//! Names that Kubernetes and the kernel accept.

/// A DNS-1123 label: lower-case letters, digits and inner `-`, at most 63 (namespaces).
pub fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_label_shaped(text)
}

/// A DNS-1123 subdomain: label shapes joined by dots, at most 253 (pods, network definitions).
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label_shaped)
}

/// What is wrong with an interface name, if anything. Linux takes 15 bytes without `/`, `:` and
/// blanks; `%` would be filled in by the kernel with a number.
pub(crate) fn interface_flaw(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > 15 {
        Some("is longer than 15 bytes")
    } else if name == "." || name == ".." {
        Some("is a folder's name to the kernel")
    } else if name.contains(['/', ':', '%']) {
        Some("contains `/`, `:` or `%`")
    } else if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some("contains blanks or control characters")
    } else {
        None
    }
}

fn is_label_shaped(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_names() {
        let long = "a".repeat(64);
        let rows = [
            ("web", true, true),
            ("0-a", true, true),
            ("a.b", false, true),
            (long.as_str(), false, true),
            ("", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("a..b", false, false),
            ("A", false, false),
            ("a_b", false, false),
            ("../etc", false, false),
            ("é", false, false),
        ];
        for (text, label, subdomain) in rows {
            assert_eq!((is_label(text), is_subdomain(text)), (label, subdomain), "{text:?}");
        }
    }

    #[test]
    fn interface_names() {
        for good in ["net1", "eth0.100", "a", "abcdefghijklmno", "wlan-ü"] {
            assert_eq!(interface_flaw(good), None, "{good}");
        }
        for bad in ["", "abcdefghijklmnop", ".", "..", "a/b", "a:1", "net%d", "a b", "a\n", "a\u{a0}"] {
            assert!(interface_flaw(bad).is_some(), "{bad:?}");
        }
    }
}
