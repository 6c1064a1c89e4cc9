//! Messages modulo 2^k as multiples of q/2^k.

use gazelle_kernels::ntt::scalar::reduce_once;
use gazelle_ntt::Modulus;

use super::Parameters;

/// Encodes m ∈ Z_{2^k} as ⌊q·m/2^k + ½⌋ modulo each prime of q, exactly and in constant time.
///
/// With z = (q·m + 2^(k−1)) mod 2^k the encoding is (q·m + 2^(k−1) − z)/2^k, and q ≡ 0 modulo each
/// of its primes: only q mod 2^k and 2^−k mod qᵢ are needed. Zero encodes as zero.
pub(crate) struct Encoder {
    limbs: Vec<Limb>,
}

/// The encoder modulo one prime.
#[derive(Clone, Copy)]
pub(super) struct Limb {
    /// 2^(k−1).
    rounding: u32,
    /// 2^k − 1.
    mask: u32,
    /// q mod 2^32.
    q_low: u32,
    modulus: Modulus,
    /// ½.
    half: u64,
    /// 2^−k.
    scale: ShortFactor,
}

impl Encoder {
    /// For the ring Z_{2^k}, 1 ≤ k ≤ 32.
    pub(crate) fn new(parameters: &Parameters, ring_bits: u32) -> Self {
        let q_low = parameters.primes().fold(1u32, |acc, q| acc.wrapping_mul(q as u32));
        let rounding = 1 << (ring_bits - 1);
        let mask = u32::MAX >> (u32::BITS - ring_bits);
        let limbs = parameters.plans().iter().map(|plan| {
            let modulus = *plan.modulus();
            let half = modulus.inv(2);
            let scale = modulus.inv(modulus.pow(2, ring_bits.into()));
            let scale = ShortFactor::new(scale, &modulus);
            Limb { rounding, mask, q_low, modulus, half, scale }
        });
        Self { limbs: limbs.collect() }
    }

    /// The encoder modulo prime `limb`.
    pub(super) fn limb(&self, limb: usize) -> Limb {
        self.limbs[limb]
    }
}

impl Limb {
    /// The encoding's residue; bits of `m` above k are ignored.
    #[inline(always)]
    pub(super) fn encode(&self, m: u32) -> u64 {
        let z = self.q_low.wrapping_mul(m).wrapping_add(self.rounding) & self.mask;
        self.modulus.sub(self.half, self.scale.mul(z, &self.modulus))
    }
}

/// A fixed residue that multiplies 32-bit numbers.
#[derive(Clone, Copy)]
struct ShortFactor {
    value: u64,
    /// ⌊2^32·value/q⌋.
    quotient: u64,
}

impl ShortFactor {
    fn new(value: u64, modulus: &Modulus) -> Self {
        let quotient = (u128::from(value) << 32) / u128::from(modulus.value());
        Self { value, quotient: quotient as u64 }
    }

    /// z·value mod q.
    #[inline(always)]
    fn mul(self, z: u32, modulus: &Modulus) -> u64 {
        let (z, q) = (u64::from(z), modulus.value());
        // z < 2^32, so the estimate of the quotient is at most one too small.
        let estimate = (z * self.quotient) >> 32;
        reduce_once(z.wrapping_mul(self.value).wrapping_sub(estimate.wrapping_mul(q)), q)
    }
}
