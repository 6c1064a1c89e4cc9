//! The hashes with AES instructions, on registers of three widths: the same text three times.

use bytemuck::{must_cast_slice, must_cast_slice_mut};

use super::{Hash, HashKind, INSTANCES_PER_KEY};
use crate::aes::RoundKeys;

/// Instances whose keys are scheduled together, so that the schedules overlap.
pub(crate) const GROUP: usize = 4 * INSTANCES_PER_KEY;
/// Keys scheduled together.
const KEYS: usize = 8;

macro_rules! hashes {
    ($ops:ident, $features:literal) => {
        pub(crate) mod $ops {
            use super::*;
            use crate::aes::$ops::*;

            /// The keys that the instances of a group need, for `T` tweaks each.
            pub(crate) struct Keys<const T: usize> {
                kind: HashKind,
                key: u128,
                /// Of the group's first instance.
                tweaks: [u64; T],
                scheduled: [RoundKeys; KEYS],
            }

            /// The keys of a group whose first instance has these tweaks.
            #[target_feature(enable = $features)]
            pub(crate) fn schedule<const T: usize>(hash: &Hash, tweaks: [u64; T]) -> Keys<T> {
                let Hash { kind, key, .. } = *hash;
                let seeds = core::array::from_fn(|i| match kind {
                    HashKind::Mitccrh => {
                        let block = (i / T * INSTANCES_PER_KEY) as u64;
                        key ^ u128::from(tweaks[i % T].wrapping_add(block))
                    }
                    HashKind::MitccrhStrict | HashKind::FixedKey => key,
                });
                Keys { kind, key, tweaks, scheduled: expand(&seeds) }
            }

            /// The key schedules of FIPS 197, section 5.2.
            #[target_feature(enable = $features)]
            fn expand(seeds: &[u128; KEYS]) -> [RoundKeys; KEYS] {
                let mut scheduled = [[0; 11]; KEYS];
                let mut keys = [broadcast(&0); KEYS / BLOCKS];
                for (key, seeds) in keys.iter_mut().zip(seeds.as_chunks().0) {
                    *key = load(seeds);
                }
                for round in 0..11 {
                    for (key, scheduled) in keys.iter_mut().zip(scheduled.as_chunks_mut().0) {
                        let mut blocks = [0; BLOCKS];
                        store(&mut blocks, *key);
                        let _: &mut [RoundKeys; BLOCKS] = scheduled;
                        for (scheduled, block) in scheduled.iter_mut().zip(blocks) {
                            scheduled[round] = block;
                        }
                        *key = next_key(*key, round.min(9));
                    }
                }
                scheduled
            }

            /// Replaces labels by their hashes: `U` registers of instances from number `at` of the
            /// group on, for each of `T` tweaks and `P` labels under it. The instances must have
            /// the same key.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn hash<const T: usize, const P: usize, const U: usize>(
                keys: &Keys<T>,
                at: usize,
                labels: &mut [[[V; U]; P]; T],
            ) {
                match keys.kind {
                    HashKind::Mitccrh => {
                        each(labels, |x| sigma(x));
                        let whitening = *labels;
                        let first = at / INSTANCES_PER_KEY * T;
                        let keys = core::array::from_fn(|t| &keys.scheduled[first + t]);
                        encrypt(keys, labels);
                        add(labels, &whitening);
                    }
                    HashKind::MitccrhStrict => {
                        each(labels, |x| sigma(x));
                        let whitening = *labels;
                        let key = broadcast(&keys.key);
                        let numbers = numbers::<T, U>(keys.tweaks, at);
                        encrypt_each(numbers.map(|row| row.map(|n| xor(n, key))), labels);
                        add(labels, &whitening);
                    }
                    HashKind::FixedKey => {
                        let scheduled = [&keys.scheduled[0]; T];
                        encrypt(scheduled, labels);
                        let inner = *labels;
                        let numbers = numbers::<T, U>(keys.tweaks, at);
                        for (labels, numbers) in labels.iter_mut().zip(&numbers) {
                            for row in labels {
                                row.iter_mut().zip(numbers).for_each(|(x, &n)| *x = xor(*x, n));
                            }
                        }
                        encrypt(scheduled, labels);
                        add(labels, &inner);
                    }
                }
            }

            /// The tweaks of the instances from number `at` on.
            #[target_feature(enable = $features)]
            #[inline]
            fn numbers<const T: usize, const U: usize>(tweaks: [u64; T], at: usize) -> [[V; U]; T] {
                tweaks.map(|tweak| {
                    let first = tweak.wrapping_add(at as u64);
                    core::array::from_fn(|u| count_from(first.wrapping_add((u * BLOCKS) as u64)))
                })
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn each<const T: usize, const P: usize, const U: usize>(
                labels: &mut [[[V; U]; P]; T],
                f: impl Fn(V) -> V,
            ) {
                for x in labels.as_flattened_mut().as_flattened_mut() {
                    *x = f(*x);
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn add<const T: usize, const P: usize, const U: usize>(
                labels: &mut [[[V; U]; P]; T],
                terms: &[[[V; U]; P]; T],
            ) {
                let terms = terms.as_flattened().as_flattened();
                for (x, &term) in labels.as_flattened_mut().as_flattened_mut().iter_mut().zip(terms)
                {
                    *x = xor(*x, term);
                }
            }

            /// AES under one key for each tweak.
            #[target_feature(enable = $features)]
            #[inline]
            fn encrypt<const T: usize, const P: usize, const U: usize>(
                keys: [&RoundKeys; T],
                labels: &mut [[[V; U]; P]; T],
            ) {
                for round in 0..11 {
                    for (labels, keys) in labels.iter_mut().zip(keys) {
                        let key = broadcast(&keys[round]);
                        for x in labels.as_flattened_mut() {
                            *x = step(*x, key, round);
                        }
                    }
                }
            }

            /// AES under a key of its own for each tweak and instance, scheduled on the way.
            #[target_feature(enable = $features)]
            #[inline]
            fn encrypt_each<const T: usize, const P: usize, const U: usize>(
                mut keys: [[V; U]; T],
                labels: &mut [[[V; U]; P]; T],
            ) {
                for round in 0..11 {
                    for (labels, keys) in labels.iter_mut().zip(&mut keys) {
                        for row in labels {
                            for (x, &key) in row.iter_mut().zip(&*keys) {
                                *x = step(*x, key, round);
                            }
                        }
                        if round < 10 {
                            keys.iter_mut().for_each(|key| *key = next_key(*key, round));
                        }
                    }
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn step(x: V, key: V, number: usize) -> V {
                match number {
                    0 => xor(x, key),
                    10 => last_round(x, key),
                    _ => round(x, key),
                }
            }

            /// `U` registers of `blocks` from block `at` on; what is past the end is 0.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn read<const U: usize>(blocks: &[u8], at: usize) -> [V; U] {
                let mut row = [[0u128; BLOCKS]; U];
                let (rest, bytes) =
                    (&blocks[16 * at..], must_cast_slice_mut(row.as_flattened_mut()));
                match rest.get(..16 * U * BLOCKS) {
                    Some(all) => bytes.copy_from_slice(all),
                    None => bytes[..rest.len()].copy_from_slice(rest),
                }
                row.map(|blocks| load(&blocks))
            }

            /// Writes to `blocks` from block `at` on; what is past the end is dropped.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn write<const U: usize>(values: [V; U], blocks: &mut [u8], at: usize) {
                let mut row = [[0u128; BLOCKS]; U];
                for (blocks, value) in row.iter_mut().zip(values) {
                    store(blocks, value);
                }
                let (rest, bytes) = (&mut blocks[16 * at..], must_cast_slice(row.as_flattened()));
                match rest.get_mut(..16 * U * BLOCKS) {
                    Some(all) => all.copy_from_slice(bytes),
                    None => rest.copy_from_slice(&bytes[..rest.len()]),
                }
            }

            /// As [`crate::hash::hash`].
            #[target_feature(enable = $features)]
            pub(crate) fn hash_all(hash: &Hash, tweak: u64, labels: &mut [u128]) {
                let (n, labels) = (labels.len(), must_cast_slice_mut(labels));
                for start in (0..n).step_by(KEYS * INSTANCES_PER_KEY) {
                    let end = n.min(start + KEYS * INSTANCES_PER_KEY);
                    let keys = schedule(hash, [tweak.wrapping_add(start as u64)]);
                    for at in (start..end).step_by(8 * BLOCKS) {
                        let mut x = [[read::<8>(labels, at)]];
                        self::hash(&keys, at - start, &mut x);
                        write(x[0][0], labels, at);
                    }
                }
            }

            /// As [`crate::hash::hash_colours`].
            #[target_feature(enable = $features)]
            pub(crate) fn hash_colours(
                hash: &Hash,
                tweak: u64,
                delta: u128,
                wire: &[u128],
                hashes: [&mut [u128]; 2],
            ) {
                let (n, wire) = (wire.len(), must_cast_slice(wire));
                let [zeros, ones] = hashes.map(|hashes| must_cast_slice_mut(hashes));
                let delta = broadcast(&delta);
                for start in (0..n).step_by(KEYS * INSTANCES_PER_KEY) {
                    let end = n.min(start + KEYS * INSTANCES_PER_KEY);
                    let keys = schedule(hash, [tweak.wrapping_add(start as u64)]);
                    for at in (start..end).step_by(4 * BLOCKS) {
                        let zero = read::<4>(wire, at).map(|x| xor(x, and(colours(x), delta)));
                        let mut x = [[zero, zero.map(|x| xor(x, delta))]];
                        self::hash(&keys, at - start, &mut x);
                        let [[zero, one]] = x;
                        write(zero, zeros, at);
                        write(one, ones, at);
                    }
                }
            }
        }
    };
}

hashes!(xmm, "aes,ssse3");
hashes!(ymm, "vaes,avx2");
hashes!(zmm, "vaes,avx512f,avx512bw");
