//! The interpreter that counts.

use crate::{Error, GateRange, Interpreter, ring};

/// Counts what a program costs. A wire is its number of lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// AND gates, one per lane.
    pub ands: u64,
    /// Bytes of tables, projections and revealed bits.
    pub table_bytes: usize,
    /// Gate numbers consumed.
    pub gates: u64,
}

impl Tally {
    /// Whether a range has as many gate numbers as were counted.
    pub(crate) fn check(&self, gates: &GateRange) -> Result<(), Error> {
        let (expected, found) = (self.gates, gates.count);
        if found == expected { Ok(()) } else { Err(Error::GateRange { expected, found }) }
    }
}

impl Interpreter for Tally {
    type Wire = usize;
    type Share = usize;
    type Revealed = usize;

    fn xor(&mut self, a: &usize, _: &usize) -> usize {
        *a
    }

    fn not(&mut self, a: &usize) -> usize {
        *a
    }

    fn and(&mut self, a: &usize, _: &usize) -> Result<usize, Error> {
        self.ands += *a as u64;
        self.gates += 2 * *a as u64;
        self.table_bytes += 32 * a;
        Ok(*a)
    }

    fn gather(&mut self, _: &usize, lanes: &[u32]) -> usize {
        lanes.len()
    }

    fn select(
        &mut self,
        select: &usize,
        bits: &[usize],
        terms: &[(usize, u32)],
        ring_bits: u32,
    ) -> Result<usize, Error> {
        let bits = bits.len().min(ring_bits as usize);
        let elements: usize = (0..bits as u32).map(|t| 2 * ring::bytes(ring_bits - t)).sum();
        self.gates += (select * (bits + 1)) as u64;
        self.table_bytes += select * (elements + ring::bytes(ring_bits));
        self.project(terms, ring_bits)?;
        Ok(*select)
    }

    fn project(&mut self, terms: &[(usize, u32)], ring_bits: u32) -> Result<usize, Error> {
        for (lanes, value) in terms {
            if let Some((_, width)) = ring::place(*value, ring_bits) {
                self.gates += *lanes as u64;
                self.table_bytes += lanes * ring::bytes(width);
            }
        }
        Ok(terms.first().map_or(0, |(lanes, _)| *lanes))
    }

    fn sum(&mut self, shares: Vec<usize>, _: u32, _: u32) -> usize {
        shares[0]
    }

    fn reveal(&mut self, a: &usize) -> Result<usize, Error> {
        self.table_bytes += a.div_ceil(8);
        Ok(*a)
    }
}
