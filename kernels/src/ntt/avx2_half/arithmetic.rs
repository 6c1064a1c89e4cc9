//! Residues as words of 32 bits: the arithmetic of the transform on eight at a time.

use core::arch::x86_64::*;

use super::Vector;

/// A factor w and ⌊w·2^32 / q⌋.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar {
    value: u32,
    quotient: u32,
}

/// A factor for each lane.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    value: Vector,
    quotient: Vector,
}

/// The same in registers, with the quotients of odd lanes in even ones beside them.
#[derive(Clone, Copy)]
pub(super) struct Root {
    value: __m256i,
    quotient: __m256i,
    odd: __m256i,
}

/// Constants of q.
#[derive(Clone, Copy)]
pub(super) struct Arithmetic {
    q: __m256i,
    two_q: __m256i,
}

impl Scalar {
    /// For `w` in [0, q), q < 2^32.
    pub(super) const fn new(w: u64, q: u64) -> Self {
        Self { value: w as u32, quotient: ((w << 32) / q) as u32 }
    }
}

impl Lanes {
    pub(super) fn new(w: [Scalar; 8]) -> Self {
        Self { value: w.map(|w| w.value), quotient: w.map(|w| w.quotient) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load(&self) -> Root {
        let quotient = load(&self.quotient);
        Root { value: load(&self.value), quotient, odd: odd_lanes(quotient) }
    }
}

impl Root {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn broadcast(w: Scalar) -> Self {
        let quotient = broadcast(w.quotient);
        Self { value: broadcast(w.value), quotient, odd: quotient }
    }
}

impl Arithmetic {
    #[target_feature(enable = "avx2")]
    pub(super) fn new(q: u32) -> Self {
        Self { q: broadcast(q), two_q: broadcast(2 * q) }
    }

    /// `y·w` modulo q, below 2q, for any `y`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mul(&self, y: __m256i, w: Root) -> __m256i {
        let even = _mm256_srli_epi64::<32>(_mm256_mul_epu32(y, w.quotient));
        let odd = _mm256_mul_epu32(odd_lanes(y), w.odd);
        let quotient = _mm256_blend_epi32::<0xaa>(even, odd);
        _mm256_sub_epi32(_mm256_mullo_epi32(y, w.value), _mm256_mullo_epi32(quotient, self.q))
    }

    /// x ± y·w, from below 4q to the same.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn forward(&self, x: __m256i, y: __m256i, w: Root) -> [__m256i; 2] {
        let (u, t) = (reduce_once(x, self.two_q), self.mul(y, w));
        [_mm256_add_epi32(u, t), _mm256_sub_epi32(_mm256_add_epi32(u, self.two_q), t)]
    }

    /// x + y, and (x − y)·w; from below 2q to the same.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn inverse(&self, x: __m256i, y: __m256i, w: Root) -> [__m256i; 2] {
        let [sum, difference] = self.sum_and_difference(x, y);
        [reduce_once(sum, self.two_q), self.mul(difference, w)]
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
        if LAZY {
            [sum, difference]
        } else {
            [reduce_once(sum, self.q), reduce_once(difference, self.q)]
        }
    }

    /// Below 4q.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sum_and_difference(&self, x: __m256i, y: __m256i) -> [__m256i; 2] {
        [_mm256_add_epi32(x, y), _mm256_sub_epi32(_mm256_add_epi32(x, self.two_q), y)]
    }

    /// `x` in [0, q), or [0, 2q) if `LAZY`, for x below 4q.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn finish<const LAZY: bool>(&self, x: __m256i) -> __m256i {
        let x = reduce_once(x, self.two_q);
        if LAZY { x } else { reduce_once(x, self.q) }
    }

    /// Three levels of a block of eight registers: its root, those of its halves, those of its quarters. They are
    /// read where they are used: registers do not hold them all.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn forward_eight(&self, x: [__m256i; 8], w: impl Fn(usize) -> Root) -> [__m256i; 8] {
        let [a0, a4] = self.forward(x[0], x[4], w(0));
        let [a1, a5] = self.forward(x[1], x[5], w(0));
        let [a2, a6] = self.forward(x[2], x[6], w(0));
        let [a3, a7] = self.forward(x[3], x[7], w(0));
        let [b0, b2] = self.forward(a0, a2, w(1));
        let [b1, b3] = self.forward(a1, a3, w(1));
        let [b4, b6] = self.forward(a4, a6, w(2));
        let [b5, b7] = self.forward(a5, a7, w(2));
        let [c0, c1] = self.forward(b0, b1, w(3));
        let [c2, c3] = self.forward(b2, b3, w(4));
        let [c4, c5] = self.forward(b4, b5, w(5));
        let [c6, c7] = self.forward(b6, b7, w(6));
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }

    /// The same backward.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn inverse_eight(&self, x: [__m256i; 8], w: impl Fn(usize) -> Root) -> [__m256i; 8] {
        let [a0, a1] = self.inverse(x[0], x[1], w(3));
        let [a2, a3] = self.inverse(x[2], x[3], w(4));
        let [a4, a5] = self.inverse(x[4], x[5], w(5));
        let [a6, a7] = self.inverse(x[6], x[7], w(6));
        let [b0, b2] = self.inverse(a0, a2, w(1));
        let [b1, b3] = self.inverse(a1, a3, w(1));
        let [b4, b6] = self.inverse(a4, a6, w(2));
        let [b5, b7] = self.inverse(a5, a7, w(2));
        let [c0, c4] = self.inverse(b0, b4, w(0));
        let [c1, c5] = self.inverse(b1, b5, w(0));
        let [c2, c6] = self.inverse(b2, b6, w(0));
        let [c3, c7] = self.inverse(b3, b7, w(0));
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn transpose(x: [__m256i; 8]) -> [__m256i; 8] {
    let [a0, a1] = interleave(x[0], x[1]);
    let [a2, a3] = interleave(x[2], x[3]);
    let [a4, a5] = interleave(x[4], x[5]);
    let [a6, a7] = interleave(x[6], x[7]);
    let [b0, b1] = interleave_pairs(a0, a2);
    let [b2, b3] = interleave_pairs(a1, a3);
    let [b4, b5] = interleave_pairs(a4, a6);
    let [b6, b7] = interleave_pairs(a5, a7);
    [
        _mm256_permute2x128_si256::<0x20>(b0, b4),
        _mm256_permute2x128_si256::<0x20>(b1, b5),
        _mm256_permute2x128_si256::<0x20>(b2, b6),
        _mm256_permute2x128_si256::<0x20>(b3, b7),
        _mm256_permute2x128_si256::<0x31>(b0, b4),
        _mm256_permute2x128_si256::<0x31>(b1, b5),
        _mm256_permute2x128_si256::<0x31>(b2, b6),
        _mm256_permute2x128_si256::<0x31>(b3, b7),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn interleave(a: __m256i, b: __m256i) -> [__m256i; 2] {
    [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn interleave_pairs(a: __m256i, b: __m256i) -> [__m256i; 2] {
    [_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b)]
}

/// The smaller of `x` and `x − m` as words, which is x modulo m for x < 2m.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce_once(x: __m256i, m: __m256i) -> __m256i {
    _mm256_min_epu32(x, _mm256_sub_epi32(x, m))
}

/// Odd lanes in even ones.
#[inline]
#[target_feature(enable = "avx2")]
fn odd_lanes(x: __m256i) -> __m256i {
    _mm256_srli_epi64::<32>(x)
}

#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(x: u32) -> __m256i {
    _mm256_set1_epi32(x as i32)
}

/// Words of 64 bits that are below 2^32.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn pack(x: &[u64; 8]) -> __m256i {
    let from: *const __m256i = x.as_ptr().cast();
    // SAFETY: the reference is to eight words of 64 bits, two registers.
    let [a, b] = unsafe { [_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))] };
    let [a, b] = [_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)];
    let halves = _mm256_castps_si256(_mm256_shuffle_ps::<0x88>(a, b));
    _mm256_permute4x64_epi64::<0xd8>(halves)
}

/// Words of 32 bits as ones of 64.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn expand(to: &mut [u64; 8], x: __m256i) {
    let low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(x));
    let high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(x));
    let to: *mut __m256i = to.as_mut_ptr().cast();
    // SAFETY: the reference is to eight words of 64 bits, two registers.
    unsafe {
        _mm256_storeu_si256(to, low);
        _mm256_storeu_si256(to.add(1), high);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(x: &Vector) -> __m256i {
    // SAFETY: the reference is to eight words.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(x: &mut Vector, y: __m256i) {
    // SAFETY: the reference is to eight words.
    unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), y) }
}
