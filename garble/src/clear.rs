//! The interpreter that computes: the oracle of the others.

use crate::{Error, Interpreter, ring};

/// Computes a program in the clear. A share is the value itself.
#[derive(Debug, Default)]
pub struct Clear;

impl Interpreter for Clear {
    type Wire = Vec<bool>;
    type Share = Vec<u32>;
    type Revealed = Vec<bool>;

    fn xor(&mut self, a: &Vec<bool>, b: &Vec<bool>) -> Vec<bool> {
        a.iter().zip(b).map(|(a, b)| a ^ b).collect()
    }

    fn not(&mut self, a: &Vec<bool>) -> Vec<bool> {
        a.iter().map(|a| !a).collect()
    }

    fn and(&mut self, a: &Vec<bool>, b: &Vec<bool>) -> Result<Vec<bool>, Error> {
        Ok(a.iter().zip(b).map(|(a, b)| a & b).collect())
    }

    fn gather(&mut self, a: &Vec<bool>, lanes: &[u32]) -> Vec<bool> {
        lanes.iter().map(|&lane| a[lane as usize]).collect()
    }

    fn select(
        &mut self,
        select: &Vec<bool>,
        bits: &[Vec<bool>],
        terms: &[(Vec<bool>, u32)],
        ring_bits: u32,
    ) -> Result<Vec<u32>, Error> {
        let lane = |i: usize| {
            let product: u32 = bits.iter().enumerate().map(|(t, b)| u32::from(b[i]) << t).sum();
            let product = if select[i] { product } else { 0 };
            product.wrapping_add(sum(terms, i)) & ring::mask(ring_bits)
        };
        Ok((0..select.len()).map(lane).collect())
    }

    fn project(&mut self, terms: &[(Vec<bool>, u32)], ring_bits: u32) -> Result<Vec<u32>, Error> {
        let lanes = terms.first().map_or(0, |(x, _)| x.len());
        Ok((0..lanes).map(|i| sum(terms, i) & ring::mask(ring_bits)).collect())
    }

    fn sum(&mut self, shares: Vec<Vec<u32>>, constant: u32, ring_bits: u32) -> Vec<u32> {
        ring::sum(shares, constant, ring_bits)
    }

    fn reveal(&mut self, a: &Vec<bool>) -> Result<Vec<bool>, Error> {
        Ok(a.clone())
    }
}

fn sum(terms: &[(Vec<bool>, u32)], lane: usize) -> u32 {
    let values = terms.iter().map(|(x, v)| if x[lane] { *v } else { 0 });
    values.fold(0, u32::wrapping_add)
}
