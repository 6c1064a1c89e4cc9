//! The interpreter that evaluates garbled tables.

use std::borrow::Cow;
use std::hint::black_box;

use crate::gate_hash::GateHash;
use crate::{Error, GateRange, Hash, Interpreter, Wire, ring};
use gazelle_kernels::{half_gates, hash};

/// Evaluates a garbled program. A wire holds the active label of every lane.
pub struct Evaluator<'a> {
    hash: GateHash<'a>,
    gate: u64,
    tables: &'a [u8],
}

impl<'a> Evaluator<'a> {
    /// An evaluator of `tables`, whose gates have the numbers of `gates`.
    pub fn new(hash: &'a Hash, gates: GateRange, tables: &'a [u8]) -> Self {
        Self { hash: GateHash::new(hash), gate: gates.start, tables }
    }

    /// An input wire of the program, from the active label of every lane. Both parties make the same
    /// input wires in the same order.
    pub fn input(&mut self, active: impl Into<Cow<'a, [u128]>>) -> Wire<'a> {
        self.hash.source(active)
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

    pub(crate) fn take(&mut self, bytes: usize) -> Result<&'a [u8], Error> {
        let missing = bytes.saturating_sub(self.tables.len());
        let (taken, rest) =
            self.tables.split_at_checked(bytes).ok_or(Error::TablesShort { missing })?;
        self.tables = rest;
        Ok(taken)
    }

    pub(crate) fn hash(&mut self, wire: &Wire<'_>) -> Vec<u128> {
        let mut labels = wire.to_vec();
        hash::hash(self.hash.of(&[wire.form]), self.gate, &mut labels);
        self.gate += wire.len() as u64;
        labels
    }

    /// The evaluator's end of a projection: its hash from bit `HALF` on, plus the row where the
    /// active colour is 1, times 2^`shift`, is added to `shares`.
    fn project_colours<const HALF: u32>(
        &mut self,
        wire: &[u128],
        hashes: &[u128],
        shares: &mut [u32],
        (shift, width): (u32, u32),
    ) -> Result<(), Error> {
        let mut rows = vec![0; wire.len()];
        ring::read(self.take(wire.len() * ring::bytes(width))?, width, &mut rows);
        let chosen = rows.iter().zip(colour_masks(wire)).map(|(row, mask)| row & mask);
        for ((share, row), hash) in shares.iter_mut().zip(chosen).zip(hashes) {
            *share = share.wrapping_add(row.wrapping_add((hash >> HALF) as u32) << shift);
        }
        Ok(())
    }

    /// Adds the evaluator's shares of the terms.
    fn project_terms(
        &mut self,
        terms: &[(Wire<'a>, u32)],
        shares: &mut [u32],
        ring_bits: u32,
    ) -> Result<(), Error> {
        for (wire, value) in terms {
            let Some(place) = ring::place(*value, ring_bits) else { continue };
            let hashes = self.hash(wire);
            self.project_colours::<0>(wire, &hashes, shares, place)?;
        }
        shares.iter_mut().for_each(|s| *s &= ring::mask(ring_bits));
        Ok(())
    }
}

/// All bits set where the active colour is 1. The compiler must not know that there are but two
/// such masks: it would branch on them, and the garbler knows what each colour means.
fn colour_masks(wire: &[u128]) -> Vec<u32> {
    black_box(wire.iter().map(|label| (*label as u32 & 1).wrapping_neg()).collect())
}

impl<'a> Interpreter for Evaluator<'a> {
    type Wire = Wire<'a>;
    /// The value plus the garbler's S.
    type Share = Vec<u32>;
    type Revealed = Vec<bool>;

    fn xor(&mut self, a: &Wire<'a>, b: &Wire<'a>) -> Wire<'a> {
        self.hash.xor(a, b)
    }

    fn not(&mut self, a: &Wire<'a>) -> Wire<'a> {
        a.clone()
    }

    fn and(&mut self, a: &Wire<'a>, b: &Wire<'a>) -> Result<Wire<'a>, Error> {
        let tables = self.take(half_gates::TABLE_BYTES * a.len())?;
        let mut out = vec![0; a.len()];
        let hash = self.hash.of(&[a.form, b.form]);
        half_gates::evaluate(hash, self.gate, [a, b], tables, &mut out);
        self.gate += 2 * a.len() as u64;
        Ok(self.hash.source(out))
    }

    fn gather(&mut self, a: &Wire<'a>, lanes: &[u32]) -> Wire<'a> {
        self.hash.gather(a, lanes)
    }

    fn select(
        &mut self,
        select: &Wire<'a>,
        bits: &[Wire<'a>],
        terms: &[(Wire<'a>, u32)],
        ring_bits: u32,
    ) -> Result<Vec<u32>, Error> {
        let (mut plain, mut crossed) = (vec![0u32; select.len()], vec![0u32; select.len()]);
        for (t, bit) in (0..ring_bits).zip(bits) {
            let place = (t, ring_bits - t);
            let hashes = self.hash(bit);
            self.project_colours::<0>(bit, &hashes, &mut plain, place)?;
            self.project_colours::<64>(bit, &hashes, &mut crossed, place)?;
        }
        for ((share, half), mask) in plain.iter_mut().zip(crossed).zip(colour_masks(select)) {
            *share = share.wrapping_add(half & mask);
        }
        let hashes = self.hash(select);
        self.project_colours::<0>(select, &hashes, &mut plain, (0, ring_bits))?;
        self.project_terms(terms, &mut plain, ring_bits)?;
        Ok(plain)
    }

    fn project(&mut self, terms: &[(Wire<'a>, u32)], ring_bits: u32) -> Result<Vec<u32>, Error> {
        let mut shares = vec![0; terms.first().map_or(0, |(wire, _)| wire.len())];
        self.project_terms(terms, &mut shares, ring_bits)?;
        Ok(shares)
    }

    fn sum(&mut self, shares: Vec<Vec<u32>>, _: u32, ring_bits: u32) -> Vec<u32> {
        ring::sum(shares, 0, ring_bits)
    }

    fn reveal(&mut self, a: &Wire<'a>) -> Result<Vec<bool>, Error> {
        let colours = self.take(a.len().div_ceil(8))?;
        Ok(a.iter()
            .enumerate()
            .map(|(i, x)| (*x as u8 ^ colours[i / 8] >> (i % 8)) & 1 == 1)
            .collect())
    }
}
