//! Residues as doubles: the arithmetic of the transform on four at a time. The head of the parent
//! module explains b.

use core::arch::x86_64::*;

use super::Vector;

/// A factor and its quotient by q.
#[derive(Clone, Copy)]
pub(super) struct Root {
    value: __m256d,
    over_q: __m256d,
}

/// q and 1/q.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arithmetic {
    q: f64,
    q_inverse: f64,
}

const TWO_52: f64 = (1u64 << 52) as f64;

impl Arithmetic {
    pub(super) fn new(q: u64) -> Self {
        Self { q: q as f64, q_inverse: 1.0 / q as f64 }
    }

    /// Doubles of residues in [0, q), centred to b = 1/2 on demand.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn decode<const CENTRE: bool>(&self, x: &Vector) -> __m256d {
        let two_52 = broadcast(TWO_52);
        let x = _mm256_sub_pd(_mm256_or_pd(load(x), two_52), two_52);
        if CENTRE {
            let above = _mm256_cmp_pd::<_CMP_GT_OQ>(x, broadcast(self.q / 2.0));
            _mm256_sub_pd(x, _mm256_and_pd(above, broadcast(self.q)))
        } else {
            x
        }
    }

    /// The nearest integer to x/q, for |x/q| < 2^51.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn quotient(&self, x: __m256d) -> __m256d {
        let magic = broadcast(1.5 * TWO_52);
        _mm256_sub_pd(_mm256_fmadd_pd(x, broadcast(self.q_inverse), magic), magic)
    }

    /// `y·w` modulo q: see the head of this file.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn mul(&self, y: __m256d, w: Root) -> __m256d {
        debug_assert!(fits(_mm256_mul_pd(y, w.over_q)), "b is too large for a product");
        let magic = broadcast(1.5 * TWO_52);
        let quotient = _mm256_sub_pd(_mm256_fmadd_pd(y, w.over_q, magic), magic);
        let h = _mm256_mul_pd(y, w.value);
        let l = _mm256_fmsub_pd(y, w.value, h);
        // h − quotient·q is an integer below 2^53, so this is exact.
        _mm256_add_pd(_mm256_fnmadd_pd(quotient, broadcast(self.q), h), l)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn root(&self, value: __m256d) -> Root {
        Root { value, over_q: _mm256_mul_pd(value, broadcast(self.q_inverse)) }
    }

    /// `x` modulo q with b = 1/2 (and a rounding error of the quotient, below 2^−48).
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn reduce(&self, x: __m256d) -> __m256d {
        _mm256_fnmadd_pd(self.quotient(x), broadcast(self.q), x)
    }

    /// The bits of `x` as an integer in [0, q). Narrow: (x + 1/2)/q is at least 2^−48 away from any integer, and two roundings
    /// move it by less than b·2^−52: its floor is that of x/q for b < 16.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn floor<const WIDE: bool>(&self, x: __m256d) -> __m256d {
        if WIDE {
            return self.canonical(self.reduce(x));
        }
        let over_q = _mm256_fmadd_pd(x, broadcast(self.q_inverse), broadcast(self.q_inverse / 2.0));
        to_integer(_mm256_fnmadd_pd(_mm256_floor_pd(over_q), broadcast(self.q), x))
    }

    /// The bits of `x` as an integer in [0, q), for b < 1.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn canonical(&self, x: __m256d) -> __m256d {
        let two_52 = broadcast(TWO_52);
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(x, _mm256_setzero_pd());
        let offset = _mm256_blendv_pd(two_52, broadcast(TWO_52 + self.q), negative);
        _mm256_xor_pd(_mm256_add_pd(x, offset), two_52)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn forward(&self, x: __m256d, y: __m256d, w: Root) -> [__m256d; 2] {
        let t = self.mul(y, w);
        [_mm256_add_pd(x, t), _mm256_sub_pd(x, t)]
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn inverse(&self, x: __m256d, y: __m256d, w: Root) -> [__m256d; 2] {
        [_mm256_add_pd(x, y), self.mul(_mm256_sub_pd(x, y), w)]
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn forward_quarter(&self, x: [__m256d; 4], w: [Root; 3]) -> [__m256d; 4] {
        let [y0, y2] = self.forward(x[0], x[2], w[0]);
        let [y1, y3] = self.forward(x[1], x[3], w[0]);
        let [z0, z1] = self.forward(y0, y1, w[1]);
        let [z2, z3] = self.forward(y2, y3, w[2]);
        [z0, z1, z2, z3]
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn inverse_quarter(&self, x: [__m256d; 4], w: [Root; 3]) -> [__m256d; 4] {
        let [y0, y1] = self.inverse(x[0], x[1], w[1]);
        let [y2, y3] = self.inverse(x[2], x[3], w[2]);
        let [z0, z2] = self.inverse(y0, y2, w[0]);
        let [z1, z3] = self.inverse(y1, y3, w[0]);
        [z0, z1, z2, z3]
    }
}

/// Whether quotients stay below 2^51, for debug builds.
#[target_feature(enable = "avx2")]
fn fits(quotient: __m256d) -> bool {
    let mut lanes = Vector::default();
    store(&mut lanes, quotient);
    lanes.iter().all(|&x| f64::from_bits(x).abs() < TWO_52 / 2.0)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn broadcast(x: f64) -> __m256d {
    _mm256_set1_pd(x)
}

/// Four words as the bits of doubles.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(x: &Vector) -> __m256d {
    // SAFETY: the reference is to four words.
    unsafe { _mm256_loadu_pd(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(x: &mut Vector, y: __m256d) {
    // SAFETY: the reference is to four words.
    unsafe { _mm256_storeu_pd(x.as_mut_ptr().cast(), y) }
}

/// The bits of the integers that `x`, in [0, 2^52), holds.
#[inline]
#[target_feature(enable = "avx2")]
fn to_integer(x: __m256d) -> __m256d {
    let two_52 = broadcast(TWO_52);
    _mm256_xor_pd(_mm256_add_pd(x, two_52), two_52)
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn transpose([a, b, c, d]: [__m256d; 4]) -> [__m256d; 4] {
    let [ab0, ab1] = [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)];
    let [cd0, cd1] = [_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d)];
    [
        _mm256_permute2f128_pd::<0x20>(ab0, cd0),
        _mm256_permute2f128_pd::<0x20>(ab1, cd1),
        _mm256_permute2f128_pd::<0x31>(ab0, cd0),
        _mm256_permute2f128_pd::<0x31>(ab1, cd1),
    ]
}
