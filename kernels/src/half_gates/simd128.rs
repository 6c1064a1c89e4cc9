//! Half-gates on the bit-sliced hash: the sums of labels are the scalar twin's, which the compiler
//! vectorises.

use crate::hash::{Hash, simd128::hash};

use super::scalar::{evaluate_by, garble_by};

/// As [`super::garble`].
pub(super) fn garble(
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
pub(super) fn evaluate(
    h: &Hash,
    tweak: u64,
    inputs: [&[u128]; 2],
    tables: &[u8],
    out: &mut [u128],
) {
    evaluate_by(hash, h, tweak, inputs, tables, out);
}
