//! What stands at a secret place, without an address that depends on it.
//!
//! The compiler knows of a mask made by arithmetic that it is 0 or −1 and may branch on it; so every
//! mask passes through [`black_box`], one for each of the place's low six bits' values and one for
//! each of its high bits', not one for each element.

use core::hint::black_box;

/// Elements that share a high mask.
pub(super) const LOW: usize = 64;

/// The masks of a place's low bits.
pub(super) struct LowMasks(pub(super) [u128; LOW]);

impl LowMasks {
    /// Of a place among `len` elements.
    #[inline(always)]
    pub(super) fn new(place: usize, len: usize) -> Self {
        let mut masks = [0; LOW];
        for (i, mask) in masks.iter_mut().take(len).enumerate() {
            *mask = equal(i, place % LOW);
        }
        Self(masks)
    }
}

/// All ones if the numbers are equal, else 0.
#[inline(always)]
pub(super) fn equal(a: usize, b: usize) -> u128 {
    let differ = ((a ^ b) as u64).wrapping_neg() >> 63;
    black_box(u128::from(differ).wrapping_sub(1))
}

/// Adds `value` to element `place`; `low` are its masks.
#[inline(always)]
pub(super) fn add(elements: &mut [u128], low: &LowMasks, place: usize, value: u128) {
    for (high, elements) in elements.chunks_mut(LOW).enumerate() {
        let value = value & equal(high, place / LOW);
        for (element, mask) in elements.iter_mut().zip(&low.0) {
            *element ^= value & mask;
        }
    }
}

/// The scalar twin of [`super::select`].
pub(super) fn select(elements: &[u128], place: usize) -> u128 {
    let low = LowMasks::new(place, elements.len());
    let mut found = 0;
    for (high, elements) in elements.chunks(LOW).enumerate() {
        let sum = elements.iter().zip(&low.0).fold(0, |sum, (element, mask)| sum ^ element & mask);
        found ^= sum & equal(high, place / LOW);
    }
    found
}

/// Grows a punctured tree as [`super::grow_punctured`]: `double` makes a level of the one above and
/// `add` is a twin of [`add`].
///
/// The path's nodes are grown like others, from whatever stands there. That spoils its children:
/// one is the next node of the path, and the other, its sibling, stands on the opened side, so what
/// the side's sum lacks is what the sibling lacks.
#[inline(always)]
pub(super) fn punctured(
    point: usize,
    opened: &[u128],
    leaves: &mut [u128],
    double: impl Fn(&mut [u128]) -> u128,
    add: impl Fn(&mut [u128], &LowMasks, usize, u128),
) {
    leaves[..2].fill(0);
    // The sums of the level above, and of its first side.
    let (mut all, mut left) = (0, 0);
    let mut low = LowMasks::new(0, 0);
    for (level, opened) in opened.iter().enumerate() {
        let nodes = &mut leaves[..2 << level];
        if level > 0 {
            left = double(nodes);
        }
        let side = black_box(u128::from(point as u64 >> level & 1).wrapping_neg());
        // The sum of the side away from the path: the left one if the path goes right.
        let missing = opened ^ (left ^ all & !side);
        let sibling = (point ^ 1 << level) & (nodes.len() - 1);
        if nodes.len() <= LOW {
            low = LowMasks::new(sibling, nodes.len());
        } else if nodes.len() == 2 * LOW {
            low = LowMasks::new(point, LOW);
        }
        add(nodes, &low, sibling, missing);
        all ^= missing;
    }
    leaves.iter_mut().for_each(|leaf| *leaf &= !1);
    add(leaves, &LowMasks::new(point, leaves.len()), point, all | 1);
}
