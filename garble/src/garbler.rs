//! The interpreter that garbles.

use std::borrow::Cow;

use crate::gate_hash::GateHash;
use crate::{Delta, Error, GateRange, Hash, Interpreter, Wire, ring};
use gazelle_kernels::{half_gates, hash};

/// Garbles a program. A wire holds the zero label of every lane; tables come out in program order.
pub struct Garbler<'a> {
    hash: GateHash<'a>,
    pub(crate) delta: u128,
    gate: u64,
    pub(crate) tables: Vec<u8>,
}

impl<'a> Garbler<'a> {
    /// A garbler whose gates have the numbers of `gates` and whose tables have `table_bytes` bytes,
    /// as far as that is known.
    pub fn new(hash: &'a Hash, delta: &Delta, gates: GateRange, table_bytes: usize) -> Self {
        let tables = Vec::with_capacity(table_bytes);
        let hash = GateHash::new(hash);
        Self { hash, delta: delta.expose(), gate: gates.start, tables }
    }

    /// An input wire of the program, from the zero label of every lane. Both parties make the same
    /// input wires in the same order; the labels of different ones must be independent.
    pub fn input(&mut self, zeros: impl Into<Cow<'a, [u128]>>) -> Wire<'a> {
        self.hash.source(zeros)
    }

    /// The tables of everything garbled.
    pub fn finish(self) -> Vec<u8> {
        self.tables
    }

    fn take_gates(&mut self, count: usize) -> u64 {
        let first = self.gate;
        self.gate += count as u64;
        first
    }

    /// The hashes of the labels of colour 0 and of colour 1.
    pub(crate) fn hash_colours(&mut self, wire: &Wire<'_>) -> [Vec<u128>; 2] {
        let gate = self.take_gates(wire.len());
        let (mut zeros, mut ones) = (vec![0; wire.len()], vec![0; wire.len()]);
        let hashes = [&mut zeros[..], &mut ones[..]];
        hash::hash_colours(self.hash.of(&[wire.form]), gate, self.delta, wire, hashes);
        [zeros, ones]
    }

    /// A multiple of 2^`shift` for each lane: the evaluator's share is `values`·2^`shift` of the
    /// active colour plus the garbler's share, which is added to `shares`. The hash's bits from
    /// `half` on mask it.
    fn project_colours(
        &mut self,
        hashes: &[Vec<u128>; 2],
        half: u32,
        values: impl Fn(usize) -> [u32; 2],
        shares: &mut [u32],
        (shift, width): (u32, u32),
    ) {
        let [zeros, ones] = hashes;
        let mut rows = vec![0; shares.len()];
        for (i, (row, share)) in rows.iter_mut().zip(shares).enumerate() {
            let [zero, one] = values(i);
            let own = ((zeros[i] >> half) as u32).wrapping_sub(zero);
            *row = one.wrapping_add(own).wrapping_sub((ones[i] >> half) as u32);
            *share = share.wrapping_add(own << shift);
        }
        ring::write(&rows, width, &mut self.tables);
    }

    /// Adds the garbler's shares of the terms.
    fn project_terms(&mut self, terms: &[(Wire<'a>, u32)], shares: &mut [u32], ring_bits: u32) {
        for (wire, value) in terms {
            let Some(place) = ring::place(*value, ring_bits) else { continue };
            let hashes = self.hash_colours(wire);
            let zeros = low_bits(wire);
            let value = value >> place.0;
            let values = |i: usize| [zeros[i] * value, (1 ^ zeros[i]) * value];
            self.project_colours(&hashes, 0, values, shares, place);
        }
        shares.iter_mut().for_each(|s| *s &= ring::mask(ring_bits));
    }
}

fn low_bits(wire: &[u128]) -> Vec<u32> {
    wire.iter().map(|x| *x as u32 & 1).collect()
}

impl<'a> Interpreter for Garbler<'a> {
    type Wire = Wire<'a>;
    /// S: the evaluator's share is the value plus S.
    type Share = Vec<u32>;
    type Revealed = ();

    fn xor(&mut self, a: &Wire<'a>, b: &Wire<'a>) -> Wire<'a> {
        self.hash.xor(a, b)
    }

    fn not(&mut self, a: &Wire<'a>) -> Wire<'a> {
        Wire::new(a.iter().map(|a| a ^ self.delta).collect::<Vec<u128>>(), a.form)
    }

    fn and(&mut self, a: &Wire<'a>, b: &Wire<'a>) -> Result<Wire<'a>, Error> {
        let gate = self.take_gates(2 * a.len());
        let start = self.tables.len();
        self.tables.resize(start + half_gates::TABLE_BYTES * a.len(), 0);
        let mut out = vec![0; a.len()];
        let tables = &mut self.tables[start..];
        let hash = self.hash.of(&[a.form, b.form]);
        half_gates::garble(hash, gate, self.delta, [a, b], tables, &mut out);
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
        let lanes = select.len();
        // Shares of the sum of b·r and of the sum of b·(1 − 2r).
        let (mut plain, mut crossed) = (vec![0u32; lanes], vec![0u32; lanes]);
        let selects = low_bits(select);
        for (t, bit) in (0..ring_bits).zip(bits) {
            let place = (t, ring_bits - t);
            let hashes = self.hash_colours(bit);
            let zeros = low_bits(bit);
            // The value of the bit where the active colour is 0, 1.
            let values = |i: usize| [zeros[i], 1 ^ zeros[i]];
            let product = |i: usize| values(i).map(|v| v * selects[i]);
            self.project_colours(&hashes, 0, product, &mut plain, place);
            let signed = |i: usize| values(i).map(|v| v.wrapping_sub(2 * selects[i] * v));
            self.project_colours(&hashes, 64, signed, &mut crossed, place);
        }
        let hashes = self.hash_colours(select);
        let correction = |i: usize| [0, crossed[i].wrapping_neg()];
        self.project_colours(&hashes, 0, correction, &mut plain, (0, ring_bits));
        self.project_terms(terms, &mut plain, ring_bits);
        Ok(plain)
    }

    fn project(&mut self, terms: &[(Wire<'a>, u32)], ring_bits: u32) -> Result<Vec<u32>, Error> {
        let mut shares = vec![0; terms.first().map_or(0, |(wire, _)| wire.len())];
        self.project_terms(terms, &mut shares, ring_bits);
        Ok(shares)
    }

    fn sum(&mut self, shares: Vec<Vec<u32>>, constant: u32, ring_bits: u32) -> Vec<u32> {
        ring::sum(shares, constant.wrapping_neg(), ring_bits)
    }

    fn reveal(&mut self, a: &Wire<'a>) -> Result<(), Error> {
        let byte = |lanes: &[u128]| {
            lanes.iter().enumerate().fold(0, |byte, (i, x)| byte | (*x as u8 & 1) << i)
        };
        self.tables.extend(a.chunks(8).map(byte));
        Ok(())
    }
}
