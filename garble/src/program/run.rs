//! A program run on a chunk of instances.

use super::Program;
use super::circuit::Output;
use crate::{ActiveLabels, Clear, Delta, Error, Evaluator, Garbler, GateRange, Hash, ZeroLabels};

/// What the garbler makes of one chunk.
pub struct Garbled {
    /// The tables, for the evaluator.
    pub tables: Vec<u8>,
    /// S of every result: the evaluator's result is f(a + b) + S. Empty for revealed results.
    pub shares: Vec<u32>,
}

/// Garbles `instances` of a program. `evaluator` and `garbler` are the zero labels of both parties'
/// bits, in the order of [`Program::input_bits`]; [`Program::input_offset`] is in one party's share.
///
/// # Errors
/// If [`Program::check`] fails, or the labels or the gate numbers are not as many as the program
/// takes.
pub fn garble(
    program: &Program,
    instances: usize,
    hash: &Hash,
    delta: &Delta,
    gates: GateRange,
    evaluator: &ZeroLabels,
    garbler: &ZeroLabels,
) -> Result<Garbled, Error> {
    let inputs = [evaluator, garbler].map(ZeroLabels::expose);
    check_inputs(program, instances * program.labels(), inputs.map(<[u128]>::len))?;
    let tally = program.tally(instances);
    tally.check(&gates)?;
    let lanes = instances * program.sums();
    let mut interpreter = Garbler::new(hash, delta, gates, tally.table_bytes);
    let [a, b] = inputs.map(|labels| -> Vec<_> {
        planes(labels, lanes).map(|plane| interpreter.input(plane)).collect()
    });
    let output = program.run(&mut interpreter, instances, &a, &b)?;
    let shares = match output {
        Output::Shares(shares) => shares,
        Output::Revealed(_) => Vec::new(),
    };
    Ok(Garbled { tables: interpreter.finish(), shares })
}

/// Evaluates what [`garble`] made, from the active labels: [`Program::results`] of each instance.
///
/// # Errors
/// If [`Program::check`] fails, or the tables, the labels or the gate numbers are not as many as the
/// program takes.
pub fn evaluate(
    program: &Program,
    instances: usize,
    hash: &Hash,
    gates: GateRange,
    tables: &[u8],
    evaluator: &ActiveLabels<'_>,
    garbler: &ActiveLabels<'_>,
) -> Result<Vec<u32>, Error> {
    check_inputs(program, instances * program.labels(), [evaluator.len(), garbler.len()])?;
    program.tally(instances).check(&gates)?;
    let lanes = instances * program.sums();
    let mut interpreter = Evaluator::new(hash, gates, tables);
    let [a, b] = [evaluator, garbler].map(|labels| -> Vec<_> {
        planes(labels, lanes).map(|plane| interpreter.input(plane)).collect()
    });
    let output = program.run(&mut interpreter, instances, &a, &b)?;
    interpreter.finish()?;
    Ok(match output {
        Output::Shares(shares) => shares,
        Output::Revealed(results) => numbers(&results),
    })
}

/// Computes a program in the clear from the shares of every sum (lane by lane).
///
/// # Errors
/// If [`Program::check`] fails, or the shares are not as many as the program takes.
pub fn clear(program: &Program, instances: usize, a: &[u32], b: &[u32]) -> Result<Vec<u32>, Error> {
    check_inputs(program, instances * program.sums(), [a.len(), b.len()])?;
    let bits = |values: &[u32]| -> Vec<Vec<bool>> {
        (0..program.ring_bits()).map(|t| values.iter().map(|v| v >> t & 1 == 1).collect()).collect()
    };
    let b: Vec<u32> = b.iter().map(|b| b.wrapping_add(program.input_offset())).collect();
    Ok(match program.run(&mut Clear, instances, &bits(a), &bits(&b))? {
        Output::Shares(values) => values,
        Output::Revealed(results) => numbers(&results),
    })
}

fn planes(labels: &[u128], lanes: usize) -> impl Iterator<Item = &[u128]> {
    labels.chunks(lanes.max(1))
}

fn numbers(results: &[Vec<Vec<bool>>]) -> Vec<u32> {
    let number = |bits: &Vec<Vec<bool>>, i: usize| {
        bits.iter().enumerate().map(|(t, b)| u32::from(b[i]) << t).sum()
    };
    let lanes = |bits: &Vec<Vec<bool>>| bits.first().map_or(0, Vec::len);
    results.iter().flat_map(|bits| (0..lanes(bits)).map(move |i| number(bits, i))).collect()
}

fn check_inputs(program: &Program, expected: usize, found: [usize; 2]) -> Result<(), Error> {
    program.check()?;
    match found.into_iter().find(|found| *found != expected) {
        None => Ok(()),
        Some(found) => Err(Error::InputLength { expected, found }),
    }
}
