//! The gates of a level, run by one party.
//!
//! Offline the keys are folded into one share of each gate and one bit for each message to come, so
//! that no key is left when values arrive.

use super::gate::{Gate, Level, MaskKind, Polynomial, Term, Variable};
use super::message::Message;
use super::plane::{Plane, Planes};
use super::transfer::{Positions, Transfer};

/// What a party has of a level. Its *own* value of a variable is the mask μ if it receives the
/// level's transfers and the hat ẑ if it sends them: shares of the variable.
pub(super) struct LevelShares {
    own: Planes,
    /// Gate after gate, this party's sum of shares as far as it is known offline; and then of each term
    /// what hides the payload for the sender, the product of the choices for the receiver.
    gates: Planes,
}

/// A level's transfers, whose keys are still to be folded.
pub(super) struct LevelTransfers {
    own: Planes,
    /// Of each variable: the choice (0 for the sender).
    choices: Planes,
    /// Of each variable: the positions that gates use.
    positions: Vec<Positions>,
}

impl LevelTransfers {
    /// Uses up one transfer for each variable that has one.
    pub(super) fn new(level: &Level, transfers: impl IntoIterator<Item = Transfer>) -> Self {
        let mut given = transfers.into_iter();
        let count = level.variables().len();
        let (mut own, mut choices) = (Planes::zero(count), Planes::zero(count));
        let mut positions = Vec::with_capacity(count);
        for (variable, mask) in level.variables().iter().enumerate() {
            if *mask == MaskKind::None {
                positions.push(Positions::default());
                continue;
            }
            let transfer = given.next().expect("a transfer for each variable");
            let (choice, used) = transfer.into_parts();
            own[variable] = match mask {
                MaskKind::Merged([a, b]) => choice ^ own[a.index()] & own[b.index()],
                _ => choice,
            };
            choices[variable] = choice;
            positions.push(used);
        }
        Self { own, choices, positions }
    }

    /// This party's share of a variable: its mask, or 0.
    pub(super) fn own(&self, variable: Variable) -> Plane {
        self.own[variable.index()]
    }

    /// Folds the keys; the transfers' sender sends, the receiver receives.
    #[inline(always)]
    pub(super) fn fold(self, level: &Level, sends: bool, message: &mut Message<'_>) -> LevelShares {
        let mut gates = Planes::zero(level.gates().iter().map(Gate::shares).sum());
        for gate in level.gates() {
            let (share, terms) =
                gates[gate.range()].split_first_mut().expect("a share of the gate");
            for (held, term) in terms.iter_mut().zip(&gate.terms) {
                let (of_term, choices, pad) = self.fold_term(term, message);
                *share ^= of_term;
                *held = if sends { pad } else { choices };
            }
        }
        LevelShares { own: self.own, gates }
    }

    /// Folds the keys of a term: this party's share, the product of the choices (0 for the sender) and
    /// what the sender hides the payload with. There is one of 2^n pads for each value x of the n choices,
    ///
    /// ```text
    /// π_x = ⊕_j K_j^{x_j}[first_j + (x without x_j)],
    /// ```
    ///
    /// of which the receiver knows one, that of its choices c: every position of a key that it does
    /// not have is in exactly one pad, so the others are independent. The message makes π_0 of any
    /// of them, with the payload (later) of the last.
    #[inline(always)]
    fn fold_term(&self, term: &Term, message: &mut Message<'_>) -> (Plane, Plane, Plane) {
        let (first, last) = (self.pad(term, 0), (1 << term.factors.len()) - 1);
        // The sender's choices are 0, and so chosen is x = 0 for it: its share is π_0.
        let mut share = self.is_chosen(term, 0) & first;
        for x in 1..last {
            let pad = self.pad(term, x);
            share ^= self.is_chosen(term, x) & (pad ^ message.pass(first ^ pad));
        }
        let (choices, last) = (self.is_chosen(term, last), self.pad(term, last));
        share ^= choices & last;
        (share, choices, last ^ first)
    }

    /// π_x.
    #[inline(always)]
    fn pad(&self, term: &Term, x: usize) -> Plane {
        let mut pad = Plane::ZERO;
        for (j, &(variable, first)) in term.factors.iter().enumerate() {
            // The key bit of factor j that value x takes: that of the sender's key x_j, and that of the
            // receiver's only one.
            let without = x & ((1 << j) - 1) | x >> (j + 1) << j;
            let (positions, position) = (&self.positions[variable.index()], first + without);
            pad ^= match x >> j & 1 {
                0 => positions.key(position),
                _ => positions.other(position),
            };
        }
        pad
    }

    /// Whether x is the value of the choices.
    #[inline(always)]
    fn is_chosen(&self, term: &Term, x: usize) -> Plane {
        let mut all = Plane::ONES;
        for (j, (variable, _)) in term.factors.iter().enumerate() {
            let choice = self.choices[variable.index()];
            all = all & if x >> j & 1 == 1 { choice } else { !choice };
        }
        all
    }
}

impl LevelShares {
    /// Writes or reads what is stored of it.
    pub(super) fn keep(&mut self, sends: bool, message: &mut Message<'_>) {
        if !sends {
            message.keep(self.own.iter_mut());
        }
        message.keep(self.gates.iter_mut());
    }

    /// This party's share of a variable.
    #[inline(always)]
    pub(super) fn own(&self, variable: Variable) -> Plane {
        self.own[variable.index()]
    }

    /// Sets the sender's share of a variable, which is its hat.
    #[inline(always)]
    pub(super) fn set_own(&mut self, variable: Variable, hat: Plane) {
        self.own[variable.index()] = hat;
    }

    /// Runs a gate, whose polynomial both parties add a share `linear` to: the result plus the
    /// sender's mask, which is in its `linear`, for the receiver, and 0 for the sender.
    #[inline(always)]
    pub(super) fn run(
        &self,
        gate: &Gate,
        linear: Plane,
        sends: bool,
        message: &mut Message<'_>,
    ) -> Plane {
        let (share, terms) = self.gates[gate.range()].split_first().expect("a share of the gate");
        let mut share = linear ^ *share ^ evaluate(&gate.polynomial, &self.own);
        for (held, term) in terms.iter().zip(&gate.terms) {
            if sends {
                message.pass(*held ^ evaluate(&term.payload, &self.own));
            } else {
                share ^= *held & message.pass(Plane::ZERO);
            }
        }
        share ^ message.pass(share)
    }
}

/// The value of a polynomial; of the sender's hats, or of the receiver's masks.
#[inline(always)]
fn evaluate(polynomial: &Polynomial, values: &[Plane]) -> Plane {
    let mut sum = Plane::ZERO;
    for &monomial in polynomial.monomials() {
        let (mut product, mut left) = (Plane::ONES, monomial);
        while left != 0 {
            product = product & values[left.trailing_zeros() as usize];
            left &= left - 1;
        }
        sum ^= product;
    }
    sum
}
