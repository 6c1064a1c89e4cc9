//! Samplers: uniform residues from a public seed, ternary secrets and centred-binomial errors.

use crate::Modulus;
use crate::prg::{AesRng, Seed};
use gazelle_kernels::{VectorBackend, ntt::scalar::reduce_once};
use rand::CryptoRng;
use zeroize::Zeroize;

/// Values that are sampled at a time.
const AT_ONCE: usize = 256;

/// Uniform residues modulo q from a public seed: both parties derive the same ones. Candidates are
/// the words of the stream, cut to the modulus' bits; those of q and above are left out, in time
/// that depends on the public result alone.
pub fn uniform(seed: &Seed, stream: u64, modulus: &Modulus, out: &mut [u64]) {
    let mut rng = AesRng::new(seed, stream);
    let (q, mask) = (modulus.value(), u64::MAX >> (64 - modulus.bits()));
    let mut kept = 0;
    while kept < out.len() {
        let candidates = &mut out[kept..];
        rng.fill_words(candidates);
        // Bit 63 of the difference tells a candidate below q, both being below 2^63.
        let below = VectorBackend::best().run(
            #[inline(always)]
            || {
                candidates.iter_mut().fold(1 << 63, |below, x| {
                    *x &= mask;
                    below & x.wrapping_sub(q)
                })
            },
        );
        if below != 0 {
            return;
        }
        let mut next = kept;
        for i in kept..out.len() {
            out[next] = out[i];
            next += usize::from(out[next] < q);
        }
        kept = next;
    }
}

/// Uniform values in {−1, 0, 1}: how many of the thirds of [0, 2^63) a 63-bit number is past,
/// minus 1. The bias is below 2^−62.
pub fn ternary<R: CryptoRng>(rng: &mut R, out: &mut [i8]) {
    const THIRD: u64 = (1 << 63) / 3;
    sample(
        rng,
        out,
        #[inline(always)]
        |word| {
            let number = word >> 1;
            let past = |bound: u64| bound.wrapping_sub(number) >> 63;
            (past(THIRD) + past(2 * THIRD)) as i8 - 1
        },
    );
}

/// The centred binomial distribution: the difference of two sums of `eta` bits.
///
/// # Panics
/// Unless `eta` is 1 to 32.
pub fn centred_binomial<R: CryptoRng>(eta: u32, rng: &mut R, out: &mut [i8]) {
    assert!((1..=32).contains(&eta), "sums of {eta} bits");
    let half = u64::from(u32::MAX >> (32 - eta));
    let mask = half << 32 | half;
    sample(
        rng,
        out,
        #[inline(always)]
        move |word| {
            let ones = ones_of_halves(word & mask);
            (ones as i8).wrapping_sub((ones >> 32) as i8)
        },
    );
}

/// The number of ones in each half of `word`, in the half's lowest byte.
#[inline(always)]
fn ones_of_halves(word: u64) -> u64 {
    const M1: u64 = 0x5555_5555_5555_5555;
    const M2: u64 = 0x3333_3333_3333_3333;
    const M4: u64 = 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = word - (word >> 1 & M1);
    let nibbles = (pairs & M2) + (pairs >> 2 & M2);
    let bytes = (nibbles + (nibbles >> 4)) & M4;
    let words = bytes + (bytes >> 8);
    words + (words >> 16)
}

/// Fills `out` with values made of 64 random bits each.
fn sample<R: CryptoRng>(rng: &mut R, out: &mut [i8], value: impl Fn(u64) -> i8 + Copy) {
    let mut bytes = [0; 8 * AT_ONCE];
    for out in out.chunks_mut(AT_ONCE) {
        let bytes = &mut bytes[..8 * out.len()];
        rng.fill_bytes(bytes);
        // What `value` needs stands in the closure itself, where no store to `out` can change it.
        VectorBackend::best().run(
            #[inline(always)]
            move || {
                for (out, word) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *out = value(u64::from_le_bytes(*word));
                }
            },
        );
    }
    bytes[..].zeroize();
}

/// The residues of small signed values.
///
/// # Panics
/// If the lengths differ.
pub fn residues(values: &[i8], modulus: &Modulus, out: &mut [u64]) {
    assert_eq!(values.len(), out.len());
    let q = modulus.value();
    VectorBackend::best().run(
        #[inline(always)]
        move || {
            for (out, &v) in out.iter_mut().zip(values) {
                *out = reduce_once((i64::from(v) + q as i64) as u64, q);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prime::ntt_primes_below;
    use alloc::{vec, vec::Vec};

    #[test]
    fn uniform_residues_are_the_words_below_q_in_order() {
        // From a prime that leaves nothing out to one that leaves nearly half out.
        for (bits, prime) in [(47, 0), (61, 0), (14, 0), (14, 1)] {
            let primes = ntt_primes_below(64, bits, 40);
            let q = if prime == 0 { primes[0] } else { *primes.last().unwrap() };
            let modulus = Modulus::try_new(q).unwrap();
            let mut out = vec![0; 1000];
            uniform(&[7; 16], 5, &modulus, &mut out);
            let mut words = vec![0; 1000];
            AesRng::new(&[7; 16], 5).fill_words(&mut words);
            let mask = u64::MAX >> (64 - modulus.bits());
            let first: Vec<u64> = words.iter().map(|word| word & mask).filter(|&x| x < q).collect();
            assert_eq!(out[..first.len()], first);
            assert!(out.iter().all(|&x| x < q));
            let mut sorted = out.clone();
            sorted.sort_unstable();
            assert!(sorted[500].abs_diff(q / 2) < q / 10, "the median of uniform values");
        }
    }

    #[test]
    fn small_values_have_their_moments() {
        const COUNT: usize = 1 << 16;
        let moments = |values: &[i8]| {
            let sum = |power: u32| values.iter().map(|&v| i64::from(v).pow(power)).sum::<i64>();
            (sum(1) as f64 / COUNT as f64, sum(2) as f64 / COUNT as f64)
        };
        let rng = &mut AesRng::new(&[3; 16], 0);
        let mut values = vec![0; COUNT];
        ternary(rng, &mut values);
        let (mean, variance) = moments(&values);
        assert!(mean.abs() < 0.02 && (variance - 2.0 / 3.0).abs() < 0.02, "{mean} {variance}");
        for eta in [1, 21, 32] {
            centred_binomial(eta, rng, &mut values);
            let (mean, variance) = moments(&values);
            let expected = f64::from(eta) / 2.0;
            assert!(
                mean.abs() < 0.08 && (variance / expected - 1.0).abs() < 0.04,
                "{mean} {variance}"
            );
            assert!(values.iter().all(|v| u32::from(v.unsigned_abs()) <= eta));
        }
    }

    #[test]
    fn residues_are_reduced() {
        let modulus = Modulus::try_new(17).unwrap();
        let mut out = [0; 5];
        residues(&[-16, -1, 0, 1, 16], &modulus, &mut out);
        assert_eq!(out, [1, 16, 0, 1, 16]);
    }
}
