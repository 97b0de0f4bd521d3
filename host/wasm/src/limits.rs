//! How much a module may use, written as people write it: `16Mi`, `100ms`.

use std::time::Duration;

use crate::catalog::Role;

/// What one call of a module may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories of the component together.
    pub memory: u64,
    /// CPU time, from before instantiation to the answer. Not what a host call waits, nor what IPAM or a plugin that it
    /// has run takes: those have deadlines of their own.
    pub timeout: Duration,
}

impl Limits {
    /// A component without a page of memory can't even take its arguments.
    pub const MEMORY_RANGE: std::ops::RangeInclusive<u64> = 64 << 10..=1 << 30;
    /// An ADD has 60 s for everything; below a millisecond the clock of the watchdog is too coarse.
    pub const TIMEOUT_RANGE: std::ops::RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10);

    /// What a module of a role may use unless the catalog says otherwise. A delegate works, the others only think.
    pub fn of(role: Role) -> Self {
        match role {
            Role::Transform | Role::Policy => Self::default(),
            Role::Delegate => Self { timeout: Duration::from_secs(2), ..Self::default() },
        }
    }
}

/// 16 MiB and 100 ms: what a transform or a policy written in any language gets by with.
impl Default for Limits {
    fn default() -> Self {
        Self { memory: 16 << 20, timeout: Duration::from_millis(100) }
    }
}

/// Text that is no size or no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {wanted}")]
pub struct InvalidLimit {
    text: String,
    wanted: &'static str,
}

/// Reads a size: digits and `Ki`, `Mi` or `Gi`. Bytes.
///
/// # Errors
/// Any other text, and sizes past 64 bits.
pub fn parse_size(text: &str) -> Result<u64, InvalidLimit> {
    let invalid = || InvalidLimit { text: text.to_owned(), wanted: "size, write for example `16Mi`" };
    let units = [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)];
    scaled(text, &units).ok_or_else(invalid)
}

/// Reads a duration: digits and `ms` or `s`.
///
/// # Errors
/// Any other text, and durations past 64 bits of milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidLimit> {
    let invalid = || InvalidLimit { text: text.to_owned(), wanted: "duration, write for example `100ms`" };
    scaled(text, &[("ms", 1), ("s", 1000)]).map(Duration::from_millis).ok_or_else(invalid)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
    // `parse` alone would also take a sign.
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<u64>().ok().filter(|_| plain)?.checked_mul(factor)
}

/// A size for people: `16 MiB`.
pub(crate) fn human_size(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{} {unit}", bytes / factor),
        None => format!("{bytes} bytes"),
    }
}

/// A duration for people: `100 ms`.
pub(crate) fn human_duration(duration: Duration) -> String {
    match duration.as_millis() {
        whole if whole > 0 && whole % 1000 == 0 => format!("{} s", whole / 1000),
        whole => format!("{whole} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_durations() {
        assert_eq!(parse_size("16Mi"), Ok(16 << 20));
        assert_eq!(parse_size("64Ki"), Ok(64 << 10));
        assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        for text in [
            "",
            "Mi",
            "16",
            "16MB",
            "16M",
            "-1Mi",
            "+1Mi",
            "1.5Mi",
            " 1Mi",
            "99999999999999999999Mi",
            "18446744073709551615Gi",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        for text in ["", "s", "ms", "1m", "1 s", "-1s", "1.5s", "18446744073709551615s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9]{0,22}(Ki|Mi|Gi|ms|s)?|.*") {
            let _ = parse_size(&text);
            let _ = parse_duration(&text);
        }

        #[test]
        fn what_people_read_says_what_was_written(number in 1..1_000_000_u64) {
            prop_assert_eq!(parse_size(&human_size(number << 10).replace(" ", "").replace('B', "")).ok(), Some(number << 10));
            let duration = Duration::from_millis(number);
            prop_assert_eq!(parse_duration(&human_duration(duration).replace(' ', "")), Ok(duration));
        }
    }
}
