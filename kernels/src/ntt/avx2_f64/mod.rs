//! AVX2 with FMA: doubles, primes below 2^50, n ≥ 64.
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
//! the CPU fewer independent ones within its reach, which costs more than the stores. The last two
//! levels of the forward transform and the first two of the inverse have four parts of a block of 64
//! in the lanes, eight places apart: that is how they stand side by side in the domain's order.

mod arithmetic;

use alloc::vec::Vec;
use core::arch::x86_64::*;

use super::avx2_blocks::{PAIRS, Vector, blocks_of_four, places, quarters};
use super::scalar::Factor;
use arithmetic::{Arithmetic, Root, broadcast, load, store, transpose};

/// The tables of one transform.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    arithmetic: Arithmetic,
    wide: bool,
    forward: Roots,
    inverse: Roots,
    n_inverse: f64,
    /// The inverse roots of the last pass times 1/n: the two of its first level (if it has two)
    /// and that of its last.
    last_roots: [f64; 3],
}

/// The roots of one direction.
#[derive(Clone, Debug)]
struct Roots {
    /// In the order of the scalar twin, for blocks longer than 4.
    blocks: Vec<f64>,
    /// For each group of a block of 64 (see [`places`]) those of blocks of 4, and of their halves.
    lanes: Vec<[[Vector; 3]; 4]>,
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
        let balanced = |w: u64| if w > q / 2 { -((q - w) as f64) } else { w as f64 };
        let scaled = |w: Factor| balanced(n_inverse.mul(w.value, q));
        let [_, w1, w2, w3] = [0, 1, 2, 3].map(|i| inverse_roots[i]);
        Self {
            arithmetic: Arithmetic::new(q),
            wide: q >= 1 << 47,
            forward: Roots::new(roots.iter().map(|w| balanced(w.value)).collect()),
            inverse: Roots::new(inverse_roots.iter().map(|w| balanced(w.value)).collect()),
            n_inverse: balanced(n_inverse.value),
            last_roots: [w2, w3, w1].map(scaled),
        }
    }
}

impl Roots {
    fn new(roots: Vec<f64>) -> Self {
        let n = roots.len();
        let group = |block: usize, group: usize| {
            let four = blocks_of_four(n, block, group);
            [
                four.map(|at| roots[at].to_bits()),
                four.map(|at| roots[2 * at].to_bits()),
                four.map(|at| roots[2 * at + 1].to_bits()),
            ]
        };
        let lanes = (0..n / 64).map(|i| core::array::from_fn(|g| group(i, g))).collect();
        Self { blocks: roots[..n / 4].to_vec(), lanes }
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

/// Narrow: a level takes b to at most b + 1/2 + b/64, from 1 to 11 in 17 levels; never reduced.
///
/// Wide: what the first level does not multiply is centred to b = 1/2. With products of the other
/// half, b = 1, it comes to 1.13, and levels take b to b + 1/2 + b/8: 3.3 after four. Every second pass
/// then reduces its unmultiplied half to 1/2 while its products come to 1/2 + 3.3/8: four levels later
/// b is at most 3.9.
#[target_feature(enable = "avx2,fma")]
fn forward_class<const WIDE: bool>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), 64 * t.forward.lanes.len());
    let (m, n) = (&t.arithmetic, a.len());
    let a = a.as_chunks_mut::<4>().0;
    let mut blocks = 1;
    let mut reduced = true;
    if n.trailing_zeros().is_multiple_of(2) {
        forward_quarter::<WIDE, true, false>(m, a, &t.forward.blocks, blocks);
        blocks *= 4;
    } else {
        forward_half::<WIDE>(m, a, t.forward.blocks[1]);
        blocks *= 2;
    }
    while 16 * blocks < n {
        reduced = !reduced;
        if WIDE && reduced {
            forward_quarter::<WIDE, false, true>(m, a, &t.forward.blocks, blocks);
        } else {
            forward_quarter::<WIDE, false, false>(m, a, &t.forward.blocks, blocks);
        }
        blocks *= 4;
    }
    if WIDE && !reduced {
        forward_rest::<true, true, false>(m, a, &t.forward);
    } else {
        forward_rest::<WIDE, false, WIDE>(m, a, &t.forward);
    }
}

/// The first level alone.
#[target_feature(enable = "avx2,fma")]
fn forward_half<const WIDE: bool>(m: &Arithmetic, a: &mut [Vector], w: f64) {
    let (low, high) = a.split_at_mut(a.len() / 2);
    let w = m.root(broadcast(w));
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = [m.decode::<WIDE>(x), m.decode::<false>(y)];
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
            let mut x = if FIRST {
                let [y0, y1] = [m.decode::<WIDE>(x0), m.decode::<WIDE>(x1)];
                [y0, y1, m.decode::<false>(x2), m.decode::<false>(x3)]
            } else {
                [load(x0), load(x1), load(x2), load(x3)]
            };
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

/// The last four levels. `FIRST` and `SECOND` reduce in the first and the second pair of levels what
/// its first one does not multiply.
#[target_feature(enable = "avx2,fma")]
fn forward_rest<const WIDE: bool, const FIRST: bool, const SECOND: bool>(
    m: &Arithmetic,
    a: &mut [Vector],
    roots: &Roots,
) {
    let blocks = a.len() / 4;
    if FIRST {
        forward_quarter::<WIDE, false, true>(m, a, &roots.blocks, blocks);
    } else {
        forward_quarter::<WIDE, false, false>(m, a, &roots.blocks, blocks);
    }
    for (x, w) in a.as_chunks_mut::<16>().0.iter_mut().zip(&roots.lanes) {
        for ([g, h], [p, q]) in PAIRS {
            let y = forward_last::<WIDE, SECOND>(m, x, places(g), &w[g]);
            let z = forward_last::<WIDE, SECOND>(m, x, places(h), &w[h]);
            store_places(x, places(p), y);
            store_places(x, places(q), z);
        }
    }
}

/// The last two levels of four vectors; residues in [0, q).
#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_last<const WIDE: bool, const REDUCE: bool>(
    m: &Arithmetic,
    x: &[Vector; 16],
    places: [usize; 4],
    w: &[Vector; 3],
) -> [__m256d; 4] {
    let mut y = transpose(load_places(x, places));
    if REDUCE {
        (y[0], y[1]) = (m.reduce(y[0]), m.reduce(y[1]));
    }
    let [y0, y1, y2, y3] = m.forward_quarter(y, lanes(m, w));
    [m.floor::<WIDE>(y0), m.floor::<WIDE>(y1), m.floor::<WIDE>(y2), m.floor::<WIDE>(y3)]
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
    assert_eq!(a.len(), 64 * t.forward.lanes.len());
    let (m, n) = (&t.arithmetic, a.len());
    let a = a.as_chunks_mut::<4>().0;
    inverse_rest::<WIDE>(m, a, &t.inverse);
    let mut blocks = n / 64;
    let mut reduce = WIDE;
    while blocks > 1 {
        if reduce {
            inverse_quarter::<WIDE, true>(m, a, &t.inverse.blocks, blocks);
        } else {
            inverse_quarter::<WIDE, false>(m, a, &t.inverse.blocks, blocks);
        }
        reduce = WIDE || !reduce;
        blocks /= 4;
    }
    if blocks == 1 { inverse_last_quarter(t, a) } else { inverse_last_half(t, a) }
}

/// The first four levels.
#[target_feature(enable = "avx2,fma")]
fn inverse_rest<const WIDE: bool>(m: &Arithmetic, a: &mut [Vector], roots: &Roots) {
    for (x, w) in a.as_chunks_mut::<16>().0.iter_mut().zip(&roots.lanes) {
        for ([g, h], [p, q]) in PAIRS {
            let y = inverse_first::<WIDE>(m, x, places(p), &w[g]);
            let z = inverse_first::<WIDE>(m, x, places(q), &w[h]);
            store_places(x, places(g), y);
            store_places(x, places(h), z);
        }
    }
    inverse_quarter::<WIDE, true>(m, a, &roots.blocks, a.len() / 4);
}

/// The first two levels of four vectors in the domain's order.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_first<const WIDE: bool>(
    m: &Arithmetic,
    x: &[Vector; 16],
    [p0, p1, p2, p3]: [usize; 4],
    w: &[Vector; 3],
) -> [__m256d; 4] {
    let decode = |p: usize| m.decode::<false>(&x[p]);
    let mut y = m.inverse_quarter([decode(p0), decode(p1), decode(p2), decode(p3)], lanes(m, w));
    if WIDE {
        (y[0], y[1]) = (m.reduce(y[0]), m.reduce(y[1]));
    }
    transpose(y)
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
    let [n_inverse, unscaled] = [t.n_inverse, t.inverse.blocks[1]].map(|w| m.root(broadcast(w)));
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
            store(x, m.canonical(y));
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
        store(x, m.canonical(m.mul(_mm256_add_pd(u, v), n_inverse)));
        store(y, m.canonical(m.mul(_mm256_sub_pd(u, v), w)));
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn lanes(m: &Arithmetic, w: &[Vector; 3]) -> [Root; 3] {
    [m.root(load(&w[0])), m.root(load(&w[1])), m.root(load(&w[2]))]
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_places(x: &[Vector; 16], [p0, p1, p2, p3]: [usize; 4]) -> [__m256d; 4] {
    [load(&x[p0]), load(&x[p1]), load(&x[p2]), load(&x[p3])]
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store_places(x: &mut [Vector; 16], places: [usize; 4], y: [__m256d; 4]) {
    for (p, y) in places.into_iter().zip(y) {
        store(&mut x[p], y);
    }
}
