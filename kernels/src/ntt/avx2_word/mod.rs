//! AVX2: words of 64 bits, primes below 2^62, n ≥ 64.
//!
//! Between levels a residue is an integer below b·q ≤ 2^64. A product with a factor w and
//! w' = ⌊w·2^64/q⌋ is y·w − ⌊y·w'/2^64⌋·q (Shoup; Harvey, 2014, section 3). The product of the low
//! halves is left out of the high product, so that its estimate is at most 3 too small: b = 4 for any
//! word y. From 2^61 on products are reduced to b = 2. Forward levels take twice the b of products to
//! the same, backward ones that of products; x or the sum is reduced at every level.
//!
//! Levels go two to a pass. The last two forward and the first two backward have four parts of a
//! block of 64 in the lanes, eight places apart: that is how they stand side by side in the domain's
//! order.

mod arithmetic;

use core::arch::x86_64::*;

use super::avx2_blocks::{load, store, transpose};
use super::blocks::{Block, Roots, Vector, groups, quarter_roots, quarters};
use super::scalar::Factor;
use arithmetic::{Arithmetic, Root};

/// The tables of one transform.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    q: u64,
    forward: Roots<Factor, Lanes>,
    inverse: Roots<Factor, Lanes>,
    n_inverse: Factor,
    /// The inverse root of the last level times 1/n.
    last_root: Factor,
}

/// A factor for each lane.
#[derive(Clone, Debug)]
struct Lanes {
    value: Vector,
    quotient: Vector,
}

impl Lanes {
    fn new(w: [Factor; 4]) -> Self {
        Self { value: w.map(|w| w.value), quotient: w.map(|w| w.quotient) }
    }
}

impl Tables {
    /// Whether there is a kernel for the size `n` and the modulus `q`.
    pub(super) const fn support(n: usize, q: u64) -> bool {
        n >= 64 && q < 1 << 62
    }

    /// For the tables of the scalar twin.
    ///
    /// # Panics
    /// Unless [`Tables::support`].
    pub(super) fn new(
        q: u64,
        roots: &[Factor],
        inverse_roots: &[Factor],
        n_inverse: Factor,
    ) -> Self {
        assert!(Self::support(roots.len(), q));
        Self {
            q,
            forward: Roots::new(roots, Lanes::new),
            inverse: Roots::new(inverse_roots, Lanes::new),
            n_inverse,
            last_root: Factor::new(n_inverse.mul(inverse_roots[1].value, q), q),
        }
    }

    /// Whether products may keep b = 4.
    const fn loose(&self) -> bool {
        self.q < 1 << 61
    }
}

/// The forward transform; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx2")]
pub(super) fn forward<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    if t.loose() {
        forward_class::<4, LAZY>(t, a);
    } else {
        forward_class::<2, LAZY>(t, a);
    }
}

/// The inverse transform, 1/n included; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx2")]
pub(super) fn inverse<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    if t.loose() {
        inverse_class::<4, LAZY>(t, a);
    } else {
        inverse_class::<2, LAZY>(t, a);
    }
}

#[target_feature(enable = "avx2")]
fn forward_class<const PRODUCT: u64, const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), 64 * t.forward.lanes.len());
    let (m, n) = (Arithmetic::<PRODUCT>::new(t.q), a.len());
    let (t, a) = (&t.forward, a.as_chunks_mut::<4>().0);
    let mut blocks = 1;
    if !n.ilog2().is_multiple_of(2) {
        forward_half(&m, a, t.blocks[1]);
        blocks = 2;
    }
    while 4 * blocks < n {
        forward_quarter(&m, a, &t.blocks, blocks);
        blocks *= 4;
    }
    for (block, w) in a.as_chunks_mut().0.iter_mut().zip(&t.lanes) {
        forward_block::<PRODUCT, LAZY>(&m, block, w);
    }
}

/// The first level alone.
#[target_feature(enable = "avx2")]
fn forward_half<const PRODUCT: u64>(m: &Arithmetic<PRODUCT>, a: &mut [Vector], w: Factor) {
    let (low, high) = a.split_at_mut(a.len() / 2);
    let w = Root::broadcast(w);
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = m.forward(load(x), load(y), w);
        store(x, u);
        store(y, v);
    }
}

/// Two levels, from `blocks` blocks to four times as many.
#[target_feature(enable = "avx2")]
fn forward_quarter<const PRODUCT: u64>(
    m: &Arithmetic<PRODUCT>,
    a: &mut [Vector],
    roots: &[Factor],
    blocks: usize,
) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let w = [Root::broadcast(w[0]), Root::broadcast(w[1]), Root::broadcast(w[2])];
        for [x0, x1, x2, x3] in quarters(block) {
            let y = m.forward_quarter([load(x0), load(x1), load(x2), load(x3)], w);
            write([x0, x1, x2, x3], y);
        }
    }
}

/// The last two levels of a block of 64; residues in [0, q), or [0, 2q) if `LAZY`.
#[inline]
#[target_feature(enable = "avx2")]
fn forward_block<const PRODUCT: u64, const LAZY: bool>(
    m: &Arithmetic<PRODUCT>,
    block: &mut Block,
    roots: &[[Lanes; 3]; 4],
) {
    transpose(block);
    for ([x0, x1, x2, x3], w) in groups(block).into_iter().zip(roots) {
        let w = [Root::of_lanes(&w[0]), Root::of_lanes(&w[1]), Root::of_lanes(&w[2])];
        let y = m.forward_quarter([load(x0), load(x1), load(x2), load(x3)], w);
        write([x0, x1, x2, x3], y);
    }
    for x in block {
        store(x, m.finish::<LAZY>(load(x)));
    }
}

#[target_feature(enable = "avx2")]
fn inverse_class<const PRODUCT: u64, const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), 64 * t.inverse.lanes.len());
    let (m, n) = (Arithmetic::<PRODUCT>::new(t.q), a.len());
    let a = a.as_chunks_mut::<4>().0;
    for (block, w) in a.as_chunks_mut().0.iter_mut().zip(&t.inverse.lanes) {
        inverse_block(&m, block, w);
    }
    let mut blocks = n / 16;
    while blocks > 1 {
        inverse_quarter(&m, a, &t.inverse.blocks, blocks);
        blocks /= 4;
    }
    if blocks == 1 {
        inverse_last_quarter::<PRODUCT, LAZY>(&m, t, a);
    } else {
        inverse_last_half::<PRODUCT, LAZY>(&m, t, a);
    }
}

/// The first two levels of a block of 64 in the domain's order.
#[inline]
#[target_feature(enable = "avx2")]
fn inverse_block<const PRODUCT: u64>(
    m: &Arithmetic<PRODUCT>,
    block: &mut Block,
    roots: &[[Lanes; 3]; 4],
) {
    for ([x0, x1, x2, x3], w) in groups(block).into_iter().zip(roots) {
        let w = [Root::of_lanes(&w[0]), Root::of_lanes(&w[1]), Root::of_lanes(&w[2])];
        let y = m.inverse_quarter([load(x0), load(x1), load(x2), load(x3)], w);
        write([x0, x1, x2, x3], y);
    }
    transpose(block);
}

/// Two levels, from four times `blocks` blocks to `blocks`.
#[target_feature(enable = "avx2")]
fn inverse_quarter<const PRODUCT: u64>(
    m: &Arithmetic<PRODUCT>,
    a: &mut [Vector],
    roots: &[Factor],
    blocks: usize,
) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let w = [Root::broadcast(w[0]), Root::broadcast(w[1]), Root::broadcast(w[2])];
        for [x0, x1, x2, x3] in quarters(block) {
            let y = m.inverse_quarter([load(x0), load(x1), load(x2), load(x3)], w);
            write([x0, x1, x2, x3], y);
        }
    }
}

/// The last two levels, times 1/n.
#[target_feature(enable = "avx2")]
fn inverse_last_quarter<const PRODUCT: u64, const LAZY: bool>(
    m: &Arithmetic<PRODUCT>,
    t: &Tables,
    a: &mut [Vector],
) {
    let [w2, w3] = [Root::broadcast(t.inverse.blocks[2]), Root::broadcast(t.inverse.blocks[3])];
    let last = [Root::broadcast(t.n_inverse), Root::broadcast(t.last_root)];
    for [x0, x1, x2, x3] in quarters(a) {
        let [s0, d0] = m.inverse(load(x0), load(x1), w2);
        let [s1, d1] = m.inverse(load(x2), load(x3), w3);
        let [y0, y2] = m.inverse_last::<LAZY>(s0, s1, last);
        let [y1, y3] = m.inverse_last::<LAZY>(d0, d1, last);
        store(x0, y0);
        store(x1, y1);
        store(x2, y2);
        store(x3, y3);
    }
}

/// The last level, times 1/n.
#[target_feature(enable = "avx2")]
fn inverse_last_half<const PRODUCT: u64, const LAZY: bool>(
    m: &Arithmetic<PRODUCT>,
    t: &Tables,
    a: &mut [Vector],
) {
    let last = [Root::broadcast(t.n_inverse), Root::broadcast(t.last_root)];
    let (low, high) = a.split_at_mut(a.len() / 2);
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = m.inverse_last::<LAZY>(load(x), load(y), last);
        store(x, u);
        store(y, v);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn write(to: [&mut Vector; 4], y: [__m256i; 4]) {
    for (to, y) in to.into_iter().zip(y) {
        store(to, y);
    }
}
