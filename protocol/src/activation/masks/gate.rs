//! Level gates, compiled when a layer is planned.
//!
//! The variables of a level are bits z = ẑ ⊕ μ: the receiver of the level's transfers knows the mask
//! μ offline, their sender the hat ẑ online. For a polynomial F over them,
//!
//! ```text
//! F(z) = F(ẑ) ⊕ F(μ) ⊕ Σ_B μ^B · D_B(ẑ),     D_B(ẑ) = Σ_{M ⊋ B} ẑ^{M∖B}
//! ```
//!
//! over the non-empty sets B of variables and the monomials M of F. A mask is the choice bit of a
//! transfer, so that each term is a product of choice bits with a bit of the sender's: one bit
//! from it to the receiver, and none for a D_B that is 0. What is known of D_B to be constant is in
//! F(μ).

use std::collections::BTreeMap;
use std::ops::Range;

use super::transfer::KEY_BITS;

/// A sum of monomials over a level's variables; each is a set of them, bit i for variable i.
#[derive(Clone, Default)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Polynomial(Vec<u32>);

impl Polynomial {
    /// Adds a monomial mod 2.
    pub(super) fn add(&mut self, monomial: u32) {
        match self.0.iter().position(|&other| other == monomial) {
            Some(at) => drop(self.0.swap_remove(at)),
            None => self.0.push(monomial),
        }
    }

    pub(super) fn monomials(&self) -> &[u32] {
        &self.0
    }
}

impl<const N: usize> From<[u32; N]> for Polynomial {
    fn from(monomials: [u32; N]) -> Self {
        let mut polynomial = Self::default();
        monomials.into_iter().for_each(|monomial| polynomial.add(monomial));
        polynomial
    }
}

/// A variable of a level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable(usize);

impl Variable {
    pub(super) fn index(self) -> usize {
        self.0
    }

    /// The monomial of this variable alone.
    pub(super) fn monomial(self) -> u32 {
        1 << self.0
    }
}

/// The product of some variables.
pub(super) fn product(variables: &[Variable]) -> u32 {
    variables.iter().fold(0, |monomial, variable| monomial | variable.monomial())
}

/// Where a variable's mask comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MaskKind {
    /// It is the choice bit.
    Choice,
    /// It is the choice bit plus the product of two earlier masks that are choice bits, in a monomial
    /// of which the variable is then to be multiplied by no transfer of two choices.
    Merged([Variable; 2]),
    /// It is 0: the variable is the sender's own, and has no transfer.
    None,
}

/// A level, compiled.
#[derive(Default)]
pub(super) struct Level {
    variables: Vec<MaskKind>,
    gates: Vec<Gate>,
    /// Positions of each variable's keys that gates use.
    used: Vec<usize>,
}

/// One result of a level.
pub(super) struct Gate {
    pub(super) polynomial: Polynomial,
    pub(super) terms: Vec<Term>,
    /// The first of its places in a party's shares of the level's gates.
    first: usize,
}

impl Gate {
    /// How many shares a party has of it: one of its result, and one of each term.
    pub(super) fn shares(&self) -> usize {
        1 + self.terms.len()
    }

    /// Where they are among those of all gates of the level.
    pub(super) fn range(&self) -> Range<usize> {
        self.first..self.first + self.shares()
    }
}

/// A product of choice bits with a bit of the sender's.
pub(super) struct Term {
    /// The variables whose choices are multiplied, and the first of the positions of each one's key
    /// that belong to this term: 2^(factors − 1) of them.
    pub(super) factors: Vec<(Variable, usize)>,
    pub(super) payload: Polynomial,
}

impl Level {
    /// Declares a variable.
    pub(super) fn variable(&mut self, mask: MaskKind) -> Variable {
        if let MaskKind::Merged(factors) = mask {
            let plain = factors.map(|factor| self.variables[factor.0]);
            assert!(plain == [MaskKind::Choice; 2], "a merged mask has two plain factors");
        }
        self.variables.push(mask);
        self.used.push(0);
        Variable(self.variables.len() - 1)
    }

    /// Compiles a result.
    ///
    /// # Panics
    /// If the keys have no position left.
    pub(super) fn gate(&mut self, polynomial: Polynomial) {
        let terms = self.terms(&polynomial).into_iter().map(|(factors, payload)| {
            let factors = (0..self.variables.len()).filter(|i| factors >> i & 1 == 1).map(Variable);
            let factors: Vec<_> = factors.collect();
            let count = 1 << (factors.len() - 1);
            let place = |factor: Variable| {
                let first = self.used[factor.0];
                self.used[factor.0] += count;
                assert!(self.used[factor.0] <= KEY_BITS, "a key has a position for each use");
                (factor, first)
            };
            Term { factors: factors.into_iter().map(place).collect(), payload }
        });
        let terms = terms.collect();
        let first = self.gates.last().map_or(0, |gate| gate.range().end);
        self.gates.push(Gate { polynomial, terms, first });
    }

    /// What each product of choices is multiplied by.
    fn terms(&self, polynomial: &Polynomial) -> BTreeMap<u32, Polynomial> {
        let own = self.of_kind(|mask| *mask == MaskKind::None);
        let mut terms: BTreeMap<u32, Polynomial> = BTreeMap::new();
        for &monomial in polynomial.monomials() {
            let masked = monomial & !own;
            let mut factors = masked;
            while factors != 0 {
                if factors != monomial {
                    terms.entry(factors).or_default().add(monomial ^ factors);
                }
                factors = (factors - 1) & masked;
            }
        }
        for (merged, mask) in self.variables.iter().enumerate() {
            let MaskKind::Merged(below) = mask else { continue };
            let with = terms.iter().filter(|(factors, _)| *factors >> merged & 1 == 1);
            let with = with.map(|(&factors, payload)| (factors, payload.clone()));
            for (factors, payload) in with.collect::<Vec<_>>() {
                let other = terms.entry(factors & !(1 << merged) | product(below)).or_default();
                payload.0.iter().for_each(|&monomial| other.add(monomial));
            }
        }
        terms.retain(|_, payload| !payload.0.is_empty());
        terms
    }

    fn of_kind(&self, kind: impl Fn(&MaskKind) -> bool) -> u32 {
        let variables = (0..self.variables.len()).map(Variable);
        variables.filter(|v| kind(&self.variables[v.0])).fold(0, |all, v| all | v.monomial())
    }

    pub(super) fn variables(&self) -> &[MaskKind] {
        &self.variables
    }

    pub(super) fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// Positions that gates use of the keys of each transfer.
    pub(super) fn widths(&self) -> impl Iterator<Item = usize> + '_ {
        let transfers = self.variables.iter().zip(&self.used);
        transfers.filter(|(mask, _)| **mask != MaskKind::None).map(|(_, &used)| used)
    }

    /// Variables that have a transfer.
    pub(super) fn transfers(&self) -> usize {
        self.variables.iter().filter(|mask| **mask != MaskKind::None).count()
    }
}
