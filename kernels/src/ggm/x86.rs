//! The trees with AES instructions, written once and instantiated for registers of three widths.

use super::one_hot::{self, LOW, LowMasks, equal};

/// Registers in flight.
const STATES: usize = 8;

macro_rules! trees {
    ($ops:ident, $features:literal) => {
        pub(super) mod $ops {
            use super::*;
            use crate::aes::$ops::*;

            /// Nodes hashed together.
            const STRIP: usize = STATES * BLOCKS;

            /// As [`super::super::grow`], from the two first nodes.
            #[target_feature(enable = $features)]
            pub(crate) fn grow(
                key: u128,
                first: [u128; 2],
                sums: &mut [u128],
                leaves: &mut [u128],
            ) {
                let keys = schedule(key);
                leaves[..2].copy_from_slice(&first);
                for (level, sum) in (1..).zip(sums) {
                    *sum = double(&keys, &mut leaves[..2 << level]);
                }
                leaves.iter_mut().for_each(|leaf| *leaf &= !1);
            }

            /// As [`super::super::grow_punctured`].
            #[target_feature(enable = $features)]
            pub(crate) fn grow_punctured(
                key: u128,
                point: usize,
                opened: &[u128],
                leaves: &mut [u128],
            ) {
                let keys = schedule(key);
                // A closure has the features of the function that it stands in.
                let double = |nodes: &mut [u128]| double(&keys, nodes);
                one_hot::punctured(point, opened, leaves, double, |nodes, low, place, value| {
                    add(nodes, low, place, value);
                });
            }

            /// As [`one_hot::add`], to 2^l elements.
            #[target_feature(enable = $features)]
            fn add(elements: &mut [u128], low: &LowMasks, place: usize, value: u128) {
                if elements.len() < BLOCKS {
                    return one_hot::add(elements, low, place, value);
                }
                for (high, elements) in elements.chunks_mut(LOW).enumerate() {
                    let value = broadcast(&(value & equal(high, place / LOW)));
                    let masks = low.0.as_chunks().0;
                    for (blocks, mask) in elements.as_chunks_mut().0.iter_mut().zip(masks) {
                        store(blocks, add_where(load(blocks), colours(load(mask)), value));
                    }
                }
            }

            /// As [`super::super::select`].
            #[target_feature(enable = $features)]
            pub(crate) fn select(elements: &[u128], place: usize) -> u128 {
                let low = LowMasks::new(place, elements.len());
                let (chunks, rest) = elements.as_chunks::<LOW>();
                let mut found = 0;
                for (high, elements) in chunks.iter().enumerate() {
                    let mut sum = broadcast(&0);
                    for (blocks, mask) in elements.as_chunks().0.iter().zip(low.0.as_chunks().0) {
                        sum = add_where(sum, colours(load(mask)), load(blocks));
                    }
                    let mut blocks = [0; BLOCKS];
                    store(&mut blocks, sum);
                    let sum = blocks.iter().fold(0, |sum, block| sum ^ block);
                    found ^= sum & equal(high, place / LOW);
                }
                let last = place.wrapping_sub(elements.len() - rest.len());
                found ^ one_hot::select(rest, last)
            }

            /// The key schedule of FIPS 197, section 5.2, with the sum of the first and the last key.
            #[target_feature(enable = $features)]
            fn schedule(key: u128) -> ([V; 11], V) {
                let mut key = broadcast(&key);
                let mut keys = [key; 11];
                for round in 0..10 {
                    key = next_key(key, round);
                    keys[round + 1] = key;
                }
                (keys, xor(keys[0], keys[10]))
            }

            /// As the scalar twin.
            #[target_feature(enable = $features)]
            fn double(keys: &([V; 11], V), nodes: &mut [u128]) -> u128 {
                let (left, right) = nodes.split_at_mut(nodes.len() / 2);
                let mut sums = [broadcast(&0); STATES];
                if left.len() < STRIP {
                    return few(keys, left, right);
                }
                let strips = left.as_chunks_mut::<STRIP>().0.iter_mut();
                for (left, right) in strips.zip(right.as_chunks_mut::<STRIP>().0) {
                    hash(keys, left, right, &mut sums);
                }
                sum(sums)
            }

            /// As [`double`] for less than a strip.
            #[target_feature(enable = $features)]
            fn few(keys: &([V; 11], V), left: &mut [u128], right: &mut [u128]) -> u128 {
                let (mut l, mut r) = ([0; STRIP], [0; STRIP]);
                l[..left.len()].copy_from_slice(left);
                hash(keys, &mut l, &mut r, &mut [broadcast(&0); STATES]);
                left.copy_from_slice(&l[..left.len()]);
                right.copy_from_slice(&r[..left.len()]);
                left.iter().fold(0, |sum, node| sum ^ node)
            }

            /// The children of a strip of nodes; adds the left ones to `sums`.
            #[target_feature(enable = $features)]
            #[inline]
            fn hash(
                (keys, ends): &([V; 11], V),
                left: &mut [u128; STRIP],
                right: &mut [u128; STRIP],
                sums: &mut [V; STATES],
            ) {
                let mut nodes = [broadcast(&0); STATES];
                for (node, blocks) in nodes.iter_mut().zip(left.as_chunks().0) {
                    *node = load(blocks);
                }
                // The argument plus the first round key serves as the last one.
                let whitened = nodes.map(|node| sigma_plus(node, keys[0]));
                let mut states = whitened;
                for key in &keys[1..10] {
                    states.iter_mut().for_each(|state| *state = round(*state, *key));
                }
                for i in 0..STATES {
                    let h = last_round(states[i], xor(whitened[i], *ends));
                    store(&mut left.as_chunks_mut().0[i], h);
                    store(&mut right.as_chunks_mut().0[i], xor(nodes[i], h));
                    sums[i] = xor(sums[i], h);
                }
            }

            /// The sum of all blocks.
            #[target_feature(enable = $features)]
            fn sum(registers: [V; STATES]) -> u128 {
                let mut blocks = [0; BLOCKS];
                let mut all = 0;
                for register in registers {
                    store(&mut blocks, register);
                    all = blocks.iter().fold(all, |all, block| all ^ block);
                }
                all
            }
        }
    };
}

trees!(xmm, "aes,ssse3,avx");
trees!(ymm, "vaes,avx2");
trees!(zmm, "vaes,avx512f,avx512bw");
