//! The digest of a plan, by which two parties notice that they planned differently.

use sha2::{Digest, Sha256};

use crate::domain;

/// A digest of numbers in a fixed order; see [`domain::PLAN`].
pub(crate) struct PlanDigest(Sha256);

impl PlanDigest {
    pub(crate) fn new() -> Self {
        Self(Sha256::new().chain_update(domain::PLAN))
    }

    /// Takes numbers: how many there are, and each in 8 bytes.
    pub(crate) fn numbers(&mut self, numbers: &[usize]) {
        self.words(numbers.iter().map(|&number| number as u64));
    }

    /// Takes words of 64 bits: how many there are, and each in 8 bytes.
    pub(crate) fn words(&mut self, words: impl ExactSizeIterator<Item = u64>) {
        self.0.update((words.len() as u64).to_le_bytes());
        words.for_each(|word| self.0.update(word.to_le_bytes()));
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
