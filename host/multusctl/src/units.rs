//! Sizes and short times, for people.

use std::time::Duration;

/// Bytes as `812 bytes`, `58 KiB` or `1.1 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => tenths(bytes, 1_048_576, "MiB"),
    }
}

/// A time as `12 µs`, `1.5 ms` or `2.0 s`.
pub(crate) fn short(time: Duration) -> String {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => tenths(micros, 1000, "ms"),
        _ => tenths(micros, 1_000_000, "s"),
    }
}

fn tenths(number: u64, unit: u64, name: &str) -> String {
    match number % unit * 10 / unit {
        0 => format!("{} {name}", number / unit),
        tenths => format!("{}.{tenths} {name}", number / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_the_unit_that_fits() {
        let sizes = [(0, "0 bytes"), (1023, "1023 bytes"), (1025, "2 KiB"), (1_200_000, "1.1 MiB")];
        for (bytes, expected) in sizes {
            assert_eq!(size(bytes), expected);
        }
        let times = [(0, "0 µs"), (999, "999 µs"), (1560, "1.5 ms"), (2_000_000, "2 s")];
        for (micros, expected) in times {
            assert_eq!(short(Duration::from_micros(micros)), expected);
        }
        let _ = (size(u64::MAX), short(Duration::MAX));
    }
}
