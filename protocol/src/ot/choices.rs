//! Choice bits, packed.

use gazelle_kernels::VectorBackend;
use gazelle_kernels::transpose::low_rows;
use rand::{CryptoRng, RngExt};
use zeroize::ZeroizeOnDrop;

/// The receiver's choice bits in the order of its oblivious transfers; wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub struct Choices {
    /// Bit i is bit i mod 128 of block i / 128; the bits past `len` are 0.
    blocks: Vec<u128>,
    len: usize,
}

impl Choices {
    /// The bits as they stand.
    pub fn from_bits(bits: &[bool]) -> Self {
        let mut choices = Self::with_capacity(bits.len());
        for word in bits.chunks(64) {
            let packed = word.iter().enumerate().fold(0, |w, (i, &bit)| w | u64::from(bit) << i);
            choices.push(packed, word.len());
        }
        choices
    }

    /// The `width` low bits of each value, plane after plane: bit t of value j becomes choice
    /// t·`values.len()` + j, the order in which garbled programs take their input labels.
    ///
    /// # Panics
    ///
    /// Panics if `width` exceeds 32.
    pub fn from_bit_planes(values: &[u32], width: u32) -> Self {
        assert!(width <= 32, "a u32 has no {width} bits");
        let mut choices = Self::with_capacity(values.len() * width as usize);
        for t in 0..width {
            for word in values.chunks(64) {
                let bit = |v: u32| u64::from(v >> t & 1);
                let packed = word.iter().enumerate().fold(0, |w, (i, &v)| w | bit(v) << i);
                choices.push(packed, word.len());
            }
        }
        choices
    }

    /// The lowest bit of each value.
    pub(crate) fn from_lowest_bits(values: &[u64]) -> Self {
        let mut choices = Self::with_capacity(values.len());
        let (whole, rest) = values.as_chunks::<64>();
        VectorBackend::best().run(
            #[inline(always)]
            || {
                for (i, values) in whole.iter().enumerate() {
                    let bits = values.iter().zip(0..64).map(|(value, i)| (value & 1) << i);
                    let word = bits.fold(0, |word, bit| word | bit);
                    choices.blocks[i / 2] |= u128::from(word) << (64 * (i % 2));
                }
            },
        );
        choices.len = 64 * whole.len();
        rest.iter().for_each(|&value| choices.push(value & 1, 1));
        choices
    }

    /// Uniform choices.
    pub(super) fn random(len: usize, rng: &mut impl CryptoRng) -> Self {
        let mut choices = Self::with_capacity(len);
        for count in (0..len).step_by(64).map(|at| (len - at).min(64)) {
            choices.push(rng.random::<u64>() >> (64 - count), count);
        }
        choices
    }

    /// The lowest bit of each block.
    pub(super) fn from_colours(blocks: &[u128]) -> Self {
        let mut choices = Self::with_capacity(blocks.len());
        let (whole, rest) = blocks.as_chunks();
        for (packed, blocks) in choices.blocks.iter_mut().zip(whole) {
            *packed = lowest_bits(blocks);
        }
        choices.len = 128 * whole.len();
        rest.iter().for_each(|&block| choices.push(block as u64 & 1, 1));
        choices
    }

    /// Choice i.
    ///
    /// # Panics
    ///
    /// Panics if there are not so many.
    pub fn bit(&self, i: usize) -> bool {
        assert!(i < self.len, "choice {i} of {}", self.len);
        self.blocks[i / 128] >> (i % 128) & 1 == 1
    }

    /// How many choices there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The packed bits, ⌈len / 128⌉ blocks: choice i is bit i mod 128 of block i / 128.
    pub fn blocks(&self) -> &[u128] {
        &self.blocks
    }

    /// All blocks are there from the start, so that no growth leaves a copy in freed memory.
    fn with_capacity(len: usize) -> Self {
        Self { blocks: vec![0; len.div_ceil(128)], len: 0 }
    }

    /// Appends the `count` ≤ 64 low bits of `word`, whose other bits are 0.
    fn push(&mut self, word: u64, count: usize) {
        let (block, shift) = (self.len / 128, self.len % 128);
        self.blocks[block] |= u128::from(word) << shift;
        if shift + count > 128 {
            self.blocks[block + 1] |= u128::from(word) >> (128 - shift);
        }
        self.len += count;
    }
}

/// The lowest bit of each block.
pub(super) fn lowest_bits(blocks: &[u128; 128]) -> u128 {
    let mut row = [0];
    low_rows(VectorBackend::best(), blocks, &mut row);
    row[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_the_bits_of_the_values() {
        for (lanes, width) in [(0, 5), (1, 32), (3, 21), (64, 1), (65, 3), (127, 20), (1000, 17)] {
            let values: Vec<u32> =
                (0..lanes).map(|j: u32| j.wrapping_add(1).wrapping_mul(0x9e37_79b9)).collect();
            let bits: Vec<bool> =
                (0..width).flat_map(|t| values.iter().map(move |v| v >> t & 1 == 1)).collect();
            let planes = Choices::from_bit_planes(&values, width);
            let plain = Choices::from_bits(&bits);
            assert_eq!(planes.blocks(), plain.blocks());
            assert_eq!((planes.len(), plain.len()), (bits.len(), bits.len()));
            let wide: Vec<u64> =
                bits.iter().zip(1..).map(|(&bit, i)| i << 33 | u64::from(bit)).collect();
            let lowest = Choices::from_lowest_bits(&wide);
            assert_eq!((lowest.blocks(), lowest.len()), (plain.blocks(), bits.len()));
            assert_eq!(planes.is_empty(), bits.is_empty());
            for (i, &bit) in bits.iter().enumerate() {
                assert_eq!(planes.blocks()[i / 128] >> (i % 128) & 1 == 1, bit);
            }
        }
    }
}
