//! The hashes with AES instructions, written once and instantiated for registers of three widths.

use core::ops::Range;

use bytemuck::{must_cast_slice, must_cast_slice_mut};

use super::keys::{FIXED_KEY, MITCCRH, STRICT};
use super::{Hash, HashKind, INSTANCES_PER_KEY, keys};

/// Rounds of MITCCRH in `start` with so many offsets, as measured: the others run beside the first
/// ones of the next labels, so that the AES units have work while labels are whitened and results
/// are summed.
const fn early_rounds(offsets: usize) -> usize {
    2 + offsets
}

macro_rules! hashes {
    ($ops:ident, $features:literal, $hash:literal, $colours:literal) => {
        pub(crate) mod $ops {
            use super::*;
            use crate::aes::$ops::*;
            use keys::$ops::{BlockKeys, Keys, block};

            /// Hashes on the way: those of MITCCRH after [`early_rounds`], others before the last.
            /// Then each is `last_round(state, key)`. MITCCRH leaves out the sum of its first and
            /// last round key, which is [`BlockKeys::missing`].
            pub(crate) struct Started<const T: usize, const P: usize, const U: usize> {
                states: [[[V; U]; P]; T],
                keys: [[[V; U]; P]; T],
            }

            /// Starts the hashes of labels: `U` registers of instances from number `at` of the
            /// block on, for each of `T` tweaks the label plus each of `P` offsets.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn start<const KIND: u8, const T: usize, const P: usize, const U: usize>(
                block: &BlockKeys<'_, T>,
                at: usize,
                labels: [[V; U]; T],
                offsets: [V; P],
            ) -> Started<T, P, U> {
                const { assert!(INSTANCES_PER_KEY.is_multiple_of(U * BLOCKS)) };
                let (keys, at, round_keys) = (block.keys, block.first + at, &block.rounds);
                match KIND {
                    MITCCRH => {
                        // The argument plus the first round key serves as the last one.
                        let keys = whiten(labels, offsets, round_keys[0]);
                        Started { states: rounds(round_keys, 1..early_rounds(P) + 1, keys), keys }
                    }
                    STRICT => {
                        let whitened = whiten(labels, offsets, [broadcast(&0); T]);
                        rounds_each(numbers(keys.tweaks, at, broadcast(&keys.key)), whitened)
                    }
                    _ => {
                        let (first, last) = (repeat(round_keys[0]), repeat(round_keys[10]));
                        let states = rounds(round_keys, 1..10, add(spread(labels, offsets), first));
                        let inner = last_rounds(states, last, broadcast(&0));
                        let mut tweaked = add(inner, first);
                        let numbers: [[V; U]; T] = numbers(keys.tweaks, at, broadcast(&0));
                        for t in 0..T {
                            for p in 0..P {
                                for u in 0..U {
                                    tweaked[t][p][u] = xor(tweaked[t][p][u], numbers[t][u]);
                                }
                            }
                        }
                        let states = rounds(round_keys, 1..10, tweaked);
                        Started { states, keys: add(inner, last) }
                    }
                }
            }

            /// What was started, up to the last round: states and keys.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn resume<const KIND: u8, const T: usize, const P: usize, const U: usize>(
                block: &BlockKeys<'_, T>,
                started: Started<T, P, U>,
            ) -> [[[[V; U]; P]; T]; 2] {
                let Started { states, keys } = started;
                let states = match KIND {
                    MITCCRH => rounds(&block.rounds, early_rounds(P) + 1..10, states),
                    _ => states,
                };
                [states, keys]
            }

            /// The last rounds, with what is missing.
            #[target_feature(enable = $features)]
            #[inline]
            fn last_rounds<const T: usize, const P: usize, const U: usize>(
                mut states: [[[V; U]; P]; T],
                keys: [[[V; U]; P]; T],
                missing: V,
            ) -> [[[V; U]; P]; T] {
                for t in 0..T {
                    for p in 0..P {
                        for u in 0..U {
                            let key = xor(keys[t][p][u], missing);
                            states[t][p][u] = last_round(states[t][p][u], key);
                        }
                    }
                }
                states
            }

            /// The tweaks of the instances from number `at` on, plus a block.
            #[target_feature(enable = $features)]
            #[inline]
            fn numbers<const T: usize, const U: usize>(
                tweaks: [u64; T],
                at: usize,
                plus: V,
            ) -> [[V; U]; T] {
                let mut numbers = [[plus; U]; T];
                for t in 0..T {
                    let first = tweaks[t].wrapping_add(at as u64);
                    for u in 0..U {
                        let number = first.wrapping_add((u * BLOCKS) as u64);
                        numbers[t][u] = xor(plus, count_from(number.into()));
                    }
                }
                numbers
            }

            /// Each label plus each offset.
            #[target_feature(enable = $features)]
            #[inline]
            fn spread<const T: usize, const P: usize, const U: usize>(
                labels: [[V; U]; T],
                offsets: [V; P],
            ) -> [[[V; U]; P]; T] {
                let mut sums = [[[broadcast(&0); U]; P]; T];
                for t in 0..T {
                    for p in 0..P {
                        for u in 0..U {
                            sums[t][p][u] = xor(labels[t][u], offsets[p]);
                        }
                    }
                }
                sums
            }

            /// σ of each label plus each offset, plus the tweak's block; σ is linear.
            #[target_feature(enable = $features)]
            #[inline]
            fn whiten<const T: usize, const P: usize, const U: usize>(
                mut labels: [[V; U]; T],
                mut offsets: [V; P],
                plus: [V; T],
            ) -> [[[V; U]; P]; T] {
                for t in 0..T {
                    for u in 0..U {
                        labels[t][u] = sigma_plus(labels[t][u], plus[t]);
                    }
                }
                for p in 0..P {
                    offsets[p] = sigma_plus(offsets[p], broadcast(&0));
                }
                spread(labels, offsets)
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn add<const T: usize, const P: usize, const U: usize>(
                mut left: [[[V; U]; P]; T],
                right: [[[V; U]; P]; T],
            ) -> [[[V; U]; P]; T] {
                for t in 0..T {
                    for p in 0..P {
                        for u in 0..U {
                            left[t][p][u] = xor(left[t][p][u], right[t][p][u]);
                        }
                    }
                }
                left
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn repeat<const T: usize, const P: usize, const U: usize>(
                keys: [V; T],
            ) -> [[[V; U]; P]; T] {
                let mut repeated = [[[broadcast(&0); U]; P]; T];
                for t in 0..T {
                    repeated[t] = [[keys[t]; U]; P];
                }
                repeated
            }

            /// The rounds between the first key's addition and the last round.
            #[target_feature(enable = $features)]
            #[inline]
            fn rounds<const T: usize, const P: usize, const U: usize>(
                round_keys: &[[V; T]; 11],
                numbers: Range<usize>,
                mut states: [[[V; U]; P]; T],
            ) -> [[[V; U]; P]; T] {
                for number in numbers {
                    for t in 0..T {
                        for p in 0..P {
                            for u in 0..U {
                                states[t][p][u] = round(states[t][p][u], round_keys[number][t]);
                            }
                        }
                    }
                }
                states
            }

            /// The same under a key of its own for each tweak and instance, scheduled on the way;
            /// `whitened` is added after the last round.
            #[target_feature(enable = $features)]
            #[inline]
            fn rounds_each<const T: usize, const P: usize, const U: usize>(
                mut keys: [[V; U]; T],
                whitened: [[[V; U]; P]; T],
            ) -> Started<T, P, U> {
                let mut states = whitened;
                for t in 0..T {
                    for u in 0..U {
                        for p in 0..P {
                            states[t][p][u] = xor(states[t][p][u], keys[t][u]);
                        }
                        keys[t][u] = next_key(keys[t][u], 0);
                    }
                }
                for number in 1..10 {
                    for t in 0..T {
                        for u in 0..U {
                            for p in 0..P {
                                states[t][p][u] = round(states[t][p][u], keys[t][u]);
                            }
                            keys[t][u] = next_key(keys[t][u], number);
                        }
                    }
                }
                let mut ends = whitened;
                for t in 0..T {
                    for u in 0..U {
                        for p in 0..P {
                            ends[t][p][u] = xor(ends[t][p][u], keys[t][u]);
                        }
                    }
                }
                Started { states, keys: ends }
            }

            /// Registers from bytes that they fill.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn read<const U: usize>(bytes: &[u8]) -> [V; U] {
                let mut values = [broadcast(&0); U];
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *value = load_bytes(bytes);
                }
                values
            }

            /// Registers to bytes that they fill.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn write<const U: usize>(values: [V; U], bytes: &mut [u8]) {
                for (value, bytes) in values.iter().zip(bytes.as_chunks_mut().0) {
                    store_bytes(bytes, *value);
                }
            }

            /// As [`crate::hash::hash`].
            #[target_feature(enable = $features)]
            pub(crate) fn hash(h: &Hash, tweak: u64, labels: &mut [u128]) {
                let keys = &mut Keys::new(h, [tweak], labels.len());
                let labels = must_cast_slice_mut(labels);
                match h.kind {
                    HashKind::Mitccrh => hash_blocks::<MITCCRH>(keys, 0, labels),
                    HashKind::MitccrhStrict => hash_blocks::<STRICT>(keys, 0, labels),
                    HashKind::FixedKey => hash_blocks::<FIXED_KEY>(keys, 0, labels),
                }
            }

            /// The instances from number `from` on.
            #[target_feature(enable = $features)]
            fn hash_blocks<const KIND: u8>(keys: &mut Keys<1>, from: usize, labels: &mut [u8]) {
                const BYTES: usize = 16 * $hash * BLOCKS;
                for (i, labels) in labels.chunks_mut(16 * INSTANCES_PER_KEY).enumerate() {
                    let first = from + i * INSTANCES_PER_KEY;
                    let block = block::<KIND, 1>(keys, first);
                    let (labels, last) = labels.as_chunks_mut::<BYTES>();
                    for (i, labels) in labels.iter_mut().enumerate() {
                        let strip = [read::<$hash>(labels)];
                        let at = i * $hash * BLOCKS;
                        let started = start::<KIND, _, _, _>(&block, at, strip, [broadcast(&0)]);
                        let [states, round_keys] = resume::<KIND, _, _, _>(&block, started);
                        let [[hashes]] = last_rounds(states, round_keys, block.missing);
                        write(hashes, labels);
                    }
                    if !last.is_empty() {
                        let mut strip = padded::<BYTES>(last);
                        hash_blocks::<KIND>(keys, first + labels.len() * BYTES / 16, &mut strip);
                        last.copy_from_slice(&strip[..last.len()]);
                    }
                }
            }

            /// As [`crate::hash::hash_colours`].
            #[target_feature(enable = $features)]
            pub(crate) fn hash_colours(
                h: &Hash,
                tweak: u64,
                delta: u128,
                wire: &[u128],
                [zeros, ones]: [&mut [u128]; 2],
            ) {
                let (keys, delta) = (&mut Keys::new(h, [tweak], wire.len()), broadcast(&delta));
                let wire = must_cast_slice(wire);
                let hashes = [must_cast_slice_mut(zeros), must_cast_slice_mut(ones)];
                match h.kind {
                    HashKind::Mitccrh => colours_blocks::<MITCCRH>(keys, 0, delta, wire, hashes),
                    HashKind::MitccrhStrict => {
                        colours_blocks::<STRICT>(keys, 0, delta, wire, hashes)
                    }
                    HashKind::FixedKey => colours_blocks::<FIXED_KEY>(keys, 0, delta, wire, hashes),
                }
            }

            /// The instances from number `from` on.
            #[target_feature(enable = $features)]
            fn colours_blocks<const KIND: u8>(
                keys: &mut Keys<1>,
                from: usize,
                delta: V,
                wire: &[u8],
                [zeros, ones]: [&mut [u8]; 2],
            ) {
                const BYTES: usize = 16 * $colours * BLOCKS;
                let outputs = zeros
                    .chunks_mut(16 * INSTANCES_PER_KEY)
                    .zip(ones.chunks_mut(16 * INSTANCES_PER_KEY));
                let blocks = wire.chunks(16 * INSTANCES_PER_KEY).zip(outputs);
                for (i, (wire, (zeros, ones))) in blocks.enumerate() {
                    let first = from + i * INSTANCES_PER_KEY;
                    let block = block::<KIND, 1>(keys, first);
                    let (wire, last) = wire.as_chunks::<BYTES>();
                    let (zeros, last_zeros) = zeros.as_chunks_mut::<BYTES>();
                    let (ones, last_ones) = ones.as_chunks_mut::<BYTES>();
                    for (i, (wire, (zeros, ones))) in
                        wire.iter().zip(zeros.iter_mut().zip(ones)).enumerate()
                    {
                        let mut labels = read::<$colours>(wire);
                        for x in &mut labels {
                            *x = add_where(*x, colours(*x), delta);
                        }
                        let (at, offsets) = (i * $colours * BLOCKS, [broadcast(&0), delta]);
                        let started = start::<KIND, _, _, _>(&block, at, [labels], offsets);
                        let [states, round_keys] = resume::<KIND, _, _, _>(&block, started);
                        let [[zero, one]] = last_rounds(states, round_keys, block.missing);
                        write(zero, zeros);
                        write(one, ones);
                    }
                    if !last.is_empty() {
                        let [mut zero, mut one] = [[0; BYTES]; 2];
                        let at = first + wire.len() * BYTES / 16;
                        let hashes: [&mut [u8]; 2] = [&mut zero, &mut one];
                        colours_blocks::<KIND>(keys, at, delta, &padded::<BYTES>(last), hashes);
                        last_zeros.copy_from_slice(&zero[..last.len()]);
                        last_ones.copy_from_slice(&one[..last.len()]);
                    }
                }
            }
        }
    };
}

/// The bytes and zeros after them.
pub(crate) fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut whole = [0; N];
    whole[..bytes.len()].copy_from_slice(bytes);
    whole
}

hashes!(xmm, "aes,ssse3,avx", 8, 4);
hashes!(ymm, "vaes,avx2", 8, 4);
hashes!(zmm, "vaes,avx512f,avx512bw", 8, 4);
