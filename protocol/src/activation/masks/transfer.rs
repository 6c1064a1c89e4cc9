//! Correlations from oblivious transfers, one in each lane.
//!
//! A transfer's sender has two keys of 128 bits, its receiver a choice c and the key K^c. A bit of
//! a key hides one message at most, so every use takes the next positions of a transfer's keys and
//! none is given twice (`Transfer::times`). Both parties run the same functions: what only the other
//! one has is 0 here.

use gazelle_kernels::VectorBackend;
use gazelle_kernels::transpose::low_rows;
use zeroize::ZeroizeOnDrop;

use super::message::Message;
use super::plane::{LANES, Plane, Planes, Ring};

/// Bits of a key, and lanes of a block.
pub(super) const KEY_BITS: usize = 128;

/// What one party has of transfers in one direction. They are drawn one after the other, each for so
/// many whole blocks of 128 lanes, and only the positions that are to be used are kept of their keys.
pub(super) struct Keys<'a> {
    lanes: usize,
    end: End<'a>,
    drawn: Box<Drawn>,
    backend: VectorBackend,
}

/// Writes the next transfers.
type Draw<'a> = Box<dyn FnMut(&mut [u128], &mut [u128]) + 'a>;

enum End<'a> {
    /// Draws K⁰ and K¹ of every lane.
    Sender(Draw<'a>),
    /// Draws a block's choices to each element, and K^c of every lane.
    Receiver(Draw<'a>),
    /// Of nobody, for counting.
    None,
}

/// A transfer of each lane, and room for some of its positions.
#[derive(ZeroizeOnDrop)]
struct Drawn {
    /// 0 for the sender.
    choices: [u128; LANES / KEY_BITS],
    /// K⁰ and K¹ for the sender, K^c and 0 for the receiver.
    keys: [[u128; LANES]; 2],
    /// Positions of the keys of a block.
    rows: [u128; KEY_BITS],
}

impl<'a> Keys<'a> {
    /// The sender's: `draw` writes K⁰ and K¹ of the next transfers.
    pub(super) fn sender(blocks: usize, draw: impl FnMut(&mut [u128], &mut [u128]) + 'a) -> Self {
        Self::new(blocks, End::Sender(Box::new(draw)))
    }

    /// The receiver's: `draw` writes a block's choices to each element of the first slice, and K^c
    /// of the next transfers.
    pub(super) fn receiver(blocks: usize, draw: impl FnMut(&mut [u128], &mut [u128]) + 'a) -> Self {
        Self::new(blocks, End::Receiver(Box::new(draw)))
    }

    /// Nobody's: all bits are 0.
    pub(super) fn none() -> Self {
        Self::new(0, End::None)
    }

    fn new(blocks: usize, end: End<'a>) -> Self {
        let choices = [0; LANES / KEY_BITS];
        let drawn = Drawn { choices, keys: [[0; LANES]; 2], rows: [0; KEY_BITS] };
        let (lanes, backend) = (KEY_BITS * blocks, VectorBackend::best());
        Self { lanes, end, drawn: Box::new(drawn), backend }
    }

    /// The next transfer, of whose keys `width` positions are needed.
    pub(super) fn transfer(&mut self, width: usize) -> Transfer {
        let (choice, sends) = self.draw();
        let keys = self.turn(0, width);
        let mut differences = Planes::default();
        if sends {
            differences = self.turn(1, width);
            differences.iter_mut().zip(&*keys).for_each(|(other, key)| *other ^= *key);
        }
        Transfer { choice, positions: Positions { keys, differences }, sends, used: 0 }
    }

    /// The first `width` positions of the keys that were drawn: of K⁰ or K^c (0), or of K¹ (1).
    fn turn(&mut self, which: usize, width: usize) -> Planes {
        let Drawn { keys, rows, .. } = &mut *self.drawn;
        let (mut planes, rows) = (Planes::zero(width), &mut rows[..width]);
        for (block, keys) in keys[which][..self.lanes].as_chunks().0.iter().enumerate() {
            low_rows(self.backend, keys, rows);
            planes.iter_mut().zip(&*rows).for_each(|(plane, row)| plane.set_block(block, *row));
        }
        planes
    }

    /// The next transfer, for a product in a ring.
    pub(super) fn ring_transfer(&mut self) -> RingTransfer {
        let (choice, sends) = self.draw();
        let [own, other] = &self.drawn.keys;
        self.backend.run(
            #[inline(always)]
            || {
                let key = Ring::of(|lane| own[lane] as u32);
                let difference = match sends {
                    true => Ring::of(|lane| (other[lane] as u32).wrapping_sub(key[lane])),
                    false => Ring::default(),
                };
                RingTransfer { choice, key, difference, sends }
            },
        )
    }

    /// Draws a transfer; its choice (0 for the sender), and whether this party sends.
    fn draw(&mut self) -> (Plane, bool) {
        let Drawn { choices, keys: [own, other], .. } = &mut *self.drawn;
        let own = &mut own[..self.lanes];
        let sends = match &mut self.end {
            End::Sender(draw) => {
                draw(own, &mut other[..self.lanes]);
                true
            }
            End::Receiver(draw) => {
                draw(&mut choices[..self.lanes / KEY_BITS], own);
                false
            }
            End::None => false,
        };
        let mut choice = Plane::ZERO;
        choices.iter().enumerate().for_each(|(block, bits)| choice.set_block(block, *bits));
        (choice, sends)
    }
}

/// Positions of a transfer's keys in each lane.
#[derive(Default, ZeroizeOnDrop)]
pub(super) struct Positions {
    /// Of K⁰ for the sender, of K^c for the receiver.
    keys: Planes,
    /// Of K⁰ ⊕ K¹ for the sender; the receiver has none.
    differences: Planes,
}

impl Positions {
    /// That of K⁰ or K^c.
    #[inline(always)]
    pub(super) fn key(&self, position: usize) -> Plane {
        self.keys[position]
    }

    /// That of K¹ for the sender, of its only key for the receiver.
    #[inline(always)]
    pub(super) fn other(&self, position: usize) -> Plane {
        self.hide(position, self.keys[position])
    }

    /// What the sender hides with K⁰ ⊕ K¹; the receiver has 0 in its place.
    #[inline(always)]
    fn hide(&self, position: usize, bit: Plane) -> Plane {
        self.differences.get(position).map_or(bit, |difference| bit ^ *difference)
    }
}

/// One transfer in each lane, its keys' positions handed out one after the other.
#[derive(ZeroizeOnDrop)]
pub(super) struct Transfer {
    /// c; 0 for the sender.
    choice: Plane,
    positions: Positions,
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

    /// Writes or reads what is stored of it by the sender or the receiver, if no position is used yet.
    pub(super) fn keep(&mut self, sends: bool, message: &mut Message<'_>) {
        let Positions { keys, differences } = &mut self.positions;
        message.keep(keys.iter_mut());
        if sends {
            if differences.is_empty() {
                *differences = Planes::zero(keys.len());
            }
            message.keep(differences.iter_mut());
        } else {
            message.keep([&mut self.choice]);
        }
    }

    /// The choice (0 for the sender) and all positions, none of which is used yet.
    pub(super) fn into_parts(mut self) -> (Plane, Positions) {
        debug_assert_eq!(self.used, 0, "a position is used once");
        (self.choice, std::mem::take(&mut self.positions))
    }

    /// Shares of c·v for the sender's bit `v`, in one bit from sender to receiver. The sender's share
    /// does not depend on `v`. It uses up a position.
    ///
    /// # Panics
    /// If there are no more.
    #[inline(always)]
    pub(super) fn times(&mut self, v: Plane, message: &mut Message<'_>) -> Plane {
        let position = self.used;
        self.used += 1;
        let key = self.positions.key(position);
        key ^ self.choice & message.pass(self.positions.hide(position, v))
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
    #[inline(always)]
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
pub(super) struct RingTransfer {
    /// c; 0 for the sender.
    choice: Plane,
    /// K⁰ for the sender, K^c for the receiver.
    key: Ring,
    /// K¹ − K⁰ for the sender, 0 for the receiver.
    difference: Ring,
    sends: bool,
}

impl RingTransfer {
    /// The receiver's choice; 0 for the sender.
    pub(super) fn choice(&self) -> Plane {
        self.choice
    }

    /// Shares of c·v for the sender's `v` in Z_{2^bits}, in one element from sender to receiver.
    #[inline(always)]
    pub(super) fn times(self, mut v: Ring, bits: u32, message: &mut Message<'_>) -> Ring {
        v.update(|i, v| v.wrapping_sub(self.difference[i]));
        message.pass_ring(&mut v, bits);
        let (chosen, sends) = (self.choice.masks(), self.sends);
        v.update(|i, sent| {
            let share = self.key[i].wrapping_add(chosen[i] & sent);
            if sends { share.wrapping_neg() } else { share }
        });
        v
    }

    /// Shares of c·σ for a σ that the sender gets: its share and σ, or the receiver's share and 0.
    /// Nothing is sent.
    #[inline(always)]
    pub(super) fn times_random(mut self) -> (Ring, Ring) {
        if self.sends {
            self.key.update(|_, key| key.wrapping_neg());
        }
        (std::mem::take(&mut self.key), std::mem::take(&mut self.difference))
    }
}

const _: () = assert!(LANES.is_multiple_of(KEY_BITS));
