//! Vectors of four in a polynomial: where they stand, and where in the domain's order.

use alloc::vec::Vec;

pub(super) type Vector = [u64; 4];

/// 64 values.
pub(super) type Block = [Vector; 16];

/// Where the four vectors of a group stand in a block: group 2·h + l has every second of half h from
/// l on.
pub(super) const fn places(group: usize) -> [usize; 4] {
    let first = 8 * (group / 2) + group % 2;
    [first, first + 2, first + 4, first + 6]
}

/// The four groups of a block.
pub(super) fn groups(block: &mut Block) -> [[&mut Vector; 4]; 4] {
    let [a0, b0, a1, b1, a2, b2, a3, b3, c0, d0, c1, d1, c2, d2, c3, d3] = block;
    [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3], [d0, d1, d2, d3]]
}

/// Where the scalar twin has the roots of the four blocks of 4 that the lanes of a group of the
/// transposed block `block` belong to; those of their halves are at twice that and one more.
fn blocks_of_four(n: usize, block: usize, group: usize) -> [usize; 4] {
    places([0, 2, 1, 3][group]).map(|place| n / 4 + 16 * block + place)
}

/// The roots of one direction.
#[derive(Clone, Debug)]
pub(super) struct Roots<R, L> {
    /// In the order of the scalar twin, for blocks longer than 4.
    pub(super) blocks: Vec<R>,
    /// For each group of a transposed block of 64 those of blocks of 4, and of their halves.
    pub(super) lanes: Vec<[[L; 3]; 4]>,
}

impl<R: Copy, L> Roots<R, L> {
    /// From all roots in the order of the scalar twin; `of_lanes` puts one in each lane.
    pub(super) fn new(roots: &[R], of_lanes: impl Fn([R; 4]) -> L) -> Self {
        let n = roots.len();
        let lanes = |at: [usize; 4]| of_lanes(at.map(|at| roots[at]));
        let group = |block, group| {
            let four = blocks_of_four(n, block, group);
            [lanes(four), lanes(four.map(|at| 2 * at)), lanes(four.map(|at| 2 * at + 1))]
        };
        let lanes = (0..n / 64).map(|i| core::array::from_fn(|g| group(i, g))).collect();
        Self { blocks: roots[..n / 4].to_vec(), lanes }
    }
}

/// Equal places of a block's quarters.
pub(super) fn quarters<V>(block: &mut [V]) -> impl Iterator<Item = [&mut V; 4]> {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let (x0, x1) = low.split_at_mut(low.len() / 2);
    let (x2, x3) = high.split_at_mut(high.len() / 2);
    let pairs = x0.iter_mut().zip(x1).zip(x2.iter_mut().zip(x3));
    pairs.map(|((x0, x1), (x2, x3))| [x0, x1, x2, x3])
}

/// For each of `blocks` blocks its root and the two of its halves.
pub(super) fn quarter_roots<R: Copy>(
    roots: &[R],
    blocks: usize,
) -> impl Iterator<Item = [R; 3]> + use<'_, R> {
    (blocks..2 * blocks).map(|at| [roots[at], roots[2 * at], roots[2 * at + 1]])
}
