//! The check of the trees: a sender whose corrections are not of a tree is caught, or has guessed.
//!
//! The linear check of Yang et al. ("Ferret", figure 7, after Weng, Yang, Katz, Wang, "Wolverine", IEEE
//! S&P 2021). The receiver may be asked for one bit, whether the session goes on; that is all that a
//! sender gets for deviating.
//!
//! **The protocol.** The corrections of an iteration are hashed to factors χ_j for the places of a bin
//! and β_i for the bins, in GF(2^128). The receiver knows leaves w and its noise, the places α_i, so
//! φ = Σ β_i·χ_{α_i}; it sends x = φ ⊕ x*, where x* are the choices of 128 transfers of the reserve
//! that are used for nothing else, as one element. With q* = Σ q_b·X^b over these transfers (sender) and
//! r* = q* ⊕ x*·Δ the same sum at the receiver, the sender answers with a hash of
//! Σ β_i·χ_j·v_ij ⊕ q* ⊕ x·Δ, and the receiver compares that of Σ β_i·χ_j·w_ij ⊕ r*.
//!
//! **Completeness.** w_ij = v_ij ⊕ \[j = α_i\]·Δ, so the sums differ by φ·Δ ⊕ x*·Δ = x·Δ.
//!
//! **What a sender gains.** x is uniform, whatever the noise. Let it send any corrections; then the
//! leaves that the receiver has in bin i are a function of α_i alone, and with them
//! v_i(α_i) = w_i(α_i) ⊕ Δ at place α_i. To pass it has to hash Σ β_i·χ_j·v_ij(α_i) ⊕ q* ⊕ x·Δ, of which it
//! knows all but the α (SHA-256 is a random oracle). Take two values of α for which the v differ: by
//! Schwartz and Zippel their sums agree with probability 2^-127 over the factors, which were drawn
//! after the corrections. So, but for such collisions, all α that pass have one v, and the receiver
//! has what it had from a sender that grew a tree with these leaves. What is learned is that α_i ∈ S_i
//! for sets that the sender chose, at the risk of 1 − Π |S_i|/2^d: a guess. Collisions do not pay: two
//! independent α collide with probability 2^-127, so the set of those that pass without being of the
//! largest class has a mass M with M² ≤ 2^-127 for the expected factors.
//!
//! **What a receiver gains.** With x off by ε the hash is of a value off by ε·Δ: to recognise it is
//! to guess Δ, 127 bits and one that is 1 always.

use gazelle_kernels::AesBackend;
use gazelle_kernels::gf128::{inner_products, mul};
use gazelle_kernels::prg::Seeds;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::LpnSet;
use super::sets::MASKS;
use crate::domain;

/// Length in bytes of what the receiver sends for an iteration.
pub(in crate::ot) const CHALLENGE_LEN: usize = 16;

/// Length in bytes of the sender's proof for an iteration.
pub(in crate::ot) const PROOF_LEN: usize = 32;

/// χ and β of an iteration.
pub(super) struct Factors {
    places: Vec<u128>,
    bins: Vec<u128>,
    prefix: Sha256,
    aes: AesBackend,
}

impl Factors {
    pub(super) fn new(
        aes: AesBackend,
        set: LpnSet,
        name: &[u8; 32],
        iteration: u64,
        corrections: &[u8],
    ) -> Self {
        let prefix = |label: &[u8]| {
            Sha256::new()
                .chain_update(label)
                .chain_update(name)
                .chain_update(iteration.to_le_bytes())
        };
        let seed = prefix(domain::LPN_CHALLENGE).chain_update(corrections).finalize();
        let (seed, _) = seed.split_first_chunk().expect("SHA-256 gives 32 bytes");
        let mut places = vec![0; (1 << set.bin_log()) + set.bins()];
        Seeds::new(aes, &[u128::from_le_bytes(*seed)]).stream(0, 0, 0, &mut places);
        let bins = places.split_off(1 << set.bin_log());
        Self { places, bins, prefix: prefix(domain::LPN_CHECK), aes }
    }

    /// χ.
    pub(super) fn places(&self) -> &[u128] {
        &self.places
    }

    /// Σ χ_j·`leaves[j]` of a bin.
    pub(super) fn bin_sum(&self, leaves: &[u128]) -> u128 {
        let mut sum = [0];
        inner_products(self.aes, &self.places, leaves, &mut sum);
        sum[0]
    }

    /// Σ β_i·`sums[i]`.
    pub(super) fn sum(&self, sums: &[u128]) -> u128 {
        let mut sum = [0];
        inner_products(self.aes, &self.bins, sums, &mut sum);
        sum[0]
    }

    /// The transfers that mask, as one: Σ X^b·`masks[b]`.
    pub(super) fn mask(&self, masks: &[u128]) -> u128 {
        let powers: [u128; MASKS] = std::array::from_fn(|b| 1 << b);
        let mut sum = [0];
        inner_products(self.aes, &powers, masks, &mut sum);
        sum[0]
    }

    /// The proof of a sum.
    pub(super) fn digest(&self, sum: u128) -> [u8; PROOF_LEN] {
        self.prefix.clone().chain_update(sum.to_le_bytes()).finalize().into()
    }

    /// The proof of a sum and x·Δ.
    pub(super) fn proof(&self, sum: u128, x: u128, delta: u128) -> [u8; PROOF_LEN] {
        self.digest(sum ^ mul(self.aes, x, delta))
    }
}

/// Whether proofs are what they must be. The answer alone becomes public.
pub(super) fn equal(digest: &[u8], sent: &[u8]) -> bool {
    #[cfg_attr(not(test), expect(unused_mut, reason = "a test marks it as public"))]
    let mut equal = [digest.ct_eq(sent).unwrap_u8()];
    #[cfg(test)]
    gazelle_valgrind::make_public(&mut equal);
    equal == [1]
}
