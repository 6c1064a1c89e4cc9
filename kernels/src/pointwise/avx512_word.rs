//! AVX-512 IFMA: eight sums in three accumulators, q below 2^62.
//!
//! With factors cut at bit 52, a = a₀ + 2^52·a₁, a product is a₀·b₀ + 2^52·(a₀·b₁ + a₁·b₀) +
//! 2^104·a₁·b₁. The low and high 52 bits of each part go to the sum of their weight. Only the three
//! words of a finished sum are reduced.

use core::arch::x86_64::*;

use super::{Start, Term};

const LANES: usize = 8;
const MASK: u64 = (1 << 52) - 1;

/// Vectors at a time, so that their chains of additions overlap.
const VECTORS: usize = 4;

/// Terms between reductions: each adds less than 3·2^52 to the middle word, which the start leaves
/// alone, and less than 2^52 to the low word, which starts below 2^62.
const TERMS: usize = 1300;

#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    q: u64,
    mid: Weight,
    hi: Weight,
}

/// The weight w of a word modulo q, with ⌊w·2^52 / q⌋.
#[derive(Clone, Copy, Debug)]
struct Weight {
    value: u64,
    quotient: u64,
}

impl Constants {
    /// For q from 2^50 on.
    pub(super) fn new(q: u64) -> Self {
        Self { q, mid: Weight::new(52, q), hi: Weight::new(104, q) }
    }
}

impl Weight {
    /// Of the words that begin at bit `bits`.
    fn new(bits: u32, q: u64) -> Self {
        let value = (1u128 << bits) % u128::from(q);
        Self { value: value as u64, quotient: ((value << 52) / u128::from(q)) as u64 }
    }
}

/// The sums of as many elements as whole groups of vectors hold; returns how many that are.
///
/// # Safety
/// All outputs and factors have the same length.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) unsafe fn sums<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    let whole = out[0].len() / (VECTORS * LANES) * (VECTORS * LANES);
    for at in (0..whole).step_by(VECTORS * LANES) {
        for (i, terms) in terms.chunks(TERMS).enumerate() {
            let start = if i == 0 { start } else { Start::Output };
            // SAFETY: at + VECTORS·LANES ≤ whole, and the caller promises that all are as long.
            unsafe { group(c, at, out, terms, start) };
        }
        if terms.is_empty() && start == Start::Zero {
            out.iter_mut().for_each(|out| out[at..at + VECTORS * LANES].fill(0));
        }
    }
    whole
}

/// [`VECTORS`] vectors of elements from `at` on.
///
/// # Safety
/// They lie inside every output and factor.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
unsafe fn group<const K: usize>(
    c: &Constants,
    at: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    let zero = _mm512_setzero_si512();
    let mut sums = [[[zero; 3]; K]; VECTORS];
    for (a, b) in terms {
        for (v, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller promises that this vector lies inside all.
            let a = unsafe { load(a, at + v * LANES) };
            let a_high = _mm512_srli_epi64::<52>(a);
            for ([lo, mid, hi], b) in sums.iter_mut().zip(b) {
                // SAFETY: as above.
                let b = unsafe { load(b, at + v * LANES) };
                let b_high = _mm512_srli_epi64::<52>(b);
                *lo = _mm512_madd52lo_epu64(*lo, a, b);
                *mid = _mm512_madd52hi_epu64(*mid, a, b);
                *hi = _mm512_madd52hi_epu64(*hi, a, b_high);
                *mid = _mm512_madd52lo_epu64(*mid, a, b_high);
                *hi = _mm512_madd52hi_epu64(*hi, a_high, b);
                *mid = _mm512_madd52lo_epu64(*mid, a_high, b);
                *hi = _mm512_madd52lo_epu64(*hi, a_high, b_high);
            }
        }
    }
    for (k, out) in out.iter_mut().enumerate() {
        for (v, sums) in sums.iter().enumerate() {
            let [lo, mid, hi] = sums[k];
            let at = at + v * LANES;
            // SAFETY: as above.
            let start = if start == Start::Output { unsafe { load(out, at) } } else { zero };
            let sum = reduce(c, [_mm512_add_epi64(lo, start), mid, hi]);
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().add(at).cast(), sum) };
        }
    }
}

/// lo + 2^52·mid + 2^104·hi modulo q, in [0, q), for a sum below 2^156 and q from 2^50 on.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce(c: &Constants, [lo, mid, hi]: [__m512i; 3]) -> __m512i {
    let set = |x: u64| _mm512_set1_epi64(x as i64);
    let mid = _mm512_add_epi64(mid, _mm512_srli_epi64::<52>(lo));
    let hi = _mm512_add_epi64(hi, _mm512_srli_epi64::<52>(mid));
    let [lo, mid] = [_mm512_and_si512(lo, set(MASK)), _mm512_and_si512(mid, set(MASK))];
    // All words are below 2^52, so that each quotient is at most one too small (Shoup) and each
    // product leaves less than 2q: less than 4q < 2^64 in all.
    let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), mid, set(c.mid.quotient));
    let quotient = _mm512_madd52hi_epu64(quotient, hi, set(c.hi.quotient));
    let products = _mm512_add_epi64(
        _mm512_mullo_epi64(mid, set(c.mid.value)),
        _mm512_mullo_epi64(hi, set(c.hi.value)),
    );
    let rest = _mm512_sub_epi64(products, _mm512_mullo_epi64(quotient, set(c.q)));
    let rest = reduce_once(rest, set(2 * c.q));
    // lo < 2^52 ≤ 4q: below 6q, and below 2^63 + 2^52.
    let sum = _mm512_add_epi64(rest, lo);
    let sum = reduce_once(reduce_once(sum, set(4 * c.q)), set(2 * c.q));
    reduce_once(sum, set(c.q))
}

/// `x − m` if that is not negative, else `x`.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduce_once(x: __m512i, m: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, m))
}

/// # Safety
/// Eight words from `at` on lie inside `x`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(x: &[u64], at: usize) -> __m512i {
    // SAFETY: as the caller promises.
    unsafe { _mm512_loadu_si512(x.as_ptr().add(at).cast()) }
}
