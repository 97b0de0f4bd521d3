//! Where a component's values live.
//!
//! A call has an instance of its own and needs a few kilobytes. Rust's allocator gets them by growing the memory, and
//! writes at both ends of what it got: a change of mappings and three pages that nobody else touches, each a fault that
//! costs as much as reading a configuration. So the first [`BYTES`] come from memory that the component has anyway,
//! page after page, beginning with one that it writes to in any case; whoever needs more has Rust's allocator, as ever.

#[allow(unsafe_code, reason = "an allocator hands out pointers")]
mod sys;

/// What is handed out from here, all together.
const BYTES: usize = 32 << 10;

/// What the host's processor maps at once.
const PAGE: usize = 4 << 10;

/// Sizes and addresses are multiples of it.
const GRAIN: usize = 16;

/// Bytes of the largest piece that is used again once it was given back.
const REUSED: usize = 1 << 10;

/// As many as are taken for a value of that size.
fn rounded(size: usize) -> usize {
    size.max(1).next_multiple_of(GRAIN)
}

/// The list of free pieces of a size that was rounded, if there is one.
fn list(rounded: usize) -> Option<usize> {
    (rounded <= REUSED).then_some(rounded / GRAIN - 1)
}
