//! The bytes of netlink messages. Only what is asked for is decoded, so that what newer kernels add can't
//! be in the way.

/// Numbers are aligned to this.
const ALIGNED_TO: usize = 4;
/// The two upper bits of an attribute's kind are flags.
const KIND: u16 = 0x3fff;
/// One of them, `NLA_F_NESTED`: others are inside.
pub(crate) const NESTED: u16 = 1 << 15;

/// The first `N` bytes at `offset`.
pub(crate) fn bytes<const N: usize>(data: &[u8], offset: usize) -> Option<[u8; N]> {
    data.get(offset..)?.first_chunk().copied()
}

/// The native 16-bit number at `offset`.
pub(crate) fn u16_at(data: &[u8], offset: usize) -> Option<u16> {
    bytes(data, offset).map(u16::from_ne_bytes)
}

/// The native 32-bit number at `offset`.
pub(crate) fn u32_at(data: &[u8], offset: usize) -> Option<u32> {
    bytes(data, offset).map(u32::from_ne_bytes)
}

/// The rest of `data` after `length` bytes and the padding that follows them.
pub(crate) fn after(data: &[u8], length: usize) -> &[u8] {
    data.get(length.next_multiple_of(ALIGNED_TO)..).unwrap_or_default()
}

/// A text that ends with its first zero byte, if it has one.
pub(crate) fn text(value: &[u8]) -> String {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// The attributes in `data`, as kind and value; ends at the first that is malformed.
pub(crate) fn attributes(data: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & KIND;
        let value = rest.get(4..length)?;
        rest = after(rest, length);
        Some((kind, value))
    })
}

/// The value of the first attribute of that kind.
pub(crate) fn value(data: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(data).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

/// Writes an attribute and the padding that follows it. Those here are far from the 64 KiB that one can have.
pub(crate) fn put(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(ALIGNED_TO), 0);
}

/// An attribute alone.
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    put(&mut message, kind, value);
    message
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_are_padded_and_end_where_they_are_malformed() {
        let mut data = Vec::new();
        for (length, kind, value) in [(6_u16, 0x8001_u16, &b"ab\0\0"[..]), (4, 2, b""), (9, 3, b"short")] {
            data.extend(length.to_ne_bytes());
            data.extend(kind.to_ne_bytes());
            data.extend(value);
        }
        let expected = [(1, &b"ab"[..]), (2, b""), (3, b"short")];
        assert_eq!(attributes(&data).collect::<Vec<_>>(), expected);
        assert_eq!(attributes(&data[..data.len() - 1]).count(), 2);
        assert_eq!(attributes(&[3, 0, 1, 0]).count(), 0);
    }

    #[test]
    fn a_text_ends_at_zero() {
        for (value, expected) in [(&b"eth0\0"[..], "eth0"), (b"eth0", "eth0"), (b"", ""), (b"\0x", "")] {
            assert_eq!(text(value), expected);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_stop_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let total: usize = attributes(&data).map(|(_, value)| value.len() + 4).sum();
            prop_assert!(total <= data.len() + 4);
        }
    }
}
