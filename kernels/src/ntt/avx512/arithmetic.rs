//! Residues in the low s bits of words: the arithmetic of the transform on eight at a time. The
//! head of the parent module explains s and b.

use core::arch::x86_64::*;
use core::marker::PhantomData;

use super::registers::{ZERO, array, broadcast};
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

/// Constants of q.
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
    #[target_feature(enable = "avx512f")]
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
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn mul(&self, y: __m512i, w: Root) -> __m512i {
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

    /// x ± y·w. Narrow: adds at most q or takes at most that away. Others: from the largest b to the
    /// same.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn butterfly(&self, x: __m512i, y: __m512i, w: Root) -> [__m512i; 2] {
        // Narrow: x is at least (levels − level)·q. Forward it is below (levels + level + 1)·q, in the
        // last of 15 levels 30q; backward three of them are replaced by a start below 8q.
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

    /// x of the first of the levels. Narrow: so many times q more that none makes it negative.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn lift(&self, x: __m512i) -> __m512i {
        if C::LAZY { _mm512_add_epi64(x, self.lift) } else { x }
    }

    /// `x` with half the largest b.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn halve(&self, x: __m512i) -> __m512i {
        if C::BITS == 52 { self.reduce(x) } else { reduce_once(x, self.product) }
    }

    /// `x` with b = 2. The quotient's estimate is at most one too small: x < 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn reduce(&self, x: __m512i) -> __m512i {
        let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), x, self.one_quotient);
        let rest = _mm512_madd52lo_epu64(x, quotient, self.minus_q);
        debug_assert!(self.below(rest, 2));
        rest
    }

    /// `x` in [0, q), for the largest b.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn canonical(&self, x: __m512i) -> __m512i {
        debug_assert!(self.below(x, C::RANGE));
        if C::LAZY {
            return self.canonical_product(self.reduce(x));
        }
        let x = if C::BITS == 52 { low(x) } else { x };
        self.canonical_product(reduce_once(x, self.product))
    }

    /// `x` in [0, q), for the b of products.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn canonical_product(&self, x: __m512i) -> __m512i {
        debug_assert!(self.below(x, C::PRODUCT));
        let x = if C::BITS == 52 { low(x) } else { x };
        let x = if C::PRODUCT == 4 { reduce_once(x, self.two_q) } else { x };
        reduce_once(x, self.q)
    }

    /// Whether all lanes are below b·q ≤ 2^s, noise left out.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn below(&self, x: __m512i, b: u64) -> bool {
        less::<C>(x, _mm512_mullo_epi64(self.q, broadcast(b)))
    }

    /// As many levels as halve `LEN` to one, of `N` blocks side by side: `w` holds each block's root
    /// of the first level, the two of the second and so on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn levels<const N: usize, const LEN: usize, const ROOTS: usize>(
        &self,
        x: [[__m512i; LEN]; N],
        w: [[Root; ROOTS]; N],
    ) -> [[__m512i; LEN]; N] {
        if C::BITS == 52 && N == 2 && LEN == 8 {
            let y = array!(2, [ZERO; 8], |side| array!(8, ZERO, |i| x[side][i]));
            let v = array!(2, [Root::ZERO; 7], |side| array!(7, Root::ZERO, |i| w[side][i]));
            let y = self.eighths(y, v);
            return array!(N, [ZERO; LEN], |side| array!(LEN, ZERO, |i| y[side][i]));
        }
        // Words take so many operations that a block at a time keeps the CPU busy.
        array!(N, [ZERO; LEN], |side| self.block_levels(x[side], w[side]))
    }

    /// [`Arithmetic::levels`] of one block.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn block_levels<const LEN: usize, const ROOTS: usize>(
        &self,
        mut x: [__m512i; LEN],
        w: [Root; ROOTS],
    ) -> [__m512i; LEN] {
        for level in 0..LEN.ilog2() {
            let half = LEN >> (level + 1);
            for (i, &w) in w[(1 << level) - 1..(2 << level) - 1].iter().enumerate() {
                for j in 2 * half * i..2 * half * i + half {
                    [x[j], x[j + half]] = self.butterfly(x[j], x[j + half], w);
                }
            }
        }
        x
    }

    /// The first three backward levels, from residues in [0, q): `w` holds the fourth root of unity,
    /// the eighth and its third power.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn inverse_first(&self, x: [__m512i; 8], [i, w, w3]: [Root; 3]) -> [__m512i; 8] {
        // Narrow, where a butterfly may take q from x: differences that become x are above q.
        let [x0, x4] = self.trivial(x[0], x[4], 3);
        let [x1, x5] = self.trivial(x[1], x[5], 3);
        let [x2, x6] = self.trivial(x[2], x[6], 1);
        let [x3, x7] = self.trivial(x[3], x[7], 1);
        let [x0, x2] = self.trivial(x0, x2, if C::LAZY { 3 } else { 2 });
        let [x1, x3] = self.trivial(x1, x3, 2);
        let [x4, x6] = self.butterfly(x4, x6, i);
        let [x5, x7] = self.butterfly(x5, x7, i);
        // b = 4 of both.
        let [x0, x1] = if C::RANGE == 4 {
            self.trivial(self.halve(x0), self.halve(x1), 2)
        } else {
            self.trivial(x0, x1, 4)
        };
        let [x2, x3] = self.butterfly(x2, x3, i);
        let [x4, x5] = self.butterfly(x4, x5, w);
        let [x6, x7] = self.butterfly(x6, x7, w3);
        [x0, x1, x2, x3, x4, x5, x6, x7]
    }

    /// The last levels back, as many as double one to `LEN` (4 or 8), from the b of products to
    /// [0, q): sums, and differences times a root of a block (Gentleman and Sande).
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn inverse_last<const LEN: usize>(
        &self,
        mut x: [__m512i; LEN],
        w: [Root; 7],
    ) -> [__m512i; LEN] {
        // Narrow sums double their b from level to level.
        let double = if C::LAZY { 2 } else { 1 };
        let b = C::PRODUCT;
        for (i, x) in x.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let w =
                if LEN == 4 { [w[0], w[1], w[2]] } else { [w[1 + i], w[3 + 2 * i], w[4 + 2 * i]] };
            let [x0, x1] = self.back(x[0], x[1], w[1], b);
            let [x2, x3] = self.back(x[2], x[3], w[2], b);
            *x = if LEN == 4 {
                let [x0, x2] = self.back_to_canonical(x0, x2, w[0], double * b);
                let [x1, x3] = self.back_to_canonical(x1, x3, w[0], double * b);
                [x0, x1, x2, x3]
            } else {
                let [x0, x2] = self.back(x0, x2, w[0], double * b);
                let [x1, x3] = self.back(x1, x3, w[0], double * b);
                [x0, x1, x2, x3]
            };
        }
        if LEN == 8 {
            let b = double * double * b;
            [x[0], x[4]] = self.back_to_canonical(x[0], x[4], w[0], b);
            [x[1], x[5]] = self.back_to_canonical(x[1], x[5], w[0], b);
            [x[2], x[6]] = self.back_to_canonical(x[2], x[6], w[0], b);
            [x[3], x[7]] = self.back_to_canonical(x[3], x[7], w[0], b);
        }
        x
    }

    /// x + y and (x − y)·w, for `b`. Narrow: the sum has twice that. Others: half the largest.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn back(&self, x: __m512i, y: __m512i, w: Root, b: u64) -> [__m512i; 2] {
        let [sum, difference] = self.trivial(x, y, b);
        [if C::LAZY { sum } else { self.halve(sum) }, self.mul(difference, w)]
    }

    /// x + y and (x − y)·w in [0, q), for `b` of at most half the largest.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn back_to_canonical(&self, x: __m512i, y: __m512i, w: Root, b: u64) -> [__m512i; 2] {
        let [sum, difference] = self.trivial(x, y, b);
        [self.canonical(sum), self.canonical_product(self.mul(difference, w))]
    }

    /// The butterfly with the root 1, for y below `offset`·q.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn trivial(&self, x: __m512i, y: __m512i, offset: u64) -> [__m512i; 2] {
        debug_assert!(self.below(y, offset));
        let offset = _mm512_mullo_epi64(self.q, broadcast(offset));
        [_mm512_add_epi64(x, y), _mm512_sub_epi64(_mm512_add_epi64(x, offset), y)]
    }

    /// Three levels of two blocks side by side, written out in the order that the compiler keeps best.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn eighths(&self, [x, y]: [[__m512i; 8]; 2], [v, w]: [[Root; 7]; 2]) -> [[__m512i; 8]; 2] {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        let [y0, y1, y2, y3, y4, y5, y6, y7] = y;
        let (a, b) = self.four([x0, x1, x2, x3], [x4, x5, x6, x7], [v[0]; 4]);
        let (c, d) = self.four([y0, y1, y2, y3], [y4, y5, y6, y7], [w[0]; 4]);
        let [v1, v2, w1, w2] = [v[1], v[2], w[1], w[2]];
        let (low, high) = ([a[0], a[1], b[0], b[1]], [a[2], a[3], b[2], b[3]]);
        let (a, b) = self.four(low, high, [v1, v1, v2, v2]);
        let (low, high) = ([c[0], c[1], d[0], d[1]], [c[2], c[3], d[2], d[3]]);
        let (c, d) = self.four(low, high, [w1, w1, w2, w2]);
        let (low, high) = ([a[0], b[0], a[2], b[2]], [a[1], b[1], a[3], b[3]]);
        let (a, b) = self.four(low, high, [v[3], v[4], v[5], v[6]]);
        let (low, high) = ([c[0], d[0], c[2], d[2]], [c[1], d[1], c[3], d[3]]);
        let (c, d) = self.four(low, high, [w[3], w[4], w[5], w[6]]);
        [
            [a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]],
            [c[0], d[0], c[1], d[1], c[2], d[2], c[3], d[3]],
        ]
    }

    /// Four butterflies.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn four(&self, x: [__m512i; 4], y: [__m512i; 4], w: [Root; 4]) -> ([__m512i; 4], [__m512i; 4]) {
        let [x0, y0] = self.butterfly(x[0], y[0], w[0]);
        let [x1, y1] = self.butterfly(x[1], y[1], w[1]);
        let [x2, y2] = self.butterfly(x[2], y[2], w[2]);
        let [x3, y3] = self.butterfly(x[3], y[3], w[3]);
        ([x0, x1, x2, x3], [y0, y1, y2, y3])
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
