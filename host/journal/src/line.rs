//! One line of a record: a checksum, a space, JSON without line breaks, a line break.

use serde::Serialize;

/// Length of the checksum in hexadecimal digits.
const SUM: usize = 8;

/// `content` as a whole line.
pub(crate) fn encode(content: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_string(content)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes())
}

/// The JSON of a line (given without its line break), if the checksum agrees.
pub(crate) fn decode(line: &[u8]) -> Option<&str> {
    let (sum, rest) = line.split_at_checked(SUM)?;
    let json = rest.strip_prefix(b" ")?;
    let expected = format!("{:08x}", crc32fast::hash(json));
    if sum == expected.as_bytes() { std::str::from_utf8(json).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_any_changed_bit_is_noticed() {
        let line = encode(&"what\nwas done").unwrap();
        let content = line.strip_suffix(b"\n").unwrap();
        assert_eq!(decode(content), Some(r#""what\nwas done""#));
        for at in 0..content.len() {
            for bit in 0..8 {
                let mut damaged = content.to_vec();
                damaged[at] ^= 1 << bit;
                assert_eq!(decode(&damaged), None, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for text in ["", " ", "00000000", "00000000 ", "0000000 {}", "zzzzzzzz {}", "a3d86c2c\t{}"] {
            let empty_sum_is_right = text == "00000000 ";
            assert_eq!(decode(text.as_bytes()).is_some(), empty_sum_is_right, "{text:?}");
        }
    }
}
