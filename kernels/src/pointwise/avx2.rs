//! AVX2 with FMA: four sums in two accumulators, q below 2^50.
//!
//! Residues are doubles. A product is lo + 2^51·hi with hi the nearest integer to ab/2^51: one FMA
//! rounds ab + 2^103 to a multiple of 2^51, a second one leaves the rest beside 1.5·2^52. Both are
//! exact, and their bit patterns are the integers above a constant, so they are summed as integers.

use core::arch::x86_64::*;

use super::{Start, Term, terms_below};

const LANES: usize = 4;

const TWO_52: f64 = (1u64 << 52) as f64;
/// What `hi` is rounded beside: the spacing of doubles from 2^103 to 2^104 is 2^51.
const HIGH: f64 = TWO_52 * TWO_52 / 2.0;
/// What `lo`, at most 2^50 either way, stands beside: the spacing is 1 from 2^52 to 2^53.
const LOW: f64 = 1.5 * TWO_52;

#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    q: f64,
    q_inverse: f64,
    /// 2^51 mod q.
    high: f64,
    /// Terms between reductions.
    terms: usize,
}

impl Constants {
    pub(super) fn new(q: u64) -> Self {
        Self {
            q: q as f64,
            q_inverse: 1.0 / q as f64,
            high: ((1 << 51) % q) as f64,
            // A sum below 2^103 has a high part below 2^52. Low parts, each at most 2^50, and the
            // start stay below 2^62 for 2048 terms.
            terms: terms_below(103, q).min(2048),
        }
    }
}

/// The sums of as many elements as whole vectors hold; returns how many that are.
///
/// # Safety
/// All outputs and factors have the same length.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn sums<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    if let [(a, b)] = terms {
        // SAFETY: as the caller promises.
        return unsafe { products(c, out, a, b, start) };
    }
    let len = out[0].len();
    let (blocks, whole) = (len / (2 * LANES) * (2 * LANES), len / LANES * LANES);
    for at in (0..blocks).step_by(2 * LANES) {
        // SAFETY: at + 2·LANES ≤ len, and the caller promises that all lengths are len.
        unsafe { block::<K, 2>(c, at, out, terms, start) };
    }
    if blocks < whole {
        // SAFETY: blocks + LANES ≤ len, and the caller promises that all lengths are len.
        unsafe { block::<K, 1>(c, blocks, out, terms, start) };
    }
    whole
}

/// [`sums`] of one term: its quotient by q comes from the rounded product, without a sum of parts.
///
/// # Safety
/// As for [`sums`].
#[target_feature(enable = "avx2,fma")]
unsafe fn products<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    a: &[u64],
    b: &[&[u64]; K],
    start: Start,
) -> usize {
    let whole = a.len() / LANES * LANES;
    for (out, b) in out.iter_mut().zip(b) {
        for at in (0..whole).step_by(LANES) {
            // SAFETY: at + LANES ≤ len, and the caller promises that all lengths are len.
            let ([a], [b], [old]) = unsafe { (load(a, at), load(b, at), load(out, at)) };
            let rest = remainder(c, to_double(a), to_double(b));
            let sum = match start {
                Start::Zero => rest,
                Start::Output => _mm256_add_pd(rest, to_double(old)),
            };
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(at).cast(), canonical(c, sum)) };
        }
    }
    whole
}

/// `V` vectors of elements from `at` on.
///
/// # Safety
/// `V` vectors from `at` on lie inside every output and factor.
#[target_feature(enable = "avx2,fma")]
unsafe fn block<const K: usize, const V: usize>(
    c: &Constants,
    at: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    let mut sums = [[_mm256_setzero_si256(); V]; K];
    if start == Start::Output {
        for (sums, out) in sums.iter_mut().zip(&*out) {
            // SAFETY: the caller promises V vectors from `at` on.
            *sums = unsafe { load(out, at) };
        }
    }
    for terms in terms.chunks(c.terms) {
        // Each product adds the bits of its constant: take them off beforehand.
        let offset =
            |x: f64| _mm256_set1_epi64x((terms.len() as u64).wrapping_mul(x.to_bits()) as i64);
        let mut lo = sums.map(|sums| sums.map(|s| _mm256_sub_epi64(s, offset(LOW))));
        let mut hi = [[_mm256_sub_epi64(_mm256_setzero_si256(), offset(HIGH)); V]; K];
        for (a, b) in terms {
            // SAFETY: the caller promises V vectors from `at` on.
            let a: [_; V] = unsafe { load(a, at) }.map(|a| to_double(a));
            for k in 0..K {
                // SAFETY: as above.
                let b: [_; V] = unsafe { load(b[k], at) }.map(|b| to_double(b));
                for v in 0..V {
                    let high = _mm256_fmadd_pd(a[v], b[v], _mm256_set1_pd(HIGH));
                    // 2^103 + 3·2^51 is a double, and so is its difference to any `high`.
                    let minus_high = _mm256_sub_pd(_mm256_set1_pd(HIGH + LOW), high);
                    let low = _mm256_fmadd_pd(a[v], b[v], minus_high);
                    hi[k][v] = _mm256_add_epi64(hi[k][v], _mm256_castpd_si256(high));
                    lo[k][v] = _mm256_add_epi64(lo[k][v], _mm256_castpd_si256(low));
                }
            }
        }
        for k in 0..K {
            sums[k] = core::array::from_fn(|v| reduce(c, lo[k][v], hi[k][v]));
        }
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

/// Integers below 2^52 as doubles: 2^52 + x has x as its low bits.
#[inline]
#[target_feature(enable = "avx2")]
fn to_double(x: __m256i) -> __m256d {
    let two_52 = _mm256_set1_pd(TWO_52);
    let sum = _mm256_or_si256(x, _mm256_castpd_si256(two_52));
    _mm256_sub_pd(_mm256_castsi256_pd(sum), two_52)
}

/// `lo + 2^51·hi` in [0, q), for a sum in [0, 2^103) and |lo| below 2^62.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn reduce(c: &Constants, lo: __m256i, hi: __m256i) -> __m256i {
    let set = |x: i64| _mm256_set1_epi64x(x);
    // The floor of lo / 2^51 is carried; the rest is not negative.
    let lo = _mm256_add_epi64(lo, set(1 << 62));
    let carry = _mm256_sub_epi64(_mm256_srli_epi64::<51>(lo), set(1 << 11));
    let lo = to_double(_mm256_and_si256(lo, set((1 << 51) - 1)));
    let hi = to_double(_mm256_add_epi64(hi, carry));
    // Below 1.5q + 2^48 + 2^51 < 2^52.
    canonical(c, _mm256_add_pd(remainder(c, hi, _mm256_set1_pd(c.high)), lo))
}

/// An integer that is `x·y` modulo q, at most 1.5q + 2^48 either way, for x in [0, 2^52) and y in [0, q).
#[inline]
#[target_feature(enable = "avx2,fma")]
fn remainder(c: &Constants, x: __m256d, y: __m256d) -> __m256d {
    // The product's quotient is at most 2^52: two roundings of 2^−53 move it by 1 and the one to an integer
    // by 1/2, so that the rest is at most 1.5q < 2^51, an integer, exact. So is the product's error, half
    // of the last place of a number below 2^102.
    let product = _mm256_mul_pd(x, y);
    let error = _mm256_fmsub_pd(x, y, product);
    let rest = _mm256_fnmadd_pd(quotient(c, product), _mm256_set1_pd(c.q), product);
    _mm256_add_pd(rest, error)
}

/// The nearest integer to x/q, or about that.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn quotient(c: &Constants, x: __m256d) -> __m256d {
    const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm256_round_pd::<NEAREST>(_mm256_mul_pd(x, _mm256_set1_pd(c.q_inverse)))
}

/// An integer x as a residue in [0, q), for |x| < 2^52.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn canonical(c: &Constants, x: __m256d) -> __m256i {
    let q = _mm256_set1_pd(c.q);
    // The quotient leaves less than q either way.
    let rest = _mm256_fnmadd_pd(quotient(c, x), q, x);
    let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(rest, _mm256_setzero_pd());
    let wrapped = _mm256_add_pd(rest, _mm256_and_pd(q, negative));
    let two_52 = _mm256_set1_pd(TWO_52);
    let bits = _mm256_castpd_si256(_mm256_add_pd(wrapped, two_52));
    _mm256_xor_si256(bits, _mm256_castpd_si256(two_52))
}
