//! The streams with AES instructions, written once and instantiated for registers of three widths.

use alloc::vec::Vec;
use core::hint::black_box;
use core::ops::Range;
use zeroize::Zeroize;

use super::advance as advance_block;
use crate::aes::{self, RoundKeys};
use crate::backend::{AesBackend, AesIsa};

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
        assert!(backend != AesBackend::PORTABLE, "AES instructions");
        // SAFETY: every backend but the scalar one proves AES-NI, SSSE3 and AVX.
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
            AesIsa::Portable | AesIsa::Simd128 => unreachable!("their keys are of other types"),
            // SAFETY: the backend's value proves AES-NI, SSSE3 and AVX.
            AesIsa::AesNi => unsafe { xmm::sums(keys, counter, sum, planes) },
            // SAFETY: the backend's value proves VAES and AVX2.
            AesIsa::Vaes256 => unsafe { ymm::sums(keys, counter, sum, planes) },
            // SAFETY: the backend's value proves VAES and AVX-512 F and BW.
            AesIsa::Vaes512 => unsafe { zmm::sums(keys, counter, sum, planes) },
        }
    }
}

impl Keys {
    /// See [`super::Seeds::stream`].
    pub(super) fn stream(&self, backend: AesBackend, seed: usize, counter: u128, out: &mut [u128]) {
        let keys = core::array::from_ref(&self.0[seed]);
        match backend.isa() {
            AesIsa::Portable | AesIsa::Simd128 => unreachable!("their keys are of other types"),
            // SAFETY: the backend's value proves AES-NI, SSSE3 and AVX.
            AesIsa::AesNi => unsafe { xmm::stream(keys, counter, out) },
            // SAFETY: the backend's value proves VAES and AVX2.
            AesIsa::Vaes256 => unsafe { ymm::stream(keys, counter, out) },
            // SAFETY: the backend's value proves VAES and AVX-512 F and BW.
            AesIsa::Vaes512 => unsafe { zmm::stream(keys, counter, out) },
        }
    }
}

/// The key schedule of FIPS 197, section 5.2.
#[target_feature(enable = "aes,ssse3,avx")]
fn schedule(key: u128) -> RoundKeys {
    let mut key = aes::xmm::load(&[key]);
    core::array::from_fn(|round| {
        let mut block = [0];
        aes::xmm::store(&mut block, key);
        key = aes::xmm::next_key(key, round.min(9));
        block[0]
    })
}

/// Streams in the registers of a module; `$states` of them are in flight at once.
macro_rules! streams {
    ($name:ident, $features:literal, $states:literal) => {
        mod $name {
            use super::*;
            use crate::aes::$name::*;

            /// As `Seeds::sums`.
            #[target_feature(enable = $features)]
            pub(super) fn sums(
                keys: &[RoundKeys],
                counter: u128,
                sum: &mut [u128],
                planes: &mut [u128],
            ) {
                match keys.len() {
                    2 => strips::<1, 2, 1, { $states / 2 }>(keys, counter, sum, planes),
                    4 => strips::<2, 4, 2, { $states / 4 }>(keys, counter, sum, planes),
                    8 | 16 => strips::<4, 8, 3, { $states / 8 }>(keys, counter, sum, planes),
                    _ => strips::<8, 8, 3, { $states / 8 }>(keys, counter, sum, planes),
                }
            }

            /// As `Seeds::stream`.
            #[target_feature(enable = $features)]
            pub(super) fn stream(keys: &[RoundKeys; 1], counter: u128, out: &mut [u128]) {
                const WIDTH: usize = 8 * BLOCKS;
                let step = broadcast(&(WIDTH as u128));
                let mut counters = counters::<8>(counter);
                for out in out.chunks_mut(WIDTH) {
                    let [states] = encrypt::<1, 8>(keys, &counters);
                    write(&states, out);
                    for counter in &mut counters {
                        *counter = advance(*counter, step);
                    }
                }
            }

            /// At most `K` planes; `L` = 2^`B` streams at once, `U` registers of each.
            #[target_feature(enable = $features)]
            fn strips<const K: usize, const L: usize, const B: usize, const U: usize>(
                keys: &[RoundKeys],
                counter: u128,
                sum: &mut [u128],
                planes: &mut [u128],
            ) {
                let (len, zero) = (sum.len(), broadcast(&0));
                for at in (0..len).step_by(U * BLOCKS) {
                    let counters = counters::<U>(advance_block(counter, at));
                    let (mut all, mut sums) = ([zero; U], [[zero; U]; K]);
                    for (i, keys) in keys.as_chunks::<L>().0.iter().enumerate() {
                        let partial = fold::<L, B, U>(encrypt::<L, U>(keys, &counters));
                        add(&mut all, &partial[B]);
                        for b in 0..K {
                            if b < B {
                                add(&mut sums[b], &partial[b]);
                            } else if i >> (b - B) & 1 == 1 {
                                add(&mut sums[b], &partial[B]);
                            }
                        }
                    }
                    write(&all, &mut sum[at..]);
                    for (plane, sum) in planes.chunks_exact_mut(len).zip(&sums) {
                        write(sum, &mut plane[at..]);
                    }
                }
            }

            #[target_feature(enable = $features)]
            fn counters<const U: usize>(counter: u128) -> [V; U] {
                let mut counters = [count_from(counter); U];
                for u in 1..U {
                    counters[u] = advance(counters[u - 1], broadcast(&(BLOCKS as u128)));
                }
                counters
            }

            /// The counters under each key.
            #[target_feature(enable = $features)]
            #[inline]
            fn encrypt<const L: usize, const U: usize>(
                keys: &[RoundKeys; L],
                counters: &[V; U],
            ) -> [[V; U]; L] {
                let mut states = [*counters; L];
                for (states, keys) in states.iter_mut().zip(keys) {
                    let key = broadcast(&keys[0]);
                    states.iter_mut().for_each(|s| *s = xor(*s, key));
                }
                // A loop in machine code too. Unrolled, it is turned round by the compiler: register after
                // register, with copies of all keys in memory.
                for number in 1..black_box(10).min(10) {
                    for (states, keys) in states.iter_mut().zip(keys) {
                        let key = broadcast(&keys[number]);
                        for state in states {
                            *state = round(*state, key);
                        }
                    }
                }
                for (states, keys) in states.iter_mut().zip(keys) {
                    let key = broadcast(&keys[10]);
                    for state in states {
                        *state = last_round(*state, key);
                    }
                }
                states
            }

            /// Row b < `B` becomes the sum of the streams whose number has bit b, row `B` the sum
            /// of all; later rows are of no use.
            #[target_feature(enable = $features)]
            #[inline]
            fn fold<const L: usize, const B: usize, const U: usize>(
                mut streams: [[V; U]; L],
            ) -> [[V; U]; 4] {
                let mut out = [streams[0]; 4];
                for b in (0..B).rev() {
                    let half = 1 << b;
                    for u in 0..U {
                        let mut high = streams[half][u];
                        streams[0][u] = xor(streams[0][u], high);
                        for x in 1..half {
                            high = xor(high, streams[half + x][u]);
                            streams[x][u] = xor(streams[x][u], streams[half + x][u]);
                        }
                        out[b][u] = high;
                    }
                }
                out[B] = streams[0];
                out
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn add<const U: usize>(sums: &mut [V; U], terms: &[V; U]) {
                for (sum, term) in sums.iter_mut().zip(terms) {
                    *sum = xor(*sum, *term);
                }
            }

            /// Writes registers, or as much of them as there is room for.
            #[target_feature(enable = $features)]
            #[inline]
            fn write<const U: usize>(values: &[V; U], out: &mut [u128]) {
                let (whole, rest) = out.as_chunks_mut();
                let count = whole.len();
                for (blocks, value) in whole.iter_mut().zip(values) {
                    store(blocks, *value);
                }
                if let Some(value) = values.get(count) {
                    let mut blocks = [0; BLOCKS];
                    store(&mut blocks, *value);
                    rest.copy_from_slice(&blocks[..rest.len()]);
                }
            }
        }
    };
}

streams!(xmm, "aes,ssse3,avx", 8);
streams!(ymm, "vaes,avx2", 8);
streams!(zmm, "vaes,avx512f,avx512bw", 16);
