//! The server's convolution: sums of products over the integers by convolutions modulo 2^32.

use crate::linear::clear;
use crate::model::{LinearMap, Shape};

/// A convolution without padding of one tile: its map, the tile's shape and the weights.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub(super) map: &'a LinearMap,
    pub(super) shape: Shape,
    pub(super) weights: &'a [i16],
    /// Results.
    pub(super) outputs: usize,
}

/// How values are cut into pieces that the fast kernel multiplies: signed numbers of at most 16 bits, and
/// small enough for sums below 2^31 in magnitude, which are what they are modulo 2^32.
#[derive(Clone, Copy)]
pub(super) struct Pieces {
    bits: u32,
    longest: u32,
}

impl Pieces {
    /// Of values of `bits` bits, for rows with Σ|w| ≤ `row_sum`.
    pub(super) fn new(bits: u32, row_sum: u64) -> Self {
        let row_bits = u64::BITS - row_sum.leading_zeros();
        Self { bits, longest: 32u32.saturating_sub(row_bits).clamp(1, 16) }
    }

    /// What is taken off every value, so that its pieces are signed: the middle of each.
    pub(super) fn middle(self) -> u64 {
        self.places().map(|(shift, bits)| 1 << (shift + bits - 1)).sum()
    }

    /// The first bit of each piece, and how many it has.
    fn places(self) -> impl Iterator<Item = (u32, u32)> {
        let place = move |shift| (shift, self.longest.min(self.bits - shift));
        (0..self.bits).step_by(self.longest as usize).map(place)
    }
}

impl Tile<'_> {
    /// M·(x − [`Pieces::middle`]) over the integers, modulo 2^64.
    pub(super) fn centred(&self, x: &[u32], pieces: Pieces) -> Vec<u64> {
        let mut sums = vec![0u64; self.outputs];
        for (shift, bits) in pieces.places() {
            let signed =
                |&x: &u32| ((x >> shift & ((1 << bits) - 1)) as i32 - (1 << bits >> 1)) as i16;
            let piece: Vec<i16> = x.iter().map(signed).collect();
            let mut products = vec![0; self.outputs];
            clear::add_narrow_product(self.map, self.shape, self.weights, &piece, &mut products);
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum = sum.wrapping_add((i64::from(product as i32) << shift) as u64);
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
