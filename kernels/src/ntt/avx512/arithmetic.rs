//! Residues in the low s bits of words: the arithmetic of the transform on eight at a time. The
//! head of the parent module explains s and b.

use core::arch::x86_64::*;
use core::marker::PhantomData;

use super::{Class, Factor, Kind, Vector};

const MASK: u64 = (1 << 52) - 1;

/// A factor w with ⌊w·2^s / q⌋.
#[derive(Clone, Copy)]
pub(super) struct Root {
    value: __m512i,
    quotient: __m512i,
}

/// A factor w with ⌊w·2^s / q⌋, to be broadcast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) value: u64,
    pub(super) quotient: u64,
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
    class: PhantomData<C>,
}

impl<C: Class> Arithmetic<C> {
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(q: u64) -> Self {
        Self {
            q: broadcast(q),
            two_q: broadcast(2 * q),
            product: broadcast(C::PRODUCT * q),
            minus_q: broadcast((1u64 << 52).wrapping_sub(q)),
            one_quotient: broadcast((1 << 52) / q),
            class: PhantomData,
        }
    }

    /// `y·w` modulo q with the b of products, for any `y`. Narrow: with bits above the 52nd.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn mul(&self, y: __m512i, w: Root) -> __m512i {
        if C::BITS == 64 {
            let quotient = high_product::<C>(y, w.quotient);
            let product = _mm512_mullo_epi64(y, w.value);
            let rest = _mm512_sub_epi64(product, _mm512_mullo_epi64(quotient, self.q));
            debug_assert!(self.below(rest, C::PRODUCT));
            return rest;
        }
        let zero = _mm512_setzero_si512();
        let quotient = _mm512_madd52hi_epu64(zero, y, w.quotient);
        let product = _mm512_madd52lo_epu64(zero, y, w.value);
        let rest = _mm512_madd52lo_epu64(product, quotient, self.minus_q);
        let rest = if C::LAZY { rest } else { low(rest) };
        debug_assert!(self.below(rest, C::PRODUCT));
        rest
    }

    /// Narrow: takes b to b + 2. Others: from twice the b of products to the same.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn forward(&self, x: __m512i, y: __m512i, w: Root) -> [__m512i; 2] {
        // Narrow: all but the last of 15 levels leave b at 29 or less.
        debug_assert!(self.below(x, if C::LAZY { 29 } else { 2 * C::PRODUCT }));
        debug_assert!(self.below(y, if C::LAZY { 29 } else { 2 * C::PRODUCT }));
        if C::LAZY {
            let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), y, w.quotient);
            let sum = _mm512_madd52lo_epu64(x, y, w.value);
            let sum = _mm512_madd52lo_epu64(sum, quotient, self.minus_q);
            // x + t and x + 2q − t = 2x + 2q − (x + t).
            let twice = _mm512_add_epi64(_mm512_add_epi64(x, x), self.two_q);
            [sum, _mm512_sub_epi64(twice, sum)]
        } else {
            let u = reduce_once(x, self.product);
            let t = self.mul(y, w);
            [_mm512_add_epi64(u, t), _mm512_sub_epi64(_mm512_add_epi64(u, self.product), t)]
        }
    }

    /// The sum, and the difference times `w`; `y` is below `offset`. Narrow: the sum doubles b.
    /// Others: from the b of products to the same.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn inverse(&self, x: __m512i, y: __m512i, w: Root, offset: __m512i) -> [__m512i; 2] {
        debug_assert!(less::<C>(y, _mm512_add_epi64(offset, broadcast(1))));
        let sum = _mm512_add_epi64(x, y);
        debug_assert!(self.below(sum, if C::LAZY { 32 } else { 2 * C::PRODUCT }));
        let sum = if C::LAZY { sum } else { reduce_once(sum, self.product) };
        [sum, self.mul(_mm512_sub_epi64(_mm512_add_epi64(x, offset), y), w)]
    }

    /// `x` with b = 2. The quotient's estimate is at most one too small: x < 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn reduce(&self, x: __m512i) -> __m512i {
        let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), x, self.one_quotient);
        let rest = _mm512_madd52lo_epu64(low(x), quotient, self.minus_q);
        debug_assert!(self.below(rest, 2));
        rest
    }

    /// `x` in [0, q); narrow for b = 32, others for twice the b of products.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn canonical(&self, x: __m512i) -> __m512i {
        debug_assert!(self.below(x, if C::LAZY { 32 } else { 2 * C::PRODUCT }));
        let x = if C::LAZY { self.reduce(x) } else { reduce_once(x, self.product) };
        self.canonical_product(x)
    }

    /// `x` in [0, q), for the b of products.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn canonical_product(&self, x: __m512i) -> __m512i {
        debug_assert!(self.below(x, C::PRODUCT));
        let x = if C::LAZY { low(x) } else { x };
        let x = if C::PRODUCT == 4 { reduce_once(x, self.two_q) } else { x };
        reduce_once(x, self.q)
    }

    /// Whether all lanes are below b·q ≤ 2^s, noise left out.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn below(&self, x: __m512i, b: u64) -> bool {
        less::<C>(x, _mm512_mullo_epi64(self.q, broadcast(b)))
    }

    /// What keeps differences from being negative, a multiple of q for each of three backward
    /// levels: inputs have b = 4, their sums 8 and 16. Others: that of products.
    #[target_feature(enable = "avx512f")]
    pub(super) fn offsets(&self) -> [__m512i; 3] {
        let four_q = _mm512_slli_epi64::<1>(self.two_q);
        let eight_q = _mm512_slli_epi64::<2>(self.two_q);
        let sixteen_q = _mm512_slli_epi64::<3>(self.two_q);
        if C::LAZY { [four_q, eight_q, sixteen_q] } else { [self.product; 3] }
    }

    /// Three levels: `w` holds the root of the first, the two of the second, the four of the third.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn forward_eighth(&self, x: [__m512i; 8], w: [Root; 7]) -> [__m512i; 8] {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        let (a, b) = self.forward_four([x0, x1, x2, x3], [x4, x5, x6, x7], [w[0]; 4]);
        let (low, high) = ([a[0], a[1], b[0], b[1]], [a[2], a[3], b[2], b[3]]);
        let (a, b) = self.forward_four(low, high, [w[1], w[1], w[2], w[2]]);
        let (low, high) = ([a[0], b[0], a[2], b[2]], [a[1], b[1], a[3], b[3]]);
        let (a, b) = self.forward_four(low, high, [w[3], w[4], w[5], w[6]]);
        [a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]]
    }

    /// Three levels of two blocks, level by level: `w` holds each block's root of the first, the
    /// two of the second, the four of the third.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn forward_eighths(
        &self,
        [x, y]: [[__m512i; 8]; 2],
        [v, w]: [[Root; 7]; 2],
    ) -> [[__m512i; 8]; 2] {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        let [y0, y1, y2, y3, y4, y5, y6, y7] = y;
        let (a, b) = self.forward_four([x0, x1, x2, x3], [x4, x5, x6, x7], [v[0]; 4]);
        let (c, d) = self.forward_four([y0, y1, y2, y3], [y4, y5, y6, y7], [w[0]; 4]);
        let [v1, v2, w1, w2] = [v[1], v[2], w[1], w[2]];
        let (low, high) = ([a[0], a[1], b[0], b[1]], [a[2], a[3], b[2], b[3]]);
        let (a, b) = self.forward_four(low, high, [v1, v1, v2, v2]);
        let (low, high) = ([c[0], c[1], d[0], d[1]], [c[2], c[3], d[2], d[3]]);
        let (c, d) = self.forward_four(low, high, [w1, w1, w2, w2]);
        let (low, high) = ([a[0], b[0], a[2], b[2]], [a[1], b[1], a[3], b[3]]);
        let (a, b) = self.forward_four(low, high, [v[3], v[4], v[5], v[6]]);
        let (low, high) = ([c[0], d[0], c[2], d[2]], [c[1], d[1], c[3], d[3]]);
        let (c, d) = self.forward_four(low, high, [w[3], w[4], w[5], w[6]]);
        [
            [a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]],
            [c[0], d[0], c[1], d[1], c[2], d[2], c[3], d[3]],
        ]
    }

    /// Four butterflies.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn forward_four(
        &self,
        x: [__m512i; 4],
        y: [__m512i; 4],
        w: [Root; 4],
    ) -> ([__m512i; 4], [__m512i; 4]) {
        let [x0, y0] = self.forward(x[0], y[0], w[0]);
        let [x1, y1] = self.forward(x[1], y[1], w[1]);
        let [x2, y2] = self.forward(x[2], y[2], w[2]);
        let [x3, y3] = self.forward(x[3], y[3], w[3]);
        ([x0, x1, x2, x3], [y0, y1, y2, y3])
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn forward_quarter(&self, x: [__m512i; 4], w: [Root; 3]) -> [__m512i; 4] {
        let [y0, y2] = self.forward(x[0], x[2], w[0]);
        let [y1, y3] = self.forward(x[1], x[3], w[0]);
        let [z0, z1] = self.forward(y0, y1, w[1]);
        let [z2, z3] = self.forward(y2, y3, w[2]);
        [z0, z1, z2, z3]
    }

    /// Three levels back; from b = 4 to b = 4 (others: that of products).
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn inverse_eighth(
        &self,
        x: [__m512i; 8],
        w: [Root; 7],
        offsets: [__m512i; 3],
    ) -> [__m512i; 8] {
        let quarter = [offsets[0], offsets[1]];
        let [x0, x1, x2, x3] =
            self.inverse_quarter([x[0], x[1], x[2], x[3]], [w[1], w[3], w[4]], quarter);
        let [x4, x5, x6, x7] =
            self.inverse_quarter([x[4], x[5], x[6], x[7]], [w[2], w[5], w[6]], quarter);
        let [x0, x4] = self.inverse(x0, x4, w[0], offsets[2]);
        let [x1, x5] = self.inverse(x1, x5, w[0], offsets[2]);
        let [x2, x6] = self.inverse(x2, x6, w[0], offsets[2]);
        let [x3, x7] = self.inverse(x3, x7, w[0], offsets[2]);
        // x0 is a sum of eight inputs, x1 of four products; the others are sums of two or products.
        let [x0, x1] = if C::LAZY { [self.reduce(x0), self.reduce(x1)] } else { [x0, x1] };
        [x0, x1, x2, x3, x4, x5, x6, x7]
    }

    /// Two levels back; the first output is a sum of four inputs, the second of two products.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn inverse_quarter(
        &self,
        x: [__m512i; 4],
        w: [Root; 3],
        offsets: [__m512i; 2],
    ) -> [__m512i; 4] {
        let [y0, y1] = self.inverse(x[0], x[1], w[1], offsets[0]);
        let [y2, y3] = self.inverse(x[2], x[3], w[2], offsets[0]);
        let [z0, z2] = self.inverse(y0, y2, w[0], offsets[1]);
        let [z1, z3] = self.inverse(y1, y3, w[0], offsets[1]);
        [z0, z1, z2, z3]
    }
}

/// `x − m` if that is not negative, else `x`.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduce_once(x: __m512i, m: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, m))
}

/// ⌊y·w / 2^64⌋; where the class has it so, without the product of the low halves. That leaves out
/// less than 1, and so does the floor of each cross product: the result is at most 2 too small. With
/// the rounding of w itself, the estimate of a quotient is less than 4 below y·w/q.
#[inline]
#[target_feature(enable = "avx512f")]
fn high_product<C: Class>(y: __m512i, w: __m512i) -> __m512i {
    let (y_high, w_high) = (_mm512_srli_epi64::<32>(y), _mm512_srli_epi64::<32>(w));
    let high = _mm512_mul_epu32(y_high, w_high);
    let (mut left, mut right) = (_mm512_mul_epu32(y_high, w), _mm512_mul_epu32(y, w_high));
    if !C::APPROXIMATE {
        // (2^32 − 1)^2 + 2^32 − 1 < 2^64.
        right = _mm512_add_epi64(right, _mm512_srli_epi64::<32>(_mm512_mul_epu32(y, w)));
        left = _mm512_add_epi64(left, _mm512_and_si512(right, broadcast(u32::MAX.into())));
    }
    let high = _mm512_add_epi64(high, _mm512_srli_epi64::<32>(left));
    _mm512_add_epi64(high, _mm512_srli_epi64::<32>(right))
}

/// Whether all lanes are less than `bound`, noise left out.
#[inline]
#[target_feature(enable = "avx512f")]
fn less<C: Class>(x: __m512i, bound: __m512i) -> bool {
    _mm512_cmplt_epu64_mask(if C::LAZY { low(x) } else { x }, bound) == 0xff
}

/// The low 52 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn low(x: __m512i) -> __m512i {
    _mm512_and_si512(x, broadcast(MASK))
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn broadcast(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn root(w: Pair) -> Root {
    Root { value: broadcast(w.value), quotient: broadcast(w.quotient) }
}

/// A factor for each lane.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn roots(value: &Vector, quotient: &Vector) -> Root {
    Root { value: load(value), quotient: load(quotient) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(x: &Vector) -> __m512i {
    // SAFETY: the reference is to eight words.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(x: &mut Vector, y: __m512i) {
    // SAFETY: the reference is to eight words.
    unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), y) }
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    // Words c and c + 1 of rows 2i and 2i + 1 side by side, c even: by 128-bit lanes c / 2.
    let even = [0, 2, 4, 6].map(|i| _mm512_unpacklo_epi64(r[i], r[i + 1]));
    let odd = [0, 2, 4, 6].map(|i| _mm512_unpackhi_epi64(r[i], r[i + 1]));
    let [c0, c2, c4, c6] = transpose_lanes(even);
    let [c1, c3, c5, c7] = transpose_lanes(odd);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// Rows to columns, by lanes of 128 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_lanes([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    const EVEN: i32 = 0x88;
    const ODD: i32 = 0xdd;
    let (ab02, ab13) = (_mm512_shuffle_i64x2::<EVEN>(a, b), _mm512_shuffle_i64x2::<ODD>(a, b));
    let (cd02, cd13) = (_mm512_shuffle_i64x2::<EVEN>(c, d), _mm512_shuffle_i64x2::<ODD>(c, d));
    [
        _mm512_shuffle_i64x2::<EVEN>(ab02, cd02),
        _mm512_shuffle_i64x2::<EVEN>(ab13, cd13),
        _mm512_shuffle_i64x2::<ODD>(ab02, cd02),
        _mm512_shuffle_i64x2::<ODD>(ab13, cd13),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        if crate::VectorBackend::avx512().is_none() {
            return;
        }
        let rows: [Vector; 8] =
            core::array::from_fn(|i| core::array::from_fn(|j| (10 * i + j) as u64));
        // SAFETY: the CPU has AVX-512.
        let columns = unsafe { transposed(&rows) };
        for i in 0..8 {
            for j in 0..8 {
                assert_eq!(columns[j][i], rows[i][j]);
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn transposed(rows: &[Vector; 8]) -> [Vector; 8] {
        let columns = transpose(core::array::from_fn(|i| load(&rows[i])));
        let mut out = [Vector::default(); 8];
        for (out, column) in out.iter_mut().zip(columns) {
            store(out, column);
        }
        out
    }
}
