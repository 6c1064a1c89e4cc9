//! Half-gates with AES instructions, on registers of three widths: the same text three times.

use bytemuck::{must_cast_slice, must_cast_slice_mut};

use crate::hash::keys::{self, FIXED_KEY, MITCCRH, STRICT};
use crate::hash::x86::{self, padded};
use crate::hash::{Hash, HashKind, INSTANCES_PER_KEY};

/// Bytes of the labels that share a key.
const BLOCK: usize = 16 * INSTANCES_PER_KEY;

// A width has its registers of a wire that are garbled and evaluated at once with each kind of hash, as
// they were fastest, and whether round keys stay in registers while garbling.
macro_rules! half_gates {
    (
        $ops:ident, $features:literal, $resident:literal,
        [$garble:literal, $evaluate:literal],
        [$garble_strict:literal, $evaluate_strict:literal], $fixed_key:literal
    ) => {
        pub(super) mod $ops {
            use super::*;
            use crate::aes::$ops::*;
            use keys::$ops::{BlockKeys, Keys, block};
            use x86::$ops::{Unfinished, hash, read, write};

            /// Bytes in some registers.
            const fn bytes(registers: usize) -> usize {
                16 * BLOCKS * registers
            }

            #[target_feature(enable = $features)]
            pub(crate) fn garble(
                h: &Hash,
                tweak: u64,
                delta: u128,
                [a, b]: [&[u128]; 2],
                tables: &mut [u8],
                out: &mut [u128],
            ) {
                let (n, delta) = (out.len(), broadcast(&delta));
                let keys = &mut Keys::new(h, [tweak, tweak.wrapping_add(n as u64)], n);
                let inputs = [must_cast_slice(a), must_cast_slice(b)];
                let (generators, evaluators) = tables.split_at_mut(16 * n);
                let outputs = [generators, evaluators, must_cast_slice_mut(out)];
                match h.kind() {
                    HashKind::Mitccrh => garble_blocks::<MITCCRH, $garble, { bytes($garble) }>(
                        keys, 0, delta, inputs, outputs,
                    ),
                    HashKind::MitccrhStrict => {
                        garble_blocks::<STRICT, $garble_strict, { bytes($garble_strict) }>(
                            keys, 0, delta, inputs, outputs,
                        )
                    }
                    HashKind::FixedKey => {
                        garble_blocks::<FIXED_KEY, $fixed_key, { bytes($fixed_key) }>(
                            keys, 0, delta, inputs, outputs,
                        )
                    }
                }
            }

            /// The instances from `start` on, `U` registers or `BYTES` of a wire at once.
            #[target_feature(enable = $features)]
            fn garble_blocks<const KIND: u8, const U: usize, const BYTES: usize>(
                keys: &mut Keys<2>,
                start: usize,
                delta: V,
                [a, b]: [&[u8]; 2],
                [generators, evaluators, out]: [&mut [u8]; 3],
            ) {
                let inputs = a.chunks(BLOCK).zip(b.chunks(BLOCK));
                let tables = generators.chunks_mut(BLOCK).zip(evaluators.chunks_mut(BLOCK));
                let blocks = inputs.zip(tables).zip(out.chunks_mut(BLOCK));
                for (i, (((a, b), (generators, evaluators)), out)) in blocks.enumerate() {
                    let first = start + i * INSTANCES_PER_KEY;
                    let block = block::<KIND, 2>(keys, first);
                    let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
                    let (generators, last_generators) = generators.as_chunks_mut();
                    let (evaluators, last_evaluators) = evaluators.as_chunks_mut();
                    let (out, last_out) = out.as_chunks_mut();
                    for i in 0..a.len() {
                        let at = i * BYTES / 16;
                        let outputs = [&mut generators[i], &mut evaluators[i], &mut out[i]];
                        garble_strip::<KIND, U, BYTES>(&block, at, delta, [&a[i], &b[i]], outputs);
                    }
                    if !last_a.is_empty() {
                        let [mut g, mut e, mut o] = [[0; BYTES]; 3];
                        let [x, y] = [last_a, last_b].map(padded::<BYTES>);
                        let outputs: [&mut [u8]; 3] = [&mut g, &mut e, &mut o];
                        let at = first + a.len() * BYTES / 16;
                        garble_blocks::<KIND, U, BYTES>(keys, at, delta, [&x, &y], outputs);
                        last_generators.copy_from_slice(&g[..last_a.len()]);
                        last_evaluators.copy_from_slice(&e[..last_a.len()]);
                        last_out.copy_from_slice(&o[..last_a.len()]);
                    }
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn garble_strip<const KIND: u8, const U: usize, const BYTES: usize>(
                keys: &BlockKeys<'_, 2>,
                at: usize,
                delta: V,
                [a, b]: [&[u8; BYTES]; 2],
                [generators, evaluators, out]: [&mut [u8; BYTES]; 3],
            ) {
                let (a0, b0) = (read::<U>(a), read::<U>(b));
                let hashes =
                    hash::<KIND, $resident, _, _, _>(keys, at, [a0, b0], [broadcast(&0), delta]);
                let Unfinished { states: [sa, sb], keys: [ka, kb] } = hashes;
                let [mut generator, mut evaluator, mut zero] = [a0; 3];
                for u in 0..U {
                    let (colour_a, colour_b) = (colours(a0[u]), colours(b0[u]));
                    let ha = last_round(sa[0][u], ka[0][u]);
                    let key = add_where(ka[1][u], colour_b, delta);
                    generator[u] = xor(ha, last_round(sa[1][u], key));
                    let hb = last_round(sb[0][u], kb[0][u]);
                    let hb1 = last_round(sb[1][u], kb[1][u]);
                    evaluator[u] = xor3(hb, hb1, a0[u]);
                    let hashes = xor3(ha, hb, keys.missing);
                    let left = add_where(hashes, colour_a, generator[u]);
                    zero[u] = add_both_where(left, colour_b, hb, hb1);
                }
                write(generator, generators);
                write(evaluator, evaluators);
                write(zero, out);
            }

            #[target_feature(enable = $features)]
            pub(crate) fn evaluate(
                h: &Hash,
                tweak: u64,
                [a, b]: [&[u128]; 2],
                tables: &[u8],
                out: &mut [u128],
            ) {
                let n = out.len();
                let keys = &mut Keys::new(h, [tweak, tweak.wrapping_add(n as u64)], n);
                let (generators, evaluators) = tables.split_at(16 * n);
                let inputs = [must_cast_slice(a), must_cast_slice(b), generators, evaluators];
                let out = must_cast_slice_mut(out);
                match h.kind() {
                    HashKind::Mitccrh => {
                        evaluate_blocks::<MITCCRH, $evaluate, { bytes($evaluate) }>(
                            keys, 0, inputs, out,
                        )
                    }
                    HashKind::MitccrhStrict => {
                        evaluate_blocks::<STRICT, $evaluate_strict, { bytes($evaluate_strict) }>(
                            keys, 0, inputs, out,
                        )
                    }
                    HashKind::FixedKey => {
                        evaluate_blocks::<FIXED_KEY, $fixed_key, { bytes($fixed_key) }>(
                            keys, 0, inputs, out,
                        )
                    }
                }
            }

            /// The instances from `start` on, `U` registers or `BYTES` of a wire at once.
            #[target_feature(enable = $features)]
            fn evaluate_blocks<const KIND: u8, const U: usize, const BYTES: usize>(
                keys: &mut Keys<2>,
                start: usize,
                [a, b, generators, evaluators]: [&[u8]; 4],
                out: &mut [u8],
            ) {
                let inputs = a.chunks(BLOCK).zip(b.chunks(BLOCK));
                let tables = generators.chunks(BLOCK).zip(evaluators.chunks(BLOCK));
                let blocks = inputs.zip(tables).zip(out.chunks_mut(BLOCK));
                for (i, (((a, b), (generators, evaluators)), out)) in blocks.enumerate() {
                    let first = start + i * INSTANCES_PER_KEY;
                    let block = block::<KIND, 2>(keys, first);
                    let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
                    let (generators, last_generators) = generators.as_chunks();
                    let (evaluators, last_evaluators) = evaluators.as_chunks();
                    let (out, last_out) = out.as_chunks_mut();
                    for i in 0..a.len() {
                        let inputs = [&a[i], &b[i], &generators[i], &evaluators[i]];
                        evaluate_strip::<KIND, U, BYTES>(
                            &block,
                            i * BYTES / 16,
                            inputs,
                            &mut out[i],
                        );
                    }
                    if !last_a.is_empty() {
                        let inputs = [last_a, last_b, last_generators, last_evaluators];
                        let [a, b, g, e] = inputs.map(padded::<BYTES>);
                        let mut o = [0; BYTES];
                        let at = first + out.len() * BYTES / 16;
                        evaluate_blocks::<KIND, U, BYTES>(keys, at, [&a, &b, &g, &e], &mut o);
                        last_out.copy_from_slice(&o[..last_out.len()]);
                    }
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn evaluate_strip<const KIND: u8, const U: usize, const BYTES: usize>(
                keys: &BlockKeys<'_, 2>,
                at: usize,
                [a, b, generators, evaluators]: [&[u8; BYTES]; 4],
                out: &mut [u8; BYTES],
            ) {
                let (a, b) = (read::<U>(a), read::<U>(b));
                let hashes = hash::<KIND, true, _, _, _>(keys, at, [a, b], [broadcast(&0)]);
                let Unfinished { states: [[sa], [sb]], keys: [[ka], [kb]] } = hashes;
                let (generator, evaluator): ([V; U], [V; U]) = (read(generators), read(evaluators));
                let mut active = a;
                for u in 0..U {
                    // All that is added to the last rounds' outputs serves as their key.
                    let whitening = xor3(ka[u], kb[u], keys.missing);
                    let left = add_where(whitening, colours(a[u]), generator[u]);
                    let key = add_both_where(left, colours(b[u]), evaluator[u], a[u]);
                    active[u] = last_round(sb[u], last_round(sa[u], key));
                }
                write::<U>(active, out);
            }
        }
    };
}

half_gates!(xmm, "aes,ssse3,avx", false, [2, 1], [4, 4], 2);
half_gates!(ymm, "vaes,avx2", false, [2, 1], [2, 4], 2);
half_gates!(zmm, "vaes,avx512f,avx512bw", true, [2, 2], [2, 2], 4);
