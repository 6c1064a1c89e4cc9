//! The interpreter that evaluates garbled tables.

use crate::{Error, GateRange, Hash, Interpreter, ring};
use gazelle_kernels::{half_gates, hash};

/// Evaluates a garbled program. A wire holds the active label of every lane.
pub struct Evaluator<'a> {
    hash: &'a Hash,
    gate: u64,
    tables: &'a [u8],
}

impl<'a> Evaluator<'a> {
    /// An evaluator of `tables`, whose gates have the numbers of `gates`.
    pub fn new(hash: &'a Hash, gates: GateRange, tables: &'a [u8]) -> Self {
        Self { hash, gate: gates.start, tables }
    }

    /// Ends the evaluation.
    ///
    /// # Errors
    /// If tables are left over.
    pub fn finish(self) -> Result<(), Error> {
        match self.tables.len() {
            0 => Ok(()),
            extra => Err(Error::TablesLong { extra }),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Error> {
        let missing = bytes.saturating_sub(self.tables.len());
        let (taken, rest) =
            self.tables.split_at_checked(bytes).ok_or(Error::TablesShort { missing })?;
        self.tables = rest;
        Ok(taken)
    }

    fn hash(&mut self, wire: &[u128]) -> Vec<u128> {
        let mut labels = wire.to_vec();
        hash::hash(self.hash, self.gate, &mut labels);
        self.gate += wire.len() as u64;
        labels
    }
}

/// The evaluator's end of a projection: its hash, plus the row if the active colour is 1.
fn projected(label: u128, hash: u32, row: u32) -> u32 {
    hash.wrapping_add(row & (label as u32 & 1).wrapping_neg())
}

impl Interpreter for Evaluator<'_> {
    type Wire = Vec<u128>;
    /// The value plus the garbler's S.
    type Share = Vec<u32>;
    type Revealed = Vec<bool>;

    fn xor(&mut self, a: &Vec<u128>, b: &Vec<u128>) -> Vec<u128> {
        a.iter().zip(b).map(|(a, b)| a ^ b).collect()
    }

    fn not(&mut self, a: &Vec<u128>) -> Vec<u128> {
        a.clone()
    }

    fn and(&mut self, a: &Vec<u128>, b: &Vec<u128>) -> Result<Vec<u128>, Error> {
        let tables = self.take(half_gates::TABLE_BYTES * a.len())?;
        let mut out = vec![0; a.len()];
        half_gates::evaluate(self.hash, self.gate, [a, b], tables, &mut out);
        self.gate += 2 * a.len() as u64;
        Ok(out)
    }

    fn gather(&mut self, a: &Vec<u128>, lanes: &[u32]) -> Vec<u128> {
        lanes.iter().map(|&lane| a[lane as usize]).collect()
    }

    fn select(
        &mut self,
        select: &Vec<u128>,
        bits: &[Vec<u128>],
        terms: &[(Vec<u128>, u32)],
        ring_bits: u32,
    ) -> Result<Vec<u32>, Error> {
        let (lanes, width) = (select.len(), ring::bytes(ring_bits));
        let (mut plain, mut crossed) = (vec![0u32; lanes], vec![0u32; lanes]);
        for bit in bits {
            let hashes = self.hash(bit);
            let rows = self.take(2 * lanes * width)?;
            for (i, row) in rows.chunks_exact(2 * width).enumerate() {
                let (low, high) = row.split_at(width);
                let share = projected(bit[i], hashes[i] as u32, ring::read(low, ring_bits));
                plain[i] = plain[i].wrapping_add(share);
                let share =
                    projected(bit[i], (hashes[i] >> 64) as u32, ring::read(high, ring_bits));
                crossed[i] = crossed[i].wrapping_add(share);
            }
        }
        for i in 0..lanes {
            let half = crossed[i] & (select[i] as u32 & 1).wrapping_neg();
            plain[i] = plain[i].wrapping_add(half);
        }
        for wire in std::iter::once(select).chain(terms.iter().map(|(wire, _)| wire)) {
            let hashes = self.hash(wire);
            let rows = self.take(lanes * width)?;
            for (i, row) in rows.chunks_exact(width).enumerate() {
                let share = projected(wire[i], hashes[i] as u32, ring::read(row, ring_bits));
                plain[i] = plain[i].wrapping_add(share);
            }
        }
        plain.iter_mut().for_each(|s| *s &= ring::mask(ring_bits));
        Ok(plain)
    }

    fn reveal(&mut self, a: &Vec<u128>) -> Result<Vec<bool>, Error> {
        let colours = self.take(a.len().div_ceil(8))?;
        Ok(a.iter()
            .enumerate()
            .map(|(i, x)| (*x as u8 ^ colours[i / 8] >> (i % 8)) & 1 == 1)
            .collect())
    }
}
