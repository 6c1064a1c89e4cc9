//! A pseudorandom generator: AES-128 in counter mode, on the kernels that the CPU has.

use core::convert::Infallible;

use gazelle_kernels::{AesBackend, prg::Seeds};
use rand::{TryCryptoRng, TryRng};

/// Blocks that are generated at a time.
const BLOCKS: usize = 64;

/// The key of an [`AesRng`].
pub type Seed = [u8; 16];

/// A generator with a 128-bit seed: block i is AES of stream·2^64 + i under the seed. The streams
/// of a seed are independent, and the same on every machine. Each request begins with a new block.
pub struct AesRng {
    key: Seeds,
    stream: u64,
    next: u64,
}

impl AesRng {
    /// The generator of stream `stream` of a seed.
    pub fn new(seed: &Seed, stream: u64) -> Self {
        let key = Seeds::new(AesBackend::best(), &[u128::from_le_bytes(*seed)]);
        Self { key, stream, next: 0 }
    }

    /// Fills `out` with random words.
    pub fn fill_words(&mut self, out: &mut [u64]) {
        let mut blocks = [0; BLOCKS];
        for out in out.chunks_mut(2 * BLOCKS) {
            let blocks = self.blocks(&mut blocks, out.len().div_ceil(2));
            let (pairs, last) = out.as_chunks_mut::<2>();
            for (pair, &block) in pairs.iter_mut().zip(blocks) {
                *pair = [block as u64, (block >> 64) as u64];
            }
            if let ([word], Some(&block)) = (last, blocks.last()) {
                *word = block as u64;
            }
        }
    }

    /// The next `count` blocks, in `buffer`.
    fn blocks<'a>(&mut self, buffer: &'a mut [u128; BLOCKS], count: usize) -> &'a [u128] {
        let blocks = &mut buffer[..count];
        self.key.stream(0, self.stream, self.next, blocks);
        self.next += count as u64;
        blocks
    }
}

impl TryRng for AesRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| word as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut word = [0];
        self.fill_words(&mut word);
        Ok(word[0])
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let mut blocks = [0; BLOCKS];
        for out in out.chunks_mut(16 * BLOCKS) {
            let blocks = self.blocks(&mut blocks, out.len().div_ceil(16));
            let (whole, last) = out.as_chunks_mut::<16>();
            for (bytes, block) in whole.iter_mut().zip(blocks) {
                *bytes = block.to_le_bytes();
            }
            if let (len @ 1.., Some(block)) = (last.len(), blocks.last()) {
                last.copy_from_slice(&block.to_le_bytes()[..len]);
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for AesRng {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use rand::Rng;

    #[test]
    fn requests_are_prefixes_of_the_stream() {
        let mut words = [0; 300];
        AesRng::new(&[1; 16], 2).fill_words(&mut words);
        let bytes: vec::Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        for len in [0, 1, 7, 8, 15, 16, 17, 1023, 1024, 1025, 2400] {
            let mut prefix = vec![0; len];
            AesRng::new(&[1; 16], 2).fill_bytes(&mut prefix);
            assert_eq!(prefix, bytes[..len]);
            let mut prefix = vec![0; len / 8];
            AesRng::new(&[1; 16], 2).fill_words(&mut prefix);
            assert_eq!(prefix, words[..len / 8]);
        }
        assert_eq!(AesRng::new(&[1; 16], 2).next_u64(), words[0]);
    }

    #[test]
    fn requests_streams_and_seeds_do_not_overlap() {
        let mut rng = AesRng::new(&[1; 16], 2);
        let mut other = AesRng::new(&[1; 16], 3);
        let mut words = [rng.next_u64(), rng.next_u64(), other.next_u64(), 0, 0];
        words[3] = AesRng::new(&[2; 16], 2).next_u64();
        rng.fill_words(&mut words[4..]);
        assert!((1..5).all(|i| !words[..i].contains(&words[i])));
    }

    /// FIPS 197, appendix B.
    #[test]
    fn a_block_is_the_standard_cipher() {
        let key = 0x3c4f_cf09_8815_f7ab_a6d2_ae28_1615_7e2b_u128.to_le_bytes();
        let mut rng = AesRng::new(&key, 0x3407_37e0_a298_3131);
        rng.next = 0x8d30_5a88_a8f6_4332;
        let mut block = [0; 16];
        rng.fill_bytes(&mut block);
        assert_eq!(block, 0x320b_6a19_9785_11dc_fb09_dc02_1d84_2539_u128.to_le_bytes());
    }
}
