//! AVX-512 IFMA: eight sums in two accumulators, q below 2^50.
//!
//! A product is lo + 2^52·hi with both parts below 2^52; `lo` and `hi` are summed apart.

use core::arch::x86_64::*;

use super::{Start, Term, terms_below};

const LANES: usize = 8;
const MASK: u64 = (1 << 52) - 1;

/// How many vectors of the next terms are asked for before they are needed: 2 KiB, of 48 in the first
/// cache, where more would push each other out if factors lie a multiple of 4 KiB apart.
const AHEAD: usize = 32;

#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    q: u64,
    /// ⌊2^52 / q⌋.
    one_quotient: u64,
    /// c = 2^52 mod q and ⌊c·2^52 / q⌋.
    high: u64,
    high_quotient: u64,
    /// Terms between reductions.
    terms: usize,
}

impl Constants {
    pub(super) fn new(q: u64) -> Self {
        let high = (1 << 52) % q;
        Self {
            q,
            one_quotient: (1 << 52) / q,
            high,
            high_quotient: ((u128::from(high) << 52) / u128::from(q)) as u64,
            // A sum below 2^104 has a high part below 2^52. Low parts, each below 2^52, and the
            // start stay below 2^64 for 4095 terms.
            terms: terms_below(104, q).min(4095),
        }
    }
}

/// The sums of as many elements as whole vectors hold; returns how many that are.
///
/// # Safety
/// All outputs and factors have the same length.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) unsafe fn sums<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    // Long strips of each factor at a time, as far as the registers hold their sums.
    // SAFETY: as the caller promises.
    unsafe {
        let from = if K == 1 { blocks::<K, 12>(c, 0, out, terms, start) } else { 0 };
        let from = blocks::<K, 4>(c, from, out, terms, start);
        blocks::<K, 1>(c, from, out, terms, start)
    }
}

/// As [`sums`], `V` vectors at a time, for elements from `from` on; returns how far it came.
///
/// # Safety
/// As for [`sums`].
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn blocks<const K: usize, const V: usize>(
    c: &Constants,
    mut from: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    let len = out[0].len();
    let aligned = terms.iter().all(|(a, b)| is_aligned(a) && b.iter().all(|b| is_aligned(b)));
    while from + V * LANES <= len {
        if aligned || from < LANES || from + (V + 1) * LANES > len {
            // SAFETY: from + V·LANES ≤ len, and the caller promises that all lengths are len.
            unsafe { block::<K, V, false>(c, from, out, terms, start) };
        } else {
            // SAFETY: as above, and so is a vector before and one after them.
            unsafe { block::<K, V, true>(c, from, out, terms, start) };
        }
        from += V * LANES;
    }
    from
}

/// `V` vectors of elements from `at` on; with `LINES`, factors are read by whole lines of the cache.
///
/// # Safety
/// `V` vectors from `at` on lie inside every output and factor; with `LINES`, a vector before them and
/// one after as well.
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn block<const K: usize, const V: usize, const LINES: bool>(
    c: &Constants,
    at: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    let zero = [[_mm512_setzero_si512(); V]; K];
    let (mut lo, mut hi) = (zero, zero);
    if start == Start::Output {
        for (lo, out) in lo.iter_mut().zip(&*out) {
            // SAFETY: the caller promises V vectors from `at` on.
            *lo = unsafe { load(out, at) };
        }
    }
    for (chunk, terms) in terms.chunks(c.terms).enumerate() {
        if chunk > 0 {
            for (lo, hi) in lo.iter_mut().zip(&mut hi) {
                for (lo, hi) in lo.iter_mut().zip(hi) {
                    (*lo, *hi) = (reduce_lazy(c, *lo, *hi), _mm512_setzero_si512());
                }
            }
        }
        let ahead = AHEAD.div_ceil(V * (K + 1));
        for (j, (a, b)) in terms.iter().enumerate() {
            let (mut next, mut place) = (j + ahead, at);
            while next >= terms.len() {
                (next, place) = (next - terms.len(), place + V * LANES);
            }
            let (next, next_b) = &terms[next];
            prefetch::<V>(next, place);
            next_b.iter().for_each(|b| prefetch::<V>(b, place));
            // SAFETY: the caller promises V vectors from `at` on, and for LINES those beside them.
            let a: [_; V] = unsafe { if LINES { load_lines(a, at) } else { load(a, at) } };
            for k in 0..K {
                // SAFETY: as above.
                let b: [_; V] =
                    unsafe { if LINES { load_lines(b[k], at) } else { load(b[k], at) } };
                for v in 0..V {
                    lo[k][v] = _mm512_madd52lo_epu64(lo[k][v], a[v], b[v]);
                }
                for v in 0..V {
                    hi[k][v] = _mm512_madd52hi_epu64(hi[k][v], a[v], b[v]);
                }
            }
        }
    }
    for k in 0..K {
        for v in 0..V {
            let sum = canonical(c, reduce_lazy(c, lo[k][v], hi[k][v]));
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(out[k].as_mut_ptr().add(at + v * LANES).cast(), sum) };
        }
    }
}

/// Asks for `V` vectors from `at` on, if they are there.
#[inline]
#[target_feature(enable = "avx512f")]
fn prefetch<const V: usize>(x: &[u64], at: usize) {
    for v in 0..V {
        let address = x.as_ptr().wrapping_add(at + v * LANES);
        // SAFETY: any address may be asked for; newer compilers know it.
        #[allow(unused_unsafe)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address.cast())
        };
    }
}

/// # Safety
/// `V` vectors from `at` on lie inside `x`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load<const V: usize>(x: &[u64], at: usize) -> [__m512i; V] {
    core::array::from_fn(|v| {
        // SAFETY: the caller promises V vectors from `at` on.
        unsafe { _mm512_loadu_si512(x.as_ptr().add(at + v * LANES).cast()) }
    })
}

/// As [`load`], by whole lines of the cache: a vector that two lines share takes twice as long to load
/// as one line.
///
/// # Safety
/// As for [`load`], and so does a vector before them and one after.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_lines<const V: usize>(x: &[u64], at: usize) -> [__m512i; V] {
    // Words that the first line has before x[at]: up to 7.
    let before = x.as_ptr() as usize / size_of::<u64>() % LANES;
    let lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    let places = _mm512_add_epi64(lanes, _mm512_set1_epi64(before as i64));
    // SAFETY: before < LANES, and the caller promises a vector before.
    let lines = unsafe { x.as_ptr().add(at - before) };
    let mut out = [_mm512_setzero_si512(); V];
    // SAFETY: as above.
    let mut line = unsafe { _mm512_loadu_si512(lines.cast()) };
    for (v, out) in out.iter_mut().enumerate() {
        // SAFETY: it begins V·LANES words after the first at most, and the caller promises a vector
        // after those from `at` on.
        let next = unsafe { _mm512_loadu_si512(lines.add((v + 1) * LANES).cast()) };
        *out = _mm512_permutex2var_epi64(line, places, next);
        line = next;
    }
    out
}

fn is_aligned(x: &[u64]) -> bool {
    x.as_ptr().cast::<__m512i>().is_aligned()
}

/// Some residue of lo + 2^52·hi in [0, 4q), for a sum below 2^104.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce_lazy(c: &Constants, lo: __m512i, hi: __m512i) -> __m512i {
    let set = |x: u64| _mm512_set1_epi64(x as i64);
    let zero = _mm512_setzero_si512();
    // hi < 2^52 after the carry; the multiplications ignore what lo has above its 52 bits.
    let hi = _mm512_add_epi64(hi, _mm512_srli_epi64::<52>(lo));
    // Each quotient is at most one below the true one's floor: hi·c and lo leave less than 2q each,
    // so the whole leaves less than 4q < 2^52, exact modulo 2^52.
    let quotient = _mm512_madd52hi_epu64(zero, hi, set(c.high_quotient));
    let quotient = _mm512_madd52hi_epu64(quotient, lo, set(c.one_quotient));
    let sum = _mm512_madd52lo_epu64(lo, hi, set(c.high));
    let rest = _mm512_madd52lo_epu64(sum, quotient, set(c.q.wrapping_neg() & MASK));
    _mm512_and_si512(rest, set(MASK))
}

/// `x` in [0, q), for `x` in [0, 4q).
#[inline]
#[target_feature(enable = "avx512f")]
fn canonical(c: &Constants, x: __m512i) -> __m512i {
    let reduce = |x, q: u64| _mm512_min_epu64(x, _mm512_sub_epi64(x, _mm512_set1_epi64(q as i64)));
    reduce(reduce(x, 2 * c.q), c.q)
}
