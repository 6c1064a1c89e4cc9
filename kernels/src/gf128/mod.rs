//! The field GF(2^128): inner products, and the polynomial hash that is one.
//!
//! An element is a polynomial over GF(2) modulo X^128 + X^7 + X^2 + X + 1; bit i of a `u128` is the
//! coefficient of X^i, so a block of bytes is read little-endian. (GHASH uses the same polynomial
//! with its bits reversed, POLYVAL another one: neither's values are those of this module.)
//! Addition is exclusive or.
//!
//! A sum of products is reduced once: products of 128 × 128 bits are added as they are, 256 bits
//! wide, and a sum of any number of them is no wider. No branch and no address depends on a value.

mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

use alloc::vec;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::backend::{AesBackend, AesIsa};
use crate::dispatch::aes_twin;

/// a·b.
pub fn mul(backend: AesBackend, a: u128, b: u128) -> u128 {
    inner_product(backend, &[a], &b.to_le_bytes(), [0; 2])
}

/// Adds Σᵢ `factors[i]`·`row[i]` to one sum for each row: row r is `rows[r·n..][..n]` for n factors.
///
/// # Panics
///
/// Panics unless `rows` has as many rows as there are sums.
pub fn inner_products(backend: AesBackend, factors: &[u128], rows: &[u128], sums: &mut [u128]) {
    assert_eq!(rows.len(), factors.len() * sums.len(), "one row for each sum");
    if factors.is_empty() {
        return;
    }
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(backend, inner_products(factors, rows, sums)) }
}

/// `first[0]`·`first[1]` + Σᵢ `factors[i]`·mᵢ, with mᵢ the blocks of `message`: as many as there
/// are factors, the last one filled up with zeros.
fn inner_product(backend: AesBackend, factors: &[u128], message: &[u8], first: [u128; 2]) -> u128 {
    debug_assert_eq!(factors.len(), message.len().div_ceil(16));
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(backend, inner_product(factors, message, first)) }
}

/// Blocks that are hashed with one reduction.
const STRIP: usize = 64;

/// Strips that are hashed together where products come in rows.
const STRIPS: usize = 16;

/// A polynomial hash of bytes, the universal hash of a Wegman–Carter authenticator; its key is
/// wiped when dropped.
///
/// With the blocks m₁ … mₙ of a message (the last one filled up with zeros), a state s becomes
/// (s + m₁)·Hⁿ + m₂·Hⁿ⁻¹ + … + mₙ·H. Two different messages of at most n blocks have equal hashes
/// for at most n of the 2^128 keys H, if the caller's encoding tells apart messages that differ in
/// their lengths or trailing zeros alone. A hash must be hidden, by a one-time pad or a cipher,
/// before it leaves: H follows from two that do not.
#[derive(ZeroizeOnDrop)]
pub struct PolynomialHash {
    /// H^64 … H.
    powers: [u128; STRIP],
    #[zeroize(skip)]
    backend: AesBackend,
}

impl PolynomialHash {
    /// The hash with the key H = `key`, secret and uniform.
    pub fn new(backend: AesBackend, key: u128) -> Self {
        let mut hash = Self { powers: [key; STRIP], backend };
        for i in (0..STRIP - 1).rev() {
            hash.powers[i] = mul(backend, hash.powers[i + 1], key);
        }
        hash
    }

    /// The state after the blocks of `message`; a first state is 0.
    ///
    /// States compose: a message may come in several parts, if all parts but the last are whole
    /// blocks of 16 bytes.
    pub fn update(&self, mut state: u128, message: &[u8]) -> u128 {
        let mut rest = message;
        if self.backend.isa() == AesIsa::Simd128 {
            let (many, last) = message.as_chunks::<{ 16 * STRIP * STRIPS }>();
            state = many.iter().fold(state, |state, strips| self.update_by_strips(state, strips));
            rest = last;
        }
        rest.chunks(16 * STRIP).fold(state, |state, strip| {
            let powers = &self.powers[STRIP - strip.len().div_ceil(16)..];
            inner_product(self.backend, powers, strip, [state, powers[0]])
        })
    }

    /// The same for [`STRIPS`] strips, which share their factors.
    fn update_by_strips(&self, state: u128, strips: &[u8; 16 * STRIP * STRIPS]) -> u128 {
        let mut blocks = Zeroizing::new(vec![0; STRIP * STRIPS]);
        bytemuck::must_cast_slice_mut(&mut blocks).copy_from_slice(strips);
        let mut sums = [0; STRIPS];
        inner_products(self.backend, &self.powers, &blocks, &mut sums);
        sums.into_iter().fold(state, |state, sum| mul(self.backend, state, self.powers[0]) ^ sum)
    }
}

#[cfg(test)]
mod tests;
