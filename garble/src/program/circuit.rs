//! The circuit of each program.

use super::{ACTIVATION_MAX, Program, arithmetic, order, output, table};
use crate::{Error, Interpreter};

pub(super) enum Output<I: Interpreter> {
    Shares(I::Share),
    /// The bits of each result.
    Revealed(Vec<Vec<I::Revealed>>),
}

impl Program {
    /// Runs the program on both parties' bits, [`Program::input_offset`] being in one of them.
    pub(super) fn run<I: Interpreter>(
        &self,
        i: &mut I,
        instances: usize,
        a: &[I::Wire],
        b: &[I::Wire],
    ) -> Result<Output<I>, Error> {
        let sums = arithmetic::add(i, a, b)?;
        match self.out_ring_bits() {
            Some(ring_bits) => self.share(i, instances, &sums, ring_bits).map(Output::Shares),
            None => self.reveal(i, instances, &sums).map(Output::Revealed),
        }
    }

    fn share<I: Interpreter>(
        &self,
        i: &mut I,
        instances: usize,
        sums: &[I::Wire],
        ring_bits: u32,
    ) -> Result<I::Share, Error> {
        let clamp = |i: &mut I, shift: u32, window, least: i32, most: i32| {
            let y = largest(i, &sums[shift as usize..], window, instances)?;
            let shares = output::clip(i, &y, most.abs_diff(least), ring_bits)?;
            Ok(if least == 0 { shares } else { i.sum(vec![shares], least as u32, ring_bits) })
        };
        match *self {
            Self::Relu { shift, window, .. } => clamp(i, shift, window, 0, ACTIVATION_MAX),
            Self::Clamp { shift, window, least, most, .. } => clamp(i, shift, window, least, most),
            Self::Leaky { shift, window, slope, slope_shift, least, most, .. } => {
                let t = largest(i, &sums[shift as usize..], window, instances)?;
                output::leaky(i, &t, (slope, slope_shift), (least, most), ring_bits)
            }
            Self::ReluMinusTable { shift, index_shift, ref table, .. } => {
                table::relu_minus(i, sums, (shift, index_shift), table, ring_bits)
            }
            Self::Odd { shift, ref table, centre, .. } => {
                table::odd(i, sums, shift, table, centre, ring_bits)
            }
            Self::Truncate { shift, .. } => output::signed(i, &sums[shift as usize..], ring_bits),
            Self::Sign { .. } => i.project(&[(sign(sums).clone(), 1)], ring_bits),
            Self::MaxPool { map, kernel, stride, .. } => {
                let places = order::windows(map, kernel, stride, instances);
                let largest = order::largest(i, sums, &places)?;
                output::signed(i, &largest, ring_bits)
            }
            _ => unreachable!("its results are revealed"),
        }
    }

    fn reveal<I: Interpreter>(
        &self,
        i: &mut I,
        instances: usize,
        sums: &[I::Wire],
    ) -> Result<Vec<Vec<I::Revealed>>, Error> {
        let results = match *self {
            Self::Argmax { classes, .. } => indices(i, sums, instances, classes, 1)?,
            Self::TopK { classes, places, .. } => indices(i, sums, instances, classes, places)?,
            Self::Confidence { classes, bounds, .. } => {
                order::confidence(i, sums, instances, classes, bounds)?
            }
            Self::NonNegative { .. } => vec![vec![i.not(sign(sums))]],
            Self::Reveal { .. } => vec![sums.to_vec()],
            _ => unreachable!("its results are shared"),
        };
        results.iter().map(|bits| output::reveal(i, bits)).collect()
    }
}

fn sign<W>(bits: &[W]) -> &W {
    bits.last().expect("numbers have at least one bit")
}

/// The largest number of each instance's window.
fn largest<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    window: usize,
    instances: usize,
) -> Result<Vec<I::Wire>, Error> {
    let places: Vec<_> = (0..window).map(|p| order::place(p, instances)).collect();
    if window == 1 { Ok(bits.to_vec()) } else { order::largest(i, bits, &places) }
}

fn indices<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    instances: usize,
    classes: usize,
    places: usize,
) -> Result<Vec<Vec<I::Wire>>, Error> {
    let list = order::top(i, bits, instances, classes, [places; 2])?;
    Ok(list.into_iter().map(|[_, index]| index).collect())
}
