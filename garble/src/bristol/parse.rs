//! The reader of circuit files: nothing is allocated for a number before the text shows as much, but
//! for the input wires, of which there are at most [`MAX_WIRES`].

use super::{Circuit, Gate, MAX_WIRES, Operation};
use crate::Error;

/// A line that is not blank: its number, counted from 1, and its words.
struct Line<'a> {
    number: usize,
    words: std::str::SplitWhitespace<'a>,
}

impl<'a> Line<'a> {
    fn fail<T>(&self, what: &'static str) -> Result<T, Error> {
        Err(Error::Circuit { line: self.number, what })
    }

    fn word(&mut self, what: &'static str) -> Result<&'a str, Error> {
        self.words.next().map_or_else(|| Err(Error::Circuit { line: self.number, what }), Ok)
    }

    fn number(&mut self, what: &'static str) -> Result<u32, Error> {
        let word = self.word(what)?;
        word.parse().or_else(|_| self.fail(what))
    }

    fn end(mut self) -> Result<(), Error> {
        if self.words.next().is_some() { self.fail("more words than belong there") } else { Ok(()) }
    }

    /// The number of values and the bits of each.
    fn values(mut self) -> Result<Vec<u32>, Error> {
        let count = self.number("expected a number of values")?;
        let mut values = Vec::new();
        let mut bits = 0;
        for _ in 0..count {
            let value = self.number("expected the bits of each value")?;
            bits += u64::from(value);
            if bits > MAX_WIRES as u64 {
                return self.fail("too many bits");
            }
            values.push(value);
        }
        self.end()?;
        Ok(values)
    }
}

fn is_number(word: &str) -> bool {
    word.parse::<u32>().is_ok()
}

pub(super) fn circuit(text: &str) -> Result<Circuit, Error> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| Line { number: at + 1, words: line.split_whitespace() })
        .filter(|line| line.words.clone().next().is_some());
    let last = text.lines().count();
    let mut next = || {
        let end = Error::Circuit { line: last, what: "the text ends before the circuit does" };
        lines.next().ok_or(end)
    };

    let mut header = next()?;
    let header_line = header.number;
    let gate_count = header.number("expected the number of gates")?;
    let wire_count = header.number("expected the number of wires")? as usize;
    header.end()?;
    let (inputs, outputs) = (next()?, next()?);
    if inputs.words.clone().count() == 3 && outputs.words.clone().any(|word| !is_number(word)) {
        return inputs.fail(
            "this is the older Bristol format, which states the bits of two inputs and the output; \
             in Bristol fashion a line lists the inputs (`2 64 64`), and the next the outputs (`1 64`)",
        );
    }
    let (inputs, outputs) = (inputs.values()?, outputs.values()?);
    let input_bits = inputs.iter().sum::<u32>() as usize;
    let fail = |what| Err(Error::Circuit { line: header_line, what });
    if wire_count > MAX_WIRES {
        return fail("too many wires");
    }
    if input_bits == 0 {
        return fail("a circuit without inputs");
    }
    if wire_count < input_bits || wire_count < outputs.iter().sum::<u32>() as usize {
        return fail("fewer wires than inputs or outputs");
    }

    let mut wires = Wires { count: wire_count, written: Vec::new(), unwritten: wire_count };
    for input in 0..input_bits {
        wires.write(input as u32, header_line)?;
    }
    let mut gates = Vec::new();
    for _ in 0..gate_count {
        gate(next()?, &mut wires, &mut gates)?;
    }
    if wires.unwritten > 0 {
        return fail("a wire that no gate writes");
    }
    if let Ok(line) = next() {
        return line.fail("a line after the last gate");
    }
    let circuit = Circuit { inputs, outputs, gates, reads: Vec::new() };
    Ok(Circuit { reads: reads(&circuit, wire_count), ..circuit })
}

fn reads(circuit: &Circuit, wire_count: usize) -> Vec<u32> {
    let mut reads = vec![0; wire_count];
    for read in circuit.gates.iter().flat_map(|gate| gate.operation.reads()) {
        reads[read as usize] += 1;
    }
    for output in &mut reads[wire_count - circuit.output_bits()..] {
        *output += 1;
    }
    reads
}

/// Which wires are written; as long as the highest one written.
struct Wires {
    count: usize,
    written: Vec<bool>,
    unwritten: usize,
}

impl Wires {
    fn read(&self, wire: u32, line: usize) -> Result<u32, Error> {
        match self.written.get(wire as usize) {
            Some(true) => Ok(wire),
            _ => Err(Error::Circuit { line, what: "a wire is read before it is written" }),
        }
    }

    fn write(&mut self, wire: u32, line: usize) -> Result<u32, Error> {
        let at = wire as usize;
        if at >= self.count {
            return Err(Error::Circuit { line, what: "a wire beyond the number of wires" });
        }
        if at >= self.written.len() {
            self.written.resize(at + 1, false);
        }
        if std::mem::replace(&mut self.written[at], true) {
            return Err(Error::Circuit { line, what: "a wire is written twice" });
        }
        self.unwritten -= 1;
        Ok(wire)
    }
}

fn gate(mut line: Line<'_>, wires: &mut Wires, gates: &mut Vec<Gate>) -> Result<(), Error> {
    let at = line.number;
    let inputs = line.number("expected the number of the gate's inputs")?;
    let outputs = line.number("expected the number of the gate's outputs")?;
    let mut operands = Vec::new();
    for _ in 0..u64::from(inputs) + u64::from(outputs) {
        operands.push(line.number("expected a wire's number")?);
    }
    let name = line.word("expected the name of a gate")?;
    let (read, write) = operands.split_at(inputs as usize);
    let operations: Vec<Operation> = match (name, read, write.len()) {
        ("XOR", &[a, b], 1) => vec![Operation::Xor(a, b)],
        ("AND", &[a, b], 1) => vec![Operation::And(a, b)],
        ("INV" | "NOT", &[a], 1) => vec![Operation::Not(a)],
        ("EQW", &[a], 1) => vec![Operation::Copy(a)],
        ("EQ", &[bit @ (0 | 1)], 1) => vec![Operation::Constant(bit == 1)],
        ("MAND", read, outputs) if read.len() == 2 * outputs => {
            let (a, b) = read.split_at(outputs);
            a.iter().zip(b).map(|(a, b)| Operation::And(*a, *b)).collect()
        }
        ("XOR" | "AND" | "INV" | "NOT" | "EQW" | "EQ" | "MAND", ..) => {
            return line.fail("a gate with other inputs or outputs than its kind has");
        }
        _ => return line.fail("a gate of an unknown kind"),
    };
    line.end()?;
    for operation in &operations {
        operation.reads().try_for_each(|wire| wires.read(wire, at).map(|_| ()))?;
    }
    for (operation, out) in operations.into_iter().zip(write) {
        gates.push(Gate { operation, out: wires.write(*out, at)? });
    }
    Ok(())
}
