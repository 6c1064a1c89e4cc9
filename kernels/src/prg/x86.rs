//! AES instructions on 128-, 256- and 512-bit registers: the same text three times.

use alloc::vec::Vec;
use core::arch::x86_64::*;
use core::ops::Range;
use zeroize::Zeroize;

use super::advance;
use crate::backend::{AesBackend, AesIsa};

/// The eleven round keys of AES-128.
type RoundKeys = [u128; 11];

/// Scheduled keys; wiped when dropped.
pub(super) struct Keys(Vec<RoundKeys>);

impl Drop for Keys {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Keys {
    /// `backend` is any but the scalar one.
    pub(super) fn new(backend: AesBackend, seeds: &[u128]) -> Self {
        assert!(backend != AesBackend::SCALAR, "AES instructions");
        // SAFETY: every backend but the scalar one proves AES-NI.
        Self(seeds.iter().map(|&seed| unsafe { schedule(seed) }).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// See [`super::Seeds::sums`], which checks the lengths.
    pub(super) fn sums(
        &self,
        backend: AesBackend,
        seeds: Range<usize>,
        counter: u128,
        sum: &mut [u128],
        planes: &mut [u128],
    ) {
        let keys = &self.0[seeds];
        match backend.isa() {
            AesIsa::Scalar => unreachable!("scalar keys are of another type"),
            // SAFETY: the backend's value proves AES-NI.
            AesIsa::AesNi => unsafe { aesni::sums(keys, counter, sum, planes) },
            // SAFETY: the backend's value proves VAES and AVX2.
            AesIsa::Vaes256 => unsafe { vaes256::sums(keys, counter, sum, planes) },
            // SAFETY: the backend's value proves VAES and AVX-512 F.
            AesIsa::Vaes512 => unsafe { vaes512::sums(keys, counter, sum, planes) },
        }
    }
}

impl Keys {
    /// See [`super::Seeds::stream`].
    pub(super) fn stream(&self, backend: AesBackend, seed: usize, counter: u128, out: &mut [u128]) {
        let keys = core::array::from_ref(&self.0[seed]);
        match backend.isa() {
            AesIsa::Scalar => unreachable!("scalar keys are of another type"),
            // SAFETY: the backend's value proves AES-NI.
            AesIsa::AesNi => unsafe { aesni::stream(keys, counter, out) },
            // SAFETY: the backend's value proves VAES and AVX2.
            AesIsa::Vaes256 => unsafe { vaes256::stream(keys, counter, out) },
            // SAFETY: the backend's value proves VAES and AVX-512 F.
            AesIsa::Vaes512 => unsafe { vaes512::stream(keys, counter, out) },
        }
    }
}

/// The key schedule of FIPS 197, section 5.2.
#[target_feature(enable = "aes")]
fn schedule(key: u128) -> RoundKeys {
    let mut keys = [key; 11];
    macro_rules! round {
        ($($i:literal $constant:literal)*) => {$(
            let previous = keys[$i - 1];
            // The last word, rotated, substituted and with the round constant added.
            let word = _mm_aeskeygenassist_si128::<$constant>(to_register(previous));
            let word = from_register(_mm_shuffle_epi32::<0xff>(word));
            // Each word is the sum of all words up to it.
            let sums = previous ^ previous << 32;
            keys[$i] = sums ^ sums << 64 ^ word;
        )*};
    }
    round!(1 0x01  2 0x02  3 0x04  4 0x08  5 0x10  6 0x20  7 0x40  8 0x80  9 0x1b  10 0x36);
    keys
}

#[target_feature(enable = "sse2")]
fn to_register(block: u128) -> __m128i {
    _mm_set_epi64x((block >> 64) as i64, block as i64)
}

#[target_feature(enable = "sse2")]
fn from_register(register: __m128i) -> u128 {
    let high = _mm_unpackhi_epi64(register, register);
    let [low, high] = [register, high].map(|r| _mm_cvtsi128_si64(r) as u64);
    u128::from(high) << 64 | u128::from(low)
}

/// Streams in registers of type `$vector`, which hold `$blocks` blocks; `$states` of them are in
/// flight at once.
macro_rules! streams {
    (
        $name:ident, $features:literal, $vector:ident, $blocks:literal, $states:literal,
        $xor:ident, $encrypt:ident, $encrypt_last:ident, $load:ident, $store:ident,
        |$key:ident| $broadcast:expr
    ) => {
        mod $name {
            use super::*;

            /// As `Seeds::sums`.
            #[target_feature(enable = $features)]
            pub(super) fn sums(
                keys: &[RoundKeys],
                counter: u128,
                sum: &mut [u128],
                planes: &mut [u128],
            ) {
                match keys.len() {
                    2 => strips::<2, 1, { $states / 2 }>(keys, counter, sum, planes),
                    4 => strips::<4, 2, { $states / 4 }>(keys, counter, sum, planes),
                    _ => strips::<8, 3, { $states / 8 }>(keys, counter, sum, planes),
                }
            }

            /// As `Seeds::stream`.
            #[target_feature(enable = $features)]
            pub(super) fn stream(keys: &[RoundKeys; 1], counter: u128, out: &mut [u128]) {
                for (strip, out) in out.chunks_mut($states * $blocks).enumerate() {
                    let counter = advance(counter, strip * $states * $blocks);
                    let [states] = encrypt::<1, $states>(keys, &counters(counter));
                    for (out, state) in out.chunks_mut($blocks).zip(states) {
                        let mut blocks = [0u128; $blocks];
                        // SAFETY: the array is as long as the register.
                        unsafe { $store(blocks.as_mut_ptr().cast(), state) };
                        out.copy_from_slice(&blocks[..out.len()]);
                    }
                }
            }

            /// `L` = 2^`B` streams at once, `U` registers of each.
            #[target_feature(enable = $features)]
            fn strips<const L: usize, const B: usize, const U: usize>(
                keys: &[RoundKeys],
                counter: u128,
                sum: &mut [u128],
                planes: &mut [u128],
            ) {
                let len = sum.len();
                let width = U * $blocks;
                for at in (0..len).step_by(width) {
                    let counters = counters::<U>(advance(counter, at));
                    // The sum of all streams, then the planes.
                    let mut sums = [[[0u128; $blocks]; U]; 9];
                    for (i, keys) in keys.as_chunks::<L>().0.iter().enumerate() {
                        let partial = fold::<L, B, U>(encrypt::<L, U>(keys, &counters));
                        add(&mut sums[0], &partial[B]);
                        for b in 0..B {
                            add(&mut sums[b + 1], &partial[b]);
                        }
                        for b in (0..8 - B).filter(|b| i >> b & 1 == 1) {
                            add(&mut sums[B + b + 1], &partial[B]);
                        }
                    }
                    let count = width.min(len - at);
                    let mut rows = sums.iter().map(|row| &row.as_flattened()[..count]);
                    sum[at..][..count].copy_from_slice(rows.next().expect("nine rows"));
                    for (plane, row) in planes.chunks_exact_mut(len).zip(rows) {
                        plane[at..][..count].copy_from_slice(row);
                    }
                }
            }

            #[target_feature(enable = $features)]
            fn counters<const U: usize>(counter: u128) -> [$vector; U] {
                let mut counters = [load(&[0; $blocks]); U];
                for (u, register) in counters.iter_mut().enumerate() {
                    let mut blocks = [0; $blocks];
                    for (i, block) in blocks.iter_mut().enumerate() {
                        *block = advance(counter, u * $blocks + i);
                    }
                    *register = load(&blocks);
                }
                counters
            }

            /// The counters under each key.
            #[target_feature(enable = $features)]
            #[inline]
            fn encrypt<const L: usize, const U: usize>(
                keys: &[RoundKeys; L],
                counters: &[$vector; U],
            ) -> [[$vector; U]; L] {
                let mut states = [*counters; L];
                for (states, keys) in states.iter_mut().zip(keys) {
                    let key = broadcast(&keys[0]);
                    states.iter_mut().for_each(|s| *s = $xor(*s, key));
                }
                for round in 1..10 {
                    for (states, keys) in states.iter_mut().zip(keys) {
                        let key = broadcast(&keys[round]);
                        for state in states {
                            *state = $encrypt(*state, key);
                        }
                    }
                }
                for (states, keys) in states.iter_mut().zip(keys) {
                    let key = broadcast(&keys[10]);
                    for state in states {
                        *state = $encrypt_last(*state, key);
                    }
                }
                states
            }

            /// Row b < `B` becomes the sum of the streams whose number has bit b, row `B` the sum
            /// of all; later rows are of no use.
            #[target_feature(enable = $features)]
            #[inline]
            fn fold<const L: usize, const B: usize, const U: usize>(
                mut streams: [[$vector; U]; L],
            ) -> [[$vector; U]; 4] {
                let mut out = [streams[0]; 4];
                for b in (0..B).rev() {
                    let half = 1 << b;
                    for u in 0..U {
                        let mut high = streams[half][u];
                        streams[0][u] = $xor(streams[0][u], high);
                        for x in 1..half {
                            high = $xor(high, streams[half + x][u]);
                            streams[x][u] = $xor(streams[x][u], streams[half + x][u]);
                        }
                        out[b][u] = high;
                    }
                }
                out[B] = streams[0];
                out
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn add<const U: usize>(sums: &mut [[u128; $blocks]; U], terms: &[$vector; U]) {
                for (sum, term) in sums.iter_mut().zip(terms) {
                    let total = $xor(load(sum), *term);
                    // SAFETY: the array is as long as the register.
                    unsafe { $store(sum.as_mut_ptr().cast(), total) };
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn load(blocks: &[u128; $blocks]) -> $vector {
                // SAFETY: the array is as long as the register.
                unsafe { $load(blocks.as_ptr().cast()) }
            }

            /// A round key for every block of a register.
            #[target_feature(enable = $features)]
            #[inline]
            fn broadcast(key: &u128) -> $vector {
                // SAFETY: a u128 is as long as the register.
                let $key = unsafe { _mm_loadu_si128(core::ptr::from_ref(key).cast()) };
                $broadcast
            }
        }
    };
}

streams!(
    aesni,
    "aes",
    __m128i,
    1,
    8,
    _mm_xor_si128,
    _mm_aesenc_si128,
    _mm_aesenclast_si128,
    _mm_loadu_si128,
    _mm_storeu_si128,
    |key| key
);
streams!(
    vaes256,
    "vaes,avx2",
    __m256i,
    2,
    8,
    _mm256_xor_si256,
    _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    |key| _mm256_broadcastsi128_si256(key)
);
streams!(
    vaes512,
    "vaes,avx512f",
    __m512i,
    4,
    16,
    _mm512_xor_si512,
    _mm512_aesenc_epi128,
    _mm512_aesenclast_epi128,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    |key| _mm512_broadcast_i32x4(key)
);
