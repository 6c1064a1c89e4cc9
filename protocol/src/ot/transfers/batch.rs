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

    /// Takes the first `count`; all of them with the memory that they are in.
    fn take(&mut self, count: usize) -> Self {
        assert!(count <= self.len(), "{count} transfers of {}: refill first", self.len());
        let number = self.number;
        self.number += count as u64;
        if count == self.len() {
            let (blocks, left) = (std::mem::take(&mut self.blocks), std::mem::take(&mut self.left));
            return Self { blocks, left, number };
        }
        let part = &mut self.blocks[self.left.start..][..count];
        let blocks = part.to_vec();
        part.zeroize();
        self.left.start += count;
        Self { blocks, left: 0..count, number }
    }

    /// Takes all, in place, `count` at a time; the last part may have fewer.
    fn parts(&mut self, count: usize) -> impl Iterator<Item = Part<'_>> {
        let left = std::mem::take(&mut self.left);
        let parts = self.blocks[left].chunks_mut(count).zip((self.number..).step_by(count));
        parts.map(|(blocks, number)| Part { blocks, number })
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
struct Part<'a> {
    blocks: &'a mut [u128],
    /// The number of the first of them.
    number: u64,
}

impl Part<'_> {
    /// Uses up the first `count`: gives `make` the number of the first of them and the blocks.
    fn draw(&mut self, count: usize, make: impl FnOnce(u64, &[u128])) {
        let blocks =
            self.blocks.split_off_mut(..count).expect("as many transfers as are asked for");
        make(self.number, blocks);
        blocks.zeroize();
        self.number += count as u64;
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.blocks.zeroize();
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
        Self { pool: pool.take(count), delta: Zeroizing::new(delta), hash: hash.clone() }
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

    /// Gives all of them out, `count` at a time; the last part may have fewer.
    pub(crate) fn parts(&mut self, count: usize) -> impl Iterator<Item = SentPart<'_>> {
        let (delta, hash) = (&*self.delta, &self.hash);
        self.pool.parts(count).map(move |part| SentPart { part, delta, hash })
    }

    /// Both keys of each transfer, K⁰ = H(q) and K¹ = H(q ⊕ Δ).
    pub fn keys(self) -> SenderKeys {
        let (blocks, first) = (self.pool.left(), self.pool.number);
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

/// Some transfers of a [`Sent`], to be used one after the other.
pub(crate) struct SentPart<'a> {
    part: Part<'a>,
    delta: &'a u128,
    hash: &'a Hash,
}

impl SentPart<'_> {
    /// Uses up as many as there is room for: writes K⁰ and K¹ of each.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer, or if the lengths differ.
    pub(crate) fn keys(&mut self, zeros: &mut [u128], ones: &mut [u128]) {
        self.part.draw(zeros.len(), |number, blocks| {
            // The lowest bit of q is 0, that of Δ is 1: the colours are the choices.
            hash::hash_colours(self.hash, number, *self.delta, blocks, [zeros, ones]);
        });
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
/// copy::<gazelle_protocol::ot::transfers::Received>();
/// ```
pub struct Received {
    pool: Pool,
    hash: Hash,
}

impl Received {
    pub(super) fn take_from(pool: &mut Pool, count: usize, hash: &Hash) -> Self {
        Self { pool: pool.take(count), hash: hash.clone() }
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

    /// Gives all of them out, `count` at a time; the last part may have fewer.
    pub(crate) fn parts(&mut self, count: usize) -> impl Iterator<Item = ReceivedPart<'_>> {
        let hash = &self.hash;
        self.pool.parts(count).map(move |part| ReceivedPart { part, hash })
    }

    /// The choices, and the chosen key of each transfer, K^c = H(q ⊕ c·Δ).
    pub fn keys(self) -> ReceiverKeys {
        let first = self.pool.number;
        let mut keys = Zeroizing::new(self.pool.left().to_vec());
        let choices = Choices::from_lowest_bits(&keys);
        keys.par_chunks_mut(CHUNK).enumerate().for_each(|(i, keys)| {
            hash::hash(&self.hash, first + (i * CHUNK) as u64, keys);
        });
        ReceiverKeys { choices, keys }
    }
}

/// Some transfers of a [`Received`], to be used one after the other.
pub(crate) struct ReceivedPart<'a> {
    part: Part<'a>,
    hash: &'a Hash,
}

impl ReceivedPart<'_> {
    /// Uses up as many as there is room for: writes K^c of each, and the choices of 128 to each element
    /// of `choices`.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer, or if there is not an element of `choices` for every 128.
    pub(crate) fn keys(&mut self, choices: &mut [u128], keys: &mut [u128]) {
        assert_eq!(keys.len(), 128 * choices.len(), "128 choices an element");
        self.part.draw(keys.len(), |number, blocks| {
            for (choices, blocks) in choices.iter_mut().zip(blocks.as_chunks().0) {
                *choices = lowest_bits(blocks);
            }
            keys.copy_from_slice(blocks);
            hash::hash(self.hash, number, keys);
        });
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
