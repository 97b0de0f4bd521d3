//! What every object gets at its creation, and no other has.

use std::fs;
use std::time::SystemTime;

/// The letters of generated names: no vowels, so that no words come about.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A new UID, of the kernel's.
pub(super) fn uid() -> String {
    let uid = fs::read_to_string("/proc/sys/kernel/random/uuid").expect("the kernel makes UUIDs");
    uid.trim().to_owned()
}

/// Five letters for `generateName`.
pub(super) fn suffix() -> String {
    let digits = uid().bytes().filter(u8::is_ascii_hexdigit).map(usize::from).collect::<Vec<_>>();
    let pairs = digits.chunks(2).take(5).map(|pair| pair.iter().product::<usize>());
    pairs.map(|number| char::from(LETTERS[number % LETTERS.len()])).collect()
}

/// Now, as `2026-11-23T22:05:10Z`.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(since / 86_400);
    let (hour, minute, second) = (since / 3600 % 24, since / 60 % 60, since % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut rest) = (1970, days);
    while rest >= 365 + u64::from(leap(year)) {
        rest -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_date_1() {
        let rows = [
            (0, (1970, 1, 1)),
            (11_015, (2000, 2, 28)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_780, (2026, 11, 23)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ];
        for (days, expected) in rows {
            assert_eq!(date(days), expected);
        }
    }
}
