//! Bit-sliced streams: of eight seeds at once where they are summed, eight blocks at once of one.

use core::array;
use core::ops::Range;

use alloc::vec::Vec;
use zeroize::Zeroizing;

use super::advance;
use crate::bitsliced::{self, BLOCKS, Vector};

/// The seeds. Scheduling eight takes a sixteenth of what 128 blocks of their streams take.
pub(super) struct Keys(Zeroizing<Vec<u128>>);

impl Keys {
    pub(super) fn new(seeds: &[u128]) -> Self {
        Self(Zeroizing::new(seeds.to_vec()))
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
        for (group, seeds) in self.0[seeds].chunks(BLOCKS).enumerate() {
            let mut eight = Zeroizing::new([0; BLOCKS]);
            eight[..seeds.len()].copy_from_slice(seeds);
            let keys = bitsliced::Keys::schedule(&eight);
            for i in 0..len {
                let mut streams = keys.encrypt_one(advance(counter, i));
                streams[seeds.len()..].fill(Vector::ZERO);
                let (all, by_bit) = subset_sums(streams);
                add(&mut sum[i], all);
                for (b, plane) in planes.chunks_exact_mut(len).enumerate() {
                    match by_bit.get(b) {
                        Some(&part) => add(&mut plane[i], part),
                        // The bits of the group's number.
                        None if group >> (b - by_bit.len()) & 1 == 1 => add(&mut plane[i], all),
                        None => {}
                    }
                }
            }
        }
    }

    /// See [`super::Seeds::stream`].
    pub(super) fn stream(&self, seed: usize, counter: u128, out: &mut [u128]) {
        let keys = bitsliced::Keys::schedule(&Zeroizing::new([self.0[seed]; BLOCKS]));
        bitsliced::by_eight(out, |first, eight| {
            let numbers: [u128; BLOCKS] = array::from_fn(|i| advance(counter, first + i));
            let blocks = keys.encrypt(numbers.each_ref().map(Vector::load));
            eight.iter_mut().zip(blocks).for_each(|(to, block)| block.store(to));
        });
    }
}

/// The sum of all, and for each bit of a number that of those whose numbers have it.
#[inline(always)]
fn subset_sums(s: [Vector; BLOCKS]) -> (Vector, [Vector; 3]) {
    let odd = s[1] ^ s[3] ^ s[5] ^ s[7];
    let pairs: [Vector; 4] = array::from_fn(|i| s[2 * i] ^ s[2 * i + 1]);
    let upper = pairs[2] ^ pairs[3];
    (pairs[0] ^ pairs[1] ^ upper, [odd, pairs[1] ^ pairs[3], upper])
}

#[inline(always)]
fn add(to: &mut u128, x: Vector) {
    (Vector::load(to) ^ x).store(to);
}
