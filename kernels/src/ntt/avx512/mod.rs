//! AVX-512: products of 52 bits (IFMA) for primes below 2^50, of 64 bits (DQ) below 2^62; n ≥ 256.
//!
//! Between levels a residue is known modulo 2^s, s = 52 or 64: the low s bits of its word are an
//! integer below b·q ≤ 2^s, what stands above them is noise that no product sees. A product with a
//! factor w and w' = ⌊w·2^s/q⌋ is y·w − ⌊y·w'/2^s⌋·q, in [0, 2q) for any y below 2^s: b = 2 (Shoup;
//! Harvey, 2014, section 3). A butterfly is x ± y·w. There are four classes of primes:
//!
//! - *narrow*, s = 52, q < 2^47, n ≤ 2^15: b may be 32. A multiple of q is added to x once; every
//!   level then adds or takes away at most q, so that 15 levels need no reduction at all.
//! - *wide*, s = 52, q < 2^50: b = 4, and x is reduced at every level as a product by 1 would be.
//! - *word*, s = 64, q < 2^61: b = 8, since the quotient is estimated without the product of the low
//!   halves: at most 3 too small. x is reduced by a minimum.
//! - *full*, s = 64, q < 2^62: b = 4, products are reduced once more.
//!
//! Forward, blocks of the polynomial are split as the scalar twin does it, by the roots of a block.
//! Backward, all but the last levels are the same butterfly with the roots of a position (cyclic
//! transforms of blocks, decimation in time): of their first twelve products seven are by 1, and
//! narrow residues need no reduction. A product for each coefficient, which takes 1/n along, leads to
//! the last levels: sums, and differences times the root of a block.
//!
//! Levels go three to a pass. The last three forward and the first three backward have one part of
//! eight of a block of 64 in each lane: there is a transposition on the other side of them and none on
//! theirs, for that is the domain's order. Passes over more than the first cache holds go by chunks.
//! Six levels in registers would save a pass over the memory, but their chain of operations is too
//! long for the CPU to overlap one block's with the next's.

mod arithmetic;
mod class;
mod forward;
mod inverse;
mod levels;
mod registers;

use super::scalar::Factor;
use arithmetic::{Pair, Root};
use class::{Class, Full, Kind, Narrow, Wide, Word};
use registers::{Vector, load};

/// Coefficients that are taken through several passes at a time, to stay in the first cache.
const CHUNK: usize = 2048;

/// The tables of one transform.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    q: u64,
    class: Kind,
    forward: forward::Tables,
    inverse: inverse::Tables,
}

/// A factor for each lane.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Lanes {
    value: Vector,
    quotient: Vector,
}

impl Tables {
    /// Whether there is a kernel for the size `n` and the modulus `q`.
    pub(super) const fn support(n: usize, q: u64) -> bool {
        n >= 256 && q < 1 << 62
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
        let class = Kind::of(roots.len(), q);
        Self {
            q,
            class,
            forward: forward::Tables::new(roots, class),
            inverse: inverse::Tables::new(inverse_roots, n_inverse, q, class),
        }
    }
}

impl Lanes {
    fn new(of_lane: impl Fn(usize) -> Pair) -> Self {
        Self {
            value: core::array::from_fn(|lane| of_lane(lane).value),
            quotient: core::array::from_fn(|lane| of_lane(lane).quotient),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn root(&self) -> Root {
        Root { value: load(&self.value), quotient: load(&self.quotient) }
    }
}

/// The forward transform; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn forward<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    match t.class {
        Kind::Narrow => forward::transform::<Narrow, 2, LAZY>(&t.forward, t.q, a),
        Kind::Wide => forward::transform::<Wide, 2, LAZY>(&t.forward, t.q, a),
        Kind::Word => forward::transform::<Word, 1, LAZY>(&t.forward, t.q, a),
        Kind::Full => forward::transform::<Full, 1, LAZY>(&t.forward, t.q, a),
    }
}

/// The inverse transform, 1/n included; input in [0, q), output too, or in [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as the tables.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inverse<const LAZY: bool>(t: &Tables, a: &mut [u64]) {
    match t.class {
        Kind::Narrow => inverse::transform::<Narrow, 2, LAZY>(&t.inverse, t.q, a),
        Kind::Wide => inverse::transform::<Wide, 2, LAZY>(&t.inverse, t.q, a),
        Kind::Word => inverse::transform::<Word, 1, LAZY>(&t.inverse, t.q, a),
        Kind::Full => inverse::transform::<Full, 1, LAZY>(&t.inverse, t.q, a),
    }
}
