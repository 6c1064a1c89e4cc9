//! The party with Δ.

use gazelle_kernels::{AesBackend, ggm, lpn};
use zeroize::Zeroizing;

use super::check::{Factors, PROOF_LEN};
use super::{LpnSet, MIN_TREES, Reserve, key};
use crate::domain;
use crate::parallel::prelude::*;

/// The sender of silent transfers.
pub(in crate::ot) struct Sender {
    set: LpnSet,
    name: [u8; 32],
    delta: Zeroizing<u128>,
    reserve: Zeroizing<Vec<u128>>,
    iteration: u64,
    aes: AesBackend,
}

/// What the sender proves for an iteration, once it has x.
pub(in crate::ot) struct Proof {
    factors: Factors,
    sum: Zeroizing<u128>,
    delta: Zeroizing<u128>,
}

impl Sender {
    /// From a reserve whose lowest bits are 0.
    pub(in crate::ot) fn new(
        set: LpnSet,
        name: &[u8; 32],
        delta: u128,
        reserve: Zeroizing<Vec<u128>>,
    ) -> Self {
        let (delta, aes) = (Zeroizing::new(delta), AesBackend::best());
        Self { set, name: *name, delta, reserve, iteration: 0, aes }
    }

    /// Computes with these instructions; no block depends on them.
    #[cfg(test)]
    pub(super) fn with_backend(mut self, aes: AesBackend) -> Self {
        self.aes = aes;
        self
    }

    /// Makes an iteration: writes all outputs, [`LpnSet::outputs`], of which the last
    /// [`LpnSet::reserve`] are spent, and appends the corrections to `message`.
    pub(in crate::ot) fn iterate(&mut self, outputs: &mut [u128], message: &mut Vec<u8>) -> Proof {
        let start = message.len();
        message.resize(start + self.set.corrections_len(), 0);
        let corrections = &mut message[start..];
        self.grow(outputs, corrections);
        let factors = Factors::new(self.aes, self.set, &self.name, self.iteration, corrections);
        let sum = Zeroizing::new(self.encode(&factors, outputs));
        self.reserve = Zeroizing::new(outputs[self.set.usable()..].to_vec());
        self.iteration += 1;
        Proof { factors, sum, delta: self.delta.clone() }
    }

    /// Grows the trees.
    pub(super) fn grow(&self, leaves: &mut [u128], corrections: &mut [u8]) {
        let key = key(domain::LPN_TREES, &self.name, self.iteration);
        let (d, trees) = (self.set.bin_log(), Reserve::of(self.set, &self.reserve).trees);
        leaves
            .par_chunks_mut(1 << d)
            .zip(corrections.par_chunks_mut(16 * (d - 1)))
            .zip(trees.par_chunks(d))
            .enumerate()
            .with_min_len(MIN_TREES)
            .for_each(|(i, ((leaves, corrections), base))| {
                let mut sums = Zeroizing::new(vec![0; d - 1]);
                ggm::grow(self.aes, key ^ i as u128, base[0], *self.delta, &mut sums, leaves);
                for ((to, sum), q) in corrections.chunks_exact_mut(16).zip(&*sums).zip(&base[1..]) {
                    to.copy_from_slice(&(sum ^ q).to_le_bytes());
                }
            });
    }

    /// Adds the code to the leaves; returns what the check needs of these.
    pub(super) fn encode(&self, factors: &Factors, leaves: &mut [u128]) -> u128 {
        let key = key(domain::LPN_CODE, &self.name, self.iteration);
        let reserve = Reserve::of(self.set, &self.reserve);
        let width = 1 << self.set.bin_log();
        let mut sums = Zeroizing::new(vec![0; self.set.bins()]);
        leaves
            .par_chunks_mut(width)
            .zip(sums.par_chunks_mut(1))
            .enumerate()
            .with_min_len(MIN_TREES)
            .for_each(|(i, (leaves, sum))| {
                sum[0] = factors.bin_sum(leaves);
                lpn::add_code(self.aes, key, (i * width) as u64, reserve.table, leaves);
            });
        factors.sum(&sums) ^ factors.mask(reserve.masks)
    }
}

impl Proof {
    /// The proof for the receiver's x.
    pub(in crate::ot) fn prove(self, x: u128) -> [u8; PROOF_LEN] {
        self.factors.proof(*self.sum, x, *self.delta)
    }
}
