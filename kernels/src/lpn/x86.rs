//! The code with AES instructions for its indices, written once and instantiated for registers of
//! three widths.
//!
//! What it costs are the loads, most of them from the second-level cache or beyond. A strip's
//! indices are ready before the strip before it is summed, so that entries can be asked for
//! [`AHEAD`] outputs before they are used.

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::{GROUP, GROUP_BLOCKS, LOCALITY, first_block};

/// Outputs whose indices are made together.
const STRIP: usize = 64;

/// Words of a strip's indices.
const WORDS: usize = STRIP * LOCALITY;

/// Outputs between a prefetch and the sum.
const AHEAD: usize = 16;

/// Registers in flight.
const STATES: usize = 8;

macro_rules! codes {
    ($ops:ident, $features:literal) => {
        pub(super) mod $ops {
            use super::*;
            use crate::aes::$ops::*;

            /// As [`super::super::add_code`].
            ///
            /// # Safety
            /// The table has 2^m entries.
            #[target_feature(enable = $features)]
            pub(crate) unsafe fn add_code(key: u128, first: u64, table: &[u128], out: &mut [u128]) {
                let keys = schedule(key);
                let mask = table.len() - 1;
                let mut counter = first_block(first);
                // Two strips' indices, this one's and the next one's by turns.
                let mut words = [[0u32; WORDS]; 2];
                indices(&keys, counter, &mut words[0]);
                for (strip, out) in out.chunks_mut(STRIP).enumerate() {
                    let now = strip % 2;
                    counter += (STRIP / GROUP * GROUP_BLOCKS) as u128;
                    indices(&keys, counter, &mut words[1 - now]);
                    let (this, next) = (&words[now].as_chunks().0, &words[1 - now].as_chunks().0);
                    let later = this[AHEAD..].iter().chain(&next[..AHEAD]);
                    for ((out, entries), later) in out.iter_mut().zip(*this).zip(later) {
                        prefetch(table, mask, later);
                        // SAFETY: the table has mask + 1 entries, a power of two.
                        unsafe { add_entries(table, mask, entries, out) };
                    }
                }
            }

            /// Adds the entries of one output to it.
            ///
            /// # Safety
            /// `mask` is below the table's length.
            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn add_entries(
                table: &[u128],
                mask: usize,
                entries: &[u32; LOCALITY],
                out: &mut u128,
            ) {
                for &word in entries {
                    // SAFETY: no word and mask exceeds the mask, which is an index of the table.
                    *out ^= unsafe { table.get_unchecked(word as usize & mask) };
                }
            }

            /// Asks for the entries of one output.
            #[target_feature(enable = $features)]
            #[inline]
            fn prefetch(table: &[u128], mask: usize, entries: &[u32; LOCALITY]) {
                for &word in entries {
                    let entry = table.as_ptr().wrapping_add(word as usize & mask);
                    // It reads nothing that the program sees, whatever its address.
                    _mm_prefetch::<_MM_HINT_T0>(entry.cast());
                }
            }

            /// The key schedule of FIPS 197, section 5.2.
            #[target_feature(enable = $features)]
            fn schedule(key: u128) -> [V; 11] {
                let mut key = broadcast(&key);
                let mut keys = [key; 11];
                for round in 0..10 {
                    key = next_key(key, round);
                    keys[round + 1] = key;
                }
                keys
            }

            /// The words of a strip, from block `counter` on.
            #[target_feature(enable = $features)]
            #[inline]
            fn indices(keys: &[V; 11], counter: u128, words: &mut [u32; WORDS]) {
                const { assert!(WORDS.is_multiple_of(4 * STATES * BLOCKS)) };
                let step = broadcast(&(BLOCKS as u128));
                let mut counters = count_from(counter);
                let words = bytemuck::must_cast_slice_mut(&mut words[..]);
                for words in words.as_chunks_mut::<{ 16 * STATES * BLOCKS }>().0 {
                    let mut states = [counters; STATES];
                    for state in &mut states {
                        *state = xor(counters, keys[0]);
                        counters = advance(counters, step);
                    }
                    for key in &keys[1..10] {
                        states.iter_mut().for_each(|state| *state = round(*state, *key));
                    }
                    for (bytes, state) in words.as_chunks_mut().0.iter_mut().zip(states) {
                        store_bytes(bytes, last_round(state, keys[10]));
                    }
                }
            }
        }
    };
}

codes!(xmm, "aes,ssse3,avx");
codes!(ymm, "vaes,avx2");
codes!(zmm, "vaes,avx512f,avx512bw");
