//! The gates of a level, run by one party.
//!
//! Offline the keys are folded into one share of each gate and one bit for each message to come, so
//! that no key is left when values arrive.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::gate::{Gate, Level, MaskKind, Polynomial, Term, Variable};
use super::message::Message;
use super::plane::Plane;
use super::transfer::{Positions, Transfer};

/// What a party has of a level. Its *own* value of a variable is the mask μ if it receives the
/// level's transfers and the hat ẑ if it sends them: shares of the variable.
#[derive(ZeroizeOnDrop)]
pub(super) struct LevelShares {
    own: Vec<Plane>,
    gates: Vec<GateShares>,
}

#[derive(Zeroize)]
struct GateShares {
    /// This party's sum of shares, as far as it is known offline.
    share: Plane,
    /// Of each term.
    terms: Vec<TermShares>,
}

#[derive(Zeroize)]
struct TermShares {
    /// The product of the choices; 0 for the sender.
    choices: Plane,
    /// What hides the payload; 0 for the receiver.
    pad: Plane,
}

/// A level's transfers, whose keys are still to be folded.
#[derive(ZeroizeOnDrop)]
pub(super) struct LevelTransfers {
    own: Vec<Plane>,
    /// Of each variable: the choice (0 for the sender) and the positions that gates use.
    transfers: Vec<(Plane, Positions)>,
}

impl LevelTransfers {
    /// Uses up one transfer for each variable that has one.
    pub(super) fn new(level: &Level, transfers: impl IntoIterator<Item = Transfer>) -> Self {
        let mut given = transfers.into_iter();
        let (mut own, mut transfers) = (Vec::<Plane>::new(), Vec::new());
        for mask in level.variables() {
            if *mask == MaskKind::None {
                own.push(Plane::ZERO);
                transfers.push((Plane::ZERO, Positions::default()));
                continue;
            }
            let transfer = given.next().expect("a transfer for each variable");
            let (choice, positions) = transfer.into_parts();
            own.push(match mask {
                MaskKind::Merged([a, b]) => choice ^ own[a.index()] & own[b.index()],
                _ => choice,
            });
            transfers.push((choice, positions));
        }
        Self { own, transfers }
    }

    /// This party's share of a variable: its mask, or 0.
    pub(super) fn own(&self, variable: Variable) -> Plane {
        self.own[variable.index()]
    }

    /// Folds the keys; the transfers' sender sends, the receiver receives.
    pub(super) fn fold(mut self, level: &Level, message: &mut Message<'_>) -> LevelShares {
        let gates = level.gates().iter();
        let gates = gates.map(|gate| GateShares::new(gate, &self.transfers, message)).collect();
        LevelShares { own: std::mem::take(&mut self.own), gates }
    }
}

impl LevelShares {
    /// Writes or reads what is stored of it.
    pub(super) fn keep(&mut self, sends: bool, message: &mut Message<'_>) {
        if !sends {
            message.keep(&mut self.own);
        }
        for GateShares { share, terms } in &mut self.gates {
            message.keep([share]);
            for TermShares { choices, pad } in terms {
                message.keep([if sends { pad } else { choices }]);
            }
        }
    }

    /// This party's share of a variable.
    pub(super) fn own(&self, variable: Variable) -> Plane {
        self.own[variable.index()]
    }

    /// Sets the sender's share of a variable, which is its hat.
    pub(super) fn set_own(&mut self, variable: Variable, hat: Plane) {
        self.own[variable.index()] = hat;
    }

    /// Runs gate `index`, whose polynomial both parties add a share `linear` to: the result plus
    /// the sender's mask, which is in its `linear`, for the receiver, and 0 for the sender.
    pub(super) fn run(
        &self,
        level: &Level,
        index: usize,
        linear: Plane,
        message: &mut Message<'_>,
    ) -> Plane {
        let (gate, shares) = (&level.gates()[index], &self.gates[index]);
        let mut share = linear ^ shares.share ^ evaluate(&gate.polynomial, &self.own);
        for (term, shares) in gate.terms.iter().zip(&shares.terms) {
            let payload = evaluate(&term.payload, &self.own);
            share ^= shares.choices & message.pass(payload ^ shares.pad);
        }
        share ^ message.pass(share)
    }
}

impl GateShares {
    fn new(gate: &Gate, variables: &[(Plane, Positions)], message: &mut Message<'_>) -> Self {
        let mut share = Plane::ZERO;
        let terms = gate.terms.iter().map(|term| {
            let (own, shares) = TermShares::new(term, variables, message);
            share ^= own;
            shares
        });
        let terms = terms.collect();
        Self { share, terms }
    }
}

impl TermShares {
    /// One of 2^n pads for each value x of the n choices,
    ///
    /// ```text
    /// π_x = ⊕_j K_j^{x_j}[first_j + (x without x_j)],
    /// ```
    ///
    /// of which the receiver knows one, that of its choices c: every position of a key that it does
    /// not have is in exactly one pad, so the others are independent. The message makes π_0 of any
    /// of them, with the payload (later) of the last.
    fn new(
        term: &Term,
        variables: &[(Plane, Positions)],
        message: &mut Message<'_>,
    ) -> (Plane, TermShares) {
        let n = term.factors.len();
        let choice = |j: usize| variables[term.factors[j].0.index()].0;
        // The key bit of factor j that value x takes: that of the sender's key x_j, and that of the
        // receiver's only one.
        let key = |j: usize, x: usize| {
            let (variable, first) = term.factors[j];
            let without = x & ((1 << j) - 1) | x >> (j + 1) << j;
            let positions = &variables[variable.index()].1;
            let position = first + without;
            if x >> j & 1 == 1 { positions.other(position) } else { positions.key(position) }
        };
        let pad = |x: usize| (0..n).fold(Plane::ZERO, |pad, j| pad ^ key(j, x));
        let is_chosen = |x: usize| {
            let agrees = |j: usize| if x >> j & 1 == 1 { choice(j) } else { !choice(j) };
            (0..n).fold(Plane::ONES, |all, j| all & agrees(j))
        };
        let (first, last) = (pad(0), (1 << n) - 1);
        // The sender's choices are 0, and so chosen is x = 0 for it: its share is π_0.
        let mut share = is_chosen(0) & first;
        for x in 1..last {
            share ^= is_chosen(x) & (pad(x) ^ message.pass(first ^ pad(x)));
        }
        let choices = is_chosen(last);
        let of_sender = pad(last) ^ first;
        share ^= choices & pad(last);
        (share, TermShares { choices, pad: of_sender })
    }
}

/// The value of a polynomial; of the sender's hats, or of the receiver's masks.
fn evaluate(polynomial: &Polynomial, values: &[Plane]) -> Plane {
    polynomial.monomials().iter().fold(Plane::ZERO, |sum, monomial| {
        let factors = values.iter().enumerate().filter(|(i, _)| monomial >> i & 1 == 1);
        sum ^ factors.fold(Plane::ONES, |product, (_, value)| product & *value)
    })
}
