//! The scalar twin: Harvey's lazy butterflies with Shoup quotients, any prime below 2^62.
//!
//! David Harvey, "Faster arithmetic for number-theoretic transforms", 2014, section 3. Values stay
//! below 4q < 2^64 between levels; the last step reduces to [0, q). No branch depends on a value.
//!
//! The order of the domain is bit-reversed but for [`transpose_blocks`], which spares vectors of
//! eight a transposition.

/// A constant factor `w` modulo `q` with ⌊w·2^64 / q⌋ beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factor {
    /// The factor, in [0, q).
    pub value: u64,
    /// ⌊value·2^64 / q⌋.
    pub quotient: u64,
}

impl Factor {
    /// The factor `value` (in [0, q)) modulo `q`.
    pub const fn new(value: u64, q: u64) -> Self {
        debug_assert!(value < q);
        Self { value, quotient: (((value as u128) << 64) / q as u128) as u64 }
    }

    /// `x·w mod q` in [0, 2q), for any `x`.
    #[inline(always)]
    pub const fn mul_lazy(self, x: u64, q: u64) -> u64 {
        // The estimate of the quotient is at most one too small, so the rest is below 2q.
        let estimate = ((x as u128 * self.quotient as u128) >> 64) as u64;
        x.wrapping_mul(self.value).wrapping_sub(estimate.wrapping_mul(q))
    }

    /// `x·w mod q` in [0, q), for any `x`.
    #[inline(always)]
    pub const fn mul(self, x: u64, q: u64) -> u64 {
        reduce_once(self.mul_lazy(x, q), q)
    }
}

/// `x − q` if that is not negative, else `x`, without a branch; for `x` in [0, 2q), q < 2^63.
#[inline(always)]
pub const fn reduce_once(x: u64, q: u64) -> u64 {
    let difference = x.wrapping_sub(q);
    difference.wrapping_add(q & ((difference as i64 >> 63) as u64))
}

/// The forward transform of one polynomial. `roots[m + i]` is the twiddle of block `i` at the level
/// with `m` blocks: ψ^bitrev(m + i). Input in [0, q); output in the domain's order and in [0, q), or
/// [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as `roots`.
pub fn forward<const LAZY: bool>(a: &mut [u64], roots: &[Factor], q: u64) {
    assert_eq!(a.len(), roots.len());
    let n = a.len();
    let mut blocks = 1;
    while blocks < n {
        let half = n / (2 * blocks);
        for (block, &w) in a.chunks_exact_mut(2 * half).zip(&roots[blocks..2 * blocks]) {
            let (low, high) = block.split_at_mut(half);
            for (x, y) in low.iter_mut().zip(high) {
                // x, y < 4q. u < 2q, t < 2q, so both outputs are below 4q.
                let u = reduce_once(*x, 2 * q);
                let t = w.mul_lazy(*y, q);
                *x = u + t;
                *y = u + 2 * q - t;
            }
        }
        blocks *= 2;
    }
    for x in a.iter_mut() {
        *x = reduce_once(*x, 2 * q);
        *x = if LAZY { *x } else { reduce_once(*x, q) };
    }
    transpose_blocks(a);
}

/// Between bit-reversed order and the domain's: blocks of 64 values as matrices of eight by eight,
/// rows to columns. Polynomials of fewer than 64 coefficients have none.
pub fn transpose_blocks(a: &mut [u64]) {
    for block in a.as_chunks_mut::<64>().0 {
        for row in 1..8 {
            for column in 0..row {
                block.swap(8 * row + column, 8 * column + row);
            }
        }
    }
}

/// The inverse transform of one polynomial, 1/n included. `roots[m + i]` is the inverse of the
/// forward twiddle at the same place. Input (in the domain's order) in [0, q), output too, or in
/// [0, 2q) if `LAZY`.
///
/// # Panics
/// If `a` is not as long as `roots`.
pub fn inverse<const LAZY: bool>(a: &mut [u64], roots: &[Factor], n_inverse: Factor, q: u64) {
    assert_eq!(a.len(), roots.len());
    transpose_blocks(a);
    let n = a.len();
    let mut blocks = n / 2;
    while blocks > 0 {
        let half = n / (2 * blocks);
        for (block, &w) in a.chunks_exact_mut(2 * half).zip(&roots[blocks..2 * blocks]) {
            let (low, high) = block.split_at_mut(half);
            for (x, y) in low.iter_mut().zip(high) {
                // x, y < 2q; the sum is reduced below 2q, the product comes out below 2q.
                let (u, v) = (*x, *y);
                *x = reduce_once(u + v, 2 * q);
                *y = w.mul_lazy(u + 2 * q - v, q);
            }
        }
        blocks /= 2;
    }
    for x in a {
        *x = if LAZY { n_inverse.mul_lazy(*x, q) } else { n_inverse.mul(*x, q) };
    }
}
