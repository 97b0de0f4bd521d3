//! Names with `*` for any run of characters.

/// Whether a text is as the pattern says: each `*` stands for any run of characters that lacks `border`, also an
/// empty one; everything else for itself.
pub(crate) fn matches(pattern: &str, text: &str, border: Option<char>) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on if what comes after the last `*` does not fit: the `*` takes one character more.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let wanted = pattern.chars().next();
        if wanted == Some('*') {
            pattern = after_first(pattern);
            retry = Some((pattern, text));
        } else if wanted.is_none() && text.is_empty() {
            return true;
        } else if wanted.is_some() && wanted == text.chars().next() {
            (pattern, text) = (after_first(pattern), after_first(text));
        } else {
            let Some((rest, from)) =
                retry.filter(|(_, from)| from.chars().next().is_some_and(|c| Some(c) != border))
            else {
                return false;
            };
            (pattern, text) = (rest, after_first(from));
            retry = Some((pattern, text));
        }
    }
}

fn after_first(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_star_stands_for() {
        let rows = [
            ("cni0", "cni0", true),
            ("cni0", "cni01", false),
            ("cni0", "cni", false),
            ("cni*", "cni", true),
            ("cni*", "cni0", true),
            ("cni*", "xcni0", false),
            ("*", "", true),
            ("*", "eth0", true),
            ("*.7", "eth0.7", true),
            ("*.7", "eth0.77", false),
            ("e*h*0", "eth10", true),
            ("e*h*0", "eth1", false),
            ("a*a", "a", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("net/ipv4/conf/*/arp_notify", "net/ipv4/conf/eth0/arp_notify", true),
            ("net/ipv4/conf/*/arp_notify", "net/ipv4/conf/eth0/x/arp_notify", false),
            ("net/*", "net/ipv4/ip_forward", false),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(matches(pattern, text, Some('/')), expected, "{pattern} {text}");
        }
        assert!(matches("net/*", "net/ipv4/ip_forward", None));
    }

    /// The same said shorter, and slower.
    fn plainly(pattern: &[char], text: &[char], border: char) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => {
                plainly(rest, text, border)
                    || text
                        .split_first()
                        .is_some_and(|(first, more)| *first != border && plainly(pattern, more, border))
            }
            Some((wanted, rest)) => {
                text.split_first().is_some_and(|(first, more)| first == wanted && plainly(rest, more, border))
            }
        }
    }

    proptest! {
        #[test]
        fn any_pattern_matches_what_it_says(pattern in "[abü*/]{0,8}", text in "[abü/]{0,10}") {
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = plainly(&characters(&pattern), &characters(&text), '/');
            prop_assert_eq!(matches(&pattern, &text, Some('/')), expected);
        }
    }
}
