//! What the runtime hands over.

use std::io::{self, Read};

/// The largest conf that is read. Kubernetes stores at most 1.5 MiB in one object.
const LIMIT: u64 = 4 << 20;

/// Standard input to its end. One byte past the limit is kept, so that the reader of the conf
/// refuses it for its size instead of seeing torn JSON.
pub(crate) fn read_all() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    io::stdin().lock().take(LIMIT + 1).read_to_end(&mut text)?;
    Ok(text)
}
