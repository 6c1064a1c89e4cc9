//! The language of vector programs.

use crate::Error;

/// Runs a vector program. A wire is one bit of N lanes; all wires of an operation have as many.
pub trait Interpreter {
    /// One bit of N lanes.
    type Wire: Clone;
    /// An additive share of a value in Z_{2^w} for each lane.
    type Share;
    /// Bits that the evaluator learns.
    type Revealed;

    /// `a ⊕ b`; free.
    fn xor(&mut self, a: &Self::Wire, b: &Self::Wire) -> Self::Wire;

    /// `¬a`; free.
    fn not(&mut self, a: &Self::Wire) -> Self::Wire;

    /// `a ∧ b`: 32 bytes a lane.
    ///
    /// # Errors
    /// If the tables end too early.
    fn and(&mut self, a: &Self::Wire, b: &Self::Wire) -> Result<Self::Wire, Error>;

    /// Lane i of the result is lane `lanes[i]` of `a`; free. Under [`crate::HashKind::Mitccrh`], after
    /// any gather but of one of several equal parts of a wire each lane has a key of its own.
    fn gather(&mut self, a: &Self::Wire, lanes: &[u32]) -> Self::Wire;

    /// Additive shares of `s·Σ 2^i·bits[i] + Σ v·x` over the `terms` (x, v), in Z_{2^w}.
    ///
    /// The product is taken as two halves: with r the colour of the select wire's zero label, which
    /// the garbler knows, and σ the active colour, which the evaluator knows,
    /// b·s = b·r + σ·b·(1 − 2r). Each bit is projected to shares of both coefficients under one
    /// hash, and one more element cancels the garbler's share of the σ half. What is multiplied by
    /// 2^i is sent modulo 2^{w−i}, in whole bytes; bits and terms that are multiples of 2^w cost
    /// nothing.
    ///
    /// # Errors
    /// If the tables end too early.
    fn select(
        &mut self,
        select: &Self::Wire,
        bits: &[Self::Wire],
        terms: &[(Self::Wire, u32)],
        ring_bits: u32,
    ) -> Result<Self::Share, Error>;

    /// Additive shares of `Σ v·x` over the `terms` (x, v), in Z_{2^w}: one hash of each label and one
    /// ring element a term, modulo 2^{w−i} if 2^i divides v.
    ///
    /// # Errors
    /// If the tables end too early.
    fn project(
        &mut self,
        terms: &[(Self::Wire, u32)],
        ring_bits: u32,
    ) -> Result<Self::Share, Error>;

    /// Additive shares of the sum of some shared values, at least one, and a public constant, in
    /// Z_{2^w}; free.
    fn sum(&mut self, shares: Vec<Self::Share>, constant: u32, ring_bits: u32) -> Self::Share;

    /// Shows the wire to the evaluator: one bit a lane.
    ///
    /// # Errors
    /// If the tables end too early.
    fn reveal(&mut self, a: &Self::Wire) -> Result<Self::Revealed, Error>;
}
