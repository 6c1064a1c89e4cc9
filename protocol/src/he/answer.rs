//! The server's answer, re-randomised and split; and the client's part of it.

use gazelle_ntt::prg::AesRng;
use gazelle_ntt::{pack, sample};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keys::residue;
use super::parameters::ETA;
use super::{Parameters, PublicKey, SecretKey, noise};
use crate::error::PeerFault;

const MESSAGE: &str = "answer";

/// Bytes of one answer.
pub(crate) fn encoded_len(parameters: &Parameters, format: &noise::Answer) -> usize {
    pack::packed_len(parameters.n(), format.c1_bits)
}

/// Everything random in one answer: drawn anew for each.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Blinding {
    /// u, ternary.
    ephemeral: Vec<i8>,
    /// e′.
    error: Vec<i8>,
}

/// An answer and the server's half s of each of its results, of k + 1 bits.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Split {
    pub(crate) message: Vec<u8>,
    pub(crate) halves: Vec<u64>,
}

/// Makes answers, one after the other in the same memory.
pub(crate) struct Answerer<'a> {
    key: &'a PublicKey,
    format: &'a noise::Answer,
    blinding: Blinding,
    /// u modulo a prime, transformed.
    ephemeral: Zeroizing<Vec<u64>>,
    /// c₀ where there are results, limb after limb.
    c0: Zeroizing<Vec<u64>>,
}

impl<'a> Answerer<'a> {
    pub(crate) fn new(key: &'a PublicKey, format: &'a noise::Answer) -> Self {
        let n = key.parameters().n();
        Self {
            key,
            format,
            blinding: Blinding { ephemeral: vec![0; n], error: vec![0; n] },
            ephemeral: Zeroizing::new(vec![0; n]),
            c0: Zeroizing::default(),
        }
    }

    /// Draws the blinding of the next answer.
    pub(crate) fn draw(&mut self, rng: &mut AesRng) {
        sample::ternary(rng, &mut self.blinding.ephemeral);
        sample::centred_binomial(ETA, rng, &mut self.blinding.error);
    }

    /// Splits `sum` into an answer and the server's halves of the coefficients `positions`. `sum`
    /// is transformed, c₀ limb after limb, then c₁; it is spent.
    pub(crate) fn answer(
        &mut self,
        sum: &mut [u64],
        positions: &[usize],
        rng: &mut AesRng,
    ) -> Split {
        self.draw(rng);
        self.finish(sum, positions)
    }

    /// [`Answerer::answer`] with the blinding that was drawn.
    pub(crate) fn finish(&mut self, sum: &mut [u64], positions: &[usize]) -> Split {
        self.rerandomise(sum, positions);
        let (_, c1) = sum.split_at(sum.len() / 2);
        let (parameters, format) = (self.key.parameters(), self.format);
        let mut message = Vec::with_capacity(encoded_len(parameters, format));
        pack::pack_u64(&round(parameters, c1, format.c1_bits), format.c1_bits, &mut message);
        Split { message, halves: round(parameters, &self.c0, format.ring_bits + 1) }
    }

    /// Adds pk·u + (0, e′), in coefficients: c₁ stays in `sum`, c₀ goes to `self.c0`.
    fn rerandomise(&mut self, sum: &mut [u64], positions: &[usize]) {
        let Self { key, blinding, ephemeral, c0, .. } = self;
        let parameters = key.parameters();
        let n = parameters.n();
        let (sum0, sum1) = sum.split_at_mut(n * parameters.limbs());
        let limbs = sum0.chunks_exact_mut(n).zip(sum1.chunks_exact_mut(n));
        c0.zeroize();
        c0.reserve_exact(parameters.limbs() * positions.len());
        for (limb, (plan, (sum0, sum1))) in parameters.plans().iter().zip(limbs).enumerate() {
            let modulus = plan.modulus();
            sample::residues(&blinding.ephemeral, modulus, ephemeral);
            plan.forward(ephemeral);
            let (p0, p1) = key.limb(limb);
            plan.pointwise_mul_add(sum0, ephemeral, p0);
            plan.pointwise_mul_add(sum1, ephemeral, p1);
            plan.inverse(sum0);
            plan.inverse(sum1);
            c0.extend(positions.iter().map(|&position| sum0[position]));
            plan.backend().run(
                #[inline(always)]
                || {
                    for (c, &e) in sum1.iter_mut().zip(&blinding.error) {
                        *c = modulus.add(*c, residue(modulus, e));
                    }
                },
            );
        }
    }
}

/// ⌊2^bits·c/q⌉ mod 2^bits for residues stored limb after limb.
fn round(parameters: &Parameters, residues: &[u64], bits: u32) -> Vec<u64> {
    let mut sums = torus(parameters, residues, 1 << (u64::BITS - bits - 1));
    sums.iter_mut().for_each(|sum| *sum >>= u64::BITS - bits);
    sums
}

/// c/q + `offset`, in units of 2^−64 modulo 1, for residues stored limb after limb.
fn torus(parameters: &Parameters, residues: &[u64], offset: u64) -> Vec<u64> {
    let count = residues.len() / parameters.limbs();
    let mut sums = vec![offset; count];
    for (limb, fraction) in parameters.fractions().iter().enumerate() {
        parameters.plans()[limb].backend().run(
            #[inline(always)]
            || {
                for (sum, &c) in sums.iter_mut().zip(&residues[limb * count..]) {
                    *sum = sum.wrapping_add(fraction.of(c));
                }
            },
        );
    }
    sums
}

/// The client's half y of each result of one answer, of k + 1 bits; in constant time.
///
/// # Errors
/// [`PeerFault::Length`].
pub(crate) fn decrypt(
    key: &SecretKey,
    format: &noise::Answer,
    positions: impl Iterator<Item = usize>,
    bytes: &[u8],
) -> Result<Vec<u64>, PeerFault> {
    let product = multiply(key, format, bytes)?;
    let unused = u64::BITS - format.c1_bits;
    let dropped = u64::BITS - format.ring_bits - 1;
    Ok(positions.map(|position| product[position] << unused >> dropped).collect())
}

/// c₁·s, whose low m bits count.
pub(crate) fn multiply(
    key: &SecretKey,
    format: &noise::Answer,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u64>>, PeerFault> {
    let parameters = key.parameters();
    let bits = format.c1_bits;
    PeerFault::check_length(MESSAGE, bytes, encoded_len(parameters, format))?;
    let (plan, wide) = parameters.decryption(bits);
    let q = plan.modulus().value();
    let mut product = Zeroizing::new(vec![0; parameters.n()]);
    pack::unpack_u64(bytes, bits, &mut product)
        .map_err(|_| PeerFault::Padding { message: MESSAGE })?;
    for c in product.iter_mut() {
        // Centred: values of 2^(m−1) and above stand for themselves minus 2^m.
        let negative = (*c >> (bits - 1)).wrapping_neg();
        *c = c.wrapping_add((q - (1 << bits)) & negative);
    }
    plan.forward(&mut product);
    let transformed = product.clone();
    plan.pointwise_mul(&mut product, &transformed, key.decryption(wide));
    plan.inverse(&mut product);
    for value in product.iter_mut() {
        let negative = ((q / 2).wrapping_sub(*value) >> 63).wrapping_neg();
        *value = value.wrapping_sub(q & negative);
    }
    Ok(product)
}

#[cfg(test)]
impl Answerer<'_> {
    /// Makes the next answer what it would be without its encryption of zero: insecure, to show
    /// that it is.
    pub(crate) fn drop_encryption_of_zero(&mut self) {
        self.blinding.ephemeral.fill(0);
        self.blinding.error.fill(0);
    }

    /// u of the next answer.
    pub(crate) fn ephemeral(&self) -> &[i8] {
        &self.blinding.ephemeral
    }

    /// What never leaves the server: c₀/q of the last answer's results, in units of 2^−64.
    pub(crate) fn kept(&self) -> Vec<u64> {
        torus(self.key.parameters(), &self.c0, 0)
    }

    /// The noise of an answer, measured modulo the first prime.
    pub(crate) fn measure_noise(
        &mut self,
        secret: &SecretKey,
        sum: &mut [u64],
        positions: &[usize],
        expected: &[u32],
    ) -> Vec<i64> {
        self.rerandomise(sum, positions);
        let parameters = self.key.parameters();
        let encoder = super::Encoder::new(parameters, self.format.ring_bits);
        let plan = &parameters.plans()[0];
        let modulus = plan.modulus();
        let mut product = sum[sum.len() / 2..][..plan.n()].to_vec();
        plan.forward(&mut product);
        let transformed = product.clone();
        plan.pointwise_mul(&mut product, &transformed, secret.limb(0));
        plan.inverse(&mut product);
        let measure = |index: usize| {
            let phase = modulus.add(self.c0[index], product[positions[index]]);
            let noise = modulus.sub(phase, encoder.limb(0).encode(expected[index])) as i64;
            if noise > modulus.value() as i64 / 2 { noise - modulus.value() as i64 } else { noise }
        };
        (0..positions.len()).map(measure).collect()
    }
}
