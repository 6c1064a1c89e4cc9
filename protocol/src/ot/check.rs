//! The consistency check: a receiver that uses different choices in different rows is caught.
//!
//! Roy, "SoftSpokenOT" (CRYPTO 2022), the malicious protocol: a universal hash of the rows, opened
//! on the receiver's side and compared on the sender's. The receiver may do anything; the sender
//! is to keep Δ.
//!
//! **The protocol.** A message makes W blocks of 128 transfers, the last of them with random choices
//! that are used for nothing else. Its rows d are hashed to a challenge χ_B ∈ GF(2^128) for each
//! block B, with χ = 1 for the last. The receiver sends x = Σ χ_B·c_B and a digest of the sums
//! h_b = Σ χ_B·t_b\[B\], one for each of the 128 rows b of t. The sender wants the digest of
//! Σ χ_B·q_b\[B\] + Δ_b·x, before it does anything else with q.
//!
//! **Completeness.** q_b = t_b + Δ_b·c for each row, and the sum is linear.
//!
//! **What a receiver gains.** Its row d of group g fixes the choices c_g = d + u that it uses there
//! (the trees are checked, see [`super::tree`]), and the sender's rows of the group are
//! q_b = t_b + Δ_b·c_g. So the sender computes h_b + Δ_b·(Σ χ_B·c_g\[B\] + x), and the receiver must
//! have sent the digest of that, hence have known it (SHA-256 is a random oracle). Where
//! x = Σ χ_B·c_g\[B\] it does; in any other group it has to know all K bits of Δ, whichever bits of the
//! row differ. Two different c_g and c_g' have the same sum for 2^-128 of the challenges: their
//! difference is not 0, and given the other factors at most one value of χ_B makes its sum 0 (none,
//! if they differ in the last block alone). So the groups whose sum is x have the same c: the choices
//! of an honest receiver. For the others it has guessed Δ: a receiver that knows nothing of Δ
//! and deviates in m groups passes with probability 2^-mK, and then knows just these mK bits. (One
//! bit of a garbler's Δ is 1 always and need not be guessed.) A wrong guess ends the session and Δ
//! with it, so what is left of Δ is as good as a guess of all 128 bits: Δ is found with probability
//! 2^-128 whatever is guessed first. A larger K makes the smallest guess harder: 1/2 for
//! K = 1, 1/16 for K = 4, 1/256 for K = 8.
//!
//! Colliding sums would save guesses. With m + 1 different choices, one for most groups and m for a
//! group each, one of the m collides with the first with probability m·2^-128, and the other m − 1
//! have still to be guessed: m·2^-(m-1)·2^-128 ≤ 2^-128 in all. The challenge is the hash of what it
//! is for (Fiat and Shamir, CRYPTO 1986), so a receiver may try messages by itself until one suits
//! it; each try passes with this probability, so that takes 2^128 hashes. The hash is of the
//! whole message; BLAKE3, for it takes less time than SHA-256.
//!
//! **What the sender learns.** x is the sum of the last block's choices, which are uniform, and of
//! something: uniform itself. The digest is of values that the sender can compute.

use crate::parallel::{prelude::*, reduce};
use gazelle_kernels::AesBackend;
use gazelle_kernels::gf128::inner_products;
use gazelle_kernels::prg::Seeds;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::rows::{CHUNK, MIN_CHUNKS};
use crate::domain;

/// Length in bytes of x and the digest.
pub(super) const LEN: usize = 16 + DIGEST_LEN;

/// Length in bytes of the digest.
pub(super) const DIGEST_LEN: usize = 32;

/// A sum for each of the 128 rows; wiped when dropped.
pub(super) type Sums = Zeroizing<[u128; 128]>;

/// The challenge to one message.
pub(super) struct Challenge {
    /// χ; public, as the message is.
    factors: Vec<u128>,
    /// What the digest begins with.
    prefix: Sha256,
    aes: AesBackend,
}

impl Challenge {
    /// The challenge to the rows d of a message, for `blocks` blocks from number `first` of the
    /// session on.
    pub(super) fn new(
        aes: AesBackend,
        session: &[u8; 32],
        first: u64,
        corrections: &[u8],
        blocks: usize,
    ) -> Self {
        let prefix = |label: &[u8]| {
            Sha256::new()
                .chain_update(label)
                .chain_update(session)
                .chain_update(first.to_le_bytes())
        };
        let key = prefix(domain::OT_CHALLENGE).finalize().into();
        let hash = blake3::keyed_hash(&key, corrections);
        let (seed, _) = hash.as_bytes().split_first_chunk().expect("BLAKE3 gives 32 bytes");
        let mut factors = vec![1; blocks];
        let (_, random) = factors.split_last_mut().expect("a message has a last block");
        Seeds::new(aes, &[u128::from_le_bytes(*seed)]).stream(0, 0, 0, random);
        Self { factors, prefix: prefix(domain::OT_CHECK), aes }
    }

    /// x, the sum of the choices.
    pub(super) fn sum(&self, choices: &[u128]) -> u128 {
        let mut sum = [0];
        inner_products(self.aes, &self.factors, choices, &mut sum);
        sum[0]
    }

    /// The sums of the 128 rows of a message's matrix.
    pub(super) fn sums(&self, matrix: &[u128]) -> Sums {
        let chunks = matrix.par_chunks(128 * CHUNK).zip(self.factors.par_chunks(CHUNK));
        let sums = chunks.with_min_len(MIN_CHUNKS).map(|(rows, factors)| {
            let mut sums = zero();
            inner_products(self.aes, factors, rows, &mut *sums);
            sums
        });
        reduce(sums, zero, |mut a, b| {
            a.iter_mut().zip(b.iter()).for_each(|(a, b)| *a ^= b);
            a
        })
    }

    /// The digest of the receiver's sums.
    pub(super) fn digest(&self, sums: &Sums) -> [u8; DIGEST_LEN] {
        let digest = self.prefix.clone();
        sums.iter().fold(digest, |d, sum| d.chain_update(sum.to_le_bytes())).finalize().into()
    }

    /// χ of a block, for receivers that deviate.
    #[cfg(test)]
    pub(super) fn factor(&self, block: usize) -> u128 {
        self.factors[block]
    }
}

/// Whether a digest of secrets is what the peer sent. The answer alone becomes public: the session
/// goes on or ends.
pub(super) fn equal(digest: &[u8], sent: &[u8]) -> bool {
    #[cfg_attr(not(test), expect(unused_mut, reason = "a test marks it as public"))]
    let mut equal = [digest.ct_eq(sent).unwrap_u8()];
    #[cfg(test)]
    gazelle_valgrind::make_public(&mut equal);
    equal == [1]
}

fn zero() -> Sums {
    Zeroizing::new([0; 128])
}
