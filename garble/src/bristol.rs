//! Circuits in Bristol fashion, the text format of the public collections of circuits.
//!
//! After the numbers of gates and wires, a line for the inputs and one for the outputs (how many
//! values, then the bits of each), a gate stands on each line: the numbers of its inputs and
//! outputs, their wires and a name among `XOR`, `AND`, `INV`, `EQ` (a constant), `EQW` (a copy) and
//! `MAND` (several ANDs). The first wires are the inputs, the last ones the outputs.

mod parse;

use crate::{
    ActiveLabels, Clear, Delta, Error, Evaluator, Garbler, GateRange, Hash, Interpreter, Tally,
    ZeroLabels,
};

/// The most wires of a circuit.
pub const MAX_WIRES: usize = 1 << 24;

/// A circuit of single bits, run on many instances at once. Bits of inputs and outputs are planes:
/// bit t of instance j stands at `t·instances + j`, t counting through all values in order.
///
/// A gate's hash key is shared by the instances of that gate alone: with few instances
/// [`HashKind::MitccrhStrict`](crate::HashKind::MitccrhStrict) costs hardly more than the default and
/// shares no key at all.
#[derive(Clone, Debug)]
pub struct Circuit {
    inputs: Vec<u32>,
    outputs: Vec<u32>,
    gates: Vec<Gate>,
    /// How often each wire is read; outputs once more.
    reads: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Gate {
    operation: Operation,
    out: u32,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Xor(u32, u32),
    And(u32, u32),
    Not(u32),
    Copy(u32),
    Constant(bool),
}

impl Operation {
    fn reads(self) -> impl Iterator<Item = u32> {
        let (first, second) = match self {
            Self::Xor(a, b) | Self::And(a, b) => (Some(a), Some(b)),
            Self::Not(a) | Self::Copy(a) => (Some(a), None),
            Self::Constant(_) => (None, None),
        };
        first.into_iter().chain(second)
    }
}

impl Circuit {
    /// Reads a circuit.
    ///
    /// # Errors
    /// [`Error::Circuit`] if the text is not one: a wire that is read before it is written, written
    /// twice or never, counts that do not agree, no input, or more than [`MAX_WIRES`] wires.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::circuit(text)
    }

    /// The bits of each input value.
    pub fn inputs(&self) -> &[u32] {
        &self.inputs
    }

    /// The bits of each output value.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    /// The bits of all inputs.
    pub fn input_bits(&self) -> usize {
        self.inputs.iter().sum::<u32>() as usize
    }

    /// The bits of all outputs.
    pub fn output_bits(&self) -> usize {
        self.outputs.iter().sum::<u32>() as usize
    }

    /// Runs the circuit: a wire for every input bit gives one for every output bit. A wire is dropped
    /// after its last use.
    ///
    /// # Errors
    /// [`Error::InputLength`], or what the interpreter finds.
    pub fn run<I: Interpreter>(
        &self,
        i: &mut I,
        inputs: &[I::Wire],
    ) -> Result<Vec<I::Wire>, Error> {
        check_length(self.input_bits(), inputs.len())?;
        let mut reads = self.reads.clone();
        let mut wires: Vec<Option<I::Wire>> = inputs.iter().cloned().map(Some).collect();
        wires.resize(reads.len(), None);
        for gate in &self.gates {
            let wire = |at: u32| wires[at as usize].as_ref().expect("parsing saw it written");
            let out = match gate.operation {
                Operation::Xor(a, b) => i.xor(wire(a), wire(b)),
                Operation::And(a, b) => i.and(wire(a), wire(b))?,
                Operation::Not(a) => i.not(wire(a)),
                Operation::Copy(a) => wire(a).clone(),
                Operation::Constant(bit) => {
                    let zero = i.xor(&inputs[0], &inputs[0]);
                    if bit { i.not(&zero) } else { zero }
                }
            };
            wires[gate.out as usize] = Some(out);
            for read in gate.operation.reads() {
                let left = &mut reads[read as usize];
                *left -= 1;
                if *left == 0 {
                    wires[read as usize] = None;
                }
            }
        }
        let outputs = wires.split_off(wires.len() - self.output_bits());
        Ok(outputs.into_iter().map(|wire| wire.expect("parsing saw it written")).collect())
    }

    fn run_and_reveal<I: Interpreter>(
        &self,
        i: &mut I,
        inputs: &[I::Wire],
    ) -> Result<Vec<I::Revealed>, Error> {
        self.run(i, inputs)?.iter().map(|wire| i.reveal(wire)).collect()
    }

    /// What `instances` cost when every output is revealed to the evaluator.
    pub fn tally(&self, instances: usize) -> Tally {
        let mut tally = Tally::default();
        match self.run_and_reveal(&mut tally, &vec![instances; self.input_bits()]) {
            Ok(_) => tally,
            Err(_) => unreachable!("counting reads no tables"),
        }
    }

    /// The output bits in the clear.
    ///
    /// # Errors
    /// [`Error::InputLength`] if the bits are not as many as `instances` take.
    pub fn clear(&self, instances: usize, inputs: &[bool]) -> Result<Vec<bool>, Error> {
        check_length(instances * self.input_bits(), inputs.len())?;
        let wires: Vec<Vec<bool>> = inputs.chunks(instances.max(1)).map(<[bool]>::to_vec).collect();
        if instances == 0 {
            return Ok(Vec::new());
        }
        Ok(self.run_and_reveal(&mut Clear, &wires)?.concat())
    }

    /// Garbles the circuit from the zero labels of all input bits, whosever they are; the outputs are
    /// for the evaluator.
    ///
    /// # Errors
    /// If the labels or the gate numbers are not as many as `instances` take.
    pub fn garble(
        &self,
        instances: usize,
        hash: &Hash,
        delta: &Delta,
        gates: GateRange,
        inputs: &ZeroLabels,
    ) -> Result<Vec<u8>, Error> {
        let tally = self.tally(instances);
        let planes = self.planes(instances, inputs.expose())?;
        tally.check(&gates)?;
        let mut garbler = Garbler::new(hash, delta, gates, tally.table_bytes);
        let wires: Vec<_> = planes.map(|plane| garbler.input(plane)).collect();
        self.run_and_reveal(&mut garbler, &wires)?;
        Ok(garbler.finish())
    }

    /// Evaluates what [`Circuit::garble`] made from the active labels; the output bits.
    ///
    /// # Errors
    /// If the tables, the labels or the gate numbers are not as many as `instances` take.
    pub fn evaluate(
        &self,
        instances: usize,
        hash: &Hash,
        gates: GateRange,
        tables: &[u8],
        inputs: &ActiveLabels<'_>,
    ) -> Result<Vec<bool>, Error> {
        let planes = self.planes(instances, inputs)?;
        self.tally(instances).check(&gates)?;
        let mut evaluator = Evaluator::new(hash, gates, tables);
        let wires: Vec<_> = planes.map(|plane| evaluator.input(plane)).collect();
        let outputs = self.run_and_reveal(&mut evaluator, &wires)?.concat();
        evaluator.finish()?;
        Ok(outputs)
    }

    /// The labels of each input bit.
    fn planes<'a>(
        &self,
        instances: usize,
        labels: &'a [u128],
    ) -> Result<impl Iterator<Item = &'a [u128]> + use<'a>, Error> {
        check_length(instances * self.input_bits(), labels.len())?;
        let plane = move |t: usize| &labels[t * instances..(t + 1) * instances];
        Ok((0..self.input_bits()).map(plane))
    }
}

fn check_length(expected: usize, found: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::InputLength { expected, found }) }
}
