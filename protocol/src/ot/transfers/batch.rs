//! Batches of transfers, each used once: cut into parts, then hashed to keys.

use std::ops::Range;

use gazelle_kernels::hash::{self, Hash};
use zeroize::{Zeroize, Zeroizing};

use crate::ot::choices::{Choices, lowest_bits};
use crate::parallel::prelude::*;

/// Blocks of transfers; wiped when dropped.
type Blocks = Zeroizing<Vec<u128>>;

/// Keys hashed at once by a thread.
const CHUNK: usize = 4096;

/// Transfers that one party has and nobody has used, in order: blocks whose lowest bit is the choice.
/// Those that are left are wiped when it is dropped.
pub(super) struct Pool {
    /// Memory that stays from one refill to the next; what is not left has been wiped.
    blocks: Vec<u128>,
    /// Those that are left.
    left: Range<usize>,
    /// The number of the first of them.
    number: u64,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new(), left: 0..0, number: 0 }
    }

    /// How many are left.
    pub(super) fn len(&self) -> usize {
        self.left.len()
    }

    /// Room for `count` more, to be written by the caller.
    pub(super) fn grow(&mut self, count: usize) -> &mut [u128] {
        let left = self.len();
        if self.blocks.len() - self.left.end < count {
            if self.blocks.len() - left < count {
                // Growth in place would leave a copy in freed memory.
                let mut blocks = vec![0; left + count];
                blocks[..left].copy_from_slice(self.left());
                self.left_mut().zeroize();
                self.blocks = blocks;
            } else {
                self.blocks.copy_within(self.left.clone(), 0);
                // The copies behind their new places.
                let copies = left.max(self.left.start)..self.left.end;
                self.blocks[copies].zeroize();
            }
            self.left = 0..left;
        }
        self.left.end += count;
        &mut self.blocks[self.left.end - count..self.left.end]
    }

    /// Forgets the last `count`, which are wiped.
    pub(super) fn cut(&mut self, count: usize) {
        let end = self.left.end - count;
        self.blocks[end..self.left.end].zeroize();
        self.left.end = end;
    }

    /// Gives back memory that nothing is left in.
    pub(super) fn shrink(&mut self) {
        if self.len() < self.blocks.len() {
            let blocks = self.left().to_vec();
            self.left_mut().zeroize();
            self.left = 0..blocks.len();
            self.blocks = blocks;
        }
    }

    /// Takes the first `count`, where they are.
    fn take(&mut self, count: usize) -> Batch<'_> {
        assert!(count <= self.len(), "{count} transfers of {}: refill first", self.len());
        let (first, number) = (self.left.start, self.number);
        self.left.start += count;
        self.number += count as u64;
        Batch { blocks: &mut self.blocks[first..][..count], number }
    }

    /// Those that are left.
    fn left(&self) -> &[u128] {
        &self.blocks[self.left.clone()]
    }

    fn left_mut(&mut self) -> &mut [u128] {
        &mut self.blocks[self.left.clone()]
    }

    /// Blocks in the memory that are not left and not wiped.
    #[cfg(test)]
    pub(super) fn stale(&self) -> usize {
        let outside = |i: &usize| !self.left.contains(i);
        (0..self.blocks.len()).filter(outside).filter(|i| self.blocks[*i] != 0).count()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.left_mut().zeroize();
    }
}

/// Transfers where a [`Pool`] had them; wiped as they are used, and when dropped.
struct Batch<'a> {
    blocks: &'a mut [u128],
    /// The number of the first of them.
    number: u64,
}

impl Batch<'_> {
    /// Cuts off the first `count`.
    fn take(&mut self, count: usize) -> Self {
        let number = self.number;
        self.number += count as u64;
        let blocks = self.blocks.split_off_mut(..count);
        Self { blocks: blocks.expect("as many transfers as are asked for"), number }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.blocks.zeroize();
    }
}

/// Transfers at their sender: q for each, and Δ. Each is used once:
///
/// ```compile_fail,E0277
/// fn copy<T: Clone>() {}
/// copy::<gazelle_protocol::ot::transfers::Sent<'static>>();
/// ```
pub struct Sent<'a> {
    batch: Batch<'a>,
    delta: &'a u128,
    hash: &'a Hash,
}

impl<'a> Sent<'a> {
    pub(super) fn take_from(
        pool: &'a mut Pool,
        count: usize,
        delta: &'a u128,
        hash: &'a Hash,
    ) -> Self {
        Self { batch: pool.take(count), delta, hash }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.batch.blocks.len()
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
    #[must_use]
    pub fn take(&mut self, count: usize) -> Self {
        Self { batch: self.batch.take(count), ..*self }
    }

    /// Both keys of each transfer, K⁰ = H(q) and K¹ = H(q ⊕ Δ).
    pub fn keys(self) -> SenderKeys {
        let Batch { blocks, number } = &self.batch;
        let mut zeros = Zeroizing::new(vec![0; blocks.len()]);
        let mut ones = Zeroizing::new(vec![0; blocks.len()]);
        zeros
            .par_chunks_mut(CHUNK)
            .zip(ones.par_chunks_mut(CHUNK))
            .zip(blocks.par_chunks(CHUNK))
            .enumerate()
            .for_each(|(i, ((zeros, ones), blocks))| {
                self.hash(number + (i * CHUNK) as u64, blocks, [zeros, ones]);
            });
        SenderKeys { zeros, ones }
    }

    /// Uses up as many as there is room for: writes K⁰ and K¹ of each.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer, or if the lengths differ.
    pub(crate) fn draw(&mut self, zeros: &mut [u128], ones: &mut [u128]) {
        let Batch { blocks, number } = &self.batch.take(zeros.len());
        self.hash(*number, blocks, [zeros, ones]);
    }

    fn hash(&self, number: u64, blocks: &[u128], keys: [&mut [u128]; 2]) {
        // The lowest bit of q is 0, that of Δ is 1: the colours are the choices.
        hash::hash_colours(self.hash, number, *self.delta, blocks, keys);
    }
}

/// Transfers, or what their receiver made of them, while the sender has not proven that they are
/// right. Only [`Receiver::release`](super::Receiver::release) gives it out: until then nothing of
/// it can get into a message.
pub struct Unproven<T>(pub(super) T);

impl<T> Unproven<T> {
    /// Makes something of it.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Unproven<U> {
        Unproven(make(self.0))
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
/// copy::<gazelle_protocol::ot::transfers::Received<'static>>();
/// ```
pub struct Received<'a> {
    batch: Batch<'a>,
    hash: &'a Hash,
}

impl<'a> Received<'a> {
    pub(super) fn take_from(pool: &'a mut Pool, count: usize, hash: &'a Hash) -> Self {
        Self { batch: pool.take(count), hash }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.batch.blocks.len()
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
    #[must_use]
    pub fn take(&mut self, count: usize) -> Self {
        Self { batch: self.batch.take(count), ..*self }
    }

    /// The choices, and the chosen key of each transfer, K^c = H(q ⊕ c·Δ).
    pub fn keys(self) -> ReceiverKeys {
        let Batch { blocks, number } = &self.batch;
        let mut keys = Zeroizing::new(blocks.to_vec());
        let choices = Choices::from_colours(&keys);
        keys.par_chunks_mut(CHUNK).enumerate().for_each(|(i, keys)| {
            hash::hash(self.hash, number + (i * CHUNK) as u64, keys);
        });
        ReceiverKeys { choices, keys }
    }

    /// Uses up as many as there is room for: writes K^c of each, and the choices of 128 to each element
    /// of `choices`.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer, or if there is not an element of `choices` for every 128.
    pub(crate) fn draw(&mut self, choices: &mut [u128], keys: &mut [u128]) {
        assert_eq!(keys.len(), 128 * choices.len(), "128 choices an element");
        let Batch { blocks, number } = &self.batch.take(keys.len());
        for (choices, blocks) in choices.iter_mut().zip(blocks.as_chunks().0) {
            *choices = lowest_bits(blocks);
        }
        keys.copy_from_slice(blocks);
        hash::hash(self.hash, *number, keys);
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
