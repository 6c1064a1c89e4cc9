//! AVX-512: products of 52 bits (IFMA) for primes below 2^50, of 64 bits (DQ) below 2^62; n ≥ 128.
//!
//! Between levels a residue is known modulo 2^s, s = 52 or 64: the low s bits of its word are an
//! integer below b·q ≤ 2^s, what stands above them is noise that no product sees. A product with a
//! factor w and w' = ⌊w·2^s/q⌋ is y·w − ⌊y·w'/2^s⌋·q, in [0, 2q) for any y below 2^s: b = 2 (Shoup;
//! Harvey, 2014, section 3). There are four classes of primes:
//!
//! - *narrow*, s = 52, q < 2^47: b may be 32. Forward levels take b to b + 2, from 1 to 31 in 15
//!   levels and no reduction at all, so n ≤ 2^15. Backward steps of three levels go from b = 4 to 4:
//!   their sums of eight inputs (b = 32) and of four products (b = 8) are reduced.
//! - *wide*, s = 52, q < 2^50: Harvey's bounds, b = 4 forward and b = 2 backward, by a minimum a
//!   level, which has to see the low bits alone.
//! - *word*, s = 64, q < 2^61: the same with all bounds doubled, b = 8 forward and b = 4 backward,
//!   since the quotient is estimated without the product of the low halves: at most 3 too small.
//! - *full*, s = 64, q < 2^62: Harvey's bounds and the exact high product.
//!
//! Levels go three to a pass, the last three (backward the first three) with one part of eight of a
//! block in each lane: a transposition before them, none after, for that is the domain's order.
//! Six levels in registers would save a pass over the memory, but their chain of operations is too
//! long for the CPU to overlap one block's with the next's.

mod arithmetic;
mod class;

use alloc::vec::Vec;
use core::arch::x86_64::*;

use super::scalar::Factor;
use arithmetic::{Arithmetic, Pair, Root, load, root, roots, store, transpose};
use class::{Class, Full, Kind, Narrow, Wide, Word};

type Vector = [u64; 8];

/// The tables of one transform.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    q: u64,
    class: Kind,
    forward: Direction,
    inverse: Direction,
    n_inverse: Pair,
    /// The inverse root of the last level times 1/n.
    last_root: Pair,
}

/// The roots of one direction. Three levels of a block have seven: the first level's, the second's
/// two, the third's four.
#[derive(Clone, Debug)]
struct Direction {
    /// In the order of the scalar twin, for blocks longer than 64.
    roots: Vec<Pair>,
    /// For each block of 64 those of its first three levels.
    blocks: Vec<[Pair; 7]>,
    /// For each block of 64 those of its last three levels, one for each part of eight.
    lanes: Vec<[Lanes; 7]>,
}

#[derive(Clone, Debug)]
#[repr(align(64))]
struct Lanes {
    value: Vector,
    quotient: Vector,
}

impl Tables {
    /// Whether there is a kernel for the size `n` and the modulus `q`.
    pub(super) const fn support(n: usize, q: u64) -> bool {
        n >= 128 && q < 1 << 62 && (n <= 1 << 15 || q >= 1 << 47)
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
        let last_root = Factor::new(n_inverse.mul(inverse_roots[1].value, q), q);
        let class = Kind::of(q);
        Self {
            q,
            class,
            forward: Direction::new(roots, class),
            inverse: Direction::new(inverse_roots, class),
            n_inverse: Pair::new(n_inverse, class),
            last_root: Pair::new(last_root, class),
        }
    }
}

impl Direction {
    fn new(roots: &[Factor], class: Kind) -> Self {
        let n = roots.len();
        let roots = |i: usize| Pair::new(roots[i], class);
        let blocks = |block| seven(n / 64, block).map(roots);
        let lanes = |block: usize| {
            core::array::from_fn(|i| {
                // The level has `parts` roots for each part of eight, of which this is number `i`.
                let parts = [1, 2, 2, 4, 4, 4, 4][i];
                let first = n / 8 * parts + 8 * block * parts + i + 1 - parts;
                let of_lane = |lane: usize| roots(first + lane * parts);
                Lanes {
                    value: core::array::from_fn(|lane| of_lane(lane).value),
                    quotient: core::array::from_fn(|lane| of_lane(lane).quotient),
                }
            })
        };
        Self {
            roots: (0..n / 64).map(roots).collect(),
            blocks: (0..n / 64).map(blocks).collect(),
            lanes: (0..n / 64).map(lanes).collect(),
        }
    }
}

/// The forward transform; input and output in [0, q).
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn forward(t: &Tables, a: &mut [u64]) {
    match t.class {
        Kind::Narrow => forward_class::<Narrow>(t, a),
        Kind::Wide => forward_class::<Wide>(t, a),
        Kind::Word => forward_class::<Word>(t, a),
        Kind::Full => forward_class::<Full>(t, a),
    }
}

/// The inverse transform, 1/n included; input and output in [0, q).
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inverse(t: &Tables, a: &mut [u64]) {
    match t.class {
        Kind::Narrow => inverse_class::<Narrow>(t, a),
        Kind::Wide => inverse_class::<Wide>(t, a),
        Kind::Word => inverse_class::<Word>(t, a),
        Kind::Full => inverse_class::<Full>(t, a),
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn forward_class<C: Class>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), 64 * t.forward.roots.len());
    debug_assert!(a.iter().all(|&x| x < t.q));
    let m = Arithmetic::<C>::new(t.q);
    let (n, roots) = (a.len(), &t.forward.roots);
    let a = a.as_chunks_mut::<8>().0;
    let mut blocks = match (n / 64).trailing_zeros() % 3 {
        0 => 1,
        1 => forward_half(&m, a, roots),
        _ => forward_quarter(&m, a, roots),
    };
    while 64 * blocks < n {
        forward_eighth(&m, a, roots, blocks);
        blocks *= 8;
    }
    let a = a.as_chunks_mut().0;
    if C::LAZY { forward_rest_in_pairs(&m, a, &t.forward) } else { forward_rest(&m, a, &t.forward) }
}

/// The last six levels of every block of 64.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn forward_rest<C: Class>(m: &Arithmetic<C>, a: &mut [[Vector; 8]], t: &Direction) {
    for (block, w) in a.iter_mut().zip(&t.blocks) {
        let x = m.forward_eighth(load_each(&block.each_ref()), w.map(|w| root(w)));
        store_each(block.each_mut(), transpose(x));
    }
    for (block, w) in a.iter_mut().zip(&t.lanes) {
        let x = m.forward_eighth(load_each(&block.each_ref()), of_lanes(w));
        store_each(block.each_mut(), x.map(|x| m.canonical(x)));
    }
}

/// The same two blocks at a time: without minima their intermediates fit the registers, and twice
/// as many independent operations stand side by side.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn forward_rest_in_pairs<C: Class>(m: &Arithmetic<C>, a: &mut [[Vector; 8]], t: &Direction) {
    let a = a.as_chunks_mut().0;
    for ([a, b], [v, w]) in a.iter_mut().zip(t.blocks.as_chunks().0) {
        let x = [load_each(&a.each_ref()), load_each(&b.each_ref())];
        let [x, y] = m.forward_eighths(x, [v.map(|v| root(v)), w.map(|w| root(w))]);
        store_each(a.each_mut(), transpose(x));
        store_each(b.each_mut(), transpose(y));
    }
    for ([a, b], [v, w]) in a.iter_mut().zip(t.lanes.as_chunks().0) {
        let x = [load_each(&a.each_ref()), load_each(&b.each_ref())];
        let [x, y] = m.forward_eighths(x, [of_lanes(v), of_lanes(w)]);
        store_each(a.each_mut(), x.map(|x| m.canonical(x)));
        store_each(b.each_mut(), y.map(|x| m.canonical(x)));
    }
}

/// The first level alone; returns how many blocks there are then.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn forward_half<C: Class>(m: &Arithmetic<C>, a: &mut [Vector], roots: &[Pair]) -> usize {
    let (low, high) = a.split_at_mut(a.len() / 2);
    let w = root(roots[1]);
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = m.forward(load(x), load(y), w);
        store(x, u);
        store(y, v);
    }
    2
}

/// The first two levels; returns how many blocks there are then.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn forward_quarter<C: Class>(m: &Arithmetic<C>, a: &mut [Vector], roots: &[Pair]) -> usize {
    let w = [1, 2, 3].map(|i| root(roots[i]));
    for x in parts(a) {
        let y = m.forward_quarter(load_each(&x), w);
        store_each(x, y);
    }
    4
}

/// Three levels, from `blocks` blocks to eight times as many.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn forward_eighth<C: Class>(m: &Arithmetic<C>, a: &mut [Vector], roots: &[Pair], blocks: usize) {
    let len = a.len() / blocks;
    for (i, block) in a.chunks_exact_mut(len).enumerate() {
        let w = seven(blocks, i).map(|i| root(roots[i]));
        for x in parts(block.as_chunks_mut::<2>().0) {
            let even = x.each_ref().map(|x| load(&x[0]));
            let odd = x.each_ref().map(|x| load(&x[1]));
            let [even, odd] = m.forward_eighths([even, odd], [w; 2]);
            for ((x, even), odd) in x.into_iter().zip(even).zip(odd) {
                store(&mut x[0], even);
                store(&mut x[1], odd);
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn inverse_class<C: Class>(t: &Tables, a: &mut [u64]) {
    assert_eq!(a.len(), 64 * t.inverse.roots.len());
    debug_assert!(a.iter().all(|&x| x < t.q));
    let m = Arithmetic::<C>::new(t.q);
    let offsets = m.offsets();
    let roots = &t.inverse.roots;
    let a = a.as_chunks_mut::<8>().0;
    let mut blocks = a.len() / 8;
    for (block, w) in a.as_chunks_mut::<8>().0.iter_mut().zip(&t.inverse.lanes) {
        let x = load_each(&block.each_ref());
        let x = m.inverse_eighth(x, of_lanes(w), offsets);
        store_each(block.each_mut(), transpose(x));
    }
    for (block, w) in a.as_chunks_mut::<8>().0.iter_mut().zip(&t.inverse.blocks) {
        let x = load_each(&block.each_ref());
        let x = m.inverse_eighth(x, w.map(|w| root(w)), offsets);
        store_each(block.each_mut(), x);
    }
    while blocks > 8 {
        blocks /= 8;
        inverse_eighth(&m, a, roots, blocks, offsets);
    }
    let last = [root(t.n_inverse), root(t.last_root)];
    match blocks {
        2 => inverse_last_half(&m, a, last, offsets),
        4 => inverse_last_quarter(&m, a, roots, last, offsets),
        _ => inverse_last_eighth(&m, a, roots, last, offsets),
    }
}

/// Three levels, from eight times `blocks` blocks to `blocks`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn inverse_eighth<C: Class>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    roots: &[Pair],
    blocks: usize,
    offsets: [__m512i; 3],
) {
    let len = a.len() / blocks;
    for (i, block) in a.chunks_exact_mut(len).enumerate() {
        let w = seven(blocks, i).map(|i| root(roots[i]));
        for x in parts(block) {
            let y = m.inverse_eighth(load_each(&x), w, offsets);
            store_each(x, y);
        }
    }
}

/// The last level: the sum times 1/n and the difference times the root times 1/n.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn last<C: Class>(
    m: &Arithmetic<C>,
    x: __m512i,
    y: __m512i,
    [n_inverse, w]: [Root; 2],
    offset: __m512i,
) -> [__m512i; 2] {
    let sum = m.mul(_mm512_add_epi64(x, y), n_inverse);
    let difference = m.mul(_mm512_sub_epi64(_mm512_add_epi64(x, offset), y), w);
    [m.canonical_product(sum), m.canonical_product(difference)]
}

/// The last level alone.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn inverse_last_half<C: Class>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    w: [Root; 2],
    offsets: [__m512i; 3],
) {
    for [x, y] in parts(a) {
        let out = last(m, load(x), load(y), w, offsets[0]);
        store_each([x, y], out);
    }
}

/// The last two levels.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn inverse_last_quarter<C: Class>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    roots: &[Pair],
    w: [Root; 2],
    offsets: [__m512i; 3],
) {
    let [w2, w3] = [2, 3].map(|i| root(roots[i]));
    for x in parts(a) {
        let [x0, x1, x2, x3] = load_each(&x);
        let [x0, x1] = m.inverse(x0, x1, w2, offsets[0]);
        let [x2, x3] = m.inverse(x2, x3, w3, offsets[0]);
        let [x0, x2] = last(m, x0, x2, w, offsets[1]);
        let [x1, x3] = last(m, x1, x3, w, offsets[1]);
        store_each(x, [x0, x1, x2, x3]);
    }
}

/// The last three levels.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn inverse_last_eighth<C: Class>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    roots: &[Pair],
    w: [Root; 2],
    offsets: [__m512i; 3],
) {
    let [_, w2, w3, w4, w5, w6, w7] = seven(1, 0).map(|i| root(roots[i]));
    let quarter = [offsets[0], offsets[1]];
    for x in parts(a) {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = load_each(&x);
        let low = m.inverse_quarter([x0, x1, x2, x3], [w2, w4, w5], quarter);
        let high = m.inverse_quarter([x4, x5, x6, x7], [w3, w6, w7], quarter);
        let [x0, x4] = last(m, low[0], high[0], w, offsets[2]);
        let [x1, x5] = last(m, low[1], high[1], w, offsets[2]);
        let [x2, x6] = last(m, low[2], high[2], w, offsets[2]);
        let [x3, x7] = last(m, low[3], high[3], w, offsets[2]);
        store_each(x, [x0, x1, x2, x3, x4, x5, x6, x7]);
    }
}

/// Where the scalar twin has the seven roots of three levels that start at block `i` of `blocks`.
fn seven(blocks: usize, i: usize) -> [usize; 7] {
    let (one, two, four) = (blocks + i, 2 * (blocks + i), 4 * (blocks + i));
    [one, two, two + 1, four, four + 1, four + 2, four + 3]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn of_lanes(lanes: &[Lanes; 7]) -> [Root; 7] {
    lanes.each_ref().map(|lanes| roots(&lanes.value, &lanes.quotient))
}

/// Equal places of the `N` equal parts of a block.
fn parts<T, const N: usize>(mut block: &mut [T]) -> impl Iterator<Item = [&mut T; N]> {
    let len = block.len() / N;
    let mut parts = core::array::from_fn::<_, N, _>(|_| {
        let (part, rest) = core::mem::take(&mut block).split_at_mut(len);
        block = rest;
        part.iter_mut()
    });
    (0..len).map(move |_| {
        parts.each_mut().map(|part| part.next().expect("every part is as long as the others"))
    })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_each<const N: usize, X: core::ops::Deref<Target = Vector>>(x: &[X; N]) -> [__m512i; N] {
    x.each_ref().map(|x| load(x))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_each<const N: usize>(x: [&mut Vector; N], y: [__m512i; N]) {
    for (x, y) in x.into_iter().zip(y) {
        store(x, y);
    }
}
