//! The integer function of an activation, and the units of what it reads and yields.

use gazelle_model::Function;

use super::calibrate::Range;
use crate::{Bend, FloatFunction};

/// An activation in integers.
pub(super) struct Units {
    pub(super) function: Function,
    /// What a step of the shifted sums stands for: a sum y stands for y / 2^f of these.
    pub(super) reads: f64,
    /// What 1 stands for in the results.
    pub(super) yields: f64,
    /// Whether half a step is added, so that the shift rounds to the nearest.
    pub(super) rounds: bool,
    /// The least shift.
    pub(super) least_shift: i32,
    /// The most.
    pub(super) most_shift: u32,
}

/// The most bits that a shift drops and results have: sums stay within 31 bits.
const SHIFT_AND_RESULT: u32 = 30;
/// The most that a shift drops where results have 8 bits.
const MOST_SHIFT: u32 = SHIFT_AND_RESULT - 8;

impl Units {
    /// For values in `range`, in `bits` bits where it is a clamp;
    /// `step` is what 1 stands for where they are all 0.
    pub(super) fn new(function: &FloatFunction, range: &Range, step: f64, bits: u32) -> Self {
        // Where there are steps enough, hardly a value is cut.
        let (least, most) = if bits > 8 { range.beyond } else { range.all };
        match function {
            FloatFunction::Clamp { least: low, most: high } => {
                let (least, most) = (least.max((*low).into()), most.min((*high).into()));
                let (unit, low, high) = bounds(least, most, *low == 0.0, step, bits);
                Self::plain(Function::Clamp { least: low, most: high }, unit, bits)
            }
            FloatFunction::Leaky { slopes } => {
                let (unit, low, high) = bounds(least, most, false, step, bits);
                let slopes = slopes.iter().map(|s| (s * 256.0).round() as u16).collect();
                let function = Function::Leaky { slopes, slope_shift: 8, least: low, most: high };
                Self::plain(function, unit, bits)
            }
            FloatFunction::HardSwish
            | FloatFunction::Silu
            | FloatFunction::Gelu
            | FloatFunction::GeluTanh
            | FloatFunction::LessEvenPart(_) => bump(function, most, step),
            FloatFunction::Sigmoid => odd(function, 0.5, 1.0 / 255.0),
            FloatFunction::Tanh | FloatFunction::LessOddPart(_) => odd(function, 0.0, 1.0 / 127.0),
        }
    }

    /// The odd part of the bend whose even part this is, and how many bits its shift drops besides: it is
    /// read at the same entries and has the same unit, so that both fit together.
    pub(super) fn odd_part(self, bend: Bend) -> Option<(Self, i8)> {
        let Function::ReluMinusTable { table, step } = &self.function else { return None };
        let odd = FloatFunction::LessOddPart(bend);
        let (table, step) = (entries(table.len(), *step, self.yields, |x| odd.apply(x, 0)), *step);
        Some((Self { function: Function::Odd { table, centre: 0 }, ..self }, step))
    }

    fn plain(function: Function, unit: f64, bits: u32) -> Self {
        let most_shift = SHIFT_AND_RESULT - bits;
        Self { function, reads: unit, yields: unit, rounds: true, least_shift: 0, most_shift }
    }
}

/// Whether the results of the function may have more bits than 8.
pub(super) fn may_be_wide(function: &FloatFunction) -> bool {
    matches!(function, FloatFunction::Clamp { .. } | FloatFunction::Leaky { .. })
}

/// What 1 stands for and the bounds in these, 2^bits integers with 0 among them.
fn bounds(least: f64, most: f64, positive: bool, step: f64, bits: u32) -> (f64, i16, i16) {
    let steps = ((1i32 << bits) - 1) as i16;
    let least = if positive { 0.0 } else { least };
    let unit = (most - least) / f64::from(steps);
    if unit <= 0.0 {
        let low = if positive { 0 } else { -(1 << (bits - 1)) };
        return (step, low, low + steps);
    }
    // Both ends round outwards by less than one step: the steps hold the range but for half of one.
    let low = (least / unit).round() as i16;
    (unit, low, low + steps)
}

/// max(x, 0) − g(|x|) with g in a table.
fn bump(function: &FloatFunction, most: f64, step: f64) -> Units {
    const LEN: usize = 64;
    let grid = (0..4096).map(|i| i as f32 * (function.bound() as f32) / 4096.0);
    let depth = f64::from(grid.map(|x| function.bump(x)).fold(0.0, f32::max));
    let unit = if most > 0.0 { (most + depth) / 255.0 } else { step.max(depth / 255.0) };
    let span = (function.bound() / (LEN as f64 * unit)).log2().ceil().clamp(-8.0, 8.0) as i8;
    let table = entries(LEN, span, unit, |x| function.bump(x));
    let function = Function::ReluMinusTable { table, step: span };
    let least_shift = (-i32::from(span)).max(0);
    let most_shift = MOST_SHIFT;
    Units { function, reads: unit, yields: unit, rounds: true, least_shift, most_shift }
}

/// A table of `f`, in units, each of whose entries spans 2^step units.
fn entries(len: usize, step: i8, unit: f64, f: impl Fn(f32) -> f32) -> Vec<u8> {
    let entry = |i: usize| {
        let x = (i as f64 + 0.5) * f64::from(step).exp2() * unit;
        (f64::from(f(x as f32)) / unit).round().clamp(0.0, 255.0) as u8
    };
    (0..len).map(entry).collect()
}

/// centre ± a table of the distance from it.
fn odd(function: &FloatFunction, centre: f64, unit: f64) -> Units {
    const LEN: usize = 64;
    let reads = function.bound() / LEN as f64;
    let entry = |i: usize| {
        let x = (i as f64 + 0.5) * reads;
        ((f64::from(function.apply(x as f32, 0)) - centre) / unit).round().clamp(0.0, 255.0) as u8
    };
    let table = (0..LEN).map(entry).collect();
    let function = Function::Odd { table, centre: (centre / unit).round() as i16 };
    let most_shift = MOST_SHIFT;
    Units { function, reads, yields: unit, rounds: false, least_shift: 0, most_shift }
}
