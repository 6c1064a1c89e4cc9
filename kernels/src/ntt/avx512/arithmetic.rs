//! Residues in the low s bits of words: the arithmetic of the transform on eight at a time. The
//! head of the parent module explains s and b.

use core::arch::x86_64::*;
use core::marker::PhantomData;

use super::registers::{ZERO, broadcast};
use super::{Class, Factor, Kind};

const MASK: u64 = (1 << 52) - 1;

/// A factor w with ⌊w·2^s / q⌋.
#[derive(Clone, Copy)]
pub(super) struct Root {
    pub(super) value: __m512i,
    pub(super) quotient: __m512i,
}

/// A factor w with ⌊w·2^s / q⌋, to be broadcast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) value: u64,
    pub(super) quotient: u64,
}

impl Root {
    pub(super) const ZERO: Self = Self { value: ZERO, quotient: ZERO };

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn broadcast(w: Pair) -> Self {
        Self { value: broadcast(w.value), quotient: broadcast(w.quotient) }
    }
}

impl Pair {
    pub(super) fn new(w: Factor, class: Kind) -> Self {
        Self { value: w.value, quotient: w.quotient >> (64 - class.bits()) }
    }
}

/// Constants of q. A value is the proof that the CPU has the features of [`Arithmetic::new`].
///
/// Methods are inlined by force, which functions with features cannot be: left to the compiler's
/// estimates, vectors travel through memory in some builds.
#[derive(Clone, Copy)]
pub(super) struct Arithmetic<C> {
    q: __m512i,
    two_q: __m512i,
    /// The bound of a product, b·q.
    product: __m512i,
    /// 2^52 − q.
    minus_q: __m512i,
    /// ⌊2^52 / q⌋.
    one_quotient: __m512i,
    /// As many times q as there are levels.
    lift: __m512i,
    class: PhantomData<C>,
}

impl<C: Class> Arithmetic<C> {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn new(q: u64, levels: u32) -> Self {
        Self {
            lift: broadcast(q.wrapping_mul(levels.into())),
            q: broadcast(q),
            two_q: broadcast(2 * q),
            product: broadcast(C::PRODUCT * q),
            minus_q: broadcast((1u64 << 52).wrapping_sub(q)),
            one_quotient: broadcast((1 << 52) / q),
            class: PhantomData,
        }
    }

    /// `y·w` modulo q with the b of products, for any `y`.
    #[inline(always)]
    pub(super) fn mul(&self, y: __m512i, w: Root) -> __m512i {
        // SAFETY: `self` proves the features.
        unsafe {
            if C::BITS == 64 {
                let quotient = high_product(y, w.quotient);
                let product = _mm512_mullo_epi64(y, w.value);
                let rest = _mm512_sub_epi64(product, _mm512_mullo_epi64(quotient, self.q));
                debug_assert!(self.below(rest, 4));
                return if C::PRODUCT == 4 { rest } else { reduce_once(rest, self.two_q) };
            }
            let zero = _mm512_setzero_si512();
            let quotient = _mm512_madd52hi_epu64(zero, y, w.quotient);
            let product = _mm512_madd52lo_epu64(zero, y, w.value);
            let rest = _mm512_madd52lo_epu64(product, quotient, self.minus_q);
            debug_assert!(self.below(rest, C::PRODUCT));
            rest
        }
    }

    /// x ± y·w. Narrow: adds at most q or takes at most that away. Others: from the largest b to the
    /// same.
    #[inline(always)]
    pub(super) fn butterfly(&self, x: __m512i, y: __m512i, w: Root) -> [__m512i; 2] {
        // SAFETY: `self` proves the features.
        unsafe {
            // Narrow: x is at least (levels − level)·q. Forward it is below (levels + level + 1)·q,
            // in the last of 15 levels 30q; backward three of them are replaced by a start below 8q.
            debug_assert!(self.below(x, if C::LAZY { 31 } else { C::RANGE }));
            debug_assert!(self.below(y, if C::LAZY { 31 } else { C::RANGE }));
            if C::LAZY {
                // A quotient one larger puts the product t in [−q, q).
                let quotient = _mm512_madd52hi_epu64(broadcast(1), y, w.quotient);
                let sum = _mm512_madd52lo_epu64(x, y, w.value);
                let sum = _mm512_madd52lo_epu64(sum, quotient, self.minus_q);
                // x + t and x − t = 2x − (x + t).
                [sum, _mm512_sub_epi64(_mm512_add_epi64(x, x), sum)]
            } else if C::BITS == 52 {
                // u in [q, 3q), t in [−q, q).
                let u = _mm512_madd52hi_epu64(broadcast(MASK), x, self.one_quotient);
                let u = _mm512_madd52lo_epu64(x, u, self.minus_q);
                let quotient = _mm512_madd52hi_epu64(broadcast(1), y, w.quotient);
                let t = _mm512_madd52lo_epu64(_mm512_setzero_si512(), y, w.value);
                let t = _mm512_madd52lo_epu64(t, quotient, self.minus_q);
                [_mm512_add_epi64(u, t), _mm512_sub_epi64(u, t)]
            } else {
                let u = reduce_once(x, self.product);
                if C::PRODUCT == 2 {
                    // The product is reduced on its own: 4q of it would not fit beside u.
                    return self.trivial(u, self.mul(y, w), 2);
                }
                let quotient = high_product(y, w.quotient);
                let product = _mm512_mullo_epi64(y, w.value);
                let sum = _mm512_add_epi64(u, product);
                let twice = _mm512_add_epi64(_mm512_add_epi64(u, u), self.product);
                let sum = _mm512_sub_epi64(sum, _mm512_mullo_epi64(quotient, self.q));
                [sum, _mm512_sub_epi64(twice, sum)]
            }
        }
    }

    /// x of the first of the levels. Narrow: so many times q more that none makes it negative.
    #[inline(always)]
    pub(super) fn lift(&self, x: __m512i) -> __m512i {
        // SAFETY: `self` proves the features.
        unsafe { if C::LAZY { _mm512_add_epi64(x, self.lift) } else { x } }
    }

    /// `x` with half the largest b.
    #[inline(always)]
    pub(super) fn halve(&self, x: __m512i) -> __m512i {
        // SAFETY: `self` proves the features.
        unsafe { if C::BITS == 52 { self.reduce(x) } else { reduce_once(x, self.product) } }
    }

    /// `x` with b = 2. The quotient's estimate is at most one too small: x < 2^52.
    #[inline(always)]
    pub(super) fn reduce(&self, x: __m512i) -> __m512i {
        // SAFETY: `self` proves the features.
        unsafe {
            let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), x, self.one_quotient);
            let rest = _mm512_madd52lo_epu64(x, quotient, self.minus_q);
            debug_assert!(self.below(rest, 2));
            rest
        }
    }

    /// `x` in [0, q), or [0, 2q) if `LAZY`, for the largest b.
    #[inline(always)]
    pub(super) fn finish<const LAZY: bool>(&self, x: __m512i) -> __m512i {
        // SAFETY: `self` proves the features.
        unsafe {
            debug_assert!(self.below(x, C::RANGE));
            if C::LAZY {
                return self.finish_product::<LAZY>(self.reduce(x));
            }
            let x = if C::BITS == 52 { low(x) } else { x };
            self.finish_product::<LAZY>(reduce_once(x, self.product))
        }
    }

    /// `x` in [0, q), or [0, 2q) if `LAZY`, for the b of products.
    #[inline(always)]
    pub(super) fn finish_product<const LAZY: bool>(&self, x: __m512i) -> __m512i {
        // SAFETY: `self` proves the features.
        unsafe {
            debug_assert!(self.below(x, C::PRODUCT));
            let x = if C::BITS == 52 { low(x) } else { x };
            let x = if C::PRODUCT == 4 { reduce_once(x, self.two_q) } else { x };
            if LAZY { x } else { reduce_once(x, self.q) }
        }
    }

    /// Whether all lanes are below b·q ≤ 2^s, noise left out.
    #[inline(always)]
    fn below(&self, x: __m512i, b: u64) -> bool {
        // SAFETY: `self` proves the features.
        unsafe { less::<C>(x, _mm512_mullo_epi64(self.q, broadcast(b))) }
    }

    /// The butterfly with the root 1, for y below `offset`·q.
    #[inline(always)]
    pub(super) fn trivial(&self, x: __m512i, y: __m512i, offset: u64) -> [__m512i; 2] {
        // SAFETY: `self` proves the features.
        unsafe {
            debug_assert!(self.below(y, offset));
            let offset = _mm512_mullo_epi64(self.q, broadcast(offset));
            [_mm512_add_epi64(x, y), _mm512_sub_epi64(_mm512_add_epi64(x, offset), y)]
        }
    }
}

/// `x − m` if that is not negative, else `x`.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduce_once(x: __m512i, m: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, m))
}

/// ⌊y·w / 2^64⌋ or up to 2 less: the product of the low halves is left out, which is less than 1, and
/// the floor of each cross product leaves out less than 1. With the rounding of w itself, the estimate
/// of a quotient is less than 4 below y·w/q.
///
/// The exact product takes more operations than one more reduction, and LLVM recognises it and makes
/// scalar multiplications of it.
#[inline]
#[target_feature(enable = "avx512f")]
fn high_product(y: __m512i, w: __m512i) -> __m512i {
    let (y_high, w_high) = (_mm512_srli_epi64::<32>(y), _mm512_srli_epi64::<32>(w));
    let high = _mm512_mul_epu32(y_high, w_high);
    let (left, right) = (_mm512_mul_epu32(y_high, w), _mm512_mul_epu32(y, w_high));
    let high = _mm512_add_epi64(high, _mm512_srli_epi64::<32>(left));
    _mm512_add_epi64(high, _mm512_srli_epi64::<32>(right))
}

/// Whether all lanes are less than `bound`, noise left out.
#[inline]
#[target_feature(enable = "avx512f")]
fn less<C: Class>(x: __m512i, bound: __m512i) -> bool {
    _mm512_cmplt_epu64_mask(if C::BITS == 52 { low(x) } else { x }, bound) == 0xff
}

/// The low 52 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn low(x: __m512i) -> __m512i {
    _mm512_and_si512(x, broadcast(MASK))
}
