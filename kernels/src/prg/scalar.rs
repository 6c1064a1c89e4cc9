//! The portable twin on the crate `aes`, which is constant-time in software.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use alloc::vec::Vec;
use core::ops::Range;

use super::advance;

/// Scheduled keys; the crate `aes` wipes them.
pub(super) struct Keys(Vec<Aes128>);

impl Keys {
    pub(super) fn new(seeds: &[u128]) -> Self {
        Self(seeds.iter().map(|seed| Aes128::new(&seed.to_le_bytes().into())).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// See [`super::Seeds::sums`], which checks the lengths.
    pub(super) fn sums(
        &self,
        seeds: Range<usize>,
        counter: u128,
        sum: &mut [u128],
        planes: &mut [u128],
    ) {
        let len = sum.len();
        sum.fill(0);
        planes.fill(0);
        for (at, sum) in sum.chunks_mut(STRIP).enumerate() {
            let at = at * STRIP;
            for (x, aes) in self.0[seeds.clone()].iter().enumerate() {
                let strip = &strip(aes, advance(counter, at))[..sum.len()];
                xor(sum, strip);
                for (_, plane) in
                    (0..).zip(planes.chunks_exact_mut(len)).filter(|(b, _)| x >> b & 1 == 1)
                {
                    xor(&mut plane[at..], strip);
                }
            }
        }
    }
}

impl Keys {
    /// See [`super::Seeds::stream`].
    pub(super) fn stream(&self, seed: usize, counter: u128, out: &mut [u128]) {
        for (at, out) in out.chunks_mut(STRIP).enumerate() {
            out.copy_from_slice(&strip(&self.0[seed], advance(counter, at * STRIP))[..out.len()]);
        }
    }
}

/// Blocks made at once.
const STRIP: usize = 16;

/// [`STRIP`] blocks of a stream.
fn strip(aes: &Aes128, counter: u128) -> [u128; STRIP] {
    let mut blocks: [_; STRIP] = core::array::from_fn(|i| advance(counter, i).to_le_bytes().into());
    aes.encrypt_blocks(&mut blocks);
    blocks.map(|block| u128::from_le_bytes(block.into()))
}

fn xor(to: &mut [u128], from: &[u128]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t ^= f);
}
