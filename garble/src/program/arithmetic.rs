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
    if bound.checked_shr(a.len() as u32).is_some_and(|above| above != 0) {
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

/// a·c, unsigned and without loss, for an odd c of at most as many bits as a has: one AND a bit of a
/// for each one of c but the first.
pub(super) fn multiply<I: Interpreter>(
    i: &mut I,
    a: &[I::Wire],
    c: u32,
) -> Result<Vec<I::Wire>, Error> {
    let mut product = a.to_vec();
    for place in (1..u32::BITS).filter(|place| c >> place & 1 == 1) {
        let high = product.split_off(place as usize);
        product.extend(widening_add(i, a, &high)?);
    }
    Ok(product)
}

/// a + b, unsigned and with the carry as its last bit, where b has from one to as many bits as a: one
/// AND a bit of a.
fn widening_add<I: Interpreter>(
    i: &mut I,
    a: &[I::Wire],
    b: &[I::Wire],
) -> Result<Vec<I::Wire>, Error> {
    let mut sums = vec![i.xor(&a[0], &b[0])];
    let mut carry = i.and(&a[0], &b[0])?;
    for (t, x) in a.iter().enumerate().skip(1) {
        let xc = i.xor(x, &carry);
        match b.get(t) {
            Some(y) => {
                let yc = i.xor(y, &carry);
                sums.push(i.xor(&xc, y));
                let change = i.and(&xc, &yc)?;
                carry = i.xor(&carry, &change);
            }
            None => {
                sums.push(xc);
                carry = i.and(x, &carry)?;
            }
        }
    }
    sums.push(carry);
    Ok(sums)
}

/// a − b mod 2^k, as ¬(¬a + b): k − 1 ANDs.
pub(super) fn subtract<I: Interpreter>(
    i: &mut I,
    a: &[I::Wire],
    b: &[I::Wire],
) -> Result<Vec<I::Wire>, Error> {
    let inverted: Vec<_> = a.iter().map(|bit| i.not(bit)).collect();
    let sum = add(i, &inverted, b)?;
    Ok(sum.iter().map(|bit| i.not(bit)).collect())
}
