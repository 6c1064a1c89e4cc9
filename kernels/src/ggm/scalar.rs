//! The scalar twin of the trees: the specification.

use crate::hash::{Hash, HashKind, scalar::hash};

use super::one_hot;
pub(super) use super::one_hot::select;

/// As [`super::grow`], from the two first nodes.
pub(super) fn grow(key: u128, first: [u128; 2], sums: &mut [u128], leaves: &mut [u128]) {
    grow_by(|nodes| double(key, nodes), first, sums, leaves);
}

/// Grows a tree; `double` makes a level of the one above.
#[inline(always)]
pub(super) fn grow_by(
    double: impl Fn(&mut [u128]) -> u128,
    first: [u128; 2],
    sums: &mut [u128],
    leaves: &mut [u128],
) {
    leaves[..2].copy_from_slice(&first);
    for (level, sum) in (1..).zip(sums) {
        *sum = double(&mut leaves[..2 << level]);
    }
    leaves.iter_mut().for_each(|leaf| *leaf &= !1);
}

/// As [`super::grow_punctured`].
pub(super) fn grow_punctured(key: u128, point: usize, opened: &[u128], leaves: &mut [u128]) {
    one_hot::punctured(point, opened, leaves, |nodes| double(key, nodes), one_hot::add);
}

/// Replaces the first half, a level, by its left children, the second by its right ones; returns the
/// sum of the left ones.
fn double(key: u128, nodes: &mut [u128]) -> u128 {
    double_by(nodes, |left| {
        for block in left.chunks_mut(128) {
            // MITCCRH with the tweak 0 for all.
            hash(&Hash::new(HashKind::Mitccrh, key), 0, block);
        }
    })
}

/// The same with a twin of the hash.
#[inline(always)]
pub(super) fn double_by(nodes: &mut [u128], hash: impl Fn(&mut [u128])) -> u128 {
    let (left, right) = nodes.split_at_mut(nodes.len() / 2);
    right.copy_from_slice(left);
    hash(left);
    let mut sum = 0;
    for (l, r) in left.iter().zip(right) {
        *r ^= l;
        sum ^= l;
    }
    sum
}
