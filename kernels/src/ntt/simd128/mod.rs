//! WebAssembly's registers of 128 bits: four residues in two of them, primes below 2^62, n ≥ 64.
//!
//! Levels go two to a pass, in the order of the AVX2 kernels: the last two forward and the first two
//! backward have four parts of a block of 64 in the lanes, eight places apart, which is how they stand
//! side by side in the domain's order. The arithmetic is of two kinds, for primes below 2^50 and others.

mod short;
mod word;

use core::arch::wasm32::*;
use core::fmt::Debug;

use super::blocks::{Block, Roots, Vector, groups, quarter_roots, quarters};
use super::scalar::Factor;
use crate::words::{Halves, Words};
use short::Short;
use word::Word;

/// Arithmetic modulo one prime on four residues at a time, in a range of its own between levels.
pub(in crate::ntt) trait Arithmetic: Copy {
    /// A factor in memory.
    type Factor: Copy + Debug;
    /// Four of them.
    type Lanes: Clone + Debug;
    /// One for each lane, in registers.
    type Root: Copy;

    /// Modulo `q`.
    fn new(q: u64) -> Self;
    /// The factor `w` for each lane.
    fn factor(w: Factor, q: u64) -> Self::Factor;
    fn lanes(w: [Self::Factor; 4]) -> Self::Lanes;
    fn broadcast(w: Self::Factor) -> Self::Root;
    fn load(w: &Self::Lanes) -> Self::Root;

    /// x ± y·w.
    fn forward(&self, x: Words, y: Words, w: &Self::Root) -> [Words; 2];
    /// x + y, and (x − y)·w.
    fn inverse(&self, x: Words, y: Words, w: &Self::Root) -> [Words; 2];
    /// The first output of two inverse levels, brought back to their range.
    fn settle(&self, x: Words) -> Words;
    /// What forward levels leave, in [0, q), or [0, 2q) if `LAZY`.
    fn finish<const LAZY: bool>(&self, x: Words) -> Words;
    /// The inverse level that is the last, times 1/n: (x + y)·`n_inverse` and (x − y)·`w`, in [0, q), or
    /// [0, 2q) if `LAZY`.
    fn inverse_last<const LAZY: bool>(
        &self,
        x: Words,
        y: Words,
        factors: &[Self::Root; 2],
    ) -> [Words; 2];

    #[inline(always)]
    fn forward_quarter(&self, x: [Words; 4], w: &[Self::Root; 3]) -> [Words; 4] {
        let [y0, y2] = self.forward(x[0], x[2], &w[0]);
        let [y1, y3] = self.forward(x[1], x[3], &w[0]);
        let [z0, z1] = self.forward(y0, y1, &w[1]);
        let [z2, z3] = self.forward(y2, y3, &w[2]);
        [z0, z1, z2, z3]
    }

    #[inline(always)]
    fn inverse_quarter(&self, x: [Words; 4], w: &[Self::Root; 3]) -> [Words; 4] {
        let [y0, y1] = self.inverse(x[0], x[1], &w[1]);
        let [y2, y3] = self.inverse(x[2], x[3], &w[2]);
        let [z0, z2] = self.inverse(y0, y2, &w[0]);
        let [z1, z3] = self.inverse(y1, y3, &w[0]);
        [self.settle(z0), z1, z2, z3]
    }
}

/// The tables of one transform, for the class of its prime.
#[derive(Clone, Debug)]
pub(super) enum Tables {
    /// q < 2^47.
    Narrow(Of<Short<false>>),
    /// q < 2^50.
    Wide(Of<Short<true>>),
    /// q < 2^61.
    Word(Of<Word<4>>),
    /// q < 2^62.
    Long(Of<Word<2>>),
}

/// The tables of one class.
#[derive(Clone, Debug)]
pub(super) struct Of<A: Arithmetic> {
    q: u64,
    forward: Roots<A::Factor, A::Lanes>,
    inverse: Roots<A::Factor, A::Lanes>,
    n_inverse: A::Factor,
    /// The inverse root of the last level times 1/n.
    last_root: A::Factor,
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
        match q.ilog2() {
            ..47 => Self::Narrow(Of::new(q, roots, inverse_roots, n_inverse)),
            47..50 => Self::Wide(Of::new(q, roots, inverse_roots, n_inverse)),
            50..61 => Self::Word(Of::new(q, roots, inverse_roots, n_inverse)),
            _ => Self::Long(Of::new(q, roots, inverse_roots, n_inverse)),
        }
    }
}

/// The forward transform; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
pub(super) fn forward<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    match t {
        Tables::Narrow(t) => t.forward::<LAZY>(a),
        Tables::Wide(t) => t.forward::<LAZY>(a),
        Tables::Word(t) => t.forward::<LAZY>(a),
        Tables::Long(t) => t.forward::<LAZY>(a),
    }
}

/// The inverse transform, 1/n included; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
pub(super) fn inverse<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    match t {
        Tables::Narrow(t) => t.inverse::<LAZY>(a),
        Tables::Wide(t) => t.inverse::<LAZY>(a),
        Tables::Word(t) => t.inverse::<LAZY>(a),
        Tables::Long(t) => t.inverse::<LAZY>(a),
    }
}

impl<A: Arithmetic> Of<A> {
    fn new(q: u64, roots: &[Factor], inverse_roots: &[Factor], n_inverse: Factor) -> Self {
        let factor = |w| A::factor(w, q);
        let of = |roots: &[Factor]| {
            let roots: alloc::vec::Vec<_> = roots.iter().map(|&w| factor(w)).collect();
            Roots::new(&roots, A::lanes)
        };
        Self {
            q,
            forward: of(roots),
            inverse: of(inverse_roots),
            n_inverse: factor(n_inverse),
            last_root: factor(Factor::new(n_inverse.mul(inverse_roots[1].value, q), q)),
        }
    }

    // Classes one by one: engines compile a function as a whole.
    #[inline(never)]
    fn forward<const LAZY: bool>(&self, a: &mut [u64]) {
        assert_eq!(a.len(), 64 * self.forward.lanes.len());
        let (m, n, t) = (A::new(self.q), a.len(), &self.forward);
        let a = a.as_chunks_mut::<4>().0;
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
            forward_block::<A, LAZY>(&m, block, w);
        }
    }

    #[inline(never)]
    fn inverse<const LAZY: bool>(&self, a: &mut [u64]) {
        assert_eq!(a.len(), 64 * self.inverse.lanes.len());
        let (m, n, t) = (A::new(self.q), a.len(), &self.inverse);
        let a = a.as_chunks_mut::<4>().0;
        for (block, w) in a.as_chunks_mut().0.iter_mut().zip(&t.lanes) {
            inverse_block(&m, block, w);
        }
        let mut blocks = n / 16;
        while blocks > 1 {
            inverse_quarter(&m, a, &t.blocks, blocks);
            blocks /= 4;
        }
        let last = [A::broadcast(self.n_inverse), A::broadcast(self.last_root)];
        if blocks == 1 {
            let w = [A::broadcast(t.blocks[2]), A::broadcast(t.blocks[3])];
            inverse_last_quarter::<A, LAZY>(&m, a, &w, &last);
        } else {
            inverse_last_half::<A, LAZY>(&m, a, &last);
        }
    }
}

/// The first level alone.
fn forward_half<A: Arithmetic>(m: &A, a: &mut [Vector], w: A::Factor) {
    let (low, high) = a.split_at_mut(a.len() / 2);
    let w = A::broadcast(w);
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = m.forward(Words::load(x), Words::load(y), &w);
        u.store(x);
        v.store(y);
    }
}

/// Two levels, from `blocks` blocks to four times as many.
fn forward_quarter<A: Arithmetic>(m: &A, a: &mut [Vector], roots: &[A::Factor], blocks: usize) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let w = [A::broadcast(w[0]), A::broadcast(w[1]), A::broadcast(w[2])];
        for x in quarters(block) {
            let y = m.forward_quarter(read(&x), &w);
            write(x, y);
        }
    }
}

/// The last two levels of a block of 64; residues in [0, q), or [0, 2q) if `LAZY`.
#[inline(always)]
fn forward_block<A: Arithmetic, const LAZY: bool>(
    m: &A,
    block: &mut Block,
    roots: &[[A::Lanes; 3]; 4],
) {
    transpose(block);
    for (x, [w0, w1, w2]) in groups(block).into_iter().zip(roots) {
        let y = m.forward_quarter(read(&x), &[A::load(w0), A::load(w1), A::load(w2)]);
        let [y0, y1, y2, y3] = y;
        let finish = |y| m.finish::<LAZY>(y);
        write(x, [finish(y0), finish(y1), finish(y2), finish(y3)]);
    }
}

/// The first two levels of a block of 64 in the domain's order.
#[inline(always)]
fn inverse_block<A: Arithmetic>(m: &A, block: &mut Block, roots: &[[A::Lanes; 3]; 4]) {
    for (x, [w0, w1, w2]) in groups(block).into_iter().zip(roots) {
        let y = m.inverse_quarter(read(&x), &[A::load(w0), A::load(w1), A::load(w2)]);
        write(x, y);
    }
    transpose(block);
}

/// Two levels, from four times `blocks` blocks to `blocks`.
fn inverse_quarter<A: Arithmetic>(m: &A, a: &mut [Vector], roots: &[A::Factor], blocks: usize) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let w = [A::broadcast(w[0]), A::broadcast(w[1]), A::broadcast(w[2])];
        for x in quarters(block) {
            let y = m.inverse_quarter(read(&x), &w);
            write(x, y);
        }
    }
}

/// The last two levels, times 1/n.
fn inverse_last_quarter<A: Arithmetic, const LAZY: bool>(
    m: &A,
    a: &mut [Vector],
    [w2, w3]: &[A::Root; 2],
    last: &[A::Root; 2],
) {
    for x in quarters(a) {
        let [y0, y1, y2, y3] = read(&x);
        let [s0, d0] = m.inverse(y0, y1, w2);
        let [s1, d1] = m.inverse(y2, y3, w3);
        let [z0, z2] = m.inverse_last::<LAZY>(s0, s1, last);
        let [z1, z3] = m.inverse_last::<LAZY>(d0, d1, last);
        write(x, [z0, z1, z2, z3]);
    }
}

/// The last level, times 1/n.
fn inverse_last_half<A: Arithmetic, const LAZY: bool>(
    m: &A,
    a: &mut [Vector],
    last: &[A::Root; 2],
) {
    let (low, high) = a.split_at_mut(a.len() / 2);
    for (x, y) in low.iter_mut().zip(high) {
        let [u, v] = m.inverse_last::<LAZY>(Words::load(x), Words::load(y), last);
        u.store(x);
        v.store(y);
    }
}

/// Rows of groups to columns, and groups 1 and 2 exchanged: takes a block whose levels down to blocks
/// of 4 are done to the domain's order, and back.
#[inline(always)]
fn transpose(block: &mut Block) {
    let [a, b, c, d] = groups(block);
    let [x, y] = [columns(&b), columns(&c)];
    write(b, y);
    write(c, x);
    let [x, y] = [columns(&a), columns(&d)];
    write(a, x);
    write(d, y);
}

#[inline(always)]
fn columns(rows: &[&mut Vector; 4]) -> [Words; 4] {
    let [Words(a), Words(b), Words(c), Words(d)] = read(rows);
    let even =
        |i: usize| Words([u64x2_shuffle::<0, 2>(a[i], b[i]), u64x2_shuffle::<0, 2>(c[i], d[i])]);
    let odd =
        |i: usize| Words([u64x2_shuffle::<1, 3>(a[i], b[i]), u64x2_shuffle::<1, 3>(c[i], d[i])]);
    [even(0), odd(0), even(1), odd(1)]
}

#[inline(always)]
fn read(from: &[&mut Vector; 4]) -> [Words; 4] {
    [Words::load(from[0]), Words::load(from[1]), Words::load(from[2]), Words::load(from[3])]
}

#[inline(always)]
fn write(to: [&mut Vector; 4], words: [Words; 4]) {
    let ([a, b, c, d], [w, x, y, z]) = (to, words);
    w.store(a);
    x.store(b);
    y.store(c);
    z.store(d);
}

/// The halves of four words, in memory.
#[derive(Clone, Copy, Debug)]
pub(in crate::ntt) struct HalvesOfFour([[u32; 4]; 2]);

impl HalvesOfFour {
    fn new(words: [u64; 4]) -> Self {
        Self([words.map(|x| x as u32), words.map(|x| (x >> 32) as u32)])
    }

    #[inline(always)]
    fn load(&self) -> Halves {
        let load = |[a, b, c, d]: [u32; 4]| u32x4(a, b, c, d);
        Halves { low: load(self.0[0]), high: load(self.0[1]) }
    }
}
