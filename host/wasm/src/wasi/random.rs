//! `wasi:random`: for transforms and policies random numbers come from what they are asked, so that the same question has
//! the same answer. Delegates have the kernel's.

use super::{Functions, Store};
use crate::context::Context;
use crate::digest::Hasher;
use crate::sys;

/// Random bytes that a module may ask for at once.
const BYTES: u64 = 1 << 20;

/// What random numbers are made of.
#[derive(Debug)]
pub(crate) enum Seed {
    /// The kernel's.
    Kernel,
    /// A digest of all that the module was asked with, and how many blocks were taken.
    Question([u8; 32], u64),
}

impl Seed {
    /// For a function: what it is asked with.
    pub(crate) fn of_question(parts: &[&[u8]]) -> Self {
        let mut hasher = Hasher::default();
        for part in parts {
            // So that no two questions run into the same bytes.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self::Question(*hasher.finish().bytes(), 0)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        let Self::Question(question, taken) = self else { return sys::random(bytes) };
        for piece in bytes.chunks_mut(32) {
            let mut hasher = Hasher::default();
            hasher.update(question);
            hasher.update(&taken.to_le_bytes());
            *taken += 1;
            for (byte, random) in piece.iter_mut().zip(hasher.finish().bytes()) {
                *byte = *random;
            }
        }
        Ok(())
    }
}

pub(super) fn random(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    define(functions, name, "get-random-bytes", "get-random-u64")
}

pub(super) fn insecure(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    define(functions, name, "get-insecure-random-bytes", "get-insecure-random-u64")
}

pub(super) fn insecure_seed(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    if name != "insecure-seed" {
        return Ok(false);
    }
    functions.func_wrap(name, |mut store: Store<'_>, (): ()| {
        let context = store.data_mut();
        Ok(((context.number()?, context.number()?),))
    })?;
    Ok(true)
}

fn define(functions: &mut Functions<'_>, name: &str, bytes: &str, number: &str) -> wasmtime::Result<bool> {
    if name == bytes {
        functions.func_wrap(name, |mut store: Store<'_>, (length,): (u64,)| {
            Ok((store.data_mut().bytes(length)?,))
        })?;
    } else if name == number {
        functions.func_wrap(name, |mut store: Store<'_>, (): ()| Ok((store.data_mut().number()?,)))?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

impl Context {
    fn bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        let length = usize::try_from(length).ok().filter(|_| length <= BYTES).ok_or_else(|| {
            wasmtime::Error::msg(format!("it asked for {length} random bytes at once, of at most {BYTES}"))
        })?;
        let mut bytes = vec![0; length];
        self.seed.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        self.seed.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(parts: &[&[u8]], length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        Seed::of_question(parts).fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_same_question_has_the_same_numbers_and_another_one_others() {
        let one = taken(&[b"web", b"{}"], 100);
        assert_eq!(one, taken(&[b"web", b"{}"], 100));
        assert_eq!(one[..70], taken(&[b"web", b"{}"], 70));
        assert_ne!(one, taken(&[b"we", b"b{}"], 100));
        assert_ne!(one[..32], one[32..64]);
    }

    #[test]
    fn the_kernels_are_others_each_time() {
        let mut two = [[0; 64]; 2];
        two.iter_mut().for_each(|bytes| Seed::Kernel.fill(bytes).unwrap());
        assert_ne!(two[0], two[1]);
    }
}
