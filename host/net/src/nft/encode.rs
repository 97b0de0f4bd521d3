//! Attributes of nf_tables as bytes. Unlike the rest of netlink it has its numbers with the highest byte first.

use crate::attribute::{NESTED, put};

/// Attributes, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes(Vec<u8>);

impl Attributes {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        put(&mut self.0, kind, value);
        self
    }

    pub(super) fn number(self, kind: u16, value: i32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        self.bytes(kind, &[value.as_bytes(), &[0]].concat())
    }

    pub(super) fn nested(self, kind: u16, inner: Self) -> Self {
        self.bytes(kind | NESTED, &inner.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::attributes;

    #[test]
    fn what_is_written_can_be_read() {
        let inner = Attributes::default().number(1, -300).text(2, "nat");
        let data = Attributes::default().bytes(7, &[9]).nested(4, inner).into_bytes();
        let read: Vec<_> = attributes(&data).collect();
        assert_eq!(read[0], (7, &[9][..]));
        let inner: Vec<_> = attributes(read[1].1).collect();
        assert_eq!((read[1].0, inner), (4, vec![(1, &[0xff, 0xff, 0xfe, 0xd4][..]), (2, b"nat\0")]));
    }
}
