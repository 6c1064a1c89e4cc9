//! The server's answer, re-randomised, flooded and switched down; and its decryption.

use gazelle_ntt::prg::AesRng;
use gazelle_ntt::{Modulus, pack, sample};
use rand::Rng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::encode::ShortFactor;
use super::keys::residue;
use super::parameters::ETA;
use super::{Encoder, Parameters, PublicKey, SecretKey, noise};
use crate::error::PeerFault;

const MESSAGE: &str = "answer";

/// Bytes of one answer with `results` results.
pub(crate) fn encoded_len(
    parameters: &Parameters,
    format: &noise::Answer,
    results: usize,
) -> usize {
    pack::packed_len(parameters.n(), format.c1_bits) + pack::packed_len(results, format.c0_bits)
}

/// Everything random in one answer: drawn anew for each.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
struct Blinding {
    /// u, ternary.
    ephemeral: Vec<i8>,
    /// e′.
    error: Vec<i8>,
    /// Per result, uniform below 2^b; 2^(b−1) is subtracted when it is added.
    flood: Vec<u128>,
    /// t, the server's share of each result.
    share: Vec<u32>,
}

impl Blinding {
    fn draw(&mut self, n: usize, format: &noise::Answer, results: usize, rng: &mut AesRng) {
        self.ephemeral.resize(n, 0);
        sample::ternary(rng, &mut self.ephemeral);
        self.error.resize(n, 0);
        sample::centred_binomial(ETA, rng, &mut self.error);
        self.flood.resize(results, 0);
        fill(rng, &mut self.flood, |bytes| {
            u128::from_le_bytes(bytes) & ((1 << format.flood_bits) - 1)
        });
        self.share.resize(results, 0);
        fill(rng, &mut self.share, |bytes| {
            u32::from_le_bytes(bytes) & (u32::MAX >> (u32::BITS - format.ring_bits))
        });
    }
}

/// Fills `out` from requests of a fixed size to the generator.
fn fill<const N: usize, T>(rng: &mut AesRng, out: &mut [T], parse: impl Fn([u8; N]) -> T) {
    let mut bytes = Zeroizing::new([0; 2048]);
    for out in out.chunks_mut(2048 / N) {
        let bytes = &mut bytes[..N * out.len()];
        rng.fill_bytes(bytes);
        let (chunks, _) = bytes.as_chunks::<N>();
        out.iter_mut().zip(chunks).for_each(|(out, chunk)| *out = parse(*chunk));
    }
}

/// An answer and the server's share of its results.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Masked {
    pub(crate) message: Vec<u8>,
    pub(crate) share: Vec<u32>,
}

/// Makes answers, one after the other in the same memory.
pub(crate) struct Answerer<'a> {
    key: &'a PublicKey,
    format: &'a noise::Answer,
    encoder: &'a Encoder,
    blinding: Blinding,
    /// u modulo a prime, transformed.
    ephemeral: Zeroizing<Vec<u64>>,
    /// c₀ where there are results, limb after limb.
    c0: Vec<u64>,
}

impl<'a> Answerer<'a> {
    pub(crate) fn new(key: &'a PublicKey, format: &'a noise::Answer, encoder: &'a Encoder) -> Self {
        let n = key.parameters().n();
        Self {
            key,
            format,
            encoder,
            blinding: Blinding::default(),
            ephemeral: Zeroizing::new(vec![0; n]),
            c0: Vec::new(),
        }
    }

    /// Draws the blinding of the next answer, which has `results` results.
    pub(crate) fn draw(&mut self, results: usize, rng: &mut AesRng) {
        self.blinding.draw(self.key.parameters().n(), self.format, results, rng);
    }

    /// The answer that holds `sum` at the coefficients `positions`, minus the share that is returned
    /// beside it. `sum` is transformed, c₀ limb after limb, then c₁; it is spent.
    pub(crate) fn answer(
        &mut self,
        sum: &mut [u64],
        positions: &[usize],
        rng: &mut AesRng,
    ) -> Masked {
        self.draw(positions.len(), rng);
        self.finish(sum, positions)
    }

    /// [`Answerer::answer`] with the blinding that was drawn.
    pub(crate) fn finish(&mut self, sum: &mut [u64], positions: &[usize]) -> Masked {
        self.blind(sum, positions);
        let (_, c1) = sum.split_at(sum.len() / 2);
        let (parameters, format) = (self.key.parameters(), self.format);
        let mut message = Vec::with_capacity(encoded_len(parameters, format, positions.len()));
        switch(parameters, c1, format.c1_bits, &mut message);
        switch(parameters, &self.c0, format.c0_bits, &mut message);
        Masked { message, share: std::mem::take(&mut self.blinding.share) }
    }

    /// The answer at full modulus, in coefficients: c₁ stays in `sum`, c₀ goes to `self.c0`.
    fn blind(&mut self, sum: &mut [u64], positions: &[usize]) {
        let Self { key, blinding, ephemeral, c0, .. } = self;
        assert_eq!(blinding.share.len(), positions.len(), "each answer has a blinding of its own");
        let parameters = key.parameters();
        let n = parameters.n();
        let (sum0, sum1) = sum.split_at_mut(n * parameters.limbs());
        let limbs = sum0.chunks_exact_mut(n).zip(sum1.chunks_exact_mut(n));
        c0.clear();
        for (limb, (plan, (sum0, sum1))) in parameters.plans().iter().zip(limbs).enumerate() {
            let modulus = plan.modulus();
            sample::residues(&blinding.ephemeral, modulus, ephemeral);
            plan.forward(ephemeral);
            let (p0, p1) = key.limb(limb);
            plan.pointwise_mul_add(sum0, ephemeral, p0);
            plan.pointwise_mul_add(sum1, ephemeral, p1);
            plan.inverse(sum0);
            plan.inverse(sum1);
            let flood = Flood::new(modulus, self.format.flood_bits);
            let secrets = blinding.flood.iter().zip(&blinding.share);
            let (start, encoder) = (c0.len(), self.encoder.limb(limb));
            c0.extend(positions.iter().map(|&position| sum0[position]));
            plan.backend().run(
                #[inline(always)]
                || {
                    for (c, &e) in sum1.iter_mut().zip(&blinding.error) {
                        *c = modulus.add(*c, residue(modulus, e));
                    }
                    for (c, (&drop, &share)) in c0[start..].iter_mut().zip(secrets) {
                        let flooded = modulus.add(*c, flood.residue(modulus, drop));
                        *c = modulus.add(flooded, encoder.encode(share.wrapping_neg()));
                    }
                },
            );
        }
    }
}

/// Appends ⌊2^bits·c/q⌉ mod 2^bits for residues stored limb after limb.
fn switch(parameters: &Parameters, residues: &[u64], bits: u32, out: &mut Vec<u8>) {
    let count = residues.len() / parameters.limbs();
    let mut sums = vec![1u64 << (u64::BITS - bits - 1); count];
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
    sums.iter_mut().for_each(|sum| *sum >>= u64::BITS - bits);
    pack::pack_u64(&sums, bits, out);
}

/// Reduces flood values modulo a prime above 2^33, word by word and without division.
struct Flood {
    powers: [ShortFactor; 3],
    offset: u64,
}

impl Flood {
    fn new(modulus: &Modulus, bits: u32) -> Self {
        let powers = [1, 2, 3].map(|word| ShortFactor::new(modulus.pow(2, 32 * word), modulus));
        Self { powers, offset: modulus.pow(2, u64::from(bits - 1)) }
    }

    /// `value` − 2^(b−1).
    fn residue(&self, modulus: &Modulus, value: u128) -> u64 {
        let words = (1..4).map(|word| (value >> (32 * word)) as u32);
        let sum = words.zip(self.powers).fold(value as u32 as u64, |sum, (word, power)| {
            modulus.add(sum, power.mul(word, modulus))
        });
        modulus.sub(sum, self.offset)
    }
}

/// Decrypts one answer to its results modulo 2^k, in constant time.
///
/// # Errors
/// [`PeerFault::Length`], or [`PeerFault::Padding`] for padding that is not zero.
pub(crate) fn decrypt(
    key: &SecretKey,
    format: &noise::Answer,
    positions: &[usize],
    bytes: &[u8],
) -> Result<Vec<u32>, PeerFault> {
    let phases = phases(key, format, positions, bytes)?;
    let drop = format.c1_bits - format.ring_bits;
    let mask = u32::MAX >> (u32::BITS - format.ring_bits);
    let round = |phase: u64| (phase.wrapping_add(1 << (drop - 1)) >> drop) as u32 & mask;
    Ok(phases.iter().map(|&phase| round(phase)).collect())
}

/// c₀ + c₁·s at the results, modulo 2^64; its low m bits count.
pub(super) fn phases(
    key: &SecretKey,
    format: &noise::Answer,
    positions: &[usize],
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u64>>, PeerFault> {
    let parameters = key.parameters();
    let n = parameters.n();
    PeerFault::check_length(MESSAGE, bytes, encoded_len(parameters, format, positions.len()))?;
    let (c1_bytes, c0_bytes) = bytes.split_at(pack::packed_len(n, format.c1_bits));
    let unpack = |bytes, bits, out: &mut [u64]| {
        pack::unpack_u64(bytes, bits, out).map_err(|_| PeerFault::Padding { message: MESSAGE })
    };
    let (plan, wide) = parameters.decryption(format.c1_bits);
    let q = plan.modulus().value();
    let mut product = Zeroizing::new(vec![0; n]);
    unpack(c1_bytes, format.c1_bits, &mut product)?;
    for c in product.iter_mut() {
        // Centred: values of 2^(m−1) and above stand for themselves minus 2^m.
        let negative = (*c >> (format.c1_bits - 1)).wrapping_neg();
        *c = c.wrapping_add((q - (1 << format.c1_bits)) & negative);
    }
    plan.forward(&mut product);
    let transformed = product.clone();
    plan.pointwise_mul(&mut product, &transformed, key.decryption(wide));
    plan.inverse(&mut product);
    let mut out = Zeroizing::new(vec![0; positions.len()]);
    unpack(c0_bytes, format.c0_bits, &mut out)?;
    for (c0, &position) in out.iter_mut().zip(positions) {
        let value = product[position];
        let negative = ((q / 2).wrapping_sub(value) >> 63).wrapping_neg();
        let centred = value.wrapping_sub(q & negative);
        *c0 = (*c0 << (format.c1_bits - format.c0_bits)).wrapping_add(centred);
    }
    Ok(out)
}

#[cfg(test)]
impl Answerer<'_> {
    /// Makes the next answer what it would be without its encryption of zero: insecure, to show
    /// that it is.
    pub(crate) fn drop_encryption_of_zero(&mut self) {
        self.blinding.ephemeral.fill(0);
        self.blinding.error.fill(0);
    }

    /// The noise of an answer before its flood, measured modulo the first prime.
    pub(crate) fn measure_noise(
        &mut self,
        secret: &SecretKey,
        sum: &mut [u64],
        positions: &[usize],
        expected: &[u32],
    ) -> Vec<i64> {
        self.blind(sum, positions);
        let plan = &self.key.parameters().plans()[0];
        let modulus = plan.modulus();
        let mut product = sum[sum.len() / 2..][..plan.n()].to_vec();
        plan.forward(&mut product);
        let transformed = product.clone();
        plan.pointwise_mul(&mut product, &transformed, secret.limb(0));
        plan.inverse(&mut product);
        let flood = Flood::new(modulus, self.format.flood_bits);
        let measure = |index: usize| {
            let phase = modulus.add(self.c0[index], product[positions[index]]);
            let share = self.blinding.share[index];
            let result = self.encoder.limb(0).encode(expected[index].wrapping_sub(share));
            let flooded = modulus.sub(phase, result);
            let drop = flood.residue(modulus, self.blinding.flood[index]);
            let noise = modulus.sub(flooded, drop) as i64;
            if noise > modulus.value() as i64 / 2 { noise - modulus.value() as i64 } else { noise }
        };
        (0..positions.len()).map(measure).collect()
    }
}
