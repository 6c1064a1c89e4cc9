//! The trees on the bit-sliced hash.

use crate::bitsliced::{BLOCKS, Keys, by_eight};
use crate::hash::simd128::hash_eight;

use super::one_hot;
pub(super) use super::one_hot::select;
use super::scalar::{double_by, grow_by};

/// As [`super::grow`], from the two first nodes.
pub(super) fn grow(key: u128, first: [u128; 2], sums: &mut [u128], leaves: &mut [u128]) {
    let keys = Keys::schedule(&[key; BLOCKS]);
    grow_by(|nodes| double(&keys, nodes), first, sums, leaves);
}

/// As [`super::grow_punctured`].
pub(super) fn grow_punctured(key: u128, point: usize, opened: &[u128], leaves: &mut [u128]) {
    let keys = Keys::schedule(&[key; BLOCKS]);
    one_hot::punctured(point, opened, leaves, |nodes| double(&keys, nodes), one_hot::add);
}

fn double(keys: &Keys, nodes: &mut [u128]) -> u128 {
    double_by(nodes, |left| by_eight(left, |_, eight| hash_eight(keys, eight)))
}
