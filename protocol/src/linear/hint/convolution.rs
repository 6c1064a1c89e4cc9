//! The server's convolution: sums of products over the integers by convolutions modulo 2^32.

use crate::linear::clear;
use crate::model::{LinearMap, Shape};

/// A convolution without padding of one tile: its map, the tile's shape, the weights, and a bound on
/// Σ|w| over an output's row.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub(super) map: &'a LinearMap,
    pub(super) shape: Shape,
    pub(super) weights: &'a [i16],
    pub(super) row_sum: u64,
    /// Results.
    pub(super) outputs: usize,
}

impl Tile<'_> {
    /// M·x over the integers, modulo 2^64, for values x of `bits` bits: in pieces that are small enough
    /// for sums below 2^31 in magnitude, which are what they are modulo 2^32.
    pub(super) fn exact(&self, x: &[u32], bits: u32) -> Vec<u64> {
        let row_bits = u64::BITS - self.row_sum.leading_zeros();
        let piece = 31u32.saturating_sub(row_bits).clamp(1, bits.max(1));
        let mut sums = vec![0u64; self.outputs];
        for shift in (0..bits).step_by(piece as usize) {
            let low = |&x: &u32| x >> shift & ((1 << piece) - 1);
            let part: Vec<u32> = x.iter().map(low).collect();
            for (sum, part) in sums.iter_mut().zip(self.wrapping(&part)) {
                *sum = sum.wrapping_add((i64::from(part as i32) << shift) as u64);
            }
        }
        sums
    }

    /// M·x modulo 2^32.
    pub(super) fn wrapping(&self, x: &[u32]) -> Vec<u32> {
        let mut sums = vec![0; self.outputs];
        clear::add_product(self.map, self.shape, self.weights, x, &mut sums);
        sums
    }
}
