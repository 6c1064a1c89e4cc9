//! The hashes with AES instructions, on registers of three widths: the same text three times.

use bytemuck::{must_cast_slice, must_cast_slice_mut};

use super::{Hash, HashKind, INSTANCES_PER_KEY};
use crate::aes::RoundKeys;

/// Keys scheduled together, so that the schedules overlap.
const KEYS: usize = 16;

macro_rules! hashes {
    ($ops:ident, $features:literal, $hash:literal, $colours:literal) => {
        pub(crate) mod $ops {
            use super::*;
            use crate::aes::$ops::*;

            /// Instances whose keys, for `T` tweaks each, are scheduled together.
            pub(crate) const fn group(tweaks: usize) -> usize {
                KEYS / tweaks * INSTANCES_PER_KEY
            }

            /// The keys of a group of instances, for `T` tweaks each.
            pub(crate) struct Keys<const T: usize> {
                kind: HashKind,
                key: u128,
                /// Of the group's first instance.
                tweaks: [u64; T],
                scheduled: [RoundKeys; KEYS],
            }

            impl<const T: usize> Keys<T> {
                pub(crate) fn new(hash: &Hash) -> Self {
                    let Hash { kind, key, .. } = *hash;
                    Self { kind, key, tweaks: [0; T], scheduled: [[0; 11]; KEYS] }
                }
            }

            /// Turns to the group whose first instance has these tweaks. The key schedule is that
            /// of FIPS 197, section 5.2.
            #[target_feature(enable = $features)]
            pub(crate) fn schedule<const T: usize>(keys: &mut Keys<T>, tweaks: [u64; T]) {
                let seeds: [u128; KEYS] = core::array::from_fn(|i| match keys.kind {
                    HashKind::Mitccrh => {
                        let block = (i / T * INSTANCES_PER_KEY) as u64;
                        keys.key ^ u128::from(tweaks[i % T].wrapping_add(block))
                    }
                    HashKind::MitccrhStrict | HashKind::FixedKey => keys.key,
                });
                keys.tweaks = tweaks;
                let mut round_keys = [broadcast(&0); KEYS / BLOCKS];
                for (key, seeds) in round_keys.iter_mut().zip(seeds.as_chunks().0) {
                    *key = load(seeds);
                }
                for round in 0..11 {
                    for (i, key) in round_keys.iter_mut().enumerate() {
                        let mut blocks = [0; BLOCKS];
                        store(&mut blocks, *key);
                        for (j, block) in blocks.into_iter().enumerate() {
                            keys.scheduled[i * BLOCKS + j][round] = block;
                        }
                        *key = next_key(*key, round.min(9));
                    }
                }
            }

            /// The hashes of labels: `U` registers of instances from number `at` of the group on,
            /// for each of `T` tweaks the label plus each of `P` offsets. The instances must have
            /// the same key. Unless they shall be `WHOLE`, a term is [`missing`] from a tweak's hashes.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn hash<
                const WHOLE: bool,
                const T: usize,
                const P: usize,
                const U: usize,
            >(
                keys: &Keys<T>,
                at: usize,
                labels: [[V; U]; T],
                offsets: [V; P],
            ) -> [[[V; U]; P]; T] {
                const { assert!(INSTANCES_PER_KEY.is_multiple_of(U * BLOCKS)) };
                match keys.kind {
                    HashKind::Mitccrh => {
                        let first = at / INSTANCES_PER_KEY * T;
                        let scheduled = core::array::from_fn(|t| &keys.scheduled[first + t]);
                        let whitened = whiten(labels, offsets);
                        match WHOLE {
                            true => add(encrypt(scheduled, whitened), whitened),
                            false => encrypt_whitened(scheduled, whitened),
                        }
                    }
                    HashKind::MitccrhStrict => {
                        let mut seeds = numbers(keys.tweaks, at);
                        let key = broadcast(&keys.key);
                        for t in 0..T {
                            for u in 0..U {
                                seeds[t][u] = xor(seeds[t][u], key);
                            }
                        }
                        let whitened = whiten(labels, offsets);
                        add(encrypt_each(seeds, whitened), whitened)
                    }
                    HashKind::FixedKey => {
                        let scheduled = [&keys.scheduled[0]; T];
                        let inner = encrypt(scheduled, spread(labels, offsets));
                        let numbers = numbers::<T, U>(keys.tweaks, at);
                        let tweaked = add(inner, numbers.map(|row| [row; P]));
                        add(encrypt(scheduled, tweaked), inner)
                    }
                }
            }

            /// The tweaks of the instances from number `at` on.
            #[target_feature(enable = $features)]
            #[inline]
            fn numbers<const T: usize, const U: usize>(tweaks: [u64; T], at: usize) -> [[V; U]; T] {
                let mut numbers = [[broadcast(&0); U]; T];
                for t in 0..T {
                    let first = tweaks[t].wrapping_add(at as u64);
                    for u in 0..U {
                        numbers[t][u] = count_from(first.wrapping_add((u * BLOCKS) as u64).into());
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
                let mut sums = labels.map(|row| [row; P]);
                for t in 0..T {
                    for p in 0..P {
                        for u in 0..U {
                            sums[t][p][u] = xor(sums[t][p][u], offsets[p]);
                        }
                    }
                }
                sums
            }

            /// σ of each label plus each offset; σ is linear.
            #[target_feature(enable = $features)]
            #[inline]
            fn whiten<const T: usize, const P: usize, const U: usize>(
                mut labels: [[V; U]; T],
                mut offsets: [V; P],
            ) -> [[[V; U]; P]; T] {
                for t in 0..T {
                    for u in 0..U {
                        labels[t][u] = sigma(labels[t][u]);
                    }
                }
                for p in 0..P {
                    offsets[p] = sigma(offsets[p]);
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

            /// AES under one key for each tweak.
            #[target_feature(enable = $features)]
            #[inline]
            fn encrypt<const T: usize, const P: usize, const U: usize>(
                keys: [&RoundKeys; T],
                mut states: [[[V; U]; P]; T],
            ) -> [[[V; U]; P]; T] {
                for number in 0..11 {
                    for t in 0..T {
                        let key = broadcast(&keys[t][number]);
                        for p in 0..P {
                            for u in 0..U {
                                states[t][p][u] = step(states[t][p][u], key, number);
                            }
                        }
                    }
                }
                states
            }

            /// AES under one key for each tweak, plus its argument, the sum of the first and the last
            /// round key missing. The argument plus the first round key is the last round's key.
            #[target_feature(enable = $features)]
            #[inline]
            fn encrypt_whitened<const T: usize, const P: usize, const U: usize>(
                keys: [&RoundKeys; T],
                mut whitened: [[[V; U]; P]; T],
            ) -> [[[V; U]; P]; T] {
                for t in 0..T {
                    let key = broadcast(&keys[t][0]);
                    for p in 0..P {
                        for u in 0..U {
                            whitened[t][p][u] = xor(whitened[t][p][u], key);
                        }
                    }
                }
                let mut states = whitened;
                for number in 1..10 {
                    for t in 0..T {
                        let key = broadcast(&keys[t][number]);
                        for p in 0..P {
                            for u in 0..U {
                                states[t][p][u] = round(states[t][p][u], key);
                            }
                        }
                    }
                }
                for t in 0..T {
                    for p in 0..P {
                        for u in 0..U {
                            states[t][p][u] = last_round(states[t][p][u], whitened[t][p][u]);
                        }
                    }
                }
                states
            }

            /// What [`hash`] leaves out of every hash of an instance: the sum over the tweaks.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn missing<const T: usize>(keys: &Keys<T>, at: usize) -> V {
                let mut sum = broadcast(&0);
                if let HashKind::Mitccrh = keys.kind {
                    let first = at / INSTANCES_PER_KEY * T;
                    for key in &keys.scheduled[first..][..T] {
                        sum = xor(sum, xor(broadcast(&key[0]), broadcast(&key[10])));
                    }
                }
                sum
            }

            /// AES under a key of its own for each tweak and instance, scheduled on the way.
            #[target_feature(enable = $features)]
            #[inline]
            fn encrypt_each<const T: usize, const P: usize, const U: usize>(
                mut keys: [[V; U]; T],
                mut states: [[[V; U]; P]; T],
            ) -> [[[V; U]; P]; T] {
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
                for t in 0..T {
                    for u in 0..U {
                        for p in 0..P {
                            states[t][p][u] = last_round(states[t][p][u], keys[t][u]);
                        }
                    }
                }
                states
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn step(state: V, key: V, number: usize) -> V {
                match number {
                    0 => xor(state, key),
                    10 => last_round(state, key),
                    _ => round(state, key),
                }
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
            pub(crate) fn hash_all(h: &Hash, tweak: u64, labels: &mut [u128]) {
                const WIDTH: usize = $hash * BLOCKS;
                let mut keys = Keys::new(h);
                for (i, group) in labels.chunks_mut(group(1)).enumerate() {
                    schedule(&mut keys, [tweak.wrapping_add((i * self::group(1)) as u64)]);
                    for (i, labels) in group.chunks_mut(WIDTH).enumerate() {
                        let mut strip = [0; WIDTH];
                        let bytes = must_cast_slice_mut(match labels.len() {
                            WIDTH => &mut *labels,
                            short => {
                                strip[..short].copy_from_slice(labels);
                                &mut strip
                            }
                        });
                        let whole = [read::<$hash>(bytes)];
                        let [[hashes]] =
                            hash::<true, _, _, _>(&keys, i * WIDTH, whole, [broadcast(&0)]);
                        write(hashes, bytes);
                        if labels.len() < WIDTH {
                            labels.copy_from_slice(&strip[..labels.len()]);
                        }
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
                const WIDTH: usize = $colours * BLOCKS;
                let delta = broadcast(&delta);
                let mut keys = Keys::new(h);
                for start in (0..wire.len()).step_by(group(1)) {
                    schedule(&mut keys, [tweak.wrapping_add(start as u64)]);
                    let end = wire.len().min(start + group(1));
                    let mut at = start;
                    while at + WIDTH <= end {
                        let outputs = [&mut zeros[at..][..WIDTH], &mut ones[at..][..WIDTH]];
                        let wire = &wire[at..][..WIDTH];
                        hash_colours_strip(&keys, at - start, delta, wire, outputs);
                        at += WIDTH;
                    }
                    if at < end {
                        let [mut strip, mut zero, mut one] = [[0; WIDTH]; 3];
                        strip[..end - at].copy_from_slice(&wire[at..end]);
                        let outputs = [&mut zero[..], &mut one[..]];
                        hash_colours_strip(&keys, at - start, delta, &strip, outputs);
                        zeros[at..end].copy_from_slice(&zero[..end - at]);
                        ones[at..end].copy_from_slice(&one[..end - at]);
                    }
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn hash_colours_strip(
                keys: &Keys<1>,
                at: usize,
                delta: V,
                wire: &[u128],
                [zeros, ones]: [&mut [u128]; 2],
            ) {
                let mut labels = read::<$colours>(must_cast_slice(wire));
                for x in &mut labels {
                    *x = xor(*x, and(colours(*x), delta));
                }
                let offsets = [broadcast(&0), delta];
                let [[zero, one]] = hash::<true, _, _, _>(keys, at, [labels], offsets);
                write(zero, must_cast_slice_mut(zeros));
                write(one, must_cast_slice_mut(ones));
            }
        }
    };
}

hashes!(xmm, "aes,ssse3,avx", 8, 4);
hashes!(ymm, "vaes,avx2", 8, 4);
hashes!(zmm, "vaes,avx512f,avx512bw", 8, 4);
