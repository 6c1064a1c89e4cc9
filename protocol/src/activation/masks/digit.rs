//! Digits: where a share a of the client's meets a share b of the server's.
//!
//! Offline the server gets a uniform digit s, and the two parties shares of all products of the bits
//! of p = a + s mod 2^m and of the carry of a + s. Online e = b − s mod 2^m is public, and what is
//! to be known of a + b is a look-up in the shares of "p is v".
//!
//! Both parties run the same functions on their shares of every bit, which is their sum; a bit that
//! one party knows is 0 for the other one.

use zeroize::ZeroizeOnDrop;

use super::Side;
use super::message::Message;
use super::plane::{Plane, Planes};
use super::transfer::{Derandomised, Keys, Transfer};

/// Bits of the widest digit.
pub(super) const MAX_BITS: usize = 4;

/// Positions of a transfer's keys that a digit uses at most: a bit of a digit of four has products
/// with a carry, the three others and a product of two.
const POSITIONS: usize = 5;

/// A digit in preparation.
#[derive(ZeroizeOnDrop)]
pub(super) struct Digit {
    /// The client's bits; 0 for the server.
    a: Planes,
    /// Of the server's bits: their masks are the choices.
    transfers: Vec<Transfer>,
    /// For products with bits that the server has a share of: as many as are still to come.
    spare: Vec<Transfer>,
    carry: Plane,
    #[zeroize(skip)]
    carry_of_server: Option<Derandomised>,
    /// p₀p₁ and p₂p₃.
    #[zeroize(skip)]
    pairs_of_server: Vec<Derandomised>,
    /// The server's bits; 0 for the client.
    s: Planes,
    /// Shares of the products of all sets of bits.
    products: Planes,
}

impl Digit {
    /// Transfers, with the client as sender, of a digit of `bits` bits.
    pub(super) fn transfers(bits: usize) -> usize {
        bits + (bits - 1) + bits.saturating_sub(2)
    }

    /// Bits that both parties send to prepare and to open a digit of `bits` bits.
    pub(super) fn bits_sent(bits: usize) -> usize {
        // Products of the bits and with carries, and corrections for some of them.
        let prepared = [1, 6, 16, 34];
        prepared[bits - 1] + bits
    }

    /// Messages from the client; between any two of them is one from the server.
    pub(super) fn messages(bits: usize) -> usize {
        if bits == MAX_BITS { bits + 1 } else { bits }
    }

    /// The transfers of a digit of `bits` bits.
    pub(super) fn draw(bits: usize, keys: &mut Keys<'_>) -> Vec<Transfer> {
        (0..Self::transfers(bits)).map(|_| keys.transfer(POSITIONS)).collect()
    }

    /// Of the client's bits (0 for the server), with as many transfers as [`Digit::draw`] gives.
    pub(super) fn new(a: &[Plane], mut transfers: Vec<Transfer>, side: Side) -> Self {
        let spare = transfers.split_off(a.len());
        let mut products = Planes::zero(1 << a.len());
        products[0] = side.of_client(Plane::ONES);
        Self {
            a: a.into(),
            transfers,
            spare,
            carry: Plane::ZERO,
            carry_of_server: None,
            pairs_of_server: Vec::new(),
            s: Planes::zero(a.len()),
            products,
        }
    }

    fn bits(&self) -> usize {
        self.a.len()
    }

    /// The client's message number `round`: bit `round` joins.
    #[inline(always)]
    pub(super) fn up(&mut self, round: usize, side: Side, message: &mut Message<'_>) {
        if round < self.bits() {
            self.join(round, side, message);
        } else if round == MAX_BITS && self.bits() == MAX_BITS {
            self.join_pairs(message);
        }
    }

    /// The server's message before the client's number `round`, which is 1 or more.
    #[inline(always)]
    pub(super) fn down(&mut self, round: usize, message: &mut Message<'_>) {
        if round < self.bits() {
            self.carry_of_server = Some(self.derandomise(self.carry, message));
            if round == 2 {
                let pair = self.derandomise(self.products[0b11], message);
                self.pairs_of_server.push(pair);
            }
        } else if round == MAX_BITS && self.bits() == MAX_BITS {
            let pair = self.derandomise(self.products[0b1100], message);
            self.pairs_of_server.push(pair);
        }
    }

    fn derandomise(&mut self, bit: Plane, message: &mut Message<'_>) -> Derandomised {
        let transfer = self.spare.pop().expect("a spare transfer for each bit");
        Derandomised::new(transfer, bit, message)
    }

    /// Bit i: the server's s_i is its choice y_i plus its share of the carry, so that the client's
    /// a_i plus its own share of the carry and y_i are shares of p_i.
    #[inline(always)]
    fn join(&mut self, i: usize, side: Side, message: &mut Message<'_>) {
        let bit = match side {
            Side::Client => self.a[i] ^ self.carry,
            Side::Server => self.transfers[i].choice(),
        };
        self.s[i] = side.of_server(bit ^ self.carry);
        let carry = self.carry;
        self.carry ^= bit & carry ^ self.transfers[i].times(bit, message);
        if let Some(mut of_server) = self.carry_of_server.take() {
            self.carry ^= of_server.times(carry, message);
        }
        self.products[1 << i] = bit;
        for j in 0..i {
            let other = self.products[1 << j];
            let times = self.transfers[i].times(other, message);
            self.products[1 << i | 1 << j] =
                bit & other ^ times ^ self.transfers[j].times(bit, message);
        }
        if i >= 2 {
            self.join_pair(0, 0b11, i, message);
        }
    }

    /// The product of a pair and bit i.
    #[inline(always)]
    fn join_pair(&mut self, number: usize, pair: usize, i: usize, message: &mut Message<'_>) {
        let (two, bit) = (self.products[pair], self.products[1 << i]);
        let times = self.pairs_of_server[number].times(bit, message);
        self.products[pair | 1 << i] = two & bit ^ times ^ self.transfers[i].times(two, message);
    }

    /// The products with p₂p₃ of a digit of four bits.
    fn join_pairs(&mut self, message: &mut Message<'_>) {
        let (low, high) = (0b11, 0b1100);
        self.join_pair(1, high, 0, message);
        self.join_pair(1, high, 1, message);
        let [u, v] = [self.products[low], self.products[high]];
        let times = self.pairs_of_server[0].times(v, message);
        self.products[low | high] = u & v ^ times ^ self.pairs_of_server[1].times(u, message);
    }

    /// The digit, prepared.
    #[inline(always)]
    pub(super) fn finish(mut self) -> PreparedDigit {
        // [p = v] is the sum of the products of all sets that contain v.
        let mut is = std::mem::take(&mut self.products);
        for i in 0..self.bits() {
            for v in (0..is.len()).filter(|v| v >> i & 1 == 0) {
                let with = is[v | 1 << i];
                is[v] ^= with;
            }
        }
        PreparedDigit { s: std::mem::take(&mut self.s), is, carry: self.carry }
    }
}

/// A digit whose b is not known yet. It is opened for one b only.
#[derive(ZeroizeOnDrop)]
pub(super) struct PreparedDigit {
    /// The server's digit; 0 for the client.
    s: Planes,
    /// Shares of "p is v".
    is: Planes,
    /// A share of the carry of a + s.
    carry: Plane,
}

/// Shares of what an activation needs to know of a + b in one digit.
pub(super) struct Sums {
    /// a + b is 2^m or more.
    pub(super) generates: Plane,
    /// a + b is 2^m − 1.
    pub(super) propagates: Plane,
    /// a + b is 0 mod 2^m.
    pub(super) is_zero: Plane,
}

impl PreparedDigit {
    /// Writes or reads what is stored of it.
    pub(super) fn keep(&mut self, side: Side, message: &mut Message<'_>) {
        if let Side::Server = side {
            message.keep(self.s.iter_mut());
        }
        message.keep(self.is.iter_mut());
        message.keep([&mut self.carry]);
    }

    /// Uses the digit for the server's bits `b` (0 for the client): the server sends e.
    #[inline(always)]
    pub(super) fn open(self, b: &[Plane], side: Side, message: &mut Message<'_>) -> Sums {
        let (mut e, mut borrow) = ([Plane::ZERO; MAX_BITS], Plane::ZERO);
        for ((e, &b), &s) in e.iter_mut().zip(b).zip(&*self.s) {
            *e = message.pass(b ^ s ^ borrow);
            borrow = side.of_server(!b & (s ^ borrow) ^ s & borrow);
        }
        let (e, is, count) = (&e[..b.len()], &*self.is, self.is.len());
        // The shares of "p is at least 2^m − e", for each e: sums from the top.
        let mut at_least = Plane::ZERO;
        let generates = look_up(e, |e| {
            if e > 0 {
                at_least ^= is[count - e];
            }
            at_least
        });
        Sums {
            generates: generates ^ self.carry ^ borrow,
            propagates: look_up(e, |e| is[count - 1 - e]),
            is_zero: look_up(e, |e| is[(count - e) % count]),
        }
    }
}

/// Entry e of a table of 2^m, which `entry` gives in order.
#[inline(always)]
fn look_up(e: &[Plane], entry: impl FnMut(usize) -> Plane) -> Plane {
    let mut table = [Plane::ZERO; 1 << MAX_BITS];
    let mut left = 1 << e.len();
    table.iter_mut().zip((0..left).map(entry)).for_each(|(place, entry)| *place = entry);
    for &bit in e.iter().rev() {
        left /= 2;
        for i in 0..left {
            table[i] = bit.select(table[left + i], table[i]);
        }
    }
    table[0]
}
