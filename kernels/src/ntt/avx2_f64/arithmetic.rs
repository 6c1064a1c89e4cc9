//! Residues as doubles: the arithmetic of the transform on four at a time. The head of the parent
//! module explains b.

use core::arch::x86_64::*;

use super::Vector;
use crate::ntt::avx2_blocks;

/// A factor w in (−q/2, q/2) and w/q, rounded once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root<T> {
    value: T,
    over_q: T,
}

/// q and 1/q.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arithmetic {
    q: f64,
    q_inverse: f64,
}

const TWO_52: f64 = (1u64 << 52) as f64;

impl Root<f64> {
    /// For `w` in [0, q).
    pub(super) fn new(w: u64, q: u64) -> Self {
        let value = if w > q / 2 { -((q - w) as f64) } else { w as f64 };
        Self { value, over_q: value / q as f64 }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn broadcast(self) -> Root<__m256d> {
        Root { value: broadcast(self.value), over_q: broadcast(self.over_q) }
    }
}

impl Root<Vector> {
    pub(super) fn of_lanes(lanes: [Root<f64>; 4]) -> Self {
        Self { value: lanes.map(|w| w.value.to_bits()), over_q: lanes.map(|w| w.over_q.to_bits()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load(&self) -> Root<__m256d> {
        Root { value: load(&self.value), over_q: load(&self.over_q) }
    }
}

impl Arithmetic {
    pub(super) fn new(q: u64) -> Self {
        Self { q: q as f64, q_inverse: 1.0 / q as f64 }
    }

    /// `y·w` modulo q with the b of a product, for |y| < 2^53.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn mul(&self, y: __m256d, w: Root<__m256d>) -> __m256d {
        debug_assert!(is_exact(y), "b is too large for a product");
        let quotient = round(_mm256_mul_pd(y, w.over_q));
        let h = _mm256_mul_pd(y, w.value);
        let l = _mm256_fmsub_pd(y, w.value, h);
        // h − quotient·q is an integer below 2^53, so this is exact.
        _mm256_add_pd(_mm256_fnmadd_pd(quotient, broadcast(self.q), h), l)
    }

    /// `x` modulo q with b = 1/2 (and a rounding error of the quotient, below 2^−48).
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn reduce(&self, x: __m256d) -> __m256d {
        debug_assert!(is_exact(x), "b is too large for a sum");
        let quotient = round(_mm256_mul_pd(x, broadcast(self.q_inverse)));
        _mm256_fnmadd_pd(quotient, broadcast(self.q), x)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn forward(&self, x: __m256d, y: __m256d, w: Root<__m256d>) -> [__m256d; 2] {
        let t = self.mul(y, w);
        [_mm256_add_pd(x, t), _mm256_sub_pd(x, t)]
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn inverse(&self, x: __m256d, y: __m256d, w: Root<__m256d>) -> [__m256d; 2] {
        [_mm256_add_pd(x, y), self.mul(_mm256_sub_pd(x, y), w)]
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn forward_quarter(&self, x: [__m256d; 4], w: [Root<__m256d>; 3]) -> [__m256d; 4] {
        let [y0, y2] = self.forward(x[0], x[2], w[0]);
        let [y1, y3] = self.forward(x[1], x[3], w[0]);
        let [z0, z1] = self.forward(y0, y1, w[1]);
        let [z2, z3] = self.forward(y2, y3, w[2]);
        [z0, z1, z2, z3]
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn inverse_quarter(&self, x: [__m256d; 4], w: [Root<__m256d>; 3]) -> [__m256d; 4] {
        let [y0, y1] = self.inverse(x[0], x[1], w[1]);
        let [y2, y3] = self.inverse(x[2], x[3], w[2]);
        let [z0, z2] = self.inverse(y0, y2, w[0]);
        let [z1, z3] = self.inverse(y1, y3, w[0]);
        [z0, z1, z2, z3]
    }

    /// The bits of `x` as an integer in [0, q), for b < 2.9, or 16 below 2^47.
    ///
    /// (x + 1/2)/q is at least 1/2q away from every integer. Where it is near the integer k, 1/q
    /// moves it by at most k·2^−53 and the last rounding by less than half the gap below k: not
    /// across it for k ≤ 2, as 1/2q > 2^−51, and for k ≤ 16 if 1/2q > 2^−48.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn floor(&self, x: __m256d) -> __m256d {
        let over_q = _mm256_fmadd_pd(x, broadcast(self.q_inverse), broadcast(self.q_inverse / 2.0));
        let x = _mm256_fnmadd_pd(_mm256_floor_pd(over_q), broadcast(self.q), x);
        _mm256_xor_pd(_mm256_add_pd(x, broadcast(TWO_52)), broadcast(TWO_52))
    }

    /// The bits of `x` as an integer in [0, q), for b ≤ 1.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn canonical(&self, x: __m256d) -> __m256d {
        let two_52 = broadcast(TWO_52);
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(x, _mm256_setzero_pd());
        let offset = _mm256_blendv_pd(two_52, broadcast(TWO_52 + self.q), negative);
        _mm256_xor_pd(_mm256_add_pd(x, offset), two_52)
    }
}

/// Integers below 2^52 as doubles.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn decode(x: &Vector) -> __m256d {
    let two_52 = broadcast(TWO_52);
    _mm256_sub_pd(_mm256_or_pd(load(x), two_52), two_52)
}

/// Whether integers are below 2^53, for debug builds.
#[target_feature(enable = "avx2")]
fn is_exact(x: __m256d) -> bool {
    let mut lanes = Vector::default();
    store(&mut lanes, x);
    lanes.iter().all(|&x| f64::from_bits(x).abs() < 2.0 * TWO_52)
}

#[inline]
#[target_feature(enable = "avx2")]
fn round(x: __m256d) -> __m256d {
    _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x)
}

#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(x: f64) -> __m256d {
    _mm256_set1_pd(x)
}

/// Four words as the bits of doubles.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(x: &Vector) -> __m256d {
    _mm256_castsi256_pd(avx2_blocks::load(x))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(x: &mut Vector, y: __m256d) {
    avx2_blocks::store(x, _mm256_castpd_si256(y));
}
