//! The scalar twin: 128-bit sums, any modulus below 2^62.

use super::{Start, Term, terms_below};
use crate::ntt::scalar::{Factor, reduce_once};

#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    pub(super) q: u64,
    /// 1 and 2^64 modulo q, for the halves of a sum.
    one: Factor,
    word: Factor,
    /// Terms that a 128-bit sum holds.
    terms: usize,
}

impl Constants {
    pub(super) fn new(q: u64) -> Self {
        let word = ((1u128 << 64) % u128::from(q)) as u64;
        let terms = terms_below(128, q);
        Self { q, one: Factor::new(1, q), word: Factor::new(word, q), terms }
    }

    /// Some residue of `x` in [0, 4q).
    fn reduce_lazy(&self, x: u128) -> u64 {
        // Each factor leaves less than 2q, and 4q < 2^64.
        self.word.mul_lazy((x >> 64) as u64, self.q) + self.one.mul_lazy(x as u64, self.q)
    }
}

/// The sums of the elements from `from` on.
pub(super) fn sums<const K: usize>(
    c: &Constants,
    from: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    for (k, out) in out.iter_mut().enumerate() {
        for (i, out) in out.iter_mut().enumerate().skip(from) {
            let mut sum = if start == Start::Output { u128::from(*out) } else { 0 };
            for (chunk, terms) in terms.chunks(c.terms).enumerate() {
                // A start below 4q and `c.terms` products stay below 2^128.
                if chunk > 0 {
                    sum = u128::from(c.reduce_lazy(sum));
                }
                for (a, b) in terms {
                    sum += u128::from(a[i]) * u128::from(b[k][i]);
                }
            }
            *out = reduce_once(reduce_once(c.reduce_lazy(sum), 2 * c.q), c.q);
        }
    }
}
