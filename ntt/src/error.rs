//! What can be wrong with a modulus, a size or a packed buffer.

/// An argument that no transform or codec exists for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The modulus is not a prime below 2^62.
    #[error("{0} is not a prime below 2^62: choose one with prime::ntt_primes_below")]
    NotPrime(u64),
    /// The size is not a power of two in 8..=2^17.
    #[error("the size {0} is not a power of two from 8 to 131072")]
    Size(usize),
    /// The prime has no primitive 2n-th root of unity.
    #[error("the prime {q} is not 1 modulo {two_n}: choose one with prime::ntt_primes_below")]
    NoRoot {
        /// The prime.
        q: u64,
        /// Twice the size of the transform.
        two_n: usize,
    },
    /// A packed buffer has another length than its values need.
    #[error("{found} packed bytes where {expected} were expected")]
    PackedLength {
        /// The bytes that the values need.
        expected: usize,
        /// The bytes given.
        found: usize,
    },
    /// A packed buffer has non-zero bits after its last value.
    #[error("the padding bits after the last packed value are not zero")]
    PackedPadding,
}
