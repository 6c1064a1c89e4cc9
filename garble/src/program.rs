//! The activation programs, and how they are run on a chunk of instances.
//!
//! A program takes two additive shares of each sum y in Z_{2^k}: a, whose bits the evaluator holds
//! labels of, and b, whose bits are the garbler's. Wires are bit planes: the label of bit t of lane
//! j stands at `t·lanes + j`. With several sums per instance, sum p of instance i is lane
//! `p·instances + i`.

use crate::label::Labels;
use crate::{Clear, Delta, Error, Evaluator, Garbler, GateRange, Hash, Interpreter, Tally, ring};

/// Bits of an activation: results are clamped to 2^8 − 1.
const ACTIVATION_BITS: u32 = 8;

/// What is computed on each instance's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// `min(max(y, 0) >> shift, 255)` of the largest of `window` sums, as shares in
    /// Z_{2^out_ring_bits}.
    Relu {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits dropped; at most k − 9.
        shift: u32,
        /// Sums per instance; 1 without pooling.
        window: usize,
        /// The ring of the result, 8 to 32 bits.
        out_ring_bits: u32,
    },
    /// The index of the largest of `classes` sums, the lowest such index; revealed to the evaluator.
    Argmax {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Sums per instance.
        classes: usize,
    },
    /// The sums themselves as k-bit numbers; revealed to the evaluator.
    Reveal {
        /// k.
        ring_bits: u32,
    },
}

/// What the garbler makes of one chunk.
pub struct Garbled {
    /// The tables, for the evaluator.
    pub tables: Vec<u8>,
    /// S of every instance: the evaluator's result is f(a + b) + S. Empty for revealed results.
    pub shares: Vec<u32>,
}

impl Program {
    /// k, the bits of the ring of the inputs.
    pub const fn ring_bits(&self) -> u32 {
        match *self {
            Self::Relu { ring_bits, .. }
            | Self::Argmax { ring_bits, .. }
            | Self::Reveal { ring_bits } => ring_bits,
        }
    }

    /// Sums per instance.
    pub const fn sums(&self) -> usize {
        match *self {
            Self::Relu { window, .. } => window,
            Self::Argmax { classes, .. } => classes,
            Self::Reveal { .. } => 1,
        }
    }

    /// Labels per party and instance: sums times k.
    pub const fn labels(&self) -> usize {
        self.sums() * self.ring_bits() as usize
    }

    /// What `instances` cost.
    pub fn tally(&self, instances: usize) -> Tally {
        let mut tally = Tally::default();
        let wires = vec![instances * self.sums(); self.ring_bits() as usize];
        match self.run(&mut tally, instances, &wires, &wires) {
            Ok(_) => tally,
            Err(_) => unreachable!("counting reads no tables"),
        }
    }

    fn run<I: Interpreter>(
        &self,
        i: &mut I,
        instances: usize,
        a: &[I::Wire],
        b: &[I::Wire],
    ) -> Result<Output<I>, Error> {
        let sums = add(i, a, b)?;
        match *self {
            Self::Relu { shift, window, out_ring_bits, .. } => {
                let kept = &sums[shift as usize..];
                let largest = largest(i, kept, instances, window)?;
                Ok(Output::Share(clamp(i, &largest, out_ring_bits)?))
            }
            Self::Argmax { classes, .. } => {
                let index = argmax(i, &sums, instances, classes)?;
                Ok(Output::Revealed(reveal(i, &index)?))
            }
            Self::Reveal { .. } => Ok(Output::Revealed(reveal(i, &sums)?)),
        }
    }

    fn check(&self, instances: usize, found: usize) -> Result<(), Error> {
        let expected = instances * self.labels();
        if found == expected { Ok(()) } else { Err(Error::InputLength { expected, found }) }
    }
}

fn check_gates(tally: &Tally, gates: &GateRange) -> Result<(), Error> {
    let (expected, found) = (tally.gates, gates.count);
    if found == expected { Ok(()) } else { Err(Error::GateRange { expected, found }) }
}

enum Output<I: Interpreter> {
    Share(I::Share),
    Revealed(Vec<I::Revealed>),
}

/// Garbles `instances` of a program. `evaluator` and `garbler` are the zero labels of both parties'
/// bits, as bit planes.
///
/// # Errors
/// If the labels or the gate numbers are not as many as the program takes.
pub fn garble(
    program: &Program,
    instances: usize,
    hash: &Hash,
    delta: &Delta,
    gates: GateRange,
    evaluator: &[u128],
    garbler: &[u128],
) -> Result<Garbled, Error> {
    program.check(instances, evaluator.len())?;
    program.check(instances, garbler.len())?;
    let tally = program.tally(instances);
    check_gates(&tally, &gates)?;
    let lanes = instances * program.sums();
    let mut interpreter = Garbler::new(hash, delta, gates, tally.table_bytes);
    let output = program.run(
        &mut interpreter,
        instances,
        &planes(evaluator, lanes),
        &planes(garbler, lanes),
    )?;
    let shares = match output {
        Output::Share(shares) => shares,
        Output::Revealed(_) => Vec::new(),
    };
    Ok(Garbled { tables: interpreter.finish(), shares })
}

/// Evaluates what [`garble`] made, from the active labels: one result per instance.
///
/// # Errors
/// If the tables, the labels or the gate numbers are not as many as the program takes.
pub fn evaluate(
    program: &Program,
    instances: usize,
    hash: &Hash,
    gates: GateRange,
    tables: &[u8],
    evaluator: &[u128],
    garbler: &[u128],
) -> Result<Vec<u32>, Error> {
    program.check(instances, evaluator.len())?;
    program.check(instances, garbler.len())?;
    check_gates(&program.tally(instances), &gates)?;
    let lanes = instances * program.sums();
    let mut interpreter = Evaluator::new(hash, gates, tables);
    let output = program.run(
        &mut interpreter,
        instances,
        &planes(evaluator, lanes),
        &planes(garbler, lanes),
    )?;
    interpreter.finish()?;
    Ok(match output {
        Output::Share(shares) => shares,
        Output::Revealed(bits) => numbers(&bits),
    })
}

/// Computes a program in the clear from the shares of every sum (lane by lane).
///
/// # Errors
/// If the shares are not as many as the program takes.
pub fn clear(program: &Program, instances: usize, a: &[u32], b: &[u32]) -> Result<Vec<u32>, Error> {
    let expected = instances * program.sums();
    for found in [a.len(), b.len()] {
        if found != expected {
            return Err(Error::InputLength { expected, found });
        }
    }
    let bits = |values: &[u32]| -> Vec<Vec<bool>> {
        (0..program.ring_bits()).map(|t| values.iter().map(|v| v >> t & 1 == 1).collect()).collect()
    };
    Ok(match program.run(&mut Clear, instances, &bits(a), &bits(b))? {
        Output::Share(values) => values,
        Output::Revealed(bits) => numbers(&bits),
    })
}

fn planes(labels: &[u128], lanes: usize) -> Vec<Labels<'_>> {
    labels.chunks(lanes.max(1)).map(Labels::from).collect()
}

fn numbers(bits: &[Vec<bool>]) -> Vec<u32> {
    let lanes = bits.first().map_or(0, Vec::len);
    let number = |i: usize| bits.iter().enumerate().map(|(t, b)| u32::from(b[i]) << t).sum();
    (0..lanes).map(number).collect()
}

fn reveal<I: Interpreter>(i: &mut I, bits: &[I::Wire]) -> Result<Vec<I::Revealed>, Error> {
    bits.iter().map(|bit| i.reveal(bit)).collect()
}

/// a + b mod 2^k by a carry chain: k − 1 ANDs.
fn add<I: Interpreter>(i: &mut I, a: &[I::Wire], b: &[I::Wire]) -> Result<Vec<I::Wire>, Error> {
    let mut sums = Vec::with_capacity(a.len());
    let mut carry: Option<I::Wire> = None;
    for (t, (x, y)) in a.iter().zip(b).enumerate() {
        let xy = i.xor(x, y);
        sums.push(carry.as_ref().map_or_else(|| xy.clone(), |c| i.xor(&xy, c)));
        if t + 1 < a.len() {
            carry = Some(match &carry {
                None => i.and(x, y)?,
                // The majority of x, y and c: ((x ⊕ c) ∧ (y ⊕ c)) ⊕ c.
                Some(c) => {
                    let (xc, yc) = (i.xor(x, c), i.xor(y, c));
                    let both = i.and(&xc, &yc)?;
                    i.xor(&both, c)
                }
            });
        }
    }
    Ok(sums)
}

/// Whether a > b as signed numbers: one AND a bit.
fn greater<I: Interpreter>(i: &mut I, a: &[I::Wire], b: &[I::Wire]) -> Result<I::Wire, Error> {
    let last = a.len() - 1;
    let mut result: Option<I::Wire> = None;
    for (t, (x, y)) in a.iter().zip(b).enumerate() {
        // A sign bit of 1 is the smaller one.
        let x = if t == last { i.not(x) } else { x.clone() };
        let y = if t == last { i.not(y) } else { y.clone() };
        let differ = i.xor(&x, &y);
        result = Some(match result {
            None => i.and(&differ, &x)?,
            // Where the bits differ x decides, else the lower bits do.
            Some(lower) => {
                let change = i.xor(&x, &lower);
                let change = i.and(&differ, &change)?;
                i.xor(&lower, &change)
            }
        });
    }
    Ok(result.expect("numbers have at least one bit"))
}

/// `s ? a : b`, one AND a bit.
fn mux<I: Interpreter>(
    i: &mut I,
    s: &I::Wire,
    a: &[I::Wire],
    b: &[I::Wire],
) -> Result<Vec<I::Wire>, Error> {
    let mut out = Vec::with_capacity(a.len());
    for (x, y) in a.iter().zip(b) {
        let differ = i.xor(x, y);
        let change = i.and(s, &differ)?;
        out.push(i.xor(y, &change));
    }
    Ok(out)
}

/// The numbers at place p of every instance.
fn part<I: Interpreter>(i: &mut I, bits: &[I::Wire], instances: usize, p: usize) -> Vec<I::Wire> {
    let lanes: Vec<u32> = (p * instances..(p + 1) * instances).map(|lane| lane as u32).collect();
    bits.iter().map(|bit| i.gather(bit, &lanes)).collect()
}

/// The largest of each instance's signed numbers.
fn largest<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    instances: usize,
    window: usize,
) -> Result<Vec<I::Wire>, Error> {
    if window == 1 {
        return Ok(bits.to_vec());
    }
    let mut best = part(i, bits, instances, 0);
    for p in 1..window {
        let next = part(i, bits, instances, p);
        let greater = greater(i, &next, &best)?;
        best = mux(i, &greater, &next, &best)?;
    }
    Ok(best)
}

/// The index of each instance's largest signed number, the lowest such index.
fn argmax<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    instances: usize,
    classes: usize,
) -> Result<Vec<I::Wire>, Error> {
    let mut best = part(i, bits, instances, 0);
    let zero = i.xor(&best[0], &best[0]);
    let width = classes.max(2).next_power_of_two().trailing_zeros() as usize;
    let mut index = vec![zero; width];
    for class in 1..classes {
        let next = part(i, bits, instances, class);
        let greater = greater(i, &next, &best)?;
        best = mux(i, &greater, &next, &best)?;
        for (t, bit) in index.iter_mut().enumerate() {
            let differ = if class >> t & 1 == 1 { i.not(bit) } else { bit.clone() };
            let change = i.and(&greater, &differ)?;
            *bit = i.xor(bit, &change);
        }
    }
    Ok(index)
}

/// `min(max(y, 0), 255)` as shares: with p = "neither negative nor over 255" and q = "over 255",
/// p·(low 8 bits) + 255·q. q = ¬sign ⊕ p is free.
fn clamp<I: Interpreter>(i: &mut I, y: &[I::Wire], ring_bits: u32) -> Result<I::Share, Error> {
    let (sign, magnitude) = y.split_last().expect("numbers have at least one bit");
    let (low, high) = magnitude.split_at(magnitude.len().min(ACTIVATION_BITS as usize));
    let positive = i.not(sign);
    let mut fits = positive.clone();
    for bit in high {
        let clear = i.not(bit);
        fits = i.and(&fits, &clear)?;
    }
    let over = i.xor(&positive, &fits);
    let terms = if high.is_empty() { vec![] } else { vec![(over, (1 << ACTIVATION_BITS) - 1)] };
    debug_assert!(ring::mask(ring_bits) >= (1 << ACTIVATION_BITS) - 1);
    i.select(&fits, low, &terms, ring_bits)
}
