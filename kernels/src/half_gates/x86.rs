//! Half-gates with AES instructions, written once and instantiated for registers of three widths.

use bytemuck::{must_cast_slice, must_cast_slice_mut};

use crate::hash::keys::{self, FIXED_KEY, MITCCRH, STRICT};
use crate::hash::x86::{self, padded};
use crate::hash::{Hash, HashKind, INSTANCES_PER_KEY};

/// Bytes of the labels that share a key.
const BLOCK: usize = 16 * INSTANCES_PER_KEY;

/// Registers of a wire at once with MITCCRH.
const ONE: usize = 1;

/// A strip on the stack. Its alignment becomes the stack's, so that no register that the compiler
/// keeps there crosses a cache line.
#[repr(align(64))]
struct Strip<const BYTES: usize>([u8; BYTES]);

// With the other kinds of hash, `$others` registers of a wire at once were the fastest.
macro_rules! half_gates {
    ($ops:ident, $features:literal, $others:literal) => {
        pub(super) mod $ops {
            use super::*;
            use crate::aes::$ops::*;
            use keys::$ops::{BlockKeys, Keys, block};
            use x86::$ops::{Started, read, resume, start, write};

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
                    HashKind::Mitccrh => garble_blocks::<MITCCRH, ONE, { bytes(ONE) }>(
                        keys, 0, delta, inputs, outputs,
                    ),
                    HashKind::MitccrhStrict => {
                        garble_blocks::<STRICT, $others, { bytes($others) }>(
                            keys, 0, delta, inputs, outputs,
                        )
                    }
                    HashKind::FixedKey => garble_blocks::<FIXED_KEY, $others, { bytes($others) }>(
                        keys, 0, delta, inputs, outputs,
                    ),
                }
            }

            /// The instances from number `from` on, `U` registers or `BYTES` of a wire at once.
            #[target_feature(enable = $features)]
            fn garble_blocks<const KIND: u8, const U: usize, const BYTES: usize>(
                keys: &mut Keys<2>,
                from: usize,
                delta: V,
                [a, b]: [&[u8]; 2],
                [generators, evaluators, out]: [&mut [u8]; 3],
            ) {
                let inputs = a.chunks(BLOCK).zip(b.chunks(BLOCK));
                let tables = generators.chunks_mut(BLOCK).zip(evaluators.chunks_mut(BLOCK));
                let blocks = inputs.zip(tables).zip(out.chunks_mut(BLOCK));
                for (i, (((a, b), (generators, evaluators)), out)) in blocks.enumerate() {
                    let first = from + i * INSTANCES_PER_KEY;
                    let block = block::<KIND, 2>(keys, first);
                    let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
                    let (generators, last_generators) = generators.as_chunks_mut();
                    let (evaluators, last_evaluators) = evaluators.as_chunks_mut();
                    let (out, last_out) = out.as_chunks_mut();
                    // Backwards: results usually lie behind labels, modulo the 4,096 bytes by which
                    // processors tell addresses apart at first, and so no load waits for a store
                    // that it has no part in.
                    if let Some(end) = a.len().checked_sub(1) {
                        let inputs = [&a[end], &b[end]];
                        let mut started =
                            start_garbling::<KIND, U, BYTES>(&block, end, delta, inputs);
                        for i in (1..=end).rev() {
                            let inputs = [&a[i - 1], &b[i - 1]];
                            let next =
                                start_garbling::<KIND, U, BYTES>(&block, i - 1, delta, inputs);
                            let inputs = [&a[i], &b[i]];
                            let outputs = [&mut generators[i], &mut evaluators[i], &mut out[i]];
                            finish_garbling::<KIND, U, BYTES>(
                                &block, started, delta, inputs, outputs,
                            );
                            started = next;
                        }
                        let outputs = [&mut generators[0], &mut evaluators[0], &mut out[0]];
                        finish_garbling::<KIND, U, BYTES>(
                            &block,
                            started,
                            delta,
                            [&a[0], &b[0]],
                            outputs,
                        );
                    }
                    if !last_a.is_empty() {
                        let [mut g, mut e, mut o] = [const { Strip([0; BYTES]) }; 3];
                        let [x, y] = [last_a, last_b].map(padded::<BYTES>);
                        let outputs: [&mut [u8]; 3] = [&mut g.0, &mut e.0, &mut o.0];
                        let at = first + a.len() * BYTES / 16;
                        garble_blocks::<KIND, U, BYTES>(keys, at, delta, [&x, &y], outputs);
                        last_generators.copy_from_slice(&g.0[..last_a.len()]);
                        last_evaluators.copy_from_slice(&e.0[..last_a.len()]);
                        last_out.copy_from_slice(&o.0[..last_a.len()]);
                    }
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn start_garbling<const KIND: u8, const U: usize, const BYTES: usize>(
                block: &BlockKeys<'_, 2>,
                strip: usize,
                delta: V,
                [a, b]: [&[u8; BYTES]; 2],
            ) -> Started<2, 2, U> {
                let labels = [read(a), read(b)];
                start::<KIND, _, _, _>(block, strip * U * BLOCKS, labels, [broadcast(&0), delta])
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn finish_garbling<const KIND: u8, const U: usize, const BYTES: usize>(
                block: &BlockKeys<'_, 2>,
                started: Started<2, 2, U>,
                delta: V,
                [a, b]: [&[u8; BYTES]; 2],
                [generators, evaluators, out]: [&mut [u8; BYTES]; 3],
            ) {
                let (a0, b0): ([V; U], [V; U]) = (read(a), read(b));
                let [[sa, sb], [ka, kb]] = resume::<KIND, _, _, _>(block, started);
                let [mut generator, mut evaluator, mut zero] = [a0; 3];
                for u in 0..U {
                    let (colour_a, colour_b) = (colours(a0[u]), colours(b0[u]));
                    let ha = last_round(sa[0][u], ka[0][u]);
                    let key = add_where(ka[1][u], colour_b, delta);
                    generator[u] = xor(ha, last_round(sa[1][u], key));
                    let hb = last_round(sb[0][u], kb[0][u]);
                    let hb1 = last_round(sb[1][u], kb[1][u]);
                    evaluator[u] = xor3(hb, hb1, a0[u]);
                    let hashes = xor3(ha, hb, block.missing);
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
                        evaluate_blocks::<MITCCRH, ONE, { bytes(ONE) }>(keys, 0, inputs, out)
                    }
                    HashKind::MitccrhStrict => {
                        evaluate_blocks::<STRICT, $others, { bytes($others) }>(keys, 0, inputs, out)
                    }
                    HashKind::FixedKey => {
                        evaluate_blocks::<FIXED_KEY, $others, { bytes($others) }>(
                            keys, 0, inputs, out,
                        )
                    }
                }
            }

            /// The instances from number `from` on, `U` registers or `BYTES` of a wire at once.
            #[target_feature(enable = $features)]
            fn evaluate_blocks<const KIND: u8, const U: usize, const BYTES: usize>(
                keys: &mut Keys<2>,
                from: usize,
                [a, b, generators, evaluators]: [&[u8]; 4],
                out: &mut [u8],
            ) {
                let inputs = a.chunks(BLOCK).zip(b.chunks(BLOCK));
                let tables = generators.chunks(BLOCK).zip(evaluators.chunks(BLOCK));
                let blocks = inputs.zip(tables).zip(out.chunks_mut(BLOCK));
                for (i, (((a, b), (generators, evaluators)), out)) in blocks.enumerate() {
                    let first = from + i * INSTANCES_PER_KEY;
                    let block = block::<KIND, 2>(keys, first);
                    let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
                    let (generators, last_generators) = generators.as_chunks();
                    let (evaluators, last_evaluators) = evaluators.as_chunks();
                    let (out, last_out) = out.as_chunks_mut();
                    if let Some(end) = a.len().checked_sub(1) {
                        let inputs = [&a[end], &b[end]];
                        let mut started = start_evaluation::<KIND, U, BYTES>(&block, end, inputs);
                        for i in (1..=end).rev() {
                            let inputs = [&a[i - 1], &b[i - 1]];
                            let next = start_evaluation::<KIND, U, BYTES>(&block, i - 1, inputs);
                            let inputs = [&a[i], &b[i], &generators[i], &evaluators[i]];
                            finish_evaluation::<KIND, U, BYTES>(
                                &block,
                                started,
                                inputs,
                                &mut out[i],
                            );
                            started = next;
                        }
                        let inputs = [&a[0], &b[0], &generators[0], &evaluators[0]];
                        finish_evaluation::<KIND, U, BYTES>(&block, started, inputs, &mut out[0]);
                    }
                    if !last_a.is_empty() {
                        let inputs = [last_a, last_b, last_generators, last_evaluators];
                        let [a, b, g, e] = inputs.map(padded::<BYTES>);
                        let mut o = Strip([0; BYTES]);
                        let at = first + out.len() * BYTES / 16;
                        evaluate_blocks::<KIND, U, BYTES>(keys, at, [&a, &b, &g, &e], &mut o.0);
                        last_out.copy_from_slice(&o.0[..last_out.len()]);
                    }
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn start_evaluation<const KIND: u8, const U: usize, const BYTES: usize>(
                block: &BlockKeys<'_, 2>,
                strip: usize,
                [a, b]: [&[u8; BYTES]; 2],
            ) -> Started<2, 1, U> {
                let labels = [read(a), read(b)];
                start::<KIND, _, _, _>(block, strip * U * BLOCKS, labels, [broadcast(&0)])
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn finish_evaluation<const KIND: u8, const U: usize, const BYTES: usize>(
                block: &BlockKeys<'_, 2>,
                started: Started<2, 1, U>,
                [a, b, generators, evaluators]: [&[u8; BYTES]; 4],
                out: &mut [u8; BYTES],
            ) {
                let (a, b): ([V; U], [V; U]) = (read(a), read(b));
                let (generator, evaluator): ([V; U], [V; U]) = (read(generators), read(evaluators));
                let [[[sa], [sb]], [[ka], [kb]]] = resume::<KIND, _, _, _>(block, started);
                let mut active = a;
                for u in 0..U {
                    // All that is added to the last rounds' outputs serves as their key.
                    let whitening = xor3(ka[u], kb[u], block.missing);
                    let left = add_where(whitening, colours(a[u]), generator[u]);
                    let key = add_both_where(left, colours(b[u]), evaluator[u], a[u]);
                    active[u] = last_round(sb[u], last_round(sa[u], key));
                }
                write::<U>(active, out);
            }
        }
    };
}

half_gates!(xmm, "aes,ssse3,avx", 4);
half_gates!(ymm, "vaes,avx2", 4);
half_gates!(zmm, "vaes,avx512f,avx512bw", 2);
