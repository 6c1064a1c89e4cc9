//! Half-gates with AES instructions, on registers of three widths: the same text three times.

use bytemuck::{must_cast_slice, must_cast_slice_mut};

use crate::hash::{Hash, x86};

macro_rules! half_gates {
    ($ops:ident, $features:literal, $garble:literal, $evaluate:literal) => {
        pub(super) mod $ops {
            use super::*;
            use crate::aes::$ops::*;
            use x86::$ops::{Keys, group, hash, missing, read, schedule, write};

            /// Bytes of the labels that are garbled, and evaluated, at once.
            const GARBLE: usize = 16 * BLOCKS * $garble;
            const EVALUATE: usize = 16 * BLOCKS * $evaluate;

            #[target_feature(enable = $features)]
            pub(crate) fn garble(
                h: &Hash,
                tweak: u64,
                delta: u128,
                inputs: [&[u128]; 2],
                tables: &mut [u8],
                out: &mut [u128],
            ) {
                let n = out.len();
                let delta = broadcast(&delta);
                let mut keys = Keys::new(h);
                let (generators, evaluators) = tables.split_at_mut(16 * n);
                let groups = generators
                    .chunks_mut(16 * group(2))
                    .zip(evaluators.chunks_mut(16 * group(2)))
                    .zip(out.chunks_mut(group(2)));
                for (i, ((generators, evaluators), out)) in groups.enumerate() {
                    let start = i * group(2);
                    let first = tweak.wrapping_add(start as u64);
                    schedule(&mut keys, [first, first.wrapping_add(n as u64)]);
                    let inputs = inputs.map(|x| must_cast_slice(&x[start..][..out.len()]));
                    let outputs = [generators, evaluators, must_cast_slice_mut(out)];
                    garble_group(&keys, delta, inputs, outputs);
                }
            }

            #[target_feature(enable = $features)]
            fn garble_group(
                keys: &Keys<2>,
                delta: V,
                [a, b]: [&[u8]; 2],
                [generators, evaluators, out]: [&mut [u8]; 3],
            ) {
                let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
                let (generators, last_generators) = generators.as_chunks_mut();
                let (evaluators, last_evaluators) = evaluators.as_chunks_mut();
                let (out, last_out) = out.as_chunks_mut();
                for i in 0..a.len() {
                    let outputs = [&mut generators[i], &mut evaluators[i], &mut out[i]];
                    garble_strip(keys, i * GARBLE / 16, delta, [&a[i], &b[i]], outputs);
                }
                if !last_a.is_empty() {
                    let [mut g, mut e, mut o] = [[0; GARBLE]; 3];
                    let inputs = [&padded(last_a), &padded(last_b)];
                    let outputs = [&mut g, &mut e, &mut o];
                    garble_strip(keys, a.len() * GARBLE / 16, delta, inputs, outputs);
                    last_generators.copy_from_slice(&g[..last_a.len()]);
                    last_evaluators.copy_from_slice(&e[..last_a.len()]);
                    last_out.copy_from_slice(&o[..last_a.len()]);
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn garble_strip(
                keys: &Keys<2>,
                at: usize,
                delta: V,
                [a, b]: [&[u8; GARBLE]; 2],
                [generators, evaluators, out]: [&mut [u8; GARBLE]; 3],
            ) {
                let (a0, b0) = (read::<$garble>(a), read::<$garble>(b));
                let [[ha0, ha1], [hb0, hb1]] =
                    hash::<false, _, _, _>(keys, at, [a0, b0], [broadcast(&0), delta]);
                let missing = missing(keys, at);
                let [mut generator, mut evaluator, mut zero] = [a0; 3];
                for u in 0..$garble {
                    let both = xor(hb0[u], hb1[u]);
                    generator[u] = xor(xor(ha0[u], ha1[u]), and(colours(b0[u]), delta));
                    evaluator[u] = xor(both, a0[u]);
                    let hashes = xor(xor(ha0[u], hb0[u]), missing);
                    let left = and(colours(a0[u]), generator[u]);
                    zero[u] = xor(hashes, xor(left, and(colours(b0[u]), both)));
                }
                write(generator, generators);
                write(evaluator, evaluators);
                write(zero, out);
            }

            #[target_feature(enable = $features)]
            pub(crate) fn evaluate(
                h: &Hash,
                tweak: u64,
                inputs: [&[u128]; 2],
                tables: &[u8],
                out: &mut [u128],
            ) {
                let n = out.len();
                let mut keys = Keys::new(h);
                for (i, out) in out.chunks_mut(group(2)).enumerate() {
                    let start = i * group(2);
                    let first = tweak.wrapping_add(start as u64);
                    schedule(&mut keys, [first, first.wrapping_add(n as u64)]);
                    let inputs = inputs.map(|x| must_cast_slice(&x[start..][..out.len()]));
                    let halves = [start, n + start].map(|at| &tables[16 * at..][..16 * out.len()]);
                    evaluate_group(&keys, inputs, halves, must_cast_slice_mut(out));
                }
            }

            #[target_feature(enable = $features)]
            fn evaluate_group(
                keys: &Keys<2>,
                [a, b]: [&[u8]; 2],
                [generators, evaluators]: [&[u8]; 2],
                out: &mut [u8],
            ) {
                let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
                let (generators, last_generators) = generators.as_chunks();
                let (evaluators, last_evaluators) = evaluators.as_chunks();
                let (out, last_out) = out.as_chunks_mut();
                for i in 0..a.len() {
                    let halves = [&generators[i], &evaluators[i]];
                    evaluate_strip(keys, i * EVALUATE / 16, [&a[i], &b[i]], halves, &mut out[i]);
                }
                if !last_a.is_empty() {
                    let mut o = [0; EVALUATE];
                    let inputs = [&padded(last_a), &padded(last_b)];
                    let halves = [&padded(last_generators), &padded(last_evaluators)];
                    evaluate_strip(keys, a.len() * EVALUATE / 16, inputs, halves, &mut o);
                    last_out.copy_from_slice(&o[..last_a.len()]);
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn evaluate_strip(
                keys: &Keys<2>,
                at: usize,
                [a, b]: [&[u8; EVALUATE]; 2],
                [generators, evaluators]: [&[u8; EVALUATE]; 2],
                out: &mut [u8; EVALUATE],
            ) {
                let (a, b) = (read::<$evaluate>(a), read::<$evaluate>(b));
                let [[ha], [hb]] = hash::<false, _, _, _>(keys, at, [a, b], [broadcast(&0)]);
                let (generator, evaluator): ([V; $evaluate], [V; $evaluate]) =
                    (read(generators), read(evaluators));
                let missing = missing(keys, at);
                let mut active = a;
                for u in 0..$evaluate {
                    let hashes = xor(xor(ha[u], hb[u]), missing);
                    let left = and(colours(a[u]), generator[u]);
                    let right = and(colours(b[u]), xor(evaluator[u], a[u]));
                    active[u] = xor(hashes, xor(left, right));
                }
                write::<$evaluate>(active, out);
            }
        }
    };
}

/// The bytes and zeros after them.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut whole = [0; N];
    whole[..bytes.len()].copy_from_slice(bytes);
    whole
}

half_gates!(xmm, "aes,ssse3,avx", 4, 4);
half_gates!(ymm, "vaes,avx2", 4, 4);
half_gates!(zmm, "vaes,avx512f,avx512bw", 4, 4);
