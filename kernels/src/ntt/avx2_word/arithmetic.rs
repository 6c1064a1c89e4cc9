//! Residues as words: the arithmetic of the transform on four at a time. The head of the parent
//! module explains b.

use core::arch::x86_64::*;

use super::{Factor, Lanes, load};

/// A factor w with ⌊w·2^64 / q⌋, and the high halves of both.
#[derive(Clone, Copy)]
pub(super) struct Root {
    value: __m256i,
    value_high: __m256i,
    quotient: __m256i,
    quotient_high: __m256i,
}

/// Constants of q. `PRODUCT` is the b of a product, 2 or 4.
#[derive(Clone, Copy)]
pub(super) struct Arithmetic<const PRODUCT: u64> {
    q: __m256i,
    q_high: __m256i,
    two_q: __m256i,
    /// The bound of a product, b·q.
    product: __m256i,
}

impl<const PRODUCT: u64> Arithmetic<PRODUCT> {
    #[target_feature(enable = "avx2")]
    pub(super) fn new(q: u64) -> Self {
        Self {
            q: broadcast(q),
            q_high: broadcast(q >> 32),
            two_q: broadcast(2 * q),
            product: broadcast(PRODUCT * q),
        }
    }

    /// `y·w` modulo q with the b of products, for any `y`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn mul(&self, y: __m256i, w: Root) -> __m256i {
        let y_high = high(y);
        let quotient = high_product(y, y_high, w);
        // The low words of y·w − quotient·q, by halves.
        let low =
            _mm256_sub_epi64(_mm256_mul_epu32(y, w.value), _mm256_mul_epu32(quotient, self.q));
        let y_cross =
            _mm256_add_epi64(_mm256_mul_epu32(y_high, w.value), _mm256_mul_epu32(y, w.value_high));
        let q_cross = _mm256_add_epi64(
            _mm256_mul_epu32(high(quotient), self.q),
            _mm256_mul_epu32(quotient, self.q_high),
        );
        let cross = _mm256_sub_epi64(y_cross, q_cross);
        let rest = _mm256_add_epi64(low, _mm256_slli_epi64::<32>(cross));
        if PRODUCT == 4 { rest } else { reduce_once(rest, self.two_q) }
    }

    /// x ± y·w, from twice the b of products to the same.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn forward(&self, x: __m256i, y: __m256i, w: Root) -> [__m256i; 2] {
        let (u, t) = (reduce_once(x, self.product), self.mul(y, w));
        [_mm256_add_epi64(u, t), _mm256_sub_epi64(_mm256_add_epi64(u, self.product), t)]
    }

    /// x + y, and (x − y)·w; from the b of products to the same.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn inverse(&self, x: __m256i, y: __m256i, w: Root) -> [__m256i; 2] {
        let [sum, difference] = self.sum_and_difference(x, y);
        [reduce_once(sum, self.product), self.mul(difference, w)]
    }

    /// The same of the last level: in [0, q), or [0, 2q) if `LAZY`; the sum times `n_inverse`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn inverse_last<const LAZY: bool>(
        &self,
        x: __m256i,
        y: __m256i,
        [n_inverse, w]: [Root; 2],
    ) -> [__m256i; 2] {
        let [sum, difference] = self.sum_and_difference(x, y);
        let [sum, difference] = [self.mul(sum, n_inverse), self.mul(difference, w)];
        [self.finish_product::<LAZY>(sum), self.finish_product::<LAZY>(difference)]
    }

    /// With twice the b of products.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sum_and_difference(&self, x: __m256i, y: __m256i) -> [__m256i; 2] {
        [_mm256_add_epi64(x, y), _mm256_sub_epi64(_mm256_add_epi64(x, self.product), y)]
    }

    /// `x` in [0, q), or [0, 2q) if `LAZY`, for twice the b of products.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn finish<const LAZY: bool>(&self, x: __m256i) -> __m256i {
        self.finish_product::<LAZY>(reduce_once(x, self.product))
    }

    /// `x` in [0, q), or [0, 2q) if `LAZY`, for the b of products.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn finish_product<const LAZY: bool>(&self, x: __m256i) -> __m256i {
        let x = if PRODUCT == 4 { reduce_once(x, self.two_q) } else { x };
        if LAZY { x } else { reduce_once(x, self.q) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn forward_quarter(&self, x: [__m256i; 4], w: [Root; 3]) -> [__m256i; 4] {
        let [y0, y2] = self.forward(x[0], x[2], w[0]);
        let [y1, y3] = self.forward(x[1], x[3], w[0]);
        let [z0, z1] = self.forward(y0, y1, w[1]);
        let [z2, z3] = self.forward(y2, y3, w[2]);
        [z0, z1, z2, z3]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn inverse_quarter(&self, x: [__m256i; 4], w: [Root; 3]) -> [__m256i; 4] {
        let [y0, y1] = self.inverse(x[0], x[1], w[1]);
        let [y2, y3] = self.inverse(x[2], x[3], w[2]);
        let [z0, z2] = self.inverse(y0, y2, w[0]);
        let [z1, z3] = self.inverse(y1, y3, w[0]);
        [z0, z1, z2, z3]
    }
}

impl Root {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn broadcast(w: Factor) -> Self {
        Self::new(broadcast(w.value), broadcast(w.quotient))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of_lanes(w: &Lanes) -> Self {
        Self::new(load(&w.value), load(&w.quotient))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(value: __m256i, quotient: __m256i) -> Self {
        Self { value, value_high: high(value), quotient, quotient_high: high(quotient) }
    }
}

/// ⌊y·w' / 2^64⌋ for w' the quotient of `w`, or up to 2 less: the product of the low halves is left
/// out, which is less than 1, and the floor of each cross product leaves out less than 1. With the
/// rounding of w' itself, the estimate is less than 4 below y·w/q.
#[inline]
#[target_feature(enable = "avx2")]
fn high_product(y: __m256i, y_high: __m256i, w: Root) -> __m256i {
    let product = _mm256_mul_epu32(y_high, w.quotient_high);
    let left = _mm256_mul_epu32(y_high, w.quotient);
    let right = _mm256_mul_epu32(y, w.quotient_high);
    _mm256_add_epi64(_mm256_add_epi64(product, high(left)), high(right))
}

/// `x − m` if that is not negative, else `x`; for x < 2m, m < 2^63.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce_once(x: __m256i, m: __m256i) -> __m256i {
    // The difference is in [−m, m): its sign chooses.
    let difference = _mm256_castsi256_pd(_mm256_sub_epi64(x, m));
    _mm256_castpd_si256(_mm256_blendv_pd(difference, _mm256_castsi256_pd(x), difference))
}

#[inline]
#[target_feature(enable = "avx2")]
fn high(x: __m256i) -> __m256i {
    _mm256_srli_epi64::<32>(x)
}

#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(x: u64) -> __m256i {
    _mm256_set1_epi64x(x as i64)
}
