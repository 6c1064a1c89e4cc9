//! The scalar twin of the half-gates kernels: the specification.

use crate::hash::{Hash, scalar::hash};
use crate::label::select;
use alloc::vec::Vec;

/// As [`super::garble`].
pub fn garble(
    h: &Hash,
    tweak: u64,
    delta: u128,
    inputs: [&[u128]; 2],
    tables: &mut [u8],
    out: &mut [u128],
) {
    garble_by(hash, h, tweak, delta, inputs, tables, out);
}

/// As [`super::evaluate`].
pub fn evaluate(h: &Hash, tweak: u64, inputs: [&[u128]; 2], tables: &[u8], out: &mut [u128]) {
    evaluate_by(hash, h, tweak, inputs, tables, out);
}

/// Garbles with a twin of [`hash`].
#[inline(always)]
pub(super) fn garble_by(
    hash: impl Fn(&Hash, u64, &mut [u128]),
    h: &Hash,
    tweak: u64,
    delta: u128,
    [a, b]: [&[u128]; 2],
    tables: &mut [u8],
    out: &mut [u128],
) {
    let n = a.len();
    let hashed = |labels: &[u128], flip: u128, tweak| {
        let mut labels: Vec<u128> = labels.iter().map(|x| x ^ flip).collect();
        hash(h, tweak, &mut labels);
        labels
    };
    let tweak_b = tweak.wrapping_add(n as u64);
    let (a0, a1) = (hashed(a, 0, tweak), hashed(a, delta, tweak));
    let (b0, b1) = (hashed(b, 0, tweak_b), hashed(b, delta, tweak_b));
    let (generators, evaluators) = tables.as_chunks_mut().0.split_at_mut(n);
    for i in 0..n {
        let generator = a0[i] ^ a1[i] ^ select(b[i], delta);
        let evaluator = b0[i] ^ b1[i] ^ a[i];
        generators[i] = generator.to_le_bytes();
        evaluators[i] = evaluator.to_le_bytes();
        out[i] = a0[i] ^ select(a[i], generator) ^ b0[i] ^ select(b[i], evaluator ^ a[i]);
    }
}

/// Evaluates with a twin of [`hash`].
#[inline(always)]
pub(super) fn evaluate_by(
    hash: impl Fn(&Hash, u64, &mut [u128]),
    h: &Hash,
    tweak: u64,
    [a, b]: [&[u128]; 2],
    tables: &[u8],
    out: &mut [u128],
) {
    let n = a.len();
    let (mut ha, mut hb) = (a.to_vec(), b.to_vec());
    hash(h, tweak, &mut ha);
    hash(h, tweak.wrapping_add(n as u64), &mut hb);
    let (generators, evaluators) = tables.as_chunks().0.split_at(n);
    for i in 0..n {
        let generator = u128::from_le_bytes(generators[i]);
        let evaluator = u128::from_le_bytes(evaluators[i]);
        out[i] = ha[i] ^ hb[i] ^ select(a[i], generator) ^ select(b[i], evaluator ^ a[i]);
    }
}
