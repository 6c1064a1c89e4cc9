//! Functions that are looked up in public tables, by the magnitude of a number.

use super::{ACTIVATION_MAX, output};
use crate::{Error, Interpreter};

/// `min(max(y, 0) >> shift, 255) − table[min(|y|° >> index_shift, last)]` as shares.
pub(super) fn relu_minus<I: Interpreter>(
    i: &mut I,
    y: &[I::Wire],
    (shift, index_shift): (u32, u32),
    table: &[u8],
    ring_bits: u32,
) -> Result<I::Share, Error> {
    let (sign, magnitude) = magnitude(i, y);
    let index = index_shift as usize..(index_shift + table.len().trailing_zeros()) as usize;
    let clamped = shift as usize + 8;
    // One chain of ORs serves the clamp and the table.
    let from = index.end.min(clamped);
    let above = suffix_ors(i, magnitude.get(from..).unwrap_or_default())?;
    let above = |at: usize| above.get(at - from).cloned().flatten();

    let low = &y[shift as usize..y.len() - 1];
    let bound = ACTIVATION_MAX.unsigned_abs();
    let relu = output::bounded(i, &sign, low, above(clamped), bound, ring_bits)?;
    // With the largest entry in place of 0, differences from it are what is selected, and all of it is
    // subtracted from the shares, which is free.
    let largest = table.iter().copied().max().unwrap_or_default();
    let less: Vec<u8> = table.iter().map(|entry| largest - entry).collect();
    let bits = look_up(i, &magnitude[index.clone()], &less)?;
    let bump = match above(index.end) {
        None => {
            let sign = (sign, 0);
            let terms = bits.into_iter().enumerate().map(|(t, bit)| (bit, 1 << t));
            i.project(&terms.chain([sign]).collect::<Vec<_>>(), ring_bits)?
        }
        Some(above) => {
            let within = i.not(&above);
            i.select(&within, &bits, &[(above, last(&less))], ring_bits)?
        }
    };
    Ok(i.sum(vec![relu, bump], u32::from(largest).wrapping_neg(), ring_bits))
}

/// With t = table[min(|y|° >> shift, last)], `y ≥ 0 ? centre + t : centre − t` as shares.
pub(super) fn odd<I: Interpreter>(
    i: &mut I,
    y: &[I::Wire],
    shift: u32,
    table: &[u8],
    centre: i32,
    ring_bits: u32,
) -> Result<I::Share, Error> {
    let (sign, magnitude) = magnitude(i, y);
    let index = shift as usize..(shift + table.len().trailing_zeros()) as usize;
    let above = suffix_ors(i, &magnitude[index.end..])?.swap_remove(0);
    let bits = look_up(i, &magnitude[index], table)?;
    // Of c bits that are all inverted the number is 2^c − 1 − t: what a negative y has too much is
    // 2^c − 1.
    let bits: Vec<_> = bits.iter().map(|bit| i.xor(bit, &sign)).collect();
    let inverted = (1u32 << bits.len()) - 1;
    let shares = match above {
        None => {
            let terms = bits.into_iter().enumerate().map(|(t, bit)| (bit, 1 << t));
            let negative = (sign, inverted.wrapping_neg());
            i.project(&terms.chain([negative]).collect::<Vec<_>>(), ring_bits)?
        }
        Some(above) => {
            let (within, last) = (i.not(&above), last(table));
            let below = i.and(&above, &sign)?;
            let beyond = i.xor(&above, &below);
            let negative = i.xor(&sign, &below);
            let terms =
                [(negative, inverted.wrapping_neg()), (beyond, last), (below, last.wrapping_neg())];
            i.select(&within, &bits, &terms, ring_bits)?
        }
    };
    Ok(i.sum(vec![shares], centre as u32, ring_bits))
}

fn last(table: &[u8]) -> u32 {
    table.last().copied().unwrap_or_default().into()
}

/// The sign, and the other bits exclusive-or the sign.
fn magnitude<I: Interpreter>(i: &mut I, y: &[I::Wire]) -> (I::Wire, Vec<I::Wire>) {
    let (sign, low) = y.split_last().expect("numbers have at least one bit");
    (sign.clone(), low.iter().map(|bit| i.xor(bit, sign)).collect())
}

/// For each place, whether a bit there or above is 1, and None above the last bit: an AND a bit but for
/// one.
fn suffix_ors<I: Interpreter>(i: &mut I, bits: &[I::Wire]) -> Result<Vec<Option<I::Wire>>, Error> {
    let mut ors = vec![None];
    for bit in bits.iter().rev() {
        let or = match ors.last().cloned().flatten() {
            None => bit.clone(),
            Some(above) => {
                let both = i.and(&above, bit)?;
                let one = i.xor(&above, bit);
                i.xor(&one, &both)
            }
        };
        ors.push(Some(or));
    }
    ors.reverse();
    Ok(ors)
}

/// The bits of `table[index]`, as many as its largest entry has.
///
/// Each is a sum of products of index bits; the 2^b − b − 1 products of two and more bits take an AND
/// each, and the sums are free.
fn look_up<I: Interpreter>(
    i: &mut I,
    index: &[I::Wire],
    table: &[u8],
) -> Result<Vec<I::Wire>, Error> {
    // The product of the bits of every set, {} being left out: that of set s is number s − 1.
    let mut products: Vec<I::Wire> = Vec::with_capacity(table.len());
    for bit in index {
        let lower = products.len();
        products.push(bit.clone());
        for set in 0..lower {
            let product = i.and(&products[set], bit)?;
            products.push(product);
        }
    }
    let zero = i.xor(&index[0], &index[0]);
    let coefficients = polynomials(table);
    let width = table.iter().fold(0, |all, entry| all | entry).checked_ilog2();
    let mut bit = |t: u32| {
        let has = |coefficient: &u8| coefficient >> t & 1 == 1;
        let terms = products.iter().zip(&coefficients[1..]).filter(|(_, c)| has(c));
        let sum = terms.map(|(product, _)| product.clone()).reduce(|a, b| i.xor(&a, &b));
        let sum = sum.unwrap_or_else(|| zero.clone());
        if has(&coefficients[0]) { i.not(&sum) } else { sum }
    };
    Ok((0..width.map_or(0, |top| top + 1)).map(&mut bit).collect())
}

/// The polynomials over GF(2) whose values the table has, one for each bit of an entry: the
/// coefficients of the product of every set of variables, by the Möbius transform.
fn polynomials(table: &[u8]) -> Vec<u8> {
    let mut coefficients = table.to_vec();
    for variable in (0..table.len().trailing_zeros()).map(|variable| 1 << variable) {
        for set in (0..table.len()).filter(|set| set & variable != 0) {
            coefficients[set] ^= coefficients[set ^ variable];
        }
    }
    coefficients
}
