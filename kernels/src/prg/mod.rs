//! Pseudorandom streams of many seeds, summed or one at a time.
//!
//! A seed is an AES-128 key and its stream is counter mode: block i of the stream with a nonce is
//! AES of the 128-bit number nonce·2^64 + i (little-endian). An oblivious-transfer extension needs
//! no stream itself, only sums (xor) of the streams of 2^K seeds: of all of them, and for each b
//! of those whose number has bit b. The vector twins therefore sum in registers, eight seeds at
//! once; a stream never reaches memory.

mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

use core::ops::Range;

use crate::backend::{AesBackend, AesIsa};

/// Seeds of pseudorandom streams, their keys scheduled; wiped when dropped.
pub struct Seeds(Keys);

enum Keys {
    Scalar(scalar::Keys),
    #[cfg(target_feature = "simd128")]
    Simd128(simd128::Keys),
    #[cfg(target_arch = "x86_64")]
    X86(x86::Keys, AesBackend),
}

impl Seeds {
    /// Schedules the key of each seed.
    pub fn new(backend: AesBackend, seeds: &[u128]) -> Self {
        Self(match backend.isa() {
            AesIsa::Portable => Keys::Scalar(scalar::Keys::new(seeds)),
            #[cfg(target_feature = "simd128")]
            AesIsa::Simd128 => Keys::Simd128(simd128::Keys::new(seeds)),
            #[cfg(target_arch = "x86_64")]
            _ => Keys::X86(x86::Keys::new(backend, seeds), backend),
            #[cfg(not(target_arch = "x86_64"))]
            _ => Keys::Scalar(scalar::Keys::new(seeds)),
        })
    }

    /// How many seeds there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Keys::Scalar(keys) => keys.len(),
            #[cfg(target_feature = "simd128")]
            Keys::Simd128(keys) => keys.len(),
            #[cfg(target_arch = "x86_64")]
            Keys::X86(keys, _) => keys.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sums `sum.len()` blocks, from block `first` on, of the streams with `nonce` of the 2^K
    /// `seeds`: all of them to `sum`, and those whose number in the range has bit b to row b of
    /// `planes` (K rows as long as `sum`).
    ///
    /// # Panics
    /// If the range does not have 2^K existing seeds for a K from 1 to 8, or `planes` is not K
    /// times as long as `sum`.
    pub fn sums(
        &self,
        seeds: Range<usize>,
        nonce: u64,
        first: u64,
        sum: &mut [u128],
        planes: &mut [u128],
    ) {
        let count = seeds.len();
        assert!((2..=256).contains(&count) && count.is_power_of_two(), "2^K seeds, K from 1 to 8");
        assert_eq!(planes.len(), count.ilog2() as usize * sum.len(), "K rows as long as the sum");
        if sum.is_empty() {
            return;
        }
        let counter = u128::from(nonce) << 64 | u128::from(first);
        match &self.0 {
            Keys::Scalar(keys) => keys.sums(seeds, counter, sum, planes),
            #[cfg(target_feature = "simd128")]
            Keys::Simd128(keys) => keys.sums(seeds, counter, sum, planes),
            #[cfg(target_arch = "x86_64")]
            Keys::X86(keys, backend) => keys.sums(*backend, seeds, counter, sum, planes),
        }
    }

    /// Writes `out.len()` blocks of the stream of one seed with `nonce`, from block `first` on.
    ///
    /// # Panics
    /// If there is no seed of this number.
    pub fn stream(&self, seed: usize, nonce: u64, first: u64, out: &mut [u128]) {
        let counter = u128::from(nonce) << 64 | u128::from(first);
        match &self.0 {
            Keys::Scalar(keys) => keys.stream(seed, counter, out),
            #[cfg(target_feature = "simd128")]
            Keys::Simd128(keys) => keys.stream(seed, counter, out),
            #[cfg(target_arch = "x86_64")]
            Keys::X86(keys, backend) => keys.stream(*backend, seed, counter, out),
        }
    }
}

/// Block `i` after `counter`; the low half wraps by itself.
fn advance(counter: u128, i: usize) -> u128 {
    let low = (counter as u64).wrapping_add(i as u64);
    counter >> 64 << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::Aes128;
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    use alloc::vec;
    use alloc::vec::Vec;

    fn stream(seed: u128, nonce: u64, first: u64, len: usize) -> Vec<u128> {
        let aes = Aes128::new(&seed.to_le_bytes().into());
        (0..len as u64)
            .map(|i| {
                let block = u128::from(nonce) << 64 | u128::from(first.wrapping_add(i));
                let mut bytes = block.to_le_bytes().into();
                aes.encrypt_block(&mut bytes);
                u128::from_le_bytes(bytes.into())
            })
            .collect()
    }

    fn xor(a: &mut [u128], b: &[u128]) {
        a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    }

    /// Every number of seeds, every tail of a vector, the wrap of the counter.
    #[test]
    fn sums_are_those_of_the_streams() {
        let seeds: Vec<u128> = (0..300u128)
            .map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
            .collect();
        for backend in AesBackend::available() {
            let keys = Seeds::new(backend, &seeds);
            assert_eq!(keys.len(), seeds.len());
            for k in 1..=8 {
                let range = 3..3 + (1 << k);
                for len in (0..=9).chain([15, 16, 17, 31, 33]) {
                    let (nonce, first) = (7 << 60 | k as u64, u64::MAX - 5);
                    let (mut sum, mut planes) = (vec![1; len], vec![2; k * len]);
                    keys.sums(range.clone(), nonce, first, &mut sum, &mut planes);

                    let (mut all, mut by_bit) = (vec![0; len], vec![0; k * len]);
                    for (x, seed) in seeds[range.clone()].iter().enumerate() {
                        let stream = stream(*seed, nonce, first, len);
                        xor(&mut all, &stream);
                        for b in (0..k).filter(|b| x >> b & 1 == 1) {
                            xor(&mut by_bit[b * len..(b + 1) * len], &stream);
                        }
                    }
                    let name = backend.name();
                    assert!(sum == all && planes == by_bit, "{name}, K = {k}, {len} blocks");
                }
            }
        }
    }

    /// Every tail of a vector and of a strip, the wrap of the counter.
    #[test]
    fn one_stream_is_the_cipher_on_a_counter() {
        for backend in AesBackend::available() {
            let keys = Seeds::new(backend, &[3, 5]);
            for len in (0..=70).chain([127, 128, 129, 200]) {
                let mut out = vec![7; len];
                keys.stream(1, 9, u64::MAX - 20, &mut out);
                assert_eq!(out, stream(5, 9, u64::MAX - 20, len), "{}, {len}", backend.name());
            }
        }
    }

    /// FIPS 197, appendix B, seen as one block of a stream: the sum of a seed and of another that
    /// is taken away again.
    #[test]
    fn streams_are_the_standard_cipher() {
        let key = 0x3c4f_cf09_8815_f7ab_a6d2_ae28_1615_7e2b;
        let plain: u128 = 0x3407_37e0_a298_3131_8d30_5a88_a8f6_4332;
        let cipher = 0x320b_6a19_9785_11dc_fb09_dc02_1d84_2539;
        assert_eq!(stream(key, (plain >> 64) as u64, plain as u64, 1), [cipher]);
        for backend in AesBackend::available() {
            let (mut sum, mut plane) = ([0], [0]);
            let seeds = Seeds::new(backend, &[0, key]);
            seeds.sums(0..2, (plain >> 64) as u64, plain as u64, &mut sum, &mut plane);
            assert_eq!(plane, [cipher], "{}", backend.name());
        }
    }

    #[test]
    #[should_panic = "2^K seeds"]
    fn three_seeds_are_refused() {
        Seeds::new(AesBackend::best(), &[0; 3]).sums(0..3, 0, 0, &mut [0], &mut [0]);
    }

    #[test]
    #[should_panic]
    fn missing_seeds_are_refused() {
        Seeds::new(AesBackend::best(), &[0; 3]).sums(0..4, 0, 0, &mut [0], &mut [0; 2]);
    }
}
