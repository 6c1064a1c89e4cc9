//! Half-gates with AES instructions, on registers of three widths: the same text three times.

use bytemuck::{must_cast_slice, must_cast_slice_mut};

use crate::hash::{Hash, x86};

/// A register for each instance of `U`, written out per operation so that the table's halves, the
/// labels and the hashes of many instances are in flight at once.
macro_rules! half_gates {
    ($ops:ident, $features:literal, $garble:literal, $evaluate:literal) => {
        pub(super) mod $ops {
            use super::*;
            use crate::aes::$ops::*;
            use x86::$ops::{hash, read, schedule, write};

            #[target_feature(enable = $features)]
            pub(crate) fn garble(
                h: &Hash,
                tweak: u64,
                delta: u128,
                [a, b]: [&[u128]; 2],
                tables: &mut [u8],
                out: &mut [u128],
            ) {
                let n = a.len();
                let (a, b, out) =
                    (must_cast_slice(a), must_cast_slice(b), must_cast_slice_mut(out));
                let (generators, evaluators) = tables.split_at_mut(16 * n);
                let delta = broadcast(&delta);
                for start in (0..n).step_by(x86::GROUP) {
                    let first = tweak.wrapping_add(start as u64);
                    let keys = schedule(h, [first, first.wrapping_add(n as u64)]);
                    for at in (start..n.min(start + x86::GROUP)).step_by($garble * BLOCKS) {
                        let (a0, b0) = (read::<$garble>(a, at), read::<$garble>(b, at));
                        let mut x =
                            [[a0, a0.map(|x| xor(x, delta))], [b0, b0.map(|x| xor(x, delta))]];
                        hash(&keys, at - start, &mut x);
                        let [[ha0, ha1], [hb0, hb1]] = x;
                        let generator: [V; $garble] = core::array::from_fn(|u| {
                            xor(xor(ha0[u], ha1[u]), and(colours(b0[u]), delta))
                        });
                        let both: [V; $garble] = core::array::from_fn(|u| xor(hb0[u], hb1[u]));
                        let zero: [V; $garble] = core::array::from_fn(|u| {
                            let left = xor(ha0[u], and(colours(a0[u]), generator[u]));
                            xor(left, xor(hb0[u], and(colours(b0[u]), both[u])))
                        });
                        let evaluator: [V; $garble] = core::array::from_fn(|u| xor(both[u], a0[u]));
                        write(generator, generators, at);
                        write(evaluator, evaluators, at);
                        write::<$garble>(zero, out, at);
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub(crate) fn evaluate(
                h: &Hash,
                tweak: u64,
                [a, b]: [&[u128]; 2],
                tables: &[u8],
                out: &mut [u128],
            ) {
                let n = a.len();
                let (a, b, out) =
                    (must_cast_slice(a), must_cast_slice(b), must_cast_slice_mut(out));
                let (generators, evaluators) = tables.split_at(16 * n);
                for start in (0..n).step_by(x86::GROUP) {
                    let first = tweak.wrapping_add(start as u64);
                    let keys = schedule(h, [first, first.wrapping_add(n as u64)]);
                    for at in (start..n.min(start + x86::GROUP)).step_by($evaluate * BLOCKS) {
                        let (a, b) = (read::<$evaluate>(a, at), read::<$evaluate>(b, at));
                        let mut x = [[a], [b]];
                        hash(&keys, at - start, &mut x);
                        let [[ha], [hb]] = x;
                        let generator = read::<$evaluate>(generators, at);
                        let evaluator = read::<$evaluate>(evaluators, at);
                        let active: [V; $evaluate] = core::array::from_fn(|u| {
                            let left = xor(ha[u], and(colours(a[u]), generator[u]));
                            let row = xor(evaluator[u], a[u]);
                            xor(left, xor(hb[u], and(colours(b[u]), row)))
                        });
                        write(active, out, at);
                    }
                }
            }
        }
    };
}

half_gates!(xmm, "aes,ssse3", 2, 4);
half_gates!(ymm, "vaes,avx2", 2, 4);
half_gates!(zmm, "vaes,avx512f,avx512bw", 4, 8);
