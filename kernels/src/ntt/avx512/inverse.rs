//! The inverse transform: cyclic transforms of blocks by decimation in time with the roots of a
//! position, then the last levels by the roots of a block.
//!
//! Block i of 4 or 8 holds the values at ρ·ω^k, ρ = ψ^(2·bitrev(i) + 1), of the polynomial modulo
//! X^m − ρ^m, whose coefficient j is ρ^−j/m · Σ_k a(ρ·ω^k)·ω^(−jk). A level of that sum joins two
//! neighbouring blocks of m values into one of 2m: place j of the first plus and minus place j of the
//! second times ψ^(−j·n/m), which is a 2m-th root of unity. A pass of such levels joins `LEN` blocks.
//! Taken in bit-reversed order, they make the butterflies of a forward pass: one root first, then
//! two, then four.
//!
//! Carried through to the end the sum would need the roots of every position, as many bytes again as
//! the factors ρ^−j/n, and these already come from the second cache.

use alloc::vec::Vec;

use super::arithmetic::{Arithmetic, Pair, Root};
use super::class::{Class, Kind};
use super::registers::{Parts, Vector, ZERO, array, load, store, store_each, transpose};
use super::{CHUNK, Factor, Lanes};

#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// The roots of the first three levels that are not 1: the fourth root of unity, the eighth, its
    /// third power.
    first: [Pair; 3],
    /// The roots of levels four to six.
    second: Vec<Lanes>,
    passes: Vec<Pass>,
    /// How many blocks the last levels join: 4 or 8.
    radix: usize,
    /// ρ^−j/n, of all blocks for one vector of places after the other.
    twist: Vec<Lanes>,
    /// Those of the last levels in the order of the scalar twin.
    last: [Pair; 7],
}

/// Two or three levels.
#[derive(Clone, Debug)]
struct Pass {
    /// The blocks' length before.
    len: usize,
    /// How many blocks are made one: 4 or 8.
    radix: usize,
    /// For all places of a block, `radix − 1` for each vector of eight.
    roots: Vec<Lanes>,
}

impl Tables {
    pub(super) fn new(inverse_roots: &[Factor], n_inverse: Factor, q: u64, class: Kind) -> Self {
        let n = inverse_roots.len();
        // ψ^−e.
        let power = |e: usize| {
            let factor = inverse_roots[reversed(e % n, n)];
            if (e / n).is_multiple_of(2) { factor } else { Factor::new(q - factor.value, q) }
        };
        let root = |e| Pair::new(power(e), class);
        let roots = |len: usize, radix: usize| {
            let of_place = move |j: usize, at: usize| {
                let level = (at + 1).ilog2();
                let block = reversed(at + 1 - (1 << level), 1 << level);
                root(((n / len) >> level) * (j + block * len))
            };
            let of_vector =
                |i: usize| Lanes::new(|lane| of_place(i / (radix - 1) * 8 + lane, i % (radix - 1)));
            (0..len / 8 * (radix - 1)).map(of_vector).collect::<Vec<_>>()
        };
        // Two last levels read fewer streams at once. From 4096 on three of them spare a pass or leave
        // shorter ones, more of which fit in a chunk; not so for wide residues, halved at each level.
        let eight = n == 512 || n >= 4096 && class != Kind::Wide;
        let radix = if eight { 8 } else { 4 };
        let twist = |block: usize, j: usize| {
            let rho = power((2 * reversed(block, radix) + 1) * j);
            Pair::new(Factor::new(n_inverse.mul(rho.value, q), q), class)
        };
        let pass = |(len, radix)| Pass { len, radix, roots: roots(len, radix) };
        Self {
            first: [n / 2, n / 4, 3 * (n / 4)].map(root),
            second: roots(8, 8),
            passes: shape(n / radix).into_iter().map(pass).collect(),
            radix,
            twist: (0..n / 8)
                .map(|i| Lanes::new(|lane| twist(i % radix, i / radix * 8 + lane)))
                .collect(),
            last: core::array::from_fn(|at| Pair::new(inverse_roots[1 + at], class)),
        }
    }
}

/// The passes that make blocks of `len` from blocks of 64: the blocks' length before, how many become
/// one.
fn shape(len: usize) -> Vec<(usize, usize)> {
    let (mut at, mut passes) = (64, Vec::new());
    while at < len {
        let radix = if (len / at).ilog2().is_multiple_of(3) { 8 } else { 4 };
        passes.push((at, radix));
        at *= radix;
    }
    passes
}

/// `i` with its bits reversed, as far as they are below `len`.
const fn reversed(i: usize, len: usize) -> usize {
    if len == 1 { 0 } else { i.reverse_bits() >> (usize::BITS - len.ilog2()) }
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
    assert_eq!(n, 8 * t.twist.len());
    // The first three and the last levels need no lift.
    let m = Arithmetic::<C>::new(q, (n / t.radix / 8).ilog2());
    let a = a.as_chunks_mut::<8>().0;
    let chunk = n.min(CHUNK);
    let in_chunk = t.passes.partition_point(|pass| pass.len * pass.radix <= chunk);
    for a in a.chunks_exact_mut(chunk / 8) {
        first_levels::<C, N>(&m, a, &t.first, &t.second);
        for p in &t.passes[..in_chunk] {
            pass::<C, N>(&m, a, p);
        }
    }
    for p in &t.passes[in_chunk..] {
        pass::<C, N>(&m, a, p);
    }
    match t.radix {
        4 => last_levels::<C, 2, 4, LAZY>(&m, a, &t.twist, &t.last),
        _ => last_levels::<C, 1, 8, LAZY>(&m, a, &t.twist, &t.last),
    }
}

/// Six levels of blocks of 64: three of two blocks side by side, then three of `N`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn first_levels<C: Class, const N: usize>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    first: &[Pair; 3],
    second: &[Lanes],
) {
    let a = a.as_chunks_mut::<8>().0;
    let w = array!(3, Root::ZERO, |i| Root::broadcast(first[i]));
    for a in a.as_chunks_mut::<2>().0 {
        let x = array!(2, [ZERO; 8], |side| array!(8, ZERO, |i| load(&a[side][reversed(i, 8)])));
        let y = array!(2, [ZERO; 8], |side| m.inverse_first(x[side], w));
        for (a, y) in a.iter_mut().zip(y) {
            store_each(a.each_mut(), transpose(array!(8, ZERO, |i| y[reversed(i, 8)])));
        }
    }
    for a in a.as_chunks_mut::<N>().0 {
        let mut x =
            array!(N, [ZERO; 8], |side| array!(8, ZERO, |i| load(&a[side][reversed(i, 8)])));
        for x in &mut x {
            for x in &mut x[..4] {
                *x = m.lift(*x);
            }
        }
        let w = array!(7, Root::ZERO, |at| second[at].root());
        let y = m.levels(x, [w; N]);
        for (a, y) in a.iter_mut().zip(y) {
            for (i, y) in y.into_iter().enumerate() {
                store(&mut a[reversed(i, 8)], y);
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn pass<C: Class, const N: usize>(m: &Arithmetic<C>, a: &mut [Vector], pass: &Pass) {
    for a in a.chunks_exact_mut(pass.len * pass.radix / 8) {
        match pass.radix {
            4 => join::<C, N, 4, 3>(m, a, &pass.roots),
            _ => join::<C, N, 8, 7>(m, a, &pass.roots),
        }
    }
}

/// Joins the `LEN` blocks of `a` to one, `N` places side by side.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn join<C: Class, const N: usize, const LEN: usize, const ROOTS: usize>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    roots: &[Lanes],
) {
    let roots = roots.as_chunks::<ROOTS>().0.as_chunks::<N>().0;
    let mut x = Parts::<_, LEN>::new(a.as_chunks_mut::<N>().0);
    for (place, w) in x.places().zip(roots) {
        let y = array!(N, [ZERO; LEN], |side| array!(LEN, ZERO, |i| load(
            &x[(reversed(i, LEN), place)][side]
        )));
        let w = array!(N, [Root::ZERO; ROOTS], |side| array!(ROOTS, Root::ZERO, |at| w[side][at]
            .root()));
        let y = m.levels(y, w);
        for part in 0..LEN {
            for (x, y) in x[(part, place)].iter_mut().zip(&y) {
                store(x, y[reversed(part, LEN)]);
            }
        }
    }
}

/// Multiplies by `twist` and joins the `LEN` blocks of `a` by the roots of blocks, `N` places side by
/// side.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn last_levels<C: Class, const N: usize, const LEN: usize, const LAZY: bool>(
    m: &Arithmetic<C>,
    a: &mut [Vector],
    twist: &[Lanes],
    roots: &[Pair; 7],
) {
    let w = array!(7, Root::ZERO, |at| Root::broadcast(roots[at]));
    let twist = twist.as_chunks::<LEN>().0.as_chunks::<N>().0;
    let mut x = Parts::<_, LEN>::new(a.as_chunks_mut::<N>().0);
    for (place, twist) in x.places().zip(twist) {
        let y = array!(N, [ZERO; LEN], |side| array!(LEN, ZERO, |part| {
            m.mul(load(&x[(part, place)][side]), twist[side][part].root())
        }));
        let y = array!(N, [ZERO; LEN], |side| m.inverse_last::<LEN, LAZY>(y[side], w));
        for part in 0..LEN {
            for (x, y) in x[(part, place)].iter_mut().zip(&y) {
                store(x, y[part]);
            }
        }
    }
}
