//! Batches of transfers, each used once: cut into parts, then hashed to keys.

use std::mem;

use gazelle_kernels::hash::{self, Hash};
use zeroize::{Zeroize, Zeroizing};

use crate::ot::choices::Choices;
use crate::parallel::prelude::*;

/// Blocks of transfers, whose lowest bit is the choice; wiped when dropped.
type Blocks = Zeroizing<Vec<u128>>;

/// Keys hashed at once by a thread.
const CHUNK: usize = 4096;

/// Transfers that one party has and nobody has used, in order.
pub(super) struct Pool {
    blocks: Blocks,
    /// Those before are given away, and wiped.
    given: usize,
    /// The number of the first transfer that is left.
    number: u64,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { blocks: Zeroizing::new(Vec::new()), given: 0, number: 0 }
    }

    /// How many are left.
    pub(super) fn len(&self) -> usize {
        self.blocks.len() - self.given
    }

    /// Room for `count` more, to be written by the caller.
    pub(super) fn grow(&mut self, count: usize) -> &mut [u128] {
        if count == 0 {
            return &mut [];
        }
        // Growth in place would leave a copy in freed memory.
        let left = self.len();
        let mut blocks = Zeroizing::new(vec![0; left + count]);
        blocks[..left].copy_from_slice(&self.blocks[self.given..]);
        (self.blocks, self.given) = (blocks, 0);
        &mut self.blocks[left..]
    }

    /// Forgets the last `count`, which are wiped.
    pub(super) fn cut(&mut self, count: usize) {
        let left = self.blocks.len() - count;
        self.blocks[left..].zeroize();
        self.blocks.truncate(left);
    }

    /// Takes the first `count`; returns the number of the first of them.
    fn take(&mut self, count: usize) -> (u64, Blocks) {
        assert!(count <= self.len(), "{count} transfers of {}: refill first", self.len());
        let number = self.number;
        self.number += count as u64;
        if self.given == 0 && count == self.len() {
            return (number, mem::replace(&mut self.blocks, Zeroizing::new(Vec::new())));
        }
        let part = &mut self.blocks[self.given..][..count];
        let blocks = Zeroizing::new(part.to_vec());
        part.zeroize();
        self.given += count;
        (number, blocks)
    }

    /// The part of all that is in it.
    fn of(number: u64, blocks: Blocks) -> Self {
        Self { blocks, given: 0, number }
    }
}

/// Transfers at their sender: q for each, and Δ. Each is used once:
///
/// ```compile_fail,E0277
/// fn copy<T: Clone>() {}
/// copy::<gazelle_protocol::ot::transfers::Sent>();
/// ```
pub struct Sent {
    pool: Pool,
    delta: Zeroizing<u128>,
    hash: Hash,
}

impl Sent {
    pub(super) fn take_from(pool: &mut Pool, count: usize, delta: u128, hash: &Hash) -> Self {
        let (number, blocks) = pool.take(count);
        Self { pool: Pool::of(number, blocks), delta: Zeroizing::new(delta), hash: hash.clone() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pool.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts off the first `count` of them.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer.
    pub fn take(&mut self, count: usize) -> Self {
        Self::take_from(&mut self.pool, count, *self.delta, &self.hash)
    }

    /// Both keys of each transfer, K⁰ = H(q) and K¹ = H(q ⊕ Δ).
    pub fn keys(self) -> SenderKeys {
        let (blocks, first) = (&self.pool.blocks[self.pool.given..], self.pool.number);
        let mut zeros = Zeroizing::new(vec![0; blocks.len()]);
        let mut ones = Zeroizing::new(vec![0; blocks.len()]);
        zeros
            .par_chunks_mut(CHUNK)
            .zip(ones.par_chunks_mut(CHUNK))
            .zip(blocks.par_chunks(CHUNK))
            .enumerate()
            .for_each(|(i, ((zeros, ones), blocks))| {
                let tweak = first + (i * CHUNK) as u64;
                // The lowest bit of q is 0, that of Δ is 1: the colours are the choices.
                hash::hash_colours(&self.hash, tweak, *self.delta, blocks, [zeros, ones]);
            });
        SenderKeys { zeros, ones }
    }
}

/// Both keys of each transfer of a batch; wiped when dropped.
pub struct SenderKeys {
    zeros: Blocks,
    ones: Blocks,
}

impl SenderKeys {
    /// How many transfers there are.
    pub fn len(&self) -> usize {
        self.zeros.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.zeros.is_empty()
    }

    /// K⁰ and K¹ of transfer i.
    ///
    /// # Panics
    ///
    /// Panics if there are not so many.
    pub fn pair(&self, i: usize) -> (u128, u128) {
        (self.zeros[i], self.ones[i])
    }

    /// K⁰ of all transfers.
    pub fn zeros(&self) -> &[u128] {
        &self.zeros
    }

    /// K¹ of all transfers.
    pub fn ones(&self) -> &[u128] {
        &self.ones
    }
}

/// Transfers at their receiver: q ⊕ c·Δ for each. Each is used once:
///
/// ```compile_fail,E0277
/// fn copy<T: Clone>() {}
/// copy::<gazelle_protocol::ot::transfers::Received>();
/// ```
pub struct Received {
    pool: Pool,
    hash: Hash,
}

impl Received {
    pub(super) fn take_from(pool: &mut Pool, count: usize, hash: &Hash) -> Self {
        let (number, blocks) = pool.take(count);
        Self { pool: Pool::of(number, blocks), hash: hash.clone() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pool.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts off the first `count` of them.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer.
    pub fn take(&mut self, count: usize) -> Self {
        Self::take_from(&mut self.pool, count, &self.hash)
    }

    /// The choices, and the chosen key of each transfer, K^c = H(q ⊕ c·Δ).
    pub fn keys(self) -> ReceiverKeys {
        let first = self.pool.number;
        let mut keys = Zeroizing::new(self.pool.blocks[self.pool.given..].to_vec());
        let choices = Choices::from_lowest_bits(&keys);
        keys.par_chunks_mut(CHUNK).enumerate().for_each(|(i, keys)| {
            hash::hash(&self.hash, first + (i * CHUNK) as u64, keys);
        });
        ReceiverKeys { choices, keys }
    }
}

/// The choice and the chosen key of each transfer of a batch; wiped when dropped.
pub struct ReceiverKeys {
    choices: Choices,
    keys: Blocks,
}

impl ReceiverKeys {
    /// How many transfers there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The choices, in order.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// K^c of transfer i.
    ///
    /// # Panics
    ///
    /// Panics if there are not so many.
    pub fn key(&self, i: usize) -> u128 {
        self.keys[i]
    }

    /// K^c of all transfers.
    pub fn keys(&self) -> &[u128] {
        &self.keys
    }
}
