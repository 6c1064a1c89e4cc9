//! Arithmetic modulo a prime below 2^62.

use crate::{Error, prime};
use gazelle_kernels::ntt::scalar::reduce_once;

/// A prime below 2^62. Operands are residues in [0, q); so are results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modulus(u64);

impl Modulus {
    /// The modulus `q`.
    ///
    /// # Errors
    /// [`Error::NotPrime`] unless `q` is a prime below 2^62.
    pub fn try_new(q: u64) -> Result<Self, Error> {
        if q < 1 << 62 && prime::is_prime(q) { Ok(Self(q)) } else { Err(Error::NotPrime(q)) }
    }

    /// q.
    pub const fn value(&self) -> u64 {
        self.0
    }

    /// The bits of q.
    pub const fn bits(&self) -> u32 {
        64 - self.0.leading_zeros()
    }

    /// `a + b mod q`.
    pub const fn add(&self, a: u64, b: u64) -> u64 {
        reduce_once(a + b, self.0)
    }

    /// `a − b mod q`.
    pub const fn sub(&self, a: u64, b: u64) -> u64 {
        reduce_once(a + self.0 - b, self.0)
    }

    /// `−a mod q`.
    pub const fn neg(&self, a: u64) -> u64 {
        reduce_once(self.0 - a, self.0)
    }

    /// `a·b mod q`, for any `a` and `b`; variable time on some CPUs (128-bit division).
    pub const fn mul(&self, a: u64, b: u64) -> u64 {
        ((a as u128 * b as u128) % self.0 as u128) as u64
    }

    /// `base^exponent mod q`, in time that depends on the exponent.
    pub const fn pow(&self, mut base: u64, mut exponent: u64) -> u64 {
        let mut result = 1 % self.0;
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = self.mul(result, base);
            }
            base = self.mul(base, base);
            exponent >>= 1;
        }
        result
    }

    /// `1/a mod q` (0 for 0).
    pub const fn inv(&self, a: u64) -> u64 {
        self.pow(a, self.0 - 2)
    }
}
