//! What the interpreters do with values that the garbler knows. Slices of such values are empty for
//! the interpreters that do not know them.

use subtle::{Choice, ConditionallySelectable};

use super::residue::{add, from_hash, power, reduce, subtract, times};
use crate::{Clear, Error, Evaluator, Garbler, Interpreter, Tally, Wire, ring};

/// A select wire, the bits of a number and the garbler's number.
pub(super) type Product<'k, W> = (W, Vec<W>, &'k [u32]);

pub(super) trait FieldInterpreter: Interpreter {
    /// `a ⊕ bit` with a bit for each lane; free.
    fn flip(&mut self, a: &Self::Wire, bits: &[u32]) -> Self::Wire;

    /// Additive shares of `Σ s·(Σ 2^i·bits[i] + known)` over the products, in Z_p.
    ///
    /// As [`Interpreter::select`], but with a hash for each element, whose 128 bits give a number
    /// that is uniform but for 2^-97.
    fn select_known(
        &mut self,
        products: &[Product<'_, Self::Wire>],
        modulus: u32,
    ) -> Result<Self::Share, Error>;
}

fn bits(modulus: u32) -> u32 {
    u32::BITS - modulus.leading_zeros()
}

impl FieldInterpreter for Clear {
    fn flip(&mut self, a: &Vec<bool>, bits: &[u32]) -> Vec<bool> {
        a.iter().zip(bits).map(|(a, bit)| a ^ (*bit == 1)).collect()
    }

    fn select_known(
        &mut self,
        products: &[Product<'_, Vec<bool>>],
        modulus: u32,
    ) -> Result<Vec<u32>, Error> {
        let product = |(select, bits, known): &Product<'_, Vec<bool>>, i: usize| {
            let number: u64 = bits.iter().enumerate().map(|(t, b)| u64::from(b[i]) << t).sum();
            u64::from(select[i]) * (number + u64::from(known[i]))
        };
        let lane = |i| products.iter().map(|one| product(one, i)).sum::<u64>();
        Ok((0..products[0].0.len()).map(|i| (lane(i) % u64::from(modulus)) as u32).collect())
    }
}

impl FieldInterpreter for Tally {
    fn flip(&mut self, a: &usize, _: &[u32]) -> usize {
        *a
    }

    fn select_known(
        &mut self,
        products: &[Product<'_, usize>],
        modulus: u32,
    ) -> Result<usize, Error> {
        for (lanes, number, _) in products {
            let elements = lanes * (2 * number.len() + 1);
            self.gates += elements as u64;
            self.table_bytes += elements * ring::bytes(bits(modulus));
        }
        Ok(products[0].0)
    }
}

impl Garbler<'_> {
    /// An element for each lane: the evaluator's share is the value of the active colour plus the
    /// garbler's share, which is added to `shares`.
    fn project_known(
        &mut self,
        wire: &Wire<'_>,
        values: impl Fn(usize) -> [u32; 2],
        shares: &mut [u32],
        p: u32,
    ) {
        let [zeros, ones] = self.hash_colours(wire);
        let mut rows = vec![0; wire.len()];
        for (i, (row, share)) in rows.iter_mut().zip(shares).enumerate() {
            let [zero, one] = values(i);
            let own = subtract(from_hash(zeros[i], p), zero, p);
            *row = subtract(add(one, own, p), from_hash(ones[i], p), p);
            *share = add(*share, own, p);
        }
        ring::write(&rows, bits(p), &mut self.tables);
    }
}

fn low_bits(wire: &[u128]) -> Vec<u32> {
    wire.iter().map(|x| *x as u32 & 1).collect()
}

impl<'a> FieldInterpreter for Garbler<'a> {
    fn flip(&mut self, a: &Wire<'a>, bits: &[u32]) -> Wire<'a> {
        let flip = |(a, bit): (&u128, &u32)| {
            a ^ u128::conditional_select(&0, &self.delta, Choice::from(*bit as u8))
        };
        Wire::new(a.iter().zip(bits).map(flip).collect::<Vec<u128>>(), a.form)
    }

    fn select_known(
        &mut self,
        products: &[Product<'_, Wire<'a>>],
        p: u32,
    ) -> Result<Vec<u32>, Error> {
        let lanes = products[0].0.len();
        let mut plain = vec![0; lanes];
        for (select, number, known) in products {
            let selects = low_bits(select);
            let mut crossed = vec![0; lanes];
            for (t, bit) in number.iter().enumerate() {
                let zeros = low_bits(bit);
                let power = power(t, p);
                let values = |i: usize| [zeros[i], 1 ^ zeros[i]].map(|bit| times(power, bit));
                let product = |i: usize| values(i).map(|v| times(v, selects[i]));
                self.project_known(bit, product, &mut plain, p);
                // v·(1 − 2r), by masks.
                let signed = |i: usize| {
                    values(i).map(|v| subtract(times(v, 1 ^ selects[i]), times(v, selects[i]), p))
                };
                self.project_known(bit, signed, &mut crossed, p);
            }
            // The known number's product, and what cancels the garbler's share of the σ half.
            let last = |i: usize| {
                let [zero, one] = [selects[i], 1 ^ selects[i]].map(|bit| times(known[i], bit));
                [zero, subtract(one, crossed[i], p)]
            };
            self.project_known(select, last, &mut plain, p);
        }
        Ok(plain)
    }
}

impl Evaluator<'_> {
    /// The evaluator's end of a projection, added to `shares`.
    fn project_known(&mut self, wire: &Wire<'_>, shares: &mut [u32], p: u32) -> Result<(), Error> {
        let hashes = self.hash(wire);
        let mut rows = vec![0; wire.len()];
        ring::read(self.take(wire.len() * ring::bytes(bits(p)))?, bits(p), &mut rows);
        for (i, share) in shares.iter_mut().enumerate() {
            // A row has no more bits than p, so it is below 2p.
            let row = times(reduce(rows[i], p), wire[i] as u32 & 1);
            *share = add(*share, add(row, from_hash(hashes[i], p), p), p);
        }
        Ok(())
    }
}

impl<'a> FieldInterpreter for Evaluator<'a> {
    fn flip(&mut self, a: &Wire<'a>, _: &[u32]) -> Wire<'a> {
        a.clone()
    }

    fn select_known(
        &mut self,
        products: &[Product<'_, Wire<'a>>],
        p: u32,
    ) -> Result<Vec<u32>, Error> {
        let lanes = products[0].0.len();
        let mut plain = vec![0; lanes];
        for (select, number, _) in products {
            let mut crossed = vec![0; lanes];
            for bit in number {
                self.project_known(bit, &mut plain, p)?;
                self.project_known(bit, &mut crossed, p)?;
            }
            for ((share, half), label) in plain.iter_mut().zip(crossed).zip(select.iter()) {
                *share = add(*share, times(half, *label as u32 & 1), p);
            }
            self.project_known(select, &mut plain, p)?;
        }
        Ok(plain)
    }
}
