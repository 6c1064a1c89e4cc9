//! The interpreter that garbles.

use crate::{Delta, Error, GateRange, Hash, Interpreter, ring};
use gazelle_kernels::{half_gates, hash};

/// Garbles a program. A wire holds the zero label of every lane; tables come out in program order.
pub struct Garbler<'a> {
    hash: &'a Hash,
    delta: u128,
    gate: u64,
    tables: Vec<u8>,
}

impl<'a> Garbler<'a> {
    /// A garbler whose gates have the numbers of `gates`.
    pub fn new(hash: &'a Hash, delta: &Delta, gates: GateRange) -> Self {
        Self { hash, delta: delta.expose(), gate: gates.start, tables: Vec::new() }
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
    fn hash_colours(&mut self, wire: &[u128]) -> [Vec<u128>; 2] {
        let gate = self.take_gates(wire.len());
        let (mut zeros, mut ones) = (vec![0; wire.len()], vec![0; wire.len()]);
        let hashes = [&mut zeros[..], &mut ones[..]];
        hash::hash_colours(self.hash, gate, self.delta, wire, hashes);
        [zeros, ones]
    }

    /// One ring element: the evaluator's share is `of[colour]` plus the result.
    fn project(&mut self, hashes: [u32; 2], of: [u32; 2], ring_bits: u32) -> u32 {
        let share = hashes[0].wrapping_sub(of[0]);
        ring::write(of[1].wrapping_add(share).wrapping_sub(hashes[1]), ring_bits, &mut self.tables);
        share
    }
}

impl Interpreter for Garbler<'_> {
    type Wire = Vec<u128>;
    /// S: the evaluator's share is the value plus S.
    type Share = Vec<u32>;
    type Revealed = ();

    fn xor(&mut self, a: &Vec<u128>, b: &Vec<u128>) -> Vec<u128> {
        a.iter().zip(b).map(|(a, b)| a ^ b).collect()
    }

    fn not(&mut self, a: &Vec<u128>) -> Vec<u128> {
        a.iter().map(|a| a ^ self.delta).collect()
    }

    fn and(&mut self, a: &Vec<u128>, b: &Vec<u128>) -> Result<Vec<u128>, Error> {
        let gate = self.take_gates(2 * a.len());
        let start = self.tables.len();
        self.tables.resize(start + half_gates::TABLE_BYTES * a.len(), 0);
        let mut out = vec![0; a.len()];
        let tables = &mut self.tables[start..];
        half_gates::garble(self.hash, gate, self.delta, [a, b], tables, &mut out);
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
        let lanes = select.len();
        // Shares of the sum of b·r and of the sum of b·(1 − 2r).
        let (mut plain, mut crossed) = (vec![0u32; lanes], vec![0u32; lanes]);
        for (t, bit) in bits.iter().enumerate() {
            let hashes = self.hash_colours(bit);
            for i in 0..lanes {
                let r = select[i] as u32 & 1;
                // The value of the bit where the active colour is 0, 1.
                let zero = bit[i] as u32 & 1;
                let values = [zero, 1 ^ zero].map(|b| b << t);
                let low = [hashes[0][i] as u32, hashes[1][i] as u32];
                let high = [(hashes[0][i] >> 64) as u32, (hashes[1][i] >> 64) as u32];
                let share = self.project(low, values.map(|v| v * r), ring_bits);
                plain[i] = plain[i].wrapping_add(share);
                let signed = values.map(|v| v.wrapping_sub(2u32.wrapping_mul(r * v)));
                let share = self.project(high, signed, ring_bits);
                crossed[i] = crossed[i].wrapping_add(share);
            }
        }
        let hashes = self.hash_colours(select);
        for i in 0..lanes {
            let low = [hashes[0][i] as u32, hashes[1][i] as u32];
            let share = self.project(low, [0, crossed[i].wrapping_neg()], ring_bits);
            plain[i] = plain[i].wrapping_add(share);
        }
        for (wire, value) in terms {
            let hashes = self.hash_colours(wire);
            for i in 0..lanes {
                let low = [hashes[0][i] as u32, hashes[1][i] as u32];
                let zero = wire[i] as u32 & 1;
                let share = self.project(low, [zero * value, (1 ^ zero) * value], ring_bits);
                plain[i] = plain[i].wrapping_add(share);
            }
        }
        plain.iter_mut().for_each(|s| *s &= ring::mask(ring_bits));
        Ok(plain)
    }

    fn reveal(&mut self, a: &Vec<u128>) -> Result<(), Error> {
        let byte = |lanes: &[u128]| {
            lanes.iter().enumerate().fold(0, |byte, (i, x)| byte | (*x as u8 & 1) << i)
        };
        self.tables.extend(a.chunks(8).map(byte));
        Ok(())
    }
}
