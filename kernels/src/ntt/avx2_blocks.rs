//! Vectors of four in a polynomial: where they stand, and where in the domain's order.

pub(super) type Vector = [u64; 4];

/// A block of 64 as vectors has four groups of four. Group 2·h + l holds every second vector of half
/// h from l on: as columns, those of group 2·l + h in the domain's order.
pub(super) fn places(group: usize) -> [usize; 4] {
    [0, 2, 4, 6].map(|i| 8 * (group / 2) + group % 2 + i)
}

/// The groups two by two, with those whose places they have in the domain's order.
pub(super) const PAIRS: [([usize; 2], [usize; 2]); 2] = [([0, 3], [0, 3]), ([1, 2], [2, 1])];

/// Where the scalar twin has the roots of the four blocks of 4 whose places a group of block `block` of
/// 64 has as lanes; those of their halves are at twice that and one more.
pub(super) fn blocks_of_four(n: usize, block: usize, group: usize) -> [usize; 4] {
    places(group).map(|place| n / 4 + 16 * block + place)
}

/// Equal places of a block's quarters.
pub(super) fn quarters(block: &mut [Vector]) -> impl Iterator<Item = [&mut Vector; 4]> {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let (x0, x1) = low.split_at_mut(low.len() / 2);
    let (x2, x3) = high.split_at_mut(high.len() / 2);
    let pairs = x0.iter_mut().zip(x1).zip(x2.iter_mut().zip(x3));
    pairs.map(|((x0, x1), (x2, x3))| [x0, x1, x2, x3])
}
