//! The scalar twin of the half-gates kernels.

use crate::hash::{Hash, scalar::hash};
use alloc::vec::Vec;

/// Garbles `c = a ∧ b` for each instance from the zero labels of `a` and `b`: returns the zero
/// labels of `c` and writes the table, the generator's half then the evaluator's, to `tables`.
/// Tweaks: `tweak..tweak + 2·instances`, the first half for `a`.
///
/// # Panics
/// If the lengths differ or `tables` is not 2 blocks an instance.
pub fn garble(
    h: &Hash,
    tweak: u64,
    delta: u128,
    a: &[u128],
    b: &[u128],
    tables: &mut [[u128; 2]],
) -> Vec<u128> {
    assert!(a.len() == b.len() && a.len() == tables.len());
    let n = a.len() as u64;
    let hashed = |labels: &[u128], flip: u128, tweak| {
        let mut labels: Vec<u128> = labels.iter().map(|x| x ^ flip).collect();
        hash(h, tweak, &mut labels);
        labels
    };
    let (a0, a1) = (hashed(a, 0, tweak), hashed(a, delta, tweak));
    let (b0, b1) = (hashed(b, 0, tweak + n), hashed(b, delta, tweak + n));
    let mut out = Vec::with_capacity(a.len());
    for i in 0..a.len() {
        let generator = a0[i] ^ a1[i] ^ select(b[i], delta);
        let evaluator = b0[i] ^ b1[i] ^ a[i];
        tables[i] = [generator, evaluator];
        out.push(a0[i] ^ select(a[i], generator) ^ b0[i] ^ select(b[i], evaluator ^ a[i]));
    }
    out
}

/// Evaluates `c = a ∧ b` for each instance from the active labels.
///
/// # Panics
/// If the lengths differ.
pub fn evaluate(h: &Hash, tweak: u64, a: &[u128], b: &[u128], tables: &[[u128; 2]]) -> Vec<u128> {
    assert!(a.len() == b.len() && a.len() == tables.len());
    let (mut ha, mut hb) = (a.to_vec(), b.to_vec());
    hash(h, tweak, &mut ha);
    hash(h, tweak + a.len() as u64, &mut hb);
    for i in 0..a.len() {
        let [generator, evaluator] = tables[i];
        ha[i] ^= hb[i] ^ select(a[i], generator) ^ select(b[i], evaluator ^ a[i]);
    }
    ha
}

/// `value` if the colour bit of `label` is set, else 0; without a branch.
#[inline(always)]
pub const fn select(label: u128, value: u128) -> u128 {
    (label & 1).wrapping_neg() & value
}
