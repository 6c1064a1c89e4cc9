//! AVX2: words of 32 bits, primes below 2^30, n ≥ 128.
//!
//! Between levels a residue is an integer below 4q forward and below 2q backward. A product with a factor w
//! and w' = ⌊w·2^32/q⌋ is y·w − ⌊y·w'/2^32⌋·q, below 2q for any word y (Shoup; Harvey, 2014, section 3).
//!
//! A polynomial is packed into the first half of its memory, eight residues to a register. Levels on
//! blocks longer than 64 go two to a pass; the last six forward, and the first six backward, stay in
//! registers, three before a transposition and three after it, which leaves the domain's order.

mod arithmetic;

use alloc::vec::Vec;
use core::arch::x86_64::*;
use core::array;

use super::blocks::{quarter_roots, quarters};
use super::scalar::Factor;
use arithmetic::{Arithmetic, Lanes, Root, Scalar, expand, load, pack, store, transpose};

/// Eight residues.
type Vector = [u32; 8];

/// 64 of them.
type Block = [Vector; 8];

/// The tables of one transform.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    q: u32,
    forward: Roots,
    inverse: Roots,
    n_inverse: Scalar,
    /// The inverse root of the last level times 1/n.
    last_root: Scalar,
}

/// The roots of one direction.
#[derive(Clone, Debug)]
struct Roots {
    /// In the order of the scalar twin, for blocks longer than 64.
    long: Vec<Scalar>,
    /// For each block of 64 its own, those of its halves and those of its quarters.
    blocks: Vec<[Scalar; 7]>,
    /// The same of its eight blocks of 8, which are in the lanes once it is transposed.
    lanes: Vec<[Lanes; 7]>,
}

impl Roots {
    fn new(roots: &[Factor], q: u64) -> Self {
        let roots: Vec<_> = roots.iter().map(|w| Scalar::new(w.value, q)).collect();
        let n = roots.len();
        // Those of a block that stands at `first`: part 0 is the block, 1 and 2 its halves, and so on.
        let of = |first: usize, part: usize| {
            let parts = 1 << (part + 1).ilog2();
            roots[parts * first + part + 1 - parts]
        };
        let block = |i: usize| array::from_fn(|part| of(n / 64 + i, part));
        let lane =
            |i: usize, part| Lanes::new(array::from_fn(|lane| of(n / 8 + 8 * i + lane, part)));
        Self {
            long: roots[..n / 64].to_vec(),
            blocks: (0..n / 64).map(block).collect(),
            lanes: (0..n / 64).map(|i| array::from_fn(|part| lane(i, part))).collect(),
        }
    }
}

impl Tables {
    /// Whether there is a kernel for the size `n` and the modulus `q`.
    pub(super) const fn support(n: usize, q: u64) -> bool {
        n >= 128 && q < 1 << 30
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
            q: q as u32,
            forward: Roots::new(roots, q),
            inverse: Roots::new(inverse_roots, q),
            n_inverse: Scalar::new(n_inverse.value, q),
            last_root: Scalar::new(n_inverse.mul(inverse_roots[1].value, q), q),
        }
    }
}

/// The forward transform; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx2")]
pub(super) fn forward<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    let n = a.len();
    assert_eq!(n, 64 * t.forward.lanes.len());
    let (m, t) = (Arithmetic::new(t.q), &t.forward);
    pack_all(a);
    let words = packed(a);
    let mut blocks = 1;
    if !n.ilog2().is_multiple_of(2) {
        let (low, high) = words.split_at_mut(n / 16);
        let w = Root::broadcast(t.long[1]);
        for (x, y) in low.iter_mut().zip(high) {
            let [u, v] = m.forward(load(x), load(y), w);
            store(x, u);
            store(y, v);
        }
        blocks = 2;
    }
    while 64 * blocks < n {
        forward_quarter(&m, words, &t.long, blocks);
        blocks *= 4;
    }
    // A block takes twice the room that it had: the last one first.
    for (block, (w, lanes)) in t.blocks.iter().zip(&t.lanes).enumerate().rev() {
        let x = read(&packed(a).as_chunks().0[block]);
        let x = m.forward_eight(x, |i| Root::broadcast(w[i]));
        let x = m.forward_eight(transpose(x), |i| lanes[i].load());
        for (to, x) in a[64 * block..].as_chunks_mut().0.iter_mut().zip(x) {
            expand(to, m.finish::<LAZY>(x));
        }
    }
}

/// The inverse transform, 1/n included; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx2")]
pub(super) fn inverse<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    let n = a.len();
    assert_eq!(n, 64 * t.inverse.lanes.len());
    let m = Arithmetic::new(t.q);
    for (block, (w, lanes)) in t.inverse.blocks.iter().zip(&t.inverse.lanes).enumerate() {
        let from: &[[u64; 8]; 8] =
            a[64 * block..].as_chunks().0.first_chunk().expect("64 residues");
        let x = array::from_fn(|row| pack(&from[row]));
        let x = m.inverse_eight(x, |i| lanes[i].load());
        let x = m.inverse_eight(transpose(x), |i| Root::broadcast(w[i]));
        write(&mut packed(a).as_chunks_mut().0[block], x);
    }
    let words = packed(a);
    let mut blocks = n / 256;
    while blocks > 1 {
        inverse_quarter(&m, words, &t.inverse.long, blocks);
        blocks /= 4;
    }
    let last = [Root::broadcast(t.n_inverse), Root::broadcast(t.last_root)];
    if blocks == 1 {
        let [w2, w3] = [Root::broadcast(t.inverse.long[2]), Root::broadcast(t.inverse.long[3])];
        for [x0, x1, x2, x3] in quarters(words) {
            let [s0, d0] = m.inverse(load(x0), load(x1), w2);
            let [s1, d1] = m.inverse(load(x2), load(x3), w3);
            let [y0, y2] = m.inverse_last::<LAZY>(s0, s1, last);
            let [y1, y3] = m.inverse_last::<LAZY>(d0, d1, last);
            store(x0, y0);
            store(x1, y1);
            store(x2, y2);
            store(x3, y3);
        }
    } else {
        let (low, high) = words.split_at_mut(n / 16);
        for (x, y) in low.iter_mut().zip(high) {
            let [u, v] = m.inverse_last::<LAZY>(load(x), load(y), last);
            store(x, u);
            store(y, v);
        }
    }
    expand_all(a);
}

/// The first half of the memory, as words of 32 bits.
fn packed(a: &mut [u64]) -> &mut [Vector] {
    let half = a.len() / 2;
    bytemuck::cast_slice_mut::<u64, u32>(&mut a[..half]).as_chunks_mut().0
}

#[target_feature(enable = "avx2")]
fn pack_all(a: &mut [u64]) {
    for i in 0..a.len() / 8 {
        let x = pack(&a.as_chunks().0[i]);
        store(&mut packed(a)[i], x);
    }
}

#[target_feature(enable = "avx2")]
fn expand_all(a: &mut [u64]) {
    for i in (0..a.len() / 8).rev() {
        let x = load(&packed(a)[i]);
        expand(&mut a.as_chunks_mut().0[i], x);
    }
}

/// Two levels, from `blocks` blocks to four times as many.
#[target_feature(enable = "avx2")]
fn forward_quarter(m: &Arithmetic, a: &mut [Vector], roots: &[Scalar], blocks: usize) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let [w0, w1, w2] = [Root::broadcast(w[0]), Root::broadcast(w[1]), Root::broadcast(w[2])];
        for [x0, x1, x2, x3] in quarters(block) {
            let [y0, y2] = m.forward(load(x0), load(x2), w0);
            let [y1, y3] = m.forward(load(x1), load(x3), w0);
            let [z0, z1] = m.forward(y0, y1, w1);
            let [z2, z3] = m.forward(y2, y3, w2);
            store(x0, z0);
            store(x1, z1);
            store(x2, z2);
            store(x3, z3);
        }
    }
}

/// Two levels, from four times `blocks` blocks to `blocks`.
#[target_feature(enable = "avx2")]
fn inverse_quarter(m: &Arithmetic, a: &mut [Vector], roots: &[Scalar], blocks: usize) {
    let len = a.len() / blocks;
    for (block, w) in a.chunks_exact_mut(len).zip(quarter_roots(roots, blocks)) {
        let [w0, w1, w2] = [Root::broadcast(w[0]), Root::broadcast(w[1]), Root::broadcast(w[2])];
        for [x0, x1, x2, x3] in quarters(block) {
            let [y0, y1] = m.inverse(load(x0), load(x1), w1);
            let [y2, y3] = m.inverse(load(x2), load(x3), w2);
            let [z0, z2] = m.inverse(y0, y2, w0);
            let [z1, z3] = m.inverse(y1, y3, w0);
            store(x0, z0);
            store(x1, z1);
            store(x2, z2);
            store(x3, z3);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn read(block: &Block) -> [__m256i; 8] {
    array::from_fn(|row| load(&block[row]))
}

#[inline]
#[target_feature(enable = "avx2")]
fn write(block: &mut Block, x: [__m256i; 8]) {
    for (to, x) in block.iter_mut().zip(x) {
        store(to, x);
    }
}
