//! AVX2: four sums in three accumulators, q from 2^50 to 2^62.
//!
//! Factors are cut as [`super::cut`] says. (Where is known to the compiler: it would not see otherwise that
//! the parts are short, and multiply words of 64 bits.)

use core::arch::x86_64::*;

use super::cut::{Constants, cut};
use super::{Start, Term};

const LANES: usize = 4;

/// The sums of as many elements as whole vectors hold; returns how many that are.
///
/// # Safety
/// All outputs and factors have the same length.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sums<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    // SAFETY: as the caller promises.
    unsafe {
        match cut(c.bits) {
            31 => blocks::<31, K>(c, out, terms, start),
            _ => blocks::<30, K>(c, out, terms, start),
        }
    }
}

/// As [`sums`], for factors cut at bit `CUT`.
///
/// # Safety
/// As for [`sums`].
#[target_feature(enable = "avx2")]
unsafe fn blocks<const CUT: u32, const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    let len = out[0].len();
    let (blocks, whole) = (len / (2 * LANES) * (2 * LANES), len / LANES * LANES);
    for at in (0..blocks).step_by(2 * LANES) {
        // SAFETY: at + 2·LANES ≤ len, and the caller promises that all lengths are len.
        unsafe { block::<CUT, K, 2>(c, at, out, terms, start) };
    }
    if blocks < whole {
        // SAFETY: blocks + LANES ≤ len, and the caller promises that all lengths are len.
        unsafe { block::<CUT, K, 1>(c, blocks, out, terms, start) };
    }
    whole
}

/// `V` vectors of elements from `at` on.
///
/// # Safety
/// `V` vectors from `at` on lie inside every output and factor.
#[target_feature(enable = "avx2")]
unsafe fn block<const CUT: u32, const K: usize, const V: usize>(
    c: &Constants,
    at: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    let zero = _mm256_setzero_si256();
    let mut sums = [[zero; V]; K];
    if start == Start::Output {
        for (sums, out) in sums.iter_mut().zip(&*out) {
            // SAFETY: the caller promises V vectors from `at` on.
            *sums = unsafe { load(out, at) };
        }
    }
    for terms in terms.chunks(c.terms) {
        let mut words = sums.map(|sums| sums.map(|start| [start, zero, zero]));
        for (a, b) in terms {
            // SAFETY: the caller promises V vectors from `at` on.
            let a: [_; V] = unsafe { load(a, at) }.map(|a| halves::<CUT>(a));
            for (words, b) in words.iter_mut().zip(b) {
                // SAFETY: as above.
                let b: [_; V] = unsafe { load(b, at) }.map(|b| halves::<CUT>(b));
                for v in 0..V {
                    add_product(&mut words[v], a[v], b[v]);
                }
            }
        }
        sums = words.map(|words| words.map(|words| reduce::<CUT>(c, words)));
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(at + v * LANES).cast(), sum) };
        }
    }
}

/// # Safety
/// `V` vectors from `at` on lie inside `x`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load<const V: usize>(x: &[u64], at: usize) -> [__m256i; V] {
    core::array::from_fn(|v| {
        // SAFETY: the caller promises V vectors from `at` on.
        unsafe { _mm256_loadu_si256(x.as_ptr().add(at + v * LANES).cast()) }
    })
}

/// The parts of a factor, low and high.
#[inline]
#[target_feature(enable = "avx2")]
fn halves<const CUT: u32>(x: __m256i) -> [__m256i; 2] {
    [_mm256_and_si256(x, broadcast((1 << CUT) - 1)), _mm256_srlv_epi64(x, broadcast(CUT.into()))]
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_product([lo, mid, hi]: &mut [__m256i; 3], a: [__m256i; 2], b: [__m256i; 2]) {
    let cross = _mm256_add_epi64(_mm256_mul_epu32(a[0], b[1]), _mm256_mul_epu32(a[1], b[0]));
    *lo = _mm256_add_epi64(*lo, _mm256_mul_epu32(a[0], b[0]));
    *mid = _mm256_add_epi64(*mid, cross);
    *hi = _mm256_add_epi64(*hi, _mm256_mul_epu32(a[1], b[1]));
}

/// s = lo + 2^h·mid + 2^(2h)·hi modulo q, in [0, q), for words of at most [`terms`] products.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce<const CUT: u32>(c: &Constants, [lo, mid, hi]: [__m256i; 3]) -> __m256i {
    let shift = |bits: u32| broadcast(bits.into());
    // ⌊s / 2^(b−1)⌋: the words above bit h are mid with lo's carry, and hi at bit h.
    let carried = _mm256_add_epi64(mid, _mm256_srlv_epi64(lo, shift(CUT)));
    let above = _mm256_add_epi64(
        _mm256_srlv_epi64(carried, shift(c.bits - 1 - CUT)),
        _mm256_sllv_epi64(hi, shift(2 * CUT + 1 - c.bits)),
    );
    // s less a multiple of q, modulo 2^64. The quotient is less than s/q by less than 2^(b−1)/q for the
    // bits below b − 1, 1 for the inverse and 2 for its product: the rest is below 2^(b−1) + 3q, that is
    // below 4q, and 4q ≤ 2^64.
    let word = _mm256_add_epi64(lo, _mm256_sllv_epi64(mid, shift(CUT)));
    let word = _mm256_add_epi64(word, _mm256_sllv_epi64(hi, shift(2 * CUT)));
    let rest = _mm256_sub_epi64(word, multiple(c.q, quotient(c.inverse, above)));
    reduce_once(reduce_once(rest, broadcast(2 * c.q)), broadcast(c.q))
}

/// x·inverse / 2^64, or less than 2 less. The product of the low halves is left out, at most 1 − 2^−31 +
/// 2^−64; the cross products lose a bit each so that their sum has room, at most 2^−31 together; the
/// floor takes at most 1 − 2^−31.
#[inline]
#[target_feature(enable = "avx2")]
fn quotient(inverse: u64, x: __m256i) -> __m256i {
    let (low, high) = (broadcast(inverse), broadcast(inverse >> 32));
    let x_high = _mm256_srli_epi64::<32>(x);
    let half = |x| _mm256_srli_epi64::<1>(x);
    let cross =
        _mm256_add_epi64(half(_mm256_mul_epu32(x_high, low)), half(_mm256_mul_epu32(x, high)));
    _mm256_add_epi64(_mm256_mul_epu32(x_high, high), _mm256_srli_epi64::<31>(cross))
}

/// `x·q` modulo 2^64.
#[inline]
#[target_feature(enable = "avx2")]
fn multiple(q: u64, x: __m256i) -> __m256i {
    let (low, high) = (broadcast(q), broadcast(q >> 32));
    let cross = _mm256_add_epi64(
        _mm256_mul_epu32(_mm256_srli_epi64::<32>(x), low),
        _mm256_mul_epu32(x, high),
    );
    _mm256_add_epi64(_mm256_mul_epu32(x, low), _mm256_slli_epi64::<32>(cross))
}

/// `x − m` if that is not negative, else `x`; for x < m + 2^63, m < 2^63.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce_once(x: __m256i, m: __m256i) -> __m256i {
    // The difference is in [−m, 2^63): its sign chooses.
    let difference = _mm256_castsi256_pd(_mm256_sub_epi64(x, m));
    _mm256_castpd_si256(_mm256_blendv_pd(difference, _mm256_castsi256_pd(x), difference))
}

#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(x: u64) -> __m256i {
    _mm256_set1_epi64x(x as i64)
}
