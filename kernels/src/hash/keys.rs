//! The keys of MITCCRH, scheduled for many instances together, written once and instantiated for
//! registers of three widths.

use super::{Hash, HashKind, INSTANCES_PER_KEY};

/// Keys scheduled together, so that the schedules overlap.
const KEYS: usize = 16;

/// The kinds of hash as constants: kernels are compiled for each.
pub(crate) const MITCCRH: u8 = HashKind::Mitccrh as u8;
pub(crate) const STRICT: u8 = HashKind::MitccrhStrict as u8;
pub(crate) const FIXED_KEY: u8 = HashKind::FixedKey as u8;

macro_rules! keys {
    ($ops:ident, $features:literal) => {
        pub(crate) mod $ops {
            use super::*;
            use crate::aes::$ops::*;

            /// The keys of a group of instances, for `T` tweaks each.
            pub(crate) struct Keys<const T: usize> {
                kind: HashKind,
                pub(crate) key: u128,
                /// Of the first instance of all.
                pub(crate) tweaks: [u64; T],
                instances: usize,
                /// A round's keys stand together: block after block, tweak after tweak.
                scheduled: [[u128; KEYS]; 11],
            }

            impl<const T: usize> Keys<T> {
                /// Instances whose keys are scheduled together.
                const GROUP: usize = KEYS / T * INSTANCES_PER_KEY;

                pub(crate) fn new(hash: &Hash, tweaks: [u64; T], instances: usize) -> Self {
                    let Hash { kind, key, .. } = *hash;
                    Self { kind, key, tweaks, instances, scheduled: [[0; KEYS]; 11] }
                }
            }

            /// Turns to the group of instances that begins with `first`.
            #[target_feature(enable = $features)]
            fn turn<const T: usize>(keys: &mut Keys<T>, first: usize) {
                match keys.kind {
                    HashKind::Mitccrh => {
                        let blocks = (keys.instances - first).div_ceil(INSTANCES_PER_KEY);
                        let tweaks = keys.tweaks.map(|tweak| tweak.wrapping_add(first as u64));
                        schedule(keys, KEYS.min(blocks * T), tweaks);
                    }
                    HashKind::MitccrhStrict => {}
                    HashKind::FixedKey => schedule(keys, T, [0; T]),
                }
            }

            /// The first `count` keys of a group whose first instance has these tweaks. The key
            /// schedule is that of FIPS 197, section 5.2.
            #[target_feature(enable = $features)]
            fn schedule<const T: usize>(keys: &mut Keys<T>, count: usize, tweaks: [u64; T]) {
                let seeds: [u128; KEYS] = core::array::from_fn(|i| {
                    let block = (i / T * INSTANCES_PER_KEY) as u64;
                    keys.key ^ u128::from(tweaks[i % T].wrapping_add(block))
                });
                // Some registers at a time, so that their schedules overlap.
                const REGISTERS: usize = if BLOCKS < 4 { 8 } else { 4 };
                const STRIP: usize = REGISTERS * BLOCKS;
                for (i, seeds) in seeds.as_chunks::<STRIP>().0.iter().enumerate() {
                    if i * STRIP >= count {
                        break;
                    }
                    let mut round_keys = [broadcast(&0); REGISTERS];
                    for (key, seeds) in round_keys.iter_mut().zip(seeds.as_chunks().0) {
                        *key = load(seeds);
                    }
                    for (round, scheduled) in keys.scheduled.iter_mut().enumerate() {
                        let scheduled = &mut scheduled.as_chunks_mut::<STRIP>().0[i];
                        for (key, blocks) in round_keys.iter_mut().zip(scheduled.as_chunks_mut().0)
                        {
                            store(blocks, *key);
                            *key = next_key(*key, round.min(9));
                        }
                    }
                }
            }

            /// The keys of a block of instances.
            pub(crate) struct BlockKeys<'a, const T: usize> {
                pub(crate) keys: &'a Keys<T>,
                /// The block's first instance.
                pub(crate) first: usize,
                pub(crate) rounds: [[V; T]; 11],
                /// The sums of the first and the last round key, over all tweaks.
                pub(crate) missing: V,
            }

            /// The keys of the block of which `first` is an instance. Blocks must come in order.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn block<const KIND: u8, const T: usize>(
                keys: &mut Keys<T>,
                first: usize,
            ) -> BlockKeys<'_, T> {
                if first.is_multiple_of(Keys::<T>::GROUP) {
                    turn(keys, first);
                }
                let place = match KIND {
                    MITCCRH => first % Keys::<T>::GROUP / INSTANCES_PER_KEY * T,
                    _ => 0,
                };
                let (mut rounds, mut missing) = ([[broadcast(&0); T]; 11], broadcast(&0));
                for t in 0..T {
                    for (round, scheduled) in rounds.iter_mut().zip(&keys.scheduled) {
                        round[t] = broadcast(&scheduled[place + t]);
                    }
                    if KIND == MITCCRH {
                        missing = xor(missing, xor(rounds[0][t], rounds[10][t]));
                    }
                }
                BlockKeys { keys, first, rounds, missing }
            }
        }
    };
}

keys!(xmm, "aes,ssse3,avx");
keys!(ymm, "vaes,avx2");
keys!(zmm, "vaes,avx512f,avx512bw");
