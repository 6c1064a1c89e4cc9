//! What the interpreters do with values that the garbler knows. Slices of such values are empty for
//! the interpreters that do not know them.

use crate::{Clear, Error, Evaluator, Garbler, Interpreter, Labels, Tally, ring};

/// A select wire, the bits of a number and the garbler's number.
pub(super) type Product<'k, W> = (W, Vec<W>, &'k [u32]);

pub(super) trait FieldInterpreter: Interpreter {
    /// `a ⊕ bit` with a bit for each lane; free.
    fn flip(&mut self, a: &Self::Wire, bits: &[u32]) -> Self::Wire;

    /// Additive shares of `Σ s·(Σ 2^i·bits[i] + known)` over the products, in Z_p.
    ///
    /// As [`Interpreter::select`], but with a hash for each element, of which 128 bits are reduced:
    /// they are uniform but for 2^-97.
    fn select_known(
        &mut self,
        products: &[Product<'_, Self::Wire>],
        modulus: u32,
    ) -> Result<Self::Share, Error>;
}

fn bits(modulus: u32) -> u32 {
    u32::BITS - modulus.leading_zeros()
}

/// The sum of residues' products with signs; p < 2^31, so nothing overflows.
fn reduce(value: i64, modulus: u32) -> u32 {
    value.rem_euclid(i64::from(modulus)) as u32
}

fn residue(hash: u128, modulus: u32) -> i64 {
    (hash % u128::from(modulus)) as i64
}

/// 2^t mod p.
fn power(t: usize, modulus: u32) -> i64 {
    (1i64 << t) % i64::from(modulus)
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
            let number: i64 = bits.iter().enumerate().map(|(t, b)| i64::from(b[i]) << t).sum();
            i64::from(select[i]) * (number + i64::from(known[i]))
        };
        let lane = |i| products.iter().map(|one| product(one, i)).sum();
        Ok((0..products[0].0.len()).map(|i| reduce(lane(i), modulus)).collect())
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
    /// returned garbler's share.
    fn project_known(
        &mut self,
        wire: &[u128],
        values: impl Fn(usize) -> [i64; 2],
        modulus: u32,
    ) -> Vec<i64> {
        let [zeros, ones] = self.hash_colours(wire);
        let lane = |i: usize| {
            let [zero, one] = values(i);
            let own = residue(zeros[i], modulus) - zero;
            (reduce(own, modulus), reduce(one + own - residue(ones[i], modulus), modulus))
        };
        let (shares, rows): (Vec<u32>, Vec<u32>) = (0..wire.len()).map(lane).unzip();
        ring::write(&rows, bits(modulus), &mut self.tables);
        shares.into_iter().map(i64::from).collect()
    }
}

fn add(sums: &mut [i64], values: &[i64]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

fn low_bits(wire: &[u128]) -> Vec<i64> {
    wire.iter().map(|x| *x as i64 & 1).collect()
}

impl<'a> FieldInterpreter for Garbler<'a> {
    fn flip(&mut self, a: &Labels<'a>, bits: &[u32]) -> Labels<'a> {
        let flip = |(a, bit): (&u128, &u32)| a ^ (u128::from(*bit).wrapping_neg() & self.delta);
        a.iter().zip(bits).map(flip).collect()
    }

    fn select_known(
        &mut self,
        products: &[Product<'_, Labels<'a>>],
        modulus: u32,
    ) -> Result<Vec<u32>, Error> {
        let lanes = products[0].0.len();
        let mut plain = vec![0i64; lanes];
        for (select, number, known) in products {
            let selects = low_bits(select);
            let mut crossed = vec![0i64; lanes];
            for (t, bit) in number.iter().enumerate() {
                let zeros = low_bits(bit);
                let power = power(t, modulus);
                let values = |i: usize| [zeros[i] * power, (1 ^ zeros[i]) * power];
                let product = |i: usize| values(i).map(|v| v * selects[i]);
                add(&mut plain, &self.project_known(bit, product, modulus));
                let signed = |i: usize| values(i).map(|v| v - 2 * selects[i] * v);
                add(&mut crossed, &self.project_known(bit, signed, modulus));
            }
            // The known number's product, and what cancels the garbler's share of the σ half.
            let last = |i: usize| {
                let known = i64::from(known[i]);
                [selects[i] * known, (1 ^ selects[i]) * known - crossed[i]]
            };
            add(&mut plain, &self.project_known(select, last, modulus));
        }
        Ok(plain.into_iter().map(|share| reduce(share, modulus)).collect())
    }
}

impl Evaluator<'_> {
    fn project_known(&mut self, wire: &[u128], modulus: u32) -> Result<Vec<i64>, Error> {
        let hashes = self.hash(wire);
        let bits = bits(modulus);
        let mut rows = vec![0; wire.len()];
        ring::read(self.take(wire.len() * ring::bytes(bits))?, bits, &mut rows);
        let row = |i: usize| i64::from(rows[i] & (wire[i] as u32 & 1).wrapping_neg());
        Ok((0..wire.len()).map(|i| residue(hashes[i], modulus) + row(i)).collect())
    }
}

impl<'a> FieldInterpreter for Evaluator<'a> {
    fn flip(&mut self, a: &Labels<'a>, _: &[u32]) -> Labels<'a> {
        a.clone()
    }

    fn select_known(
        &mut self,
        products: &[Product<'_, Labels<'a>>],
        modulus: u32,
    ) -> Result<Vec<u32>, Error> {
        let lanes = products[0].0.len();
        let mut plain = vec![0i64; lanes];
        for (select, number, _) in products {
            let mut crossed = vec![0i64; lanes];
            for bit in number {
                add(&mut plain, &self.project_known(bit, modulus)?);
                add(&mut crossed, &self.project_known(bit, modulus)?);
            }
            for ((share, half), label) in plain.iter_mut().zip(crossed).zip(select.iter()) {
                *share += half & (*label as i64 & 1).wrapping_neg();
            }
            add(&mut plain, &self.project_known(select, modulus)?);
        }
        Ok(plain.into_iter().map(|share| reduce(share, modulus)).collect())
    }
}
