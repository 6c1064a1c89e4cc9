//! AVX2 with FMA: doubles, primes below 2^50, n ≥ 32.
//!
//! Between levels a residue is a double in (−b·q, b·q), an integer; b is followed in comments and
//! checked in debug builds. A product of `y` and a twiddle |w| ≤ q/2 is h + l exactly (two FMA), and
//! its quotient by q is rounded beside 1.5·2^52, which needs |y·w/q| < 2^51, that is b·q < 2^52.
//! The quotient is off by b·q·2^−53 before it is rounded, so a product has
//! b' = 1/2 + b·q·2^−53. There are two classes of primes:
//!
//! - *narrow*, q < 2^47: b may be 32, b' = 1/2 + b/64;
//! - *wide*, q < 2^50: b may be 4, b' = 1/2 + b/8.
//!
//! Levels go two to a pass, no more: a longer chain of dependent operations for each vector leaves
//! the CPU fewer independent ones within its reach, which costs more than the stores. The last four
//! levels of the forward transform and the first four of the inverse go by blocks of sixteen. The transform's domain is in bit-reversed order, as in the scalar twin.

mod arithmetic;

use alloc::vec::Vec;
use core::arch::x86_64::*;

use super::scalar::Factor;
use arithmetic::{Arithmetic, Root, broadcast, load, store, to_integer, transpose};

type Vector = [u64; 4];

/// The tables of one transform.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    arithmetic: Arithmetic,
    wide: bool,
    roots: Vec<f64>,
    inverse_roots: Vec<f64>,
    n_inverse: f64,
    /// The inverse roots of the last pass times 1/n: the two of its first level (if it has two)
    /// and that of its last.
    last_roots: [f64; 3],
}

impl Tables {
    /// Whether there is a kernel for the size `n` and the modulus `q`.
    pub(super) const fn support(n: usize, q: u64) -> bool {
        n >= 32 && q < 1 << 50
    }

    /// For the tables of the scalar twin.
    ///
    /// # Panics
    /// Unless n ≥ 32 and q < 2^50.
    pub(super) fn new(
        q: u64,
        roots: &[Factor],
        inverse_roots: &[Factor],
        n_inverse: Factor,
    ) -> Self {
        assert!(Self::support(roots.len(), q));
        let balanced = |w: u64| if w > q / 2 { -((q - w) as f64) } else { w as f64 };
        let scaled = |w: Factor| balanced(n_inverse.mul(w.value, q));
        let [_, w1, w2, w3] = [0, 1, 2, 3].map(|i| inverse_roots[i]);
        Self {
            arithmetic: Arithmetic::new(q),
            wide: q >= 1 << 47,
            roots: interleave(roots.iter().map(|w| balanced(w.value)).collect()),
            inverse_roots: interleave(inverse_roots.iter().map(|w| balanced(w.value)).collect()),
            n_inverse: balanced(n_inverse.value),
            last_roots: [w2, w3, w1].map(scaled),
        }
    }
}

/// Puts the even places of each eight roots of the last level before the odd ones: a vector of each.
fn interleave(mut roots: Vec<f64>) -> Vec<f64> {
    let half = roots.len() / 2;
    for roots in roots[half..].as_chunks_mut::<8>().0 {
        let [a, b, c, d, e, f, g, h] = *roots;
        *roots = [a, c, e, g, b, d, f, h];
    }
    roots
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

/// Narrow: a level takes b to at most b + 1/2 + b/64, from 1 to 11 in 17 levels; never reduced.
///
/// Wide: inputs are centred to b = 1/2 and levels take b to b + 1/2 + b/8: 3.21 after four. Every
/// second pass then reduces its unmultiplied half to 1/2 while its products come to 1/2 + 3.3/8: four
/// levels later b is at most 3.9.
#[target_feature(enable = "avx2,fma")]
fn forward_class<const WIDE: bool>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), t.roots.len());
    let (m, n) = (&t.arithmetic, a.len());
    let a = a.as_chunks_mut::<4>().0;
    let mut blocks = 1;
    let mut reduced = true;
    if n.trailing_zeros().is_multiple_of(2) {
        forward_quarter::<WIDE, true, false>(m, a, &t.roots, blocks);
        blocks *= 4;
    } else {
        forward_half::<WIDE>(m, a, t.roots[1]);
        blocks *= 2;
    }
    while 16 * blocks < n {
        reduced = !reduced;
        if WIDE && reduced {
            forward_quarter::<WIDE, false, true>(m, a, &t.roots, blocks);
        } else {
            forward_quarter::<WIDE, false, false>(m, a, &t.roots, blocks);
        }
        blocks *= 4;
    }
    if WIDE && !reduced {
        forward_rest::<true, true, false>(m, a, &t.roots);
    } else {
        forward_rest::<WIDE, false, WIDE>(m, a, &t.roots);
    }
}

/// The first level alone.
#[target_feature(enable = "avx2,fma")]
fn forward_half<const WIDE: bool>(m: &Arithmetic, a: &mut [Vector], w: f64) {
    let (low, high) = a.split_at_mut(a.len() / 2);
    let w = m.root(broadcast(w));
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = [m.decode::<WIDE>(x), m.decode::<WIDE>(y)];
        let [u, v] = m.forward(u, v, w);
        store(x, u);
        store(y, v);
    }
}

/// Two levels, from `blocks` blocks to four times as many. `FIRST` takes canonical residues,
/// `REDUCE` reduces what the first level does not multiply.
#[target_feature(enable = "avx2,fma")]
fn forward_quarter<const WIDE: bool, const FIRST: bool, const REDUCE: bool>(
    m: &Arithmetic,
    a: &mut [Vector],
    roots: &[f64],
    blocks: usize,
) {
    let len = a.len() / blocks;
    let pairs = &roots[2 * blocks..4 * blocks];
    for ((block, &w1), w) in
        a.chunks_exact_mut(len).zip(&roots[blocks..2 * blocks]).zip(pairs.as_chunks::<2>().0)
    {
        let w = [w1, w[0], w[1]].map(|w| m.root(broadcast(w)));
        for [x0, x1, x2, x3] in quarters(block) {
            let x = [&*x0, x1, x2, x3];
            let mut x = x.map(|x| if FIRST { m.decode::<WIDE>(x) } else { load(x) });
            if REDUCE {
                (x[0], x[1]) = (m.reduce(x[0]), m.reduce(x[1]));
            }
            let y = m.forward_quarter(x, w);
            for (x, y) in [x0, x1, x2, x3].into_iter().zip(y) {
                store(x, y);
            }
        }
    }
}

/// The last four levels, in blocks of sixteen. `FIRST` and `SECOND` reduce in the first and the
/// second pair of levels what its first one does not multiply.
#[target_feature(enable = "avx2,fma")]
fn forward_rest<const WIDE: bool, const FIRST: bool, const SECOND: bool>(
    m: &Arithmetic,
    a: &mut [Vector],
    roots: &[f64],
) {
    for (x, w) in a.as_chunks_mut::<4>().0.iter_mut().zip(rest_roots(roots)) {
        let mut y = [load(&x[0]), load(&x[1]), load(&x[2]), load(&x[3])];
        if FIRST {
            (y[0], y[1]) = (m.reduce(y[0]), m.reduce(y[1]));
        }
        let y = transpose(m.forward_quarter(y, w.sixteen(m)));
        for (x, y) in x.iter_mut().zip(y) {
            store(x, y);
        }
    }
    for (x, w) in a.as_chunks_mut::<4>().0.iter_mut().zip(rest_roots(roots)) {
        let mut y = [load(&x[0]), load(&x[1]), load(&x[2]), load(&x[3])];
        if SECOND {
            (y[0], y[1]) = (m.reduce(y[0]), m.reduce(y[1]));
        }
        let y = m.forward_quarter(y, w.four(m));
        let y = transpose(y.map(|y| m.floor::<WIDE>(y)));
        for (x, y) in x.iter_mut().zip(y) {
            store(x, to_integer(y));
        }
    }
}

/// A sum doubles b; only the products of a pass have b' = 1/2 + b·q·2^−53 at once, and the first
/// output is a sum of four inputs.
///
/// Narrow: the first pass leaves 16, reduced; its other outputs have at most 1.25 (two products).
/// Later passes reduce their first output every second time: 1.3, 5.2, 20.8 < 32.
///
/// Wide: every pass reduces its first two outputs. If its inputs have b ≤ 1, then its products have
/// at most 1/2 + 4/8 = 1.
#[target_feature(enable = "avx2,fma")]
fn inverse_class<const WIDE: bool>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), t.roots.len());
    let (m, n) = (&t.arithmetic, a.len());
    let a = a.as_chunks_mut::<4>().0;
    inverse_rest::<WIDE>(m, a, &t.inverse_roots);
    let mut blocks = n / 64;
    let mut reduce = WIDE;
    while blocks > 1 {
        if reduce {
            inverse_quarter::<WIDE, true>(m, a, &t.inverse_roots, blocks);
        } else {
            inverse_quarter::<WIDE, false>(m, a, &t.inverse_roots, blocks);
        }
        reduce = WIDE || !reduce;
        blocks /= 4;
    }
    if blocks == 1 { inverse_last_quarter(t, a) } else { inverse_last_half(t, a) }
}

/// The first four levels, in blocks of sixteen.
#[target_feature(enable = "avx2,fma")]
fn inverse_rest<const WIDE: bool>(m: &Arithmetic, a: &mut [Vector], roots: &[f64]) {
    for (x, w) in a.as_chunks_mut::<4>().0.iter_mut().zip(rest_roots(roots)) {
        let y = [&x[0], &x[1], &x[2], &x[3]].map(|x| m.decode::<false>(x));
        let mut y = m.inverse_quarter(transpose(y), w.four(m));
        if WIDE {
            (y[0], y[1]) = (m.reduce(y[0]), m.reduce(y[1]));
        }
        for (x, y) in x.iter_mut().zip(y) {
            store(x, y);
        }
    }
    for (x, w) in a.as_chunks_mut::<4>().0.iter_mut().zip(rest_roots(roots)) {
        let y = transpose([load(&x[0]), load(&x[1]), load(&x[2]), load(&x[3])]);
        let mut y = m.inverse_quarter(y, w.sixteen(m));
        y[0] = m.reduce(y[0]);
        if WIDE {
            y[1] = m.reduce(y[1]);
        }
        for (x, y) in x.iter_mut().zip(y) {
            store(x, y);
        }
    }
}

/// Two levels, from four times `blocks` blocks to `blocks`.
#[target_feature(enable = "avx2,fma")]
fn inverse_quarter<const WIDE: bool, const REDUCE: bool>(
    m: &Arithmetic,
    a: &mut [Vector],
    roots: &[f64],
    blocks: usize,
) {
    let len = a.len() / blocks;
    let pairs = &roots[2 * blocks..4 * blocks];
    for ((block, &w1), w) in
        a.chunks_exact_mut(len).zip(&roots[blocks..2 * blocks]).zip(pairs.as_chunks::<2>().0)
    {
        let w = [w1, w[0], w[1]].map(|w| m.root(broadcast(w)));
        for [x0, x1, x2, x3] in quarters(block) {
            let mut y = m.inverse_quarter([&*x0, x1, x2, x3].map(|x| load(x)), w);
            if REDUCE {
                y[0] = m.reduce(y[0]);
                if WIDE {
                    y[1] = m.reduce(y[1]);
                }
            }
            for (x, y) in [x0, x1, x2, x3].into_iter().zip(y) {
                store(x, y);
            }
        }
    }
}

/// The last two levels, times 1/n.
#[target_feature(enable = "avx2,fma")]
fn inverse_last_quarter(t: &Tables, a: &mut [Vector]) {
    let m = &t.arithmetic;
    let [w2, w3, w1] = t.last_roots.map(|w| m.root(broadcast(w)));
    let [n_inverse, unscaled] = [t.n_inverse, t.inverse_roots[1]].map(|w| m.root(broadcast(w)));
    for [x0, x1, x2, x3] in quarters(a) {
        let [y0, y1, y2, y3] = [&*x0, x1, x2, x3].map(|x| load(x));
        let [s0, s1] = [_mm256_add_pd(y0, y1), _mm256_add_pd(y2, y3)];
        let d0 = m.mul(_mm256_sub_pd(y0, y1), w2);
        let d1 = m.mul(_mm256_sub_pd(y2, y3), w3);
        let y = [
            m.mul(_mm256_add_pd(s0, s1), n_inverse),
            m.reduce(_mm256_add_pd(d0, d1)),
            m.mul(_mm256_sub_pd(s0, s1), w1),
            m.mul(_mm256_sub_pd(d0, d1), unscaled),
        ];
        for (x, y) in [x0, x1, x2, x3].into_iter().zip(y) {
            store(x, to_integer(m.canonical(y)));
        }
    }
}

/// The last level, times 1/n.
#[target_feature(enable = "avx2,fma")]
fn inverse_last_half(t: &Tables, a: &mut [Vector]) {
    let m = &t.arithmetic;
    let [n_inverse, w] = [t.n_inverse, t.last_roots[2]].map(|w| m.root(broadcast(w)));
    let (low, high) = a.split_at_mut(a.len() / 2);
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = [load(x), load(y)];
        store(x, to_integer(m.canonical(m.mul(_mm256_add_pd(u, v), n_inverse))));
        store(y, to_integer(m.canonical(m.mul(_mm256_sub_pd(u, v), w))));
    }
}

/// Equal places of a block's quarters.
fn quarters(block: &mut [Vector]) -> impl Iterator<Item = [&mut Vector; 4]> {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let (x0, x1) = low.split_at_mut(low.len() / 2);
    let (x2, x3) = high.split_at_mut(high.len() / 2);
    let pairs = x0.iter_mut().zip(x1).zip(x2.iter_mut().zip(x3));
    pairs.map(|((x0, x1), (x2, x3))| [x0, x1, x2, x3])
}

/// The roots of one block of sixteen: of its first two levels, and of the last two by lanes.
struct RestRoots<'a>(f64, &'a [f64; 2], &'a [f64; 4], &'a [f64; 8]);

fn rest_roots(roots: &[f64]) -> impl Iterator<Item = RestRoots<'_>> {
    let blocks = roots.len() / 16;
    let pairs = roots[2 * blocks..4 * blocks].as_chunks::<2>().0;
    let fours = roots[4 * blocks..8 * blocks].as_chunks::<4>().0;
    let eights = roots[8 * blocks..].as_chunks::<8>().0;
    let roots = roots[blocks..2 * blocks].iter().zip(pairs).zip(fours.iter().zip(eights));
    roots.map(|((&w, pair), (four, eight))| RestRoots(w, pair, four, eight))
}

impl RestRoots<'_> {
    #[target_feature(enable = "avx2,fma")]
    fn sixteen(&self, m: &Arithmetic) -> [Root; 3] {
        [self.0, self.1[0], self.1[1]].map(|w| m.root(broadcast(w)))
    }

    #[target_feature(enable = "avx2,fma")]
    fn four(&self, m: &Arithmetic) -> [Root; 3] {
        let [even, odd] = self.3.as_chunks::<4>().0 else { unreachable!("eight are two fours") };
        [self.2, even, odd].map(|w| {
            // SAFETY: the reference is to four doubles.
            m.root(unsafe { _mm256_loadu_pd(w.as_ptr()) })
        })
    }
}
