//! AVX2 with FMA: doubles, primes below 2^50, n ≥ 64.
//!
//! Between levels a residue is a double in (−b·q, b·q), an integer; b is followed in comments and
//! checked in debug builds: b·q ≤ 2^53. A product of `y` and a root |w| ≤ q/2 is h + l exactly (two
//! FMA), and its quotient by q is y times the double nearest to w/q, which is at most 2^−55 off, rounded
//! twice: by up to 1/4 below 2^52, then by up to 1/2 to an integer. So a product has
//! b' = 3/4 + b·q·2^−55 ≤ 1. There are two classes of primes:
//!
//! - *narrow*, q < 2^47: b may be 64, b' = 3/4 + b/256;
//! - *wide*, q < 2^50: b may be 8, b' = 3/4 + b/32.
//!
//! The CPU's scheduler holds about a hundred operations, so a long chain of dependent operations for
//! each vector leaves it few independent ones, which costs more than loads and stores do. That is why
//! levels go two to a pass, no more, and why the transposition and the final reduction are passes of their
//! own over each block of 64 in the first cache.

mod arithmetic;

use alloc::vec::Vec;
use core::arch::x86_64::*;

use super::avx2_blocks::transpose;
use super::blocks::{Block, Roots, Vector, groups, quarter_roots, quarters};
use super::scalar::Factor;
use arithmetic::{Arithmetic, Root, decode, load, store};

/// The tables of one transform.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    arithmetic: Arithmetic,
    wide: bool,
    forward: Roots<Root<f64>, Root<Vector>>,
    inverse: Roots<Root<f64>, Root<Vector>>,
    n_inverse: Root<f64>,
    /// The inverse roots of the last pass times 1/n: the two of its first level (if it has two)
    /// and that of its last.
    last_roots: [Root<f64>; 3],
}

impl Tables {
    /// Whether there is a kernel for the size `n` and the modulus `q`.
    pub(super) const fn support(n: usize, q: u64) -> bool {
        n >= 64 && q < 1 << 50
    }

    /// For the tables of the scalar twin.
    ///
    /// # Panics
    /// Unless n ≥ 64 and q < 2^50.
    pub(super) fn new(
        q: u64,
        roots: &[Factor],
        inverse_roots: &[Factor],
        n_inverse: Factor,
    ) -> Self {
        assert!(Self::support(roots.len(), q));
        let of = |roots: &[Factor]| {
            let roots: Vec<_> = roots.iter().map(|w| Root::new(w.value, q)).collect();
            Roots::new(&roots, Root::of_lanes)
        };
        let scaled = |at: usize| Root::new(n_inverse.mul(inverse_roots[at].value, q), q);
        Self {
            arithmetic: Arithmetic::new(q),
            wide: q >= 1 << 47,
            forward: of(roots),
            inverse: of(inverse_roots),
            n_inverse: Root::new(n_inverse.value, q),
            last_roots: [2, 3, 1].map(scaled),
        }
    }
}

/// The forward transform; input and output in [0, q).
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx2,fma")]
pub(super) fn forward(t: &Tables, a: &mut [u64]) {
    if t.wide { forward_class::<true>(t, a) } else { forward_class::<false>(t, a) }
}

/// The inverse transform, 1/n included; input and output in [0, q).
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx2,fma")]
pub(super) fn inverse(t: &Tables, a: &mut [u64]) {
    if t.wide { inverse_class::<true>(t, a) } else { inverse_class::<false>(t, a) }
}

/// A level takes b to b + b'.
///
/// Narrow: from 1 to 15 in 17 levels; never reduced.
///
/// Wide: from 1 to 2.6 in the first pass and to 6.1 in two more. Every third pass then reduces the first
/// of its four inputs: with two products it comes to 2.5, while the second with one product stays
/// below 7.1. Two passes without take 2.5 to 6.1. The last pass reduces in any case, so that b < 2.5.
#[target_feature(enable = "avx2,fma")]
fn forward_class<const WIDE: bool>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), 64 * t.forward.lanes.len());
    let (m, n, roots) = (&t.arithmetic, a.len(), &t.forward);
    let a = a.as_chunks_mut::<4>().0;
    let mut blocks = if n.ilog2().is_multiple_of(2) {
        forward_quarter::<true, false>(m, a, &roots.blocks, 1);
        4
    } else {
        forward_half(m, a, roots.blocks[1]);
        2
    };
    let mut passes = 1;
    while 4 * blocks < n {
        if WIDE && passes % 3 == 0 {
            forward_quarter::<false, true>(m, a, &roots.blocks, blocks);
        } else {
            forward_quarter::<false, false>(m, a, &roots.blocks, blocks);
        }
        (blocks, passes) = (4 * blocks, passes + 1);
    }
    for (block, w) in a.as_chunks_mut().0.iter_mut().zip(&roots.lanes) {
        forward_block::<WIDE>(m, block, w);
    }
}

/// The first level alone.
#[target_feature(enable = "avx2,fma")]
fn forward_half(m: &Arithmetic, a: &mut [Vector], w: Root<f64>) {
    let (low, high) = a.split_at_mut(a.len() / 2);
    let w = w.broadcast();
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = m.forward(decode(x), decode(y), w);
        store(x, u);
        store(y, v);
    }
}

/// Two levels, from `blocks` blocks to four times as many. `FIRST` takes canonical residues,
/// `REDUCE` reduces the first input.
#[target_feature(enable = "avx2,fma")]
fn forward_quarter<const FIRST: bool, const REDUCE: bool>(
    m: &Arithmetic,
    a: &mut [Vector],
    roots: &[Root<f64>],
    blocks: usize,
) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let w = [w[0].broadcast(), w[1].broadcast(), w[2].broadcast()];
        for [x0, x1, x2, x3] in quarters(block) {
            let mut x = if FIRST {
                [decode(x0), decode(x1), decode(x2), decode(x3)]
            } else {
                [load(x0), load(x1), load(x2), load(x3)]
            };
            if REDUCE {
                x[0] = m.reduce(x[0]);
            }
            write([x0, x1, x2, x3], m.forward_quarter(x, w));
        }
    }
}

/// The last two levels of a block of 64; residues in [0, q).
#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_block<const REDUCE: bool>(
    m: &Arithmetic,
    block: &mut Block,
    roots: &[[Root<Vector>; 3]; 4],
) {
    transpose(block);
    for ([x0, x1, x2, x3], w) in groups(block).into_iter().zip(roots) {
        let mut x = [load(x0), load(x1), load(x2), load(x3)];
        if REDUCE {
            x[0] = m.reduce(x[0]);
        }
        let w = [w[0].load(), w[1].load(), w[2].load()];
        write([x0, x1, x2, x3], m.forward_quarter(x, w));
    }
    for x in block {
        store(x, m.floor(load(x)));
    }
}

/// A sum doubles b, the first output of a pass is a sum of four inputs; the second is one of two
/// products of differences, with twice the b' of a product.
///
/// Narrow: the first pass leaves 4. Later ones reduce their first output every second time: between
/// those b is at most 1.7, then 6.8, and 28 in the sum.
///
/// Wide: every pass reduces its first output: b is at most 1.8, and 7.2 in the sum.
#[target_feature(enable = "avx2,fma")]
fn inverse_class<const WIDE: bool>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), 64 * t.inverse.lanes.len());
    let (m, n, roots) = (&t.arithmetic, a.len(), &t.inverse);
    let a = a.as_chunks_mut::<4>().0;
    for (block, w) in a.as_chunks_mut().0.iter_mut().zip(&roots.lanes) {
        inverse_block::<WIDE>(m, block, w);
    }
    let (mut blocks, mut reduce) = (n / 16, true);
    while blocks > 1 {
        if reduce {
            inverse_quarter::<true>(m, a, &roots.blocks, blocks);
        } else {
            inverse_quarter::<false>(m, a, &roots.blocks, blocks);
        }
        reduce = WIDE || !reduce;
        blocks /= 4;
    }
    if blocks == 1 { inverse_last_quarter(t, a) } else { inverse_last_half(t, a) }
}

/// The first two levels of a block of 64 in the domain's order.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_block<const REDUCE: bool>(
    m: &Arithmetic,
    block: &mut Block,
    roots: &[[Root<Vector>; 3]; 4],
) {
    for ([x0, x1, x2, x3], w) in groups(block).into_iter().zip(roots) {
        let w = [w[0].load(), w[1].load(), w[2].load()];
        let mut y = m.inverse_quarter([decode(x0), decode(x1), decode(x2), decode(x3)], w);
        if REDUCE {
            y[0] = m.reduce(y[0]);
        }
        write([x0, x1, x2, x3], y);
    }
    transpose(block);
}

/// Two levels, from four times `blocks` blocks to `blocks`.
#[target_feature(enable = "avx2,fma")]
fn inverse_quarter<const REDUCE: bool>(
    m: &Arithmetic,
    a: &mut [Vector],
    roots: &[Root<f64>],
    blocks: usize,
) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let w = [w[0].broadcast(), w[1].broadcast(), w[2].broadcast()];
        for [x0, x1, x2, x3] in quarters(block) {
            let mut y = m.inverse_quarter([load(x0), load(x1), load(x2), load(x3)], w);
            if REDUCE {
                y[0] = m.reduce(y[0]);
            }
            write([x0, x1, x2, x3], y);
        }
    }
}

/// The last two levels, times 1/n.
#[target_feature(enable = "avx2,fma")]
fn inverse_last_quarter(t: &Tables, a: &mut [Vector]) {
    let m = &t.arithmetic;
    let [w2, w3, w1] = t.last_roots;
    let [w2, w3, w1] = [w2.broadcast(), w3.broadcast(), w1.broadcast()];
    let [n_inverse, unscaled] = [t.n_inverse.broadcast(), t.inverse.blocks[1].broadcast()];
    for [x0, x1, x2, x3] in quarters(a) {
        let [y0, y1, y2, y3] = [load(x0), load(x1), load(x2), load(x3)];
        let [s0, s1] = [_mm256_add_pd(y0, y1), _mm256_add_pd(y2, y3)];
        let d0 = m.mul(_mm256_sub_pd(y0, y1), w2);
        let d1 = m.mul(_mm256_sub_pd(y2, y3), w3);
        store(x0, m.canonical(m.mul(_mm256_add_pd(s0, s1), n_inverse)));
        store(x1, m.canonical(m.reduce(_mm256_add_pd(d0, d1))));
        store(x2, m.canonical(m.mul(_mm256_sub_pd(s0, s1), w1)));
        store(x3, m.canonical(m.mul(_mm256_sub_pd(d0, d1), unscaled)));
    }
}

/// The last level, times 1/n.
#[target_feature(enable = "avx2,fma")]
fn inverse_last_half(t: &Tables, a: &mut [Vector]) {
    let m = &t.arithmetic;
    let [n_inverse, w] = [t.n_inverse.broadcast(), t.last_roots[2].broadcast()];
    let (low, high) = a.split_at_mut(a.len() / 2);
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = [load(x), load(y)];
        store(x, m.canonical(m.mul(_mm256_add_pd(u, v), n_inverse)));
        store(y, m.canonical(m.mul(_mm256_sub_pd(u, v), w)));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn write(to: [&mut Vector; 4], y: [__m256d; 4]) {
    for (to, y) in to.into_iter().zip(y) {
        store(to, y);
    }
}
