//! The party with choices.

use gazelle_kernels::{AesBackend, ggm, lpn};
use zeroize::Zeroizing;

use super::check::{self, Factors, PROOF_LEN};
use super::{LpnSet, MIN_TREES, Reserve, key};
use crate::domain;
use crate::parallel::prelude::*;

/// The receiver of silent transfers.
pub(in crate::ot) struct Receiver {
    set: LpnSet,
    name: [u8; 32],
    reserve: Zeroizing<Vec<u128>>,
    iteration: u64,
    aes: AesBackend,
}

/// What the receiver sends for the check of an iteration, and the proof that it wants.
pub(in crate::ot) struct Claim {
    /// x, uniform.
    pub(in crate::ot) x: u128,
    proof: Zeroizing<[u8; PROOF_LEN]>,
}

impl Receiver {
    /// From a reserve whose lowest bits are the choices.
    pub(in crate::ot) fn new(set: LpnSet, name: &[u8; 32], reserve: Zeroizing<Vec<u128>>) -> Self {
        Self { set, name: *name, reserve, iteration: 0, aes: AesBackend::best() }
    }

    /// Computes with these instructions; no block depends on them.
    #[cfg(test)]
    pub(super) fn with_backend(mut self, aes: AesBackend) -> Self {
        self.aes = aes;
        self
    }

    /// Makes an iteration from the sender's corrections, [`LpnSet::corrections_len`] bytes: writes all
    /// outputs, [`LpnSet::outputs`], of which the last [`LpnSet::reserve`] are spent. None of them may
    /// be used before the proof has come.
    pub(in crate::ot) fn iterate(&mut self, outputs: &mut [u128], corrections: &[u8]) -> Claim {
        let factors = Factors::new(self.aes, self.set, &self.name, self.iteration, corrections);
        let [noise, sum] = self.expand(&factors, outputs, corrections);
        let masks = Reserve::of(self.set, &self.reserve).masks;
        let x = noise ^ (0..).zip(masks).fold(0, |x, (b, mask)| x | (mask & 1) << b);
        let proof = Zeroizing::new(factors.digest(sum ^ factors.mask(masks)));
        self.reserve = Zeroizing::new(outputs[self.set.usable()..].to_vec());
        self.iteration += 1;
        Claim { x, proof }
    }

    /// Grows the punctured trees and adds the code to their leaves; returns what the check needs: φ,
    /// and the sum of the leaves.
    fn expand(&self, factors: &Factors, leaves: &mut [u128], corrections: &[u8]) -> [u128; 2] {
        let tree_key = key(domain::LPN_TREES, &self.name, self.iteration);
        let code_key = key(domain::LPN_CODE, &self.name, self.iteration);
        let (d, reserve) = (self.set.bin_log(), Reserve::of(self.set, &self.reserve));
        let mut noise = Zeroizing::new(vec![0; self.set.bins()]);
        let mut sums = Zeroizing::new(vec![0; self.set.bins()]);
        leaves
            .par_chunks_mut(1 << d)
            .zip(corrections.par_chunks(16 * (d - 1)))
            .zip(reserve.trees.par_chunks(d))
            .zip(noise.par_chunks_mut(1).zip(sums.par_chunks_mut(1)))
            .enumerate()
            .with_min_len(MIN_TREES)
            .for_each(|(i, (((leaves, corrections), base), (noise, sum)))| {
                let (point, opened) = open(base, corrections);
                ggm::grow_punctured(self.aes, tree_key ^ i as u128, *point, &opened, leaves);
                noise[0] = ggm::select(self.aes, factors.places(), *point);
                sum[0] = factors.bin_sum(leaves);
                let first = (i << d) as u64;
                lpn::add_code(self.aes, code_key, first, reserve.table, leaves);
            });
        [factors.sum(&noise), factors.sum(&sums)]
    }
}

/// The noisy place of a bin, opposite to the choices of its transfers, and the sums that these open.
fn open(base: &[u128], corrections: &[u8]) -> (Zeroizing<usize>, Zeroizing<Vec<u128>>) {
    let mut opened = Zeroizing::new(base.to_vec());
    for (sum, correction) in opened[1..].iter_mut().zip(corrections.chunks_exact(16)) {
        *sum ^= u128::from_le_bytes(correction.try_into().expect("16 bytes"));
    }
    let point = (0..).zip(base).fold(0, |point, (l, block)| point | (!block as usize & 1) << l);
    (Zeroizing::new(point), opened)
}

impl Claim {
    /// Whether `proof`, [`PROOF_LEN`] bytes, is the one.
    pub(in crate::ot) fn holds(self, proof: &[u8]) -> bool {
        check::equal(&*self.proof, proof)
    }
}

#[cfg(test)]
impl Receiver {
    pub(super) fn reserve(&self) -> &[u128] {
        &self.reserve
    }

    pub(super) fn reserve_mut(&mut self) -> &mut [u128] {
        &mut self.reserve
    }
}
