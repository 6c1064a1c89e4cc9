//! WebAssembly's registers of 128 bits: four sums at a time.
//!
//! Below 2^50 a product is reduced by the quotient of doubles, a·b less its nearest multiple of q in words
//! of 64 bits that may overflow before the difference is taken. Sums of several, and all products from
//! there on, are of factors cut as [`super::cut`] says.

use core::arch::wasm32::*;
use core::hint::black_box;

use super::{Start, Term, cut};
use crate::words::{Halves, Words, product};

const LANES: usize = 4;

/// What reduces a product and what reduces a sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    cut: cut::Constants,
    q_inverse: f64,
}

impl Constants {
    pub(super) fn new(q: u64) -> Self {
        Self { cut: cut::Constants::new(q), q_inverse: 1.0 / q as f64 }
    }
}

/// The sums of as many elements as fours hold; returns how many that are.
///
/// # Safety
/// All outputs and factors have the same length.
pub(super) unsafe fn sums<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    let bits = c.cut.bits;
    if !terms.is_empty() && (bits < 32 || bits <= 50 && terms.len() == 1) {
        let mut start = start;
        for (a, b) in terms {
            for (out, b) in out.iter_mut().zip(b) {
                products(c, out, a, b, start);
            }
            start = Start::Output;
        }
        return out[0].len() / LANES * LANES;
    }
    // SAFETY: as the caller promises.
    unsafe {
        match cut::cut(bits) {
            31 => blocks::<31, K>(&c.cut, out, terms, start),
            _ => blocks::<30, K>(&c.cut, out, terms, start),
        }
    }
}

/// out + a·b, or a·b, for q below 2^50.
fn products(c: &Constants, out: &mut [u64], a: &[u64], b: &[u64], start: Start) {
    let (q, halves) = (c.cut.q, Halves::splat(c.cut.q));
    let factors = a.as_chunks().0.iter().zip(b.as_chunks().0);
    for (out, (a, b)) in out.as_chunks_mut().0.iter_mut().zip(factors) {
        let [a, b] = [Words::load(a), Words::load(b)];
        let [[a0, a1], [b0, b1]] = [a.to_doubles(), b.to_doubles()];
        let inverse = f64x2_splat(c.q_inverse);
        // At most 2^50, and three roundings of 2^−53 move it by 3/8, the one to an integer by 1/2: the rest is
        // less than q either way.
        let quotient = |a, b| f64x2_mul(f64x2_mul(a, b), inverse);
        let quotient = Words::nearest([quotient(a0, b0), quotient(a1, b1)]);
        let rest =
            Halves::difference([a.halves(), b.halves()], [quotient.halves(), halves.fetch()]);
        let rest = rest.plus(Words::splat(Words::INTEGERS.wrapping_mul(q))).add_if_negative(q);
        let sum = match start {
            Start::Zero => rest,
            Start::Output => rest.plus(Words::load(out)).reduce_once(q),
        };
        sum.store(out);
    }
}

/// As [`sums`], for factors cut at bit `CUT`.
///
/// # Safety
/// As for [`sums`].
unsafe fn blocks<const CUT: u32, const K: usize>(
    c: &cut::Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    let whole = out[0].len() / LANES * LANES;
    let halves = [Halves::splat(c.q), Halves::splat(c.inverse)];
    for at in (0..whole).step_by(LANES) {
        // SAFETY: at + LANES ≤ len, and the caller promises that all lengths are len.
        unsafe { block::<CUT, K>(c, &halves, at, out, terms, start) };
    }
    whole
}

/// Four elements from `at` on.
///
/// # Safety
/// Four elements from `at` on lie inside every output and factor.
#[inline(always)]
unsafe fn block<const CUT: u32, const K: usize>(
    c: &cut::Constants,
    halves: &[Halves; 2],
    at: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    let zero = Words::splat(0);
    let mut sums = [zero; K];
    if start == Start::Output {
        for (sum, out) in sums.iter_mut().zip(&*out) {
            // SAFETY: the caller promises four elements from `at` on.
            *sum = unsafe { load(out, at) };
        }
    }
    for terms in terms.chunks(c.terms) {
        let mut words = [[zero; 3]; K];
        for k in 0..K {
            words[k][0] = sums[k];
        }
        for (a, b) in terms {
            // SAFETY: as above.
            let a = parts::<CUT>(unsafe { load(a, at) });
            for k in 0..K {
                // SAFETY: as above.
                add_product(&mut words[k], a, parts::<CUT>(unsafe { load(b[k], at) }));
            }
        }
        for k in 0..K {
            sums[k] = reduce::<CUT>(c, halves, words[k]);
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        let out = &mut out[at..at + LANES];
        sum.store(out.first_chunk_mut().expect("four of them"));
    }
}

/// # Safety
/// Four elements from `at` on lie inside `x`.
#[inline(always)]
unsafe fn load(x: &[u64], at: usize) -> Words {
    // SAFETY: the caller promises four elements from `at` on.
    Words::load(unsafe { &*x.as_ptr().add(at).cast() })
}

/// The parts of a factor, as halves: through memory, since a compiler that sees where they come from
/// multiplies words of 64 bits.
#[inline(always)]
fn parts<const CUT: u32>(x: Words) -> Halves {
    black_box(Halves { low: x.and((1 << CUT) - 1).halves().low, high: x.shr(CUT).halves().low })
}

#[inline(always)]
fn add_product([lo, mid, hi]: &mut [Words; 3], a: Halves, b: Halves) {
    *lo = lo.plus(product(a.low, b.low));
    *mid = mid.plus(product(a.low, b.high)).plus(product(a.high, b.low));
    *hi = hi.plus(product(a.high, b.high));
}

/// s = lo + 2^h·mid + 2^(2h)·hi modulo q, in [0, q), for words of at most `c.terms` products.
#[inline(always)]
fn reduce<const CUT: u32>(
    c: &cut::Constants,
    [q, inverse]: &[Halves; 2],
    [lo, mid, hi]: [Words; 3],
) -> Words {
    // ⌊s / 2^(b−1)⌋: the words above bit h are mid with lo's carry, and hi at bit h.
    let carried = mid.plus(lo.shr(CUT));
    let above = carried.shr(c.bits - 1 - CUT).plus(hi.shl(2 * CUT + 1 - c.bits));
    // s less a multiple of q, modulo 2^64. The quotient is less than s/q by less than 2^(b−1)/q for the
    // bits below b − 1, 1 for the inverse and 2 for its product: the rest is below 2^(b−1) + 3q, that is
    // below 4q, and 4q ≤ 2^64.
    let word = lo.plus(mid.shl(CUT)).plus(hi.shl(2 * CUT));
    let quotient = quotient(inverse.fetch(), above.halves());
    let rest = word.minus(quotient.halves().times(q.fetch()));
    rest.reduce_once(2 * c.q).reduce_once(c.q)
}

/// x·inverse / 2^64, or less than 2 less. The product of the low halves is left out, at most 1 − 2^−31 +
/// 2^−64; the cross products lose a bit each so that their sum has room, at most 2^−31 together; the
/// floor takes at most 1 − 2^−31.
#[inline(always)]
fn quotient(inverse: Halves, x: Halves) -> Words {
    let cross = product(x.high, inverse.low).shr(1).plus(product(x.low, inverse.high).shr(1));
    product(x.high, inverse.high).plus(cross.shr(31))
}
