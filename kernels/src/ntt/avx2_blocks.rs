//! Vectors of four in a polynomial: where they stand, and where in the domain's order.

use alloc::vec::Vec;
use core::arch::x86_64::*;

pub(super) type Vector = [u64; 4];

/// 64 values.
pub(super) type Block = [Vector; 16];

/// Where the four vectors of a group stand in a block: group 2·h + l has every second of half h from
/// l on.
const fn places(group: usize) -> [usize; 4] {
    let first = 8 * (group / 2) + group % 2;
    [first, first + 2, first + 4, first + 6]
}

/// The four groups of a block.
pub(super) fn groups(block: &mut Block) -> [[&mut Vector; 4]; 4] {
    let [a0, b0, a1, b1, a2, b2, a3, b3, c0, d0, c1, d1, c2, d2, c3, d3] = block;
    [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3], [d0, d1, d2, d3]]
}

/// Rows of groups to columns, and groups 1 and 2 exchanged: takes a block whose levels down to blocks
/// of 4 are done to the domain's order, and back.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn transpose(block: &mut Block) {
    let [a, b, c, d] = groups(block);
    let [x, y] = [columns(&b), columns(&c)];
    write(b, y);
    write(c, x);
    let [x, y] = [columns(&a), columns(&d)];
    write(a, x);
    write(d, y);
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
pub(super) fn quarters(block: &mut [Vector]) -> impl Iterator<Item = [&mut Vector; 4]> {
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

#[inline]
#[target_feature(enable = "avx2")]
fn columns([a, b, c, d]: &[&mut Vector; 4]) -> [__m256i; 4] {
    let [a, b, c, d] = [load(a), load(b), load(c), load(d)];
    let [ab0, ab1] = [_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b)];
    let [cd0, cd1] = [_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d)];
    [
        _mm256_permute2x128_si256::<0x20>(ab0, cd0),
        _mm256_permute2x128_si256::<0x20>(ab1, cd1),
        _mm256_permute2x128_si256::<0x31>(ab0, cd0),
        _mm256_permute2x128_si256::<0x31>(ab1, cd1),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn write(to: [&mut Vector; 4], rows: [__m256i; 4]) {
    for (to, row) in to.into_iter().zip(rows) {
        store(to, row);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(x: &Vector) -> __m256i {
    // SAFETY: the reference is to four words.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(x: &mut Vector, y: __m256i) {
    // SAFETY: the reference is to four words.
    unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_groups_become_columns() {
        if crate::VectorBackend::avx2().is_none() {
            return;
        }
        let before: Block = core::array::from_fn(|i| core::array::from_fn(|j| (10 * i + j) as u64));
        let mut after = before;
        // SAFETY: the CPU has AVX2.
        unsafe { transpose(&mut after) };
        for (group, from) in [0, 2, 1, 3].into_iter().enumerate() {
            for (row, place) in places(group).into_iter().enumerate() {
                let expected = places(from).map(|place| before[place][row]);
                assert_eq!(after[place], expected, "row {row} of group {group}");
            }
        }
        // SAFETY: as above.
        unsafe { transpose(&mut after) };
        assert_eq!(after, before);
    }
}
