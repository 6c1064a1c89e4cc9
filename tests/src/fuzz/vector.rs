//! Vector programs and circuits that nobody wrote.

use std::slice::Iter;

use gazelle_garble::{
    Circuit, Clear, Delta, Error, Evaluator, Garbler, GateCounter, Hash, HashKind, Interpreter,
    Tally, ZeroLabels,
};
use rand::RngExt;

/// Input wires of a random program.
const INPUTS: usize = 3;

/// A random program gives the same result in the clear and through garbling, and costs what the tally
/// says, with every hash. Three bytes choose the hash, the lanes and the inputs' values; the rest is
/// the program, an operation and its operands at a time.
pub fn programs_agree(data: &[u8]) {
    let [kind, lanes, seed, program @ ..] = data else { return };
    let lanes = 1 + usize::from(lanes % 150);
    let program = Program { bytes: &program[..program.len().min(300)], lanes };
    let rng = &mut crate::rng((*seed).into());
    let hash = Hash::new(HashKind::ALL[usize::from(kind % 3)], rng.random());
    let delta = Delta::random(rng);

    let bits: [Vec<bool>; INPUTS] =
        [(); INPUTS].map(|_| (0..lanes).map(|_| rng.random()).collect());
    let zeros: [Vec<u128>; INPUTS] =
        [(); INPUTS].map(|_| (0..lanes).map(|_| rng.random()).collect());
    let active = [0, 1, 2].map(|wire| {
        let label = |(zero, bit): (&u128, &bool)| zero ^ (u128::from(*bit) * delta.expose());
        zeros[wire].iter().zip(&bits[wire]).map(label).collect::<Vec<u128>>()
    });

    let clear = program.run(&mut Clear, bits).expect("computing reads no tables");
    let mut tally = Tally::default();
    program.run(&mut tally, [lanes; INPUTS]).expect("counting reads no tables");
    let gates = || GateCounter::new().take(tally.gates);
    let mut garbler = Garbler::new(&hash, &delta, gates(), tally.table_bytes);
    let zeros = zeros.map(|labels| garbler.input(labels));
    let garbled = program.run(&mut garbler, zeros).expect("garbling reads no tables");
    let tables = garbler.finish();
    assert_eq!(tables.len(), tally.table_bytes);
    let mut evaluator = Evaluator::new(&hash, gates(), &tables);
    let active = active.map(|labels| evaluator.input(labels));
    let evaluated = program.run(&mut evaluator, active).expect("honest tables");
    evaluator.finish().expect("every byte is used");

    assert_eq!(evaluated.revealed, clear.revealed);
    let shares = evaluated.shares.iter().zip(&garbled.shares).zip(&clear.shares);
    for (((evaluated, _), (garbled, _)), (value, ring_bits)) in shares {
        let mask = u32::MAX >> (32 - ring_bits);
        let parties = evaluated.iter().zip(garbled);
        let sum: Vec<u32> = parties.map(|(e, g)| e.wrapping_sub(*g) & mask).collect();
        assert_eq!(sum, *value);
    }
}

struct Program<'a> {
    bytes: &'a [u8],
    lanes: usize,
}

/// Everything that leaves a program; shares with the bits of their rings.
struct Outputs<I: Interpreter> {
    shares: Vec<(I::Share, u32)>,
    revealed: Vec<I::Revealed>,
}

impl Program<'_> {
    fn run<I: Interpreter>(
        &self,
        i: &mut I,
        inputs: [I::Wire; INPUTS],
    ) -> Result<Outputs<I>, Error> {
        let mut wires = inputs.to_vec();
        let mut outputs = Outputs { shares: Vec::new(), revealed: Vec::new() };
        let mut bytes = self.bytes.iter();
        while let Some(operation) = bytes.next() {
            let a = wire(&wires, &mut bytes);
            match operation % 8 {
                0 | 1 => {
                    let b = wire(&wires, &mut bytes);
                    wires.push(i.xor(&a, &b));
                }
                2 => wires.push(i.not(&a)),
                3 => {
                    let lanes = self.gathered(&mut bytes);
                    wires.push(i.gather(&a, &lanes));
                }
                4 => {
                    let (bits, ring_bits) = (several(&wires, &mut bytes), ring(&mut bytes));
                    let terms = terms(&wires, &mut bytes);
                    outputs.shares.push((i.select(&a, &bits, &terms, ring_bits)?, ring_bits));
                }
                5 => {
                    let ring_bits = ring(&mut bytes);
                    let mut terms = terms(&wires, &mut bytes);
                    terms.push((a, 1 << (ring_bits - 1)));
                    outputs.shares.push((i.project(&terms, ring_bits)?, ring_bits));
                }
                _ => {
                    let b = wire(&wires, &mut bytes);
                    wires.push(i.and(&a, &b)?);
                }
            }
        }
        // Two shares of one ring in a row are added, and a constant to each.
        let mut shares = outputs.shares.into_iter().peekable();
        outputs.shares = Vec::new();
        while let Some((share, ring_bits)) = shares.next() {
            let next = shares.next_if(|(_, next)| *next == ring_bits).map(|(share, _)| share);
            let parts = [Some(share), next].into_iter().flatten().collect();
            outputs.shares.push((i.sum(parts, self.bytes.len() as u32, ring_bits), ring_bits));
        }
        for wire in &wires {
            outputs.revealed.push(i.reveal(wire)?);
        }
        Ok(outputs)
    }

    /// Lanes in another order, some of them perhaps more than once.
    fn gathered(&self, bytes: &mut Iter<'_, u8>) -> Vec<u32> {
        let (step, first) = (byte(bytes), byte(bytes));
        (0..self.lanes).map(|i| ((i * step + first) % self.lanes) as u32).collect()
    }
}

fn byte(bytes: &mut Iter<'_, u8>) -> usize {
    bytes.next().copied().unwrap_or_default().into()
}

fn ring(bytes: &mut Iter<'_, u8>) -> u32 {
    1 + byte(bytes) as u32 % 32
}

fn wire<W: Clone>(wires: &[W], bytes: &mut Iter<'_, u8>) -> W {
    wires[byte(bytes) % wires.len()].clone()
}

/// Up to 32 wires in a row, starting anywhere.
fn several<W: Clone>(wires: &[W], bytes: &mut Iter<'_, u8>) -> Vec<W> {
    let (first, count) = (byte(bytes), byte(bytes) % 33);
    wires.iter().cycle().skip(first % wires.len()).take(count).cloned().collect()
}

fn terms<W: Clone>(wires: &[W], bytes: &mut Iter<'_, u8>) -> Vec<(W, u32)> {
    let count = byte(bytes) % 4;
    let term = |_| {
        let value = (byte(bytes) as u32) << (byte(bytes) % 32);
        (wire(wires, bytes), value)
    };
    (0..count).map(term).collect()
}

/// A text is read as a circuit. If it is a small one, it gives the same in the clear and through
/// garbling.
pub fn bristol_circuit(data: &[u8]) {
    let Ok(circuit) = Circuit::parse(&String::from_utf8_lossy(data)) else { return };
    let count = circuit.input_bits();
    if count > 1 << 10 {
        return;
    }
    let rng = &mut crate::rng(data.len() as u64);
    let hash = Hash::new(HashKind::MitccrhStrict, rng.random());
    let delta = Delta::random(rng);
    let bits: Vec<bool> = (0..2 * count).map(|_| rng.random()).collect();
    let zeros = ZeroLabels::new(bits.iter().map(|_| rng.random()).collect());
    let gates = || GateCounter::new().take(circuit.tally(2).gates);
    let tables = circuit.garble(2, &hash, &delta, gates(), &zeros).expect("the right lengths");
    let active = zeros.activate(&delta, &bits);
    let outputs = circuit.evaluate(2, &hash, gates(), &tables, &active).expect("honest tables");
    assert_eq!(outputs, circuit.clear(2, &bits).expect("the right lengths"));
}
