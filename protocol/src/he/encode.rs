//! Messages modulo 2^k as multiples of q/2^k.

use gazelle_kernels::ntt::scalar::Factor;
use gazelle_ntt::Modulus;

use super::Parameters;

/// Encodes m ∈ Z_{2^k} as ⌊q·m/2^k + ½⌋ modulo each prime of q, exactly and in constant time.
///
/// With z = (q·m + 2^(k−1)) mod 2^k the encoding is (q·m + 2^(k−1) − z)/2^k, and q ≡ 0 modulo each
/// of its primes: only q mod 2^k and 2^−k mod qᵢ are needed. Zero encodes as zero.
pub(crate) struct Encoder {
    ring_bits: u32,
    q_low: u32,
    limbs: Vec<Limb>,
}

struct Limb {
    modulus: Modulus,
    half: u64,
    scale: Factor,
}

impl Encoder {
    /// For the ring Z_{2^k}, 1 ≤ k ≤ 32.
    pub(crate) fn new(parameters: &Parameters, ring_bits: u32) -> Self {
        let q_low = parameters.primes().fold(1u32, |acc, q| acc.wrapping_mul(q as u32));
        let limbs = parameters.plans().iter().map(|plan| {
            let modulus = *plan.modulus();
            let half = modulus.inv(2);
            let scale = modulus.inv(modulus.pow(2, ring_bits.into()));
            let scale = Factor::new(scale, modulus.value());
            Limb { modulus, half, scale }
        });
        Self { ring_bits, q_low, limbs: limbs.collect() }
    }

    /// The encoding's residue modulo prime `limb`; bits of `m` above k are ignored.
    pub(crate) fn encode(&self, limb: usize, m: u32) -> u64 {
        let Limb { modulus, half, scale } = &self.limbs[limb];
        let z = self.q_low.wrapping_mul(m).wrapping_add(1 << (self.ring_bits - 1));
        let z = z & (u32::MAX >> (u32::BITS - self.ring_bits));
        modulus.sub(*half, scale.mul(z.into(), modulus.value()))
    }
}
