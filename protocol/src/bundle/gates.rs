//! The numbers and the hash of a bundle's gates.

use gazelle_garble::{GateCounter, GateRange, Hash, HashKind};

/// The hash of one inference's gates and transfers, with a key of its own, and their numbers: both
/// parties take the same ones in the same order, first for the guard bits of all blocks, then for
/// the chunks of all activations.
pub(crate) struct Gates {
    key: u128,
    hash: Hash,
    counter: GateCounter,
}

impl Gates {
    /// Those of an inference whose hash has this key.
    pub(crate) fn new(kind: HashKind, key: u128) -> Self {
        Self { key, hash: Hash::new(kind, key), counter: GateCounter::new() }
    }

    /// The next `count` numbers.
    pub(crate) fn take(&mut self, count: u64) -> GateRange {
        self.counter.take(count)
    }

    /// Leaves out the next `count` numbers.
    pub(crate) fn skip(&mut self, count: u64) {
        self.counter.take(count);
    }

    /// The nonce of a cipher that is used besides the next gate: of the bundle and the gate, as far as
    /// 64 bits tell.
    pub(crate) fn nonce(&self) -> u64 {
        (self.key as u64).wrapping_add(self.counter.peek())
    }

    /// Their hash.
    pub(crate) fn hash(&self) -> &Hash {
        &self.hash
    }
}
