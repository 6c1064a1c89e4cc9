//! The forward transform: blocks of the polynomial, and the roots of a block.

use alloc::vec::Vec;
use core::ops::Range;

use super::arithmetic::{Arithmetic, Pair, Root};
use super::class::{Class, Kind};
use super::registers::{Parts, Vector, ZERO, array, load, store, store_each, transpose};
use super::{CHUNK, Factor, Lanes};

/// Roots. Three levels of a block have seven: the first level's, the second's two, the third's four.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// In the order of the scalar twin, for blocks longer than 64.
    roots: Vec<Pair>,
    /// For each block of 64 those of its first three levels.
    blocks: Vec<[Pair; 7]>,
    /// For each block of 64 those of its last three levels, one for each part of eight.
    lanes: Vec<[Lanes; 7]>,
}

impl Tables {
    pub(super) fn new(roots: &[Factor], class: Kind) -> Self {
        let blocks = roots.len() / 64;
        let root = |i: usize| Pair::new(roots[i], class);
        let of_parts =
            |block: usize, at| Lanes::new(|lane| root(place(8 * (blocks + block) + lane, at)));
        Self {
            roots: (0..blocks).map(root).collect(),
            blocks: (0..blocks)
                .map(|block| core::array::from_fn(|at| root(place(blocks + block, at))))
                .collect(),
            lanes: (0..blocks)
                .map(|block| core::array::from_fn(|at| of_parts(block, at)))
                .collect(),
        }
    }
}

/// Where the scalar twin has root number `at` of those of the levels that start at its root `first`:
/// that, the next level's two and so on.
fn place(first: usize, at: usize) -> usize {
    let level = (at + 1).ilog2();
    (first << level) + (at + 1 - (1 << level))
}

/// `N` places side by side in a pass of three levels.
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn transform<C: Class, const N: usize, const LAZY: bool>(
    t: &Tables,
    q: u64,
    a: &mut [u64],
) {
    let n = a.len();
    assert_eq!(n, 64 * t.roots.len());
    let m = Arithmetic::<C>::new(q, n.ilog2());
    let a = a.as_chunks_mut::<8>().0;
    let mut blocks = if (n / 64).ilog2().is_multiple_of(3) { 8 } else { 4 };
    match blocks {
        4 => pass::<C, 2, 4, 3, true>(&m, a, &t.roots, 1, 0..1),
        _ => pass::<C, 1, 8, 7, true>(&m, a, &t.roots, 1, 0..1),
    }
    while n / blocks > CHUNK {
        pass::<C, N, 8, 7, false>(&m, a, &t.roots, blocks, 0..blocks);
        blocks *= 8;
    }
    let chunks = n.div_ceil(CHUNK);
    for (i, a) in a.chunks_exact_mut(n / 8 / chunks).enumerate() {
        let of_chunk = |blocks: usize| i * blocks / chunks..(i + 1) * blocks / chunks;
        let mut blocks = blocks;
        while n / blocks >= 512 {
            pass::<C, N, 8, 7, false>(&m, a, &t.roots, blocks, of_chunk(blocks));
            blocks *= 8;
        }
        if n / blocks == 256 {
            pass::<C, 2, 4, 3, false>(&m, a, &t.roots, blocks, of_chunk(blocks));
            blocks *= 4;
        }
        rest::<C, LAZY>(&m, a, &t.blocks[of_chunk(blocks)], &t.lanes[of_chunk(blocks)]);
    }
}

/// As many levels as make `LEN` blocks of each in `a`, which are blocks `range` of `blocks`; `FIRST`
/// if they are the first ones.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn pass<C: Class, const N: usize, const LEN: usize, const ROOTS: usize, const FIRST: bool>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    roots: &[Pair],
    blocks: usize,
    range: Range<usize>,
) {
    for (a, i) in a.chunks_exact_mut(a.len() / range.len()).zip(range) {
        let w = array!(ROOTS, Root::ZERO, |at| Root::broadcast(roots[place(blocks + i, at)]));
        let mut x = Parts::<_, LEN>::new(a.as_chunks_mut::<N>().0);
        for place in x.places() {
            let y = array!(N, [ZERO; LEN], |side| array!(LEN, ZERO, |part| {
                let y = load(&x[(part, place)][side]);
                if FIRST && part < LEN / 2 { m.lift(y) } else { y }
            }));
            let y = m.levels(y, [w; N]);
            for part in 0..LEN {
                for (x, y) in x[(part, place)].iter_mut().zip(&y) {
                    store(x, y[part]);
                }
            }
        }
    }
}

/// All levels of blocks of 64, two blocks side by side.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn rest<C: Class, const LAZY: bool>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    blocks: &[[Pair; 7]],
    lanes: &[[Lanes; 7]],
) {
    let a = a.as_chunks_mut::<8>().0.as_chunks_mut::<2>().0;
    for (a, w) in a.iter_mut().zip(blocks.as_chunks::<2>().0) {
        let x = array!(2, [ZERO; 8], |side| array!(8, ZERO, |part| load(&a[side][part])));
        let w = array!(2, [Root::ZERO; 7], |side| array!(7, Root::ZERO, |at| Root::broadcast(
            w[side][at]
        )));
        let y = m.levels(x, w);
        for (a, y) in a.iter_mut().zip(y) {
            store_each(a.each_mut(), y);
        }
        for a in a {
            let y = transpose(array!(8, ZERO, |part| load(&a[part])));
            store_each(a.each_mut(), y);
        }
    }
    for (a, w) in a.iter_mut().zip(lanes.as_chunks::<2>().0) {
        let x = array!(2, [ZERO; 8], |side| array!(8, ZERO, |part| load(&a[side][part])));
        let w = array!(2, [Root::ZERO; 7], |side| array!(7, Root::ZERO, |at| w[side][at].root()));
        let y = m.levels(x, w);
        for (a, y) in a.iter_mut().zip(y) {
            store_each(a.each_mut(), y);
        }
        for a in a {
            for a in a {
                store(a, m.finish::<LAZY>(load(a)));
            }
        }
    }
}
