//! From bits to what a party gets.

use super::arithmetic::{exceeds, multiply};
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

/// `min(max(y, 0), bound)` as shares.
pub(super) fn clip<I: Interpreter>(
    i: &mut I,
    y: &[I::Wire],
    bound: u32,
    ring_bits: u32,
) -> Result<I::Share, Error> {
    let (sign, magnitude) = y.split_last().expect("numbers have at least one bit");
    let over = exceeds(i, magnitude, bound)?;
    bounded(i, sign, magnitude, over, bound, ring_bits)
}

/// `min(max(y, 0), bound)` as shares, with `over` that says of a y ≥ 0 whether it is over the bound,
/// if any can be: with p = "neither negative nor over the bound" and q = "over the bound", p·(low
/// bits) + bound·q. q = ¬sign ⊕ p is free.
pub(super) fn bounded<I: Interpreter>(
    i: &mut I,
    sign: &I::Wire,
    magnitude: &[I::Wire],
    over: Option<I::Wire>,
    bound: u32,
    ring_bits: u32,
) -> Result<I::Share, Error> {
    let positive = i.not(sign);
    let Some(over) = over else {
        return i.select(&positive, magnitude, &[], ring_bits);
    };
    let within = i.not(&over);
    let fits = i.and(&positive, &within)?;
    let over = i.xor(&positive, &fits);
    let low = &magnitude[..(u32::BITS - bound.leading_zeros()) as usize];
    i.select(&fits, low, &[(over, bound)], ring_bits)
}

/// `t ≥ 0 ? t : (slope·t) >> slope_shift`, clamped, as shares; the slope is at most 2^slope_shift, and
/// t has more bits than slope_shift.
pub(super) fn leaky<I: Interpreter>(
    i: &mut I,
    t: &[I::Wire],
    (slope, slope_shift): (u32, u32),
    (least, most): (i32, i32),
    ring_bits: u32,
) -> Result<I::Share, Error> {
    let positive = clip(i, t, most.unsigned_abs(), ring_bits)?;
    if slope == 0 || least == 0 {
        return Ok(positive);
    }
    let even = slope.trailing_zeros();
    let (slope, slope_shift) = (slope >> even, slope_shift - even);
    let (sign, low) = t.split_last().expect("numbers have at least one bit");
    // Below 0, t = low − 2^m. slope·2^m is a multiple of 2^slope_shift, so what is rounded is the
    // product of the low bits: the result is V − K, from −K to −1.
    let product = multiply(i, low, slope)?;
    let (v, k) = (&product[slope_shift as usize..], slope << (low.len() as u32 - slope_shift));
    let negative = match k.checked_sub(least.unsigned_abs() + 1) {
        None => i.select(sign, v, &[(sign.clone(), k.wrapping_neg())], ring_bits)?,
        Some(bound) => {
            // K − 1, which V can be, is over the bound.
            let above = exceeds(i, v, bound)?.expect("the bound is at most K − 2");
            let fits = i.and(sign, &above)?;
            let under = i.xor(sign, &fits);
            let terms = [(fits.clone(), k.wrapping_neg()), (under, least as u32)];
            i.select(&fits, v, &terms, ring_bits)?
        }
    };
    Ok(i.sum(vec![positive, negative], 0, ring_bits))
}
