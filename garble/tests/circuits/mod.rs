//! Circuits in Bristol fashion, written gate by gate from the standards' definitions.

mod aes;
mod sha256;

pub(crate) use aes::aes128;
pub(crate) use sha256::{initial_state, sha256_block};

use std::fmt::Write;

/// A byte or word as wires, from the lowest bit on.
pub(crate) type Bits = Vec<u32>;

/// Writes a circuit's text.
pub(crate) struct Builder {
    inputs: Vec<u32>,
    text: String,
    gates: u32,
    wires: u32,
}

impl Builder {
    /// A circuit of inputs of so many bits, and the wires of each.
    pub(crate) fn new<const N: usize>(inputs: [u32; N]) -> (Self, [Bits; N]) {
        let mut builder = Self { inputs: inputs.to_vec(), text: String::new(), gates: 0, wires: 0 };
        let wires = inputs.map(|bits| (0..bits).map(|_| builder.wire()).collect());
        (builder, wires)
    }

    fn wire(&mut self) -> u32 {
        self.wires += 1;
        self.wires - 1
    }

    fn gate(&mut self, name: &str, inputs: &[u32]) -> u32 {
        let out = self.wire();
        write!(self.text, "{} 1", inputs.len()).unwrap();
        inputs.iter().for_each(|wire| write!(self.text, " {wire}").unwrap());
        writeln!(self.text, " {out} {name}").unwrap();
        self.gates += 1;
        out
    }

    pub(crate) fn xor(&mut self, a: &[u32], b: &[u32]) -> Bits {
        a.iter().zip(b).map(|(a, b)| self.gate("XOR", &[*a, *b])).collect()
    }

    pub(crate) fn and(&mut self, a: &[u32], b: &[u32]) -> Bits {
        a.iter().zip(b).map(|(a, b)| self.gate("AND", &[*a, *b])).collect()
    }

    pub(crate) fn not(&mut self, a: u32) -> u32 {
        self.gate("INV", &[a])
    }

    pub(crate) fn constant(&mut self, value: u32, bits: u32) -> Bits {
        (0..bits).map(|t| self.gate("EQ", &[value >> t & 1])).collect()
    }

    /// The text, the outputs being of so many bits.
    pub(crate) fn finish(mut self, outputs: &[u32], wires: &[u32]) -> String {
        for wire in wires {
            self.gate("EQW", &[*wire]);
        }
        let values = |bits: &[u32]| {
            bits.iter().fold(bits.len().to_string(), |line, bits| format!("{line} {bits}"))
        };
        let (inputs, outputs) = (values(&self.inputs), values(outputs));
        format!("{} {}\n{inputs}\n{outputs}\n\n{}", self.gates, self.wires, self.text)
    }
}
