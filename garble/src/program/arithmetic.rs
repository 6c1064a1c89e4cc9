//! Sums, comparisons and choices of numbers, as bits from the lowest on.

use crate::{Error, Interpreter};

/// a + b mod 2^k by a carry chain: k − 1 ANDs.
pub(super) fn add<I: Interpreter>(
    i: &mut I,
    a: &[I::Wire],
    b: &[I::Wire],
) -> Result<Vec<I::Wire>, Error> {
    let mut sums = Vec::with_capacity(a.len());
    let mut carry: Option<I::Wire> = None;
    for (t, (x, y)) in a.iter().zip(b).enumerate() {
        let (xc, yc) = match &carry {
            None => (x.clone(), y.clone()),
            Some(c) => (i.xor(x, c), i.xor(y, c)),
        };
        sums.push(i.xor(&xc, y));
        if t + 1 < a.len() {
            // The majority of x, y and c: ((x ⊕ c) ∧ (y ⊕ c)) ⊕ c.
            let both = i.and(&xc, &yc)?;
            carry = Some(match &carry {
                None => both,
                Some(c) => i.xor(&both, c),
            });
        }
    }
    Ok(sums)
}

/// Whether a > b as signed numbers: one AND a bit.
pub(super) fn greater<I: Interpreter>(
    i: &mut I,
    a: &[I::Wire],
    b: &[I::Wire],
) -> Result<I::Wire, Error> {
    let last = a.len() - 1;
    let mut result: Option<I::Wire> = None;
    for (t, (x, y)) in a.iter().zip(b).enumerate() {
        // A sign bit of 1 is the smaller one.
        let x = if t == last { i.not(x) } else { x.clone() };
        let y = if t == last { i.not(y) } else { y.clone() };
        let differ = i.xor(&x, &y);
        result = Some(match result {
            None => i.and(&differ, &x)?,
            // Where the bits differ x decides, else the lower bits do.
            Some(lower) => {
                let change = i.xor(&x, &lower);
                let change = i.and(&differ, &change)?;
                i.xor(&lower, &change)
            }
        });
    }
    Ok(result.expect("numbers have at least one bit"))
}

/// `s ? a : b`, one AND a bit.
pub(super) fn mux<I: Interpreter>(
    i: &mut I,
    s: &I::Wire,
    a: &[I::Wire],
    b: &[I::Wire],
) -> Result<Vec<I::Wire>, Error> {
    let mut out = Vec::with_capacity(a.len());
    for (x, y) in a.iter().zip(b) {
        let differ = i.xor(x, y);
        let change = i.and(s, &differ)?;
        out.push(i.xor(y, &change));
    }
    Ok(out)
}

/// Whether a > `bound` as unsigned numbers, or None if no a of so many bits is: one AND a bit, but
/// none for the bound's lowest zero bit and the ones below it.
pub(super) fn exceeds<I: Interpreter>(
    i: &mut I,
    a: &[I::Wire],
    bound: u32,
) -> Result<Option<I::Wire>, Error> {
    if bound >> a.len() != 0 {
        return Ok(None);
    }
    let mut result: Option<I::Wire> = None;
    for (t, bit) in a.iter().enumerate() {
        result = match (result, bound >> t & 1 == 1) {
            (None, true) => None,
            (None, false) => Some(bit.clone()),
            (Some(lower), true) => Some(i.and(&lower, bit)?),
            // The lower bits decide where the bit is 0: ¬(¬lower ∧ ¬bit).
            (Some(lower), false) => {
                let (lower, bit) = (i.not(&lower), i.not(bit));
                let neither = i.and(&lower, &bit)?;
                Some(i.not(&neither))
            }
        };
    }
    Ok(result)
}

/// Where `s`, exchanges a and b: one AND a bit. Returns the two.
pub(super) fn exchange<I: Interpreter>(
    i: &mut I,
    s: &I::Wire,
    a: &[I::Wire],
    b: &[I::Wire],
) -> Result<[Vec<I::Wire>; 2], Error> {
    let (mut first, mut second) = (Vec::with_capacity(a.len()), Vec::with_capacity(a.len()));
    for (x, y) in a.iter().zip(b) {
        let differ = i.xor(x, y);
        let change = i.and(s, &differ)?;
        first.push(i.xor(x, &change));
        second.push(i.xor(y, &change));
    }
    Ok([first, second])
}
