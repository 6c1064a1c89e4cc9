//! Correlations from oblivious transfers, one in each lane.
//!
//! A transfer's sender has two keys of 128 bits, its receiver a choice c and the key K^c. A bit of
//! a key hides one message at most, so every use takes the next positions of a transfer's keys and
//! none is given twice (`Transfer::take`). Both parties run the same functions: what only the other
//! one has is 0 here.

use gazelle_kernels::VectorBackend;
use gazelle_kernels::transpose::transpose128;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::message::Message;
use super::plane::{LANES, Plane, Ring, ring};

/// Bits of a key, and lanes of a block.
pub(super) const KEY_BITS: usize = 128;

/// What one party has of transfers in one direction: transfer after transfer, each of so many whole
/// blocks of 128 lanes.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    blocks: usize,
    end: End<'a>,
}

#[derive(Clone, Copy)]
enum End<'a> {
    /// K⁰ and K¹ of every lane.
    Sender([&'a [u128]; 2]),
    /// A bit of every lane, and K^c.
    Receiver { choices: &'a [u128], keys: &'a [u128] },
    /// Of nobody, for counting.
    None,
}

impl<'a> Keys<'a> {
    /// The sender's: K⁰ and K¹ of every lane.
    pub(super) fn sender(blocks: usize, keys: [&'a [u128]; 2]) -> Self {
        Self { blocks, end: End::Sender(keys) }
    }

    /// The receiver's: a block's choices in each element of `choices`, K^c of every lane.
    pub(super) fn receiver(blocks: usize, choices: &'a [u128], keys: &'a [u128]) -> Self {
        Self { blocks, end: End::Receiver { choices, keys } }
    }

    /// Nobody's: all bits are 0.
    pub(super) fn none() -> Self {
        Self { blocks: 0, end: End::None }
    }

    /// Transfer `index`, of whose keys `width` positions are needed.
    pub(super) fn transfer(&self, index: usize, width: usize) -> Transfer {
        let planes = |keys: &[u128]| key_planes(self.lanes(keys, index), width);
        let (choice, keys, differences, sends) = match &self.end {
            End::Sender([zero, one]) => {
                let (zero, mut differences) = (planes(zero), planes(one));
                differences.iter_mut().zip(&zero).for_each(|(d, zero)| *d ^= *zero);
                (Plane::ZERO, zero, differences, true)
            }
            End::Receiver { choices, keys } => {
                let keys = planes(keys);
                let differences = vec![Plane::ZERO; width];
                (self.choice(choices, index), keys, differences, false)
            }
            End::None => {
                let zeros = vec![Plane::ZERO; width];
                (Plane::ZERO, zeros.clone(), zeros, false)
            }
        };
        Transfer { choice, keys, differences, sends, used: 0 }
    }

    /// Transfer `index`, for a product in a ring.
    pub(super) fn ring_transfer(&self, index: usize) -> RingTransfer {
        let low = |keys: &[u128]| {
            let keys = self.lanes(keys, index);
            ring(|lane| keys.get(lane).map_or(0, |&key| key as u32))
        };
        let zeros = || ring(|_| 0);
        let (choice, key, difference, sends) = match &self.end {
            End::Sender([zero, one]) => {
                let (zero, mut one) = (low(zero), low(one));
                one.iter_mut().zip(&*zero).for_each(|(one, zero)| *one = one.wrapping_sub(*zero));
                (Plane::ZERO, zero, one, true)
            }
            End::Receiver { choices, keys } => {
                (self.choice(choices, index), low(keys), zeros(), false)
            }
            End::None => (Plane::ZERO, zeros(), zeros(), false),
        };
        RingTransfer { choice, key, difference, sends }
    }

    fn lanes<'k>(&self, keys: &'k [u128], index: usize) -> &'k [u128] {
        let lanes = KEY_BITS * self.blocks;
        &keys[index * lanes..(index + 1) * lanes]
    }

    fn choice(&self, choices: &[u128], index: usize) -> Plane {
        plane_of_blocks(&choices[index * self.blocks..(index + 1) * self.blocks])
    }
}

/// One transfer in each lane, its keys' positions handed out one after the other.
#[derive(ZeroizeOnDrop)]
pub(super) struct Transfer {
    /// c; 0 for the sender.
    choice: Plane,
    /// Positions of K⁰ for the sender, of K^c for the receiver.
    keys: Vec<Plane>,
    /// The same positions of K⁰ ⊕ K¹ for the sender, 0 for the receiver.
    differences: Vec<Plane>,
    #[zeroize(skip)]
    sends: bool,
    #[zeroize(skip)]
    used: usize,
}

impl Transfer {
    /// The receiver's choice; 0 for the sender.
    pub(super) fn choice(&self) -> Plane {
        self.choice
    }

    /// Writes or reads what is stored of it, if no position is used yet.
    pub(super) fn keep(&mut self, message: &mut Message<'_>) {
        message.keep([&mut self.choice]);
        message.keep(&mut self.keys);
        message.keep(&mut self.differences);
    }

    /// The next `count` positions, which nobody gets again: K⁰ or K^c, and K⁰ ⊕ K¹.
    ///
    /// # Panics
    /// If there are no more.
    pub(super) fn take(&mut self, count: usize) -> impl Iterator<Item = (Plane, Plane)> + '_ {
        let taken = self.used..self.used + count;
        self.used = taken.end;
        let differences = self.differences[taken.clone()].iter().copied();
        self.keys[taken].iter().copied().zip(differences)
    }

    /// Shares of c·v for the sender's bit `v`, in one bit from sender to receiver. The sender's share
    /// does not depend on `v`.
    pub(super) fn times(&mut self, v: Plane, message: &mut Message<'_>) -> Plane {
        let (key, difference) = self.take(1).next().expect("one position");
        key ^ self.choice & message.pass(v ^ difference)
    }
}

/// A bit that the receiver of a transfer knows, to be multiplied with bits of the sender's.
pub(super) struct Derandomised {
    transfer: Transfer,
    /// The bit plus the transfer's choice; both know it.
    correction: Plane,
}

impl Derandomised {
    /// Of the receiver's `bit`, in one bit from receiver to sender.
    pub(super) fn new(transfer: Transfer, bit: Plane, message: &mut Message<'_>) -> Self {
        let correction = message.pass(transfer.choice ^ bit);
        Self { transfer, correction }
    }

    /// Shares of the product with the sender's bit `v`.
    pub(super) fn times(&mut self, v: Plane, message: &mut Message<'_>) -> Plane {
        let share = self.transfer.times(v, message);
        if self.transfer.sends { share ^ self.correction & v } else { share }
    }

    /// The transfer, and what both parties know: the bit plus the transfer's choice.
    pub(super) fn into_parts(self) -> (Transfer, Plane) {
        (self.transfer, self.correction)
    }
}

/// One transfer in each lane for a product in a ring, which takes all of its key.
#[derive(ZeroizeOnDrop)]
pub(super) struct RingTransfer {
    /// c; 0 for the sender.
    choice: Plane,
    /// K⁰ for the sender, K^c for the receiver.
    key: Ring,
    /// K¹ − K⁰ for the sender, 0 for the receiver.
    difference: Ring,
    #[zeroize(skip)]
    sends: bool,
}

impl RingTransfer {
    /// The receiver's choice; 0 for the sender.
    pub(super) fn choice(&self) -> Plane {
        self.choice
    }

    /// Shares of c·v for the sender's `v` in Z_{2^bits}, in one element from sender to receiver.
    pub(super) fn times(self, mut v: Ring, bits: u32, message: &mut Message<'_>) -> Ring {
        v.iter_mut().zip(&*self.difference).for_each(|(v, d)| *v = v.wrapping_sub(*d));
        let sent = message.pass_ring(v, bits);
        let chosen = self.choice.masks();
        ring(|i| {
            let share = self.key[i].wrapping_add(chosen[i] & sent[i]);
            if self.sends { share.wrapping_neg() } else { share }
        })
    }

    /// Shares of c·σ for a σ that the sender gets: its share and σ, or the receiver's share and 0.
    /// Nothing is sent.
    pub(super) fn times_random(self) -> (Ring, Ring) {
        let share = ring(|i| if self.sends { self.key[i].wrapping_neg() } else { self.key[i] });
        (share, self.difference.clone())
    }
}

/// The first `width` bits of the keys of at most [`LANES`] lanes, as planes.
fn key_planes(keys: &[u128], width: usize) -> Vec<Plane> {
    let mut planes = vec![Plane::ZERO; width];
    let mut bits = Zeroizing::new([0; KEY_BITS]);
    for (block, keys) in keys.chunks_exact(KEY_BITS).enumerate() {
        transpose128(VectorBackend::best(), keys, &mut *bits);
        for (plane, bits) in planes.iter_mut().zip(&*bits) {
            plane.0[2 * block] = *bits as u64;
            plane.0[2 * block + 1] = (*bits >> 64) as u64;
        }
    }
    planes
}

/// Lane i is bit i mod 128 of block i / 128.
fn plane_of_blocks(blocks: &[u128]) -> Plane {
    let mut plane = Plane::ZERO;
    for (words, block) in plane.0.chunks_exact_mut(2).zip(blocks) {
        words[0] = *block as u64;
        words[1] = (*block >> 64) as u64;
    }
    plane
}

const _: () = assert!(LANES.is_multiple_of(KEY_BITS));
