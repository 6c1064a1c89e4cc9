//! From bits to what a party gets.

use super::arithmetic::exceeds;
use crate::{Error, Interpreter};

/// Shows bits to the evaluator.
pub(super) fn reveal<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
) -> Result<Vec<I::Revealed>, Error> {
    bits.iter().map(|bit| i.reveal(bit)).collect()
}

/// A signed number as shares.
pub(super) fn signed<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    ring_bits: u32,
) -> Result<I::Share, Error> {
    let weight = |t: usize| if t + 1 == bits.len() { (1u32 << t).wrapping_neg() } else { 1 << t };
    let terms: Vec<_> = bits.iter().enumerate().map(|(t, bit)| (bit.clone(), weight(t))).collect();
    i.project(&terms, ring_bits)
}

/// `min(max(y, 0), bound)` as shares: with p = "neither negative nor over the bound" and q = "over
/// the bound", p·(low bits) + bound·q. q = ¬sign ⊕ p is free.
pub(super) fn clip<I: Interpreter>(
    i: &mut I,
    y: &[I::Wire],
    bound: u32,
    ring_bits: u32,
) -> Result<I::Share, Error> {
    let (sign, magnitude) = y.split_last().expect("numbers have at least one bit");
    let positive = i.not(sign);
    let Some(over) = exceeds(i, magnitude, bound)? else {
        return i.select(&positive, magnitude, &[], ring_bits);
    };
    let within = i.not(&over);
    let fits = i.and(&positive, &within)?;
    let over = i.xor(&positive, &fits);
    let low = &magnitude[..(u32::BITS - bound.leading_zeros()) as usize];
    i.select(&fits, low, &[(over, bound)], ring_bits)
}
