//! The logic of an activation, compiled when a layer is planned.
//!
//! With H the high digits and the sign bit of a + b without the carry C from below, c the carry out of
//! the low digits, G and Q whether the middle digits generate a carry or propagate c:
//!
//! ```text
//! C = G ⊕ Q·c        P = [y is in 0 .. 2^(f+c)] = P0·(1 ⊕ C) ⊕ P1·C,   P0 = [H = 0], P1 = [H is all ones]
//! R = P·c            Z = [y < 0] = Z0 ⊕ S·C
//! W = P·C = P1·C     x = P·A + P·B + R − 2^c·W + (2^c − 1)·(1 − Z)
//! ```
//!
//! for the middle digits A of a, less 2^c − 1, and B of b. Level 2 makes of the digits what the client
//! masks (c, Q, G, P0, P1, S and, of several high digits, V), level 3 of these P, R, Z and W.
//!
//! A *maximum* is a part of this. Of y = x₁ − x₂, with c middle digits and the sign bit alone, it
//! takes Z = t ⊕ G for the sum t of the sign bits, and yields Z·(x₂ − x₁), so that x₁ and the result
//! are the larger of x₁ and x₂.

use super::digit::Digit;
use super::gate::{Level, MaskKind, Polynomial, Variable, product};
use super::shape::Digits;

/// P, Z, W and R.
pub(super) const MOST_OPENED: usize = 4;

/// The gates and variables of an activation, or of a maximum.
pub(super) struct Program {
    pub(super) digits: Digits,
    /// k': bits of the ring of the results.
    pub(super) out_bits: u32,
    pub(super) level2: Level2,
    pub(super) level3: Level3,
}

/// Variables of one part's digits: generates, and propagates.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) generates: Vec<Option<Variable>>,
    pub(super) propagates: Vec<Option<Variable>>,
}

/// Level 2: the server has the masks.
pub(super) struct Level2 {
    pub(super) level: Level,
    pub(super) low: Chain,
    pub(super) middle: Chain,
    /// What tells whether a value is clamped; nothing does of a maximum.
    pub(super) top: Option<Top>,
    /// What each gate yields.
    pub(super) results: Vec<Result2>,
}

/// Variables of the high digits and the sign bit.
pub(super) struct Top {
    /// Whether each high digit is as a sum of 0 below it makes it 0.
    pub(super) zeros: Vec<Variable>,
    /// Propagates of all high digits, generates of all but the top one.
    pub(super) high: Chain,
    /// The sum of the sign bits.
    pub(super) sign: Variable,
    /// The client's own: 1 unless there is a carry into the sign bit if all high digits sum to 0.
    pub(super) no_carry: Variable,
}

/// Results of level 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Result2 {
    /// c.
    CarryOfLow,
    /// Q.
    Propagates,
    /// G.
    Generates,
    /// P0.
    IsZero,
    /// P1.
    IsOnes,
    /// S: the high digits propagate a carry.
    HighPropagates,
    /// V: a carry from within the high digits.
    HighCarry,
}

/// Level 3: the client has the masks.
pub(super) struct Level3 {
    pub(super) level: Level,
    /// G.
    pub(super) generates: Variable,
    /// Nothing of a maximum.
    pub(super) clamp: Option<ClampVariables>,
}

/// Variables of level 3 that are about the bounds of a clamp.
#[derive(Clone, Copy)]
pub(super) struct ClampVariables {
    /// c and Q, X = G ⊕ Q and P0, if there are low digits.
    pub(super) low: Option<LowVariables>,
    /// P1.
    pub(super) is_ones: Variable,
    /// D = P0 ⊕ P1.
    pub(super) differs: Variable,
    /// S.
    pub(super) high_propagates: Variable,
}

/// Variables of level 3 that are about the carry from the low digits.
#[derive(Clone, Copy)]
pub(super) struct LowVariables {
    pub(super) carry: Variable,
    pub(super) propagates: Variable,
    pub(super) one_of: Variable,
    pub(super) is_zero: Variable,
}

impl Program {
    pub(super) fn new(digits: Digits, out_bits: u32) -> Self {
        let (level2, level3) = (Level2::new(&digits), Level3::new(!digits.low.is_empty()));
        Self { digits, out_bits, level2, level3 }
    }

    /// Of the difference of two values of c bits, cut into `digits`.
    pub(super) fn maximum(digits: Vec<usize>, out_bits: u32) -> Self {
        let digits = Digits { low: Vec::new(), middle: digits, high: Vec::new() };
        let (level2, level3) = (Level2::maximum(&digits), Level3::maximum());
        Self { digits, out_bits, level2, level3 }
    }

    pub(super) fn is_maximum(&self) -> bool {
        self.level3.clamp.is_none()
    }

    /// Whether a high digit is looked up with what the client knows of those below it.
    pub(super) fn is_selected(&self, high: usize) -> bool {
        high > 0 && self.digits.high[high] > 1
    }

    /// High digits that are.
    pub(super) fn selected(&self) -> usize {
        (0..self.digits.high.len()).filter(|&high| self.is_selected(high)).count()
    }

    /// Whether there are low digits.
    pub(super) fn has_low(&self) -> bool {
        !self.digits.low.is_empty()
    }

    /// Bits that the client and the server hide for the other one to know their sum: P, Z, W and,
    /// if there are low digits, R; only Z of a maximum. At most [`MOST_OPENED`].
    pub(super) fn opened(&self) -> usize {
        if self.is_maximum() { 1 } else { 3 + usize::from(self.has_low()) }
    }

    /// Transfers that each lane takes: with the client as their sender, and with the server.
    pub(super) fn transfers(&self) -> [usize; 2] {
        let digits: usize = self.digits.all().map(Digit::transfers).sum();
        let up = digits + self.level2.level.transfers() + 1;
        [up, self.level3.level.transfers() + self.opened() + self.selected()]
    }

    /// Messages of the preparation that the client sends.
    pub(super) fn offline_rounds(&self) -> usize {
        self.digits.all().map(Digit::messages).max().expect("a middle digit")
    }
}

impl Chain {
    /// Of `count` digits; with the propagate of the lowest one, if asked for.
    fn new(level: &mut Level, count: usize, with_lowest: bool) -> Self {
        let mut chain = Self { generates: vec![None; count], propagates: vec![None; count] };
        if count <= 1 {
            return chain;
        }
        for digit in 0..count {
            if digit > 0 || with_lowest {
                chain.propagates[digit] = Some(level.variable(MaskKind::Choice));
            }
        }
        for digit in 0..count - 1 {
            // The carry into digit 2 is g₁ ⊕ q₁g₀: with its mask, one product less.
            let below = (digit == 1).then(|| [chain.propagates[1], chain.generates[0]]);
            let kind = match below {
                Some([Some(propagate), Some(generate)]) => MaskKind::Merged([propagate, generate]),
                _ => MaskKind::Choice,
            };
            chain.generates[digit] = Some(level.variable(kind));
        }
        chain
    }

    /// The carry out of the digits, without the generate of the top one.
    fn carry(&self) -> Polynomial {
        let (mut carry, mut prefix) = (Polynomial::default(), 0);
        for digit in (1..self.generates.len()).rev() {
            let known = "all but the top one generate, all but the lowest one propagate";
            prefix |= self.propagates[digit].expect(known).monomial();
            carry.add(prefix | self.generates[digit - 1].expect(known).monomial());
        }
        carry
    }

    /// Whether all digits propagate; nothing if there is only one.
    fn propagates(&self) -> Polynomial {
        let all: Option<Vec<Variable>> = self.propagates.iter().copied().collect();
        all.map_or_else(Polynomial::default, |all| [product(&all)].into())
    }
}

impl Level2 {
    fn new(digits: &Digits) -> Self {
        let (mut level, high_digits) = (Level::default(), digits.high.len());
        let low = Chain::new(&mut level, digits.low.len(), false);
        let middle = Chain::new(&mut level, digits.middle.len(), !digits.low.is_empty());
        let mut variables = |count: usize| -> Vec<Variable> {
            (0..count).map(|_| level.variable(MaskKind::Choice)).collect()
        };
        let (zeros, propagates) = (variables(high_digits), variables(high_digits));
        let generates = variables(high_digits.saturating_sub(1));
        let sign = level.variable(MaskKind::Choice);
        let no_carry = level.variable(MaskKind::None);
        let (zero, ones) = (product(&zeros), product(&propagates));
        let high = Chain {
            generates: generates.into_iter().map(Some).chain(zeros.first().map(|_| None)).collect(),
            propagates: propagates.into_iter().map(Some).collect(),
        };

        let mut gates = Vec::new();
        if !digits.low.is_empty() {
            gates.push((Result2::CarryOfLow, low.carry()));
            gates.push((Result2::Propagates, middle.propagates()));
        }
        gates.push((Result2::Generates, middle.carry()));
        let is_zero = [zero | sign.monomial(), zero | no_carry.monomial()].into();
        gates.push((Result2::IsZero, is_zero));
        gates.push((Result2::IsOnes, [ones | sign.monomial()].into()));
        let propagates = if high_digits > 0 { [ones].into() } else { Polynomial::default() };
        gates.push((Result2::HighPropagates, propagates));
        if high_digits > 1 {
            gates.push((Result2::HighCarry, high.carry()));
        }
        let mut results = Vec::new();
        for (result, polynomial) in gates {
            level.gate(polynomial);
            results.push(result);
        }
        let top = Some(Top { zeros, high, sign, no_carry });
        Self { level, low, middle, top, results }
    }

    fn maximum(digits: &Digits) -> Self {
        let mut level = Level::default();
        let middle = Chain::new(&mut level, digits.middle.len(), false);
        level.gate(middle.carry());
        let (low, results) = (Chain::default(), vec![Result2::Generates]);
        Self { level, low, middle, top: None, results }
    }
}

impl Level3 {
    /// Gates: P without P0, Z without Z0, W, and R if there are low digits.
    fn new(has_low: bool) -> Self {
        let mut level = Level::default();
        let carry = has_low.then(|| level.variable(MaskKind::Choice));
        let propagates = has_low.then(|| level.variable(MaskKind::Choice));
        let generates = level.variable(match (propagates, carry) {
            (Some(propagates), Some(carry)) => MaskKind::Merged([propagates, carry]),
            _ => MaskKind::Choice,
        });
        let [is_ones, differs, high_propagates] =
            std::array::from_fn(|_| level.variable(MaskKind::Choice));
        let low = carry.zip(propagates).map(|(carry, propagates)| {
            let one_of = level.variable(MaskKind::Choice);
            let is_zero = level.variable(MaskKind::Merged([differs, one_of]));
            LowVariables { carry, propagates, one_of, is_zero }
        });
        for factor in [differs, high_propagates, is_ones] {
            let mut times_carry: Polynomial = [product(&[factor, generates])].into();
            if let Some(low) = low {
                times_carry.add(product(&[factor, low.propagates, low.carry]));
            }
            level.gate(times_carry);
        }
        if let Some(LowVariables { carry, one_of, is_zero, .. }) = low {
            let with = [product(&[carry, is_zero]), product(&[carry, differs, one_of])];
            level.gate(with.into());
        }
        let clamp = Some(ClampVariables { low, is_ones, differs, high_propagates });
        Self { level, generates, clamp }
    }

    /// One gate: Z without the sum of the sign bits.
    fn maximum() -> Self {
        let mut level = Level::default();
        let generates = level.variable(MaskKind::Choice);
        level.gate([generates.monomial()].into());
        Self { level, generates, clamp: None }
    }
}
