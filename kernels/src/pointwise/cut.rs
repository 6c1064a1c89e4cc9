//! Factors cut in two parts below 2^31: where, and what their sums have room for.
//!
//! With factors cut at bit h, a = a₀ + 2^h·a₁, a product is a₀·b₀ +
//! 2^h·(a₀·b₁ + a₁·b₀) + 2^(2h)·a₁·b₁: four products of numbers below 2^31, summed by their weight.
//! Only a finished sum is reduced, by Barrett's quotient.

use super::terms_below;

/// What sums of cut factors are reduced with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    pub(super) q: u64,
    /// The length of q in bits, b: 2^(b−1) ≤ q < 2^b.
    pub(super) bits: u32,
    /// ⌊(2^(b+63) − 1) / q⌋, from 2^63 on.
    pub(super) inverse: u64,
    /// Terms between reductions.
    pub(super) terms: usize,
}

impl Constants {
    /// For q from 2^31 on.
    pub(super) fn new(q: u64) -> Self {
        let bits = q.ilog2() + 1;
        let inverse = (((1u128 << (bits + 63)) - 1) / u128::from(q)) as u64;
        Self { q, bits, inverse, terms: terms(q, bits) }
    }
}

/// Where factors of `bits` bits are cut: both parts are below 2^31.
pub(super) const fn cut(bits: u32) -> u32 {
    if bits > 61 { 31 } else { 30 }
}

/// How many products fit beside a start below q: the low and the middle word below 2^64, the middle
/// one with the carry of the low one, and the sum shifted right by b − 1 below 2^64 (where the quotient comes from).
fn terms(q: u64, bits: u32) -> usize {
    let cut = cut(bits);
    let (low, high) = ((1u64 << cut) - 1, (q - 1) >> cut);
    let low_word = (u64::MAX - q) / (low * low);
    let middle_word = (u64::MAX - (u64::MAX >> cut)) / 2 / (low * high).max(1);
    let words = usize::try_from(low_word.min(middle_word)).unwrap_or(usize::MAX);
    words.min(terms_below(bits + 63, q))
}
