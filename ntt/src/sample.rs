//! Samplers: uniform residues from a public seed, ternary secrets and centred-binomial errors.

use crate::Modulus;
use gazelle_kernels::ntt::scalar::reduce_once;
use rand::{CryptoRng, Rng, SeedableRng, rngs::ChaCha20Rng};

/// Uniform residues modulo q from a public seed: both parties derive the same ones. Each
/// `(seed, stream)` gives an independent sequence (ChaCha20 with the stream as its nonce), by
/// rejection, in time that depends on the public result alone.
pub fn uniform(seed: &[u8; 32], stream: u64, modulus: &Modulus, out: &mut [u64]) {
    let mut rng = ChaCha20Rng::from_seed(*seed);
    rng.set_stream(stream);
    let mask = u64::MAX >> (64 - modulus.bits());
    for x in out {
        *x = loop {
            let candidate = rng.next_u64() & mask;
            if candidate < modulus.value() {
                break candidate;
            }
        };
    }
}

/// Uniform values in {−1, 0, 1}: a 64-bit number times 3, its top; the bias is below 2^−62.
pub fn ternary<R: CryptoRng>(rng: &mut R, out: &mut [i8]) {
    for x in out {
        *x = ((u128::from(rng.next_u64()) * 3) >> 64) as i8 - 1;
    }
}

/// The centred binomial distribution: the difference of two sums of `eta` bits (η at most 32).
///
/// # Panics
/// If `eta` is over 32.
pub fn centred_binomial<R: CryptoRng>(eta: u32, rng: &mut R, out: &mut [i8]) {
    assert!((1..=32).contains(&eta));
    let mask = u32::MAX >> (32 - eta);
    for x in out {
        let bits = rng.next_u64();
        let (a, b) = (bits as u32 & mask, (bits >> 32) as u32 & mask);
        *x = a.count_ones() as i8 - b.count_ones() as i8;
    }
}

/// The residues of small signed values.
///
/// # Panics
/// If the lengths differ.
pub fn residues(values: &[i8], modulus: &Modulus, out: &mut [u64]) {
    assert_eq!(values.len(), out.len());
    for (out, &v) in out.iter_mut().zip(values) {
        *out = reduce_once((i64::from(v) + modulus.value() as i64) as u64, modulus.value());
    }
}
