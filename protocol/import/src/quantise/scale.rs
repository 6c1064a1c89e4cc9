//! Shifts, units and integers of one linear node.

use gazelle_model::{Block, LinearMap, Shape};
use rayon::prelude::*;

use super::function::Units;
use super::moments::Covariance;
use super::round::{self, Powers};
use crate::{FloatLinear, FloatTerm};

/// How far a channel's shift may be over the least.
const MAX_SPREAD: f64 = 4.0;
/// The largest bias.
const MAX_BIAS: f64 = (1u32 << 29) as f64;
/// The largest sum, with room for what rounding and the correction of biases add.
const MAX_SUM: f64 = 0.98 * (1u32 << 31) as f64;

/// What integer sums stand for.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// What a sum of a real 1 is: one for all channels, or one for each.
    pub(super) per_unit: Vec<f64>,
    /// f, one for all channels or one for each.
    pub(super) shifts: Vec<u8>,
    /// How many times larger than asked for the activation's unit became, so that what is added
    /// has a whole factor.
    pub(super) stretch: f64,
    /// The unit of results that are 0 on every image.
    pub(super) step: f64,
}

/// What is added to the sums of a linear node, in reals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Added {
    /// What 1 stands for.
    pub(super) unit: Option<f64>,
    /// The largest magnitude.
    pub(super) reach: f64,
}

/// For each weight, what its input's unit is.
pub(super) fn row_scales(
    linear: &FloatLinear,
    shapes: &[Shape],
    units: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    linear
        .terms
        .iter()
        .map(|term| {
            let (input, units) = (shapes[term.input], &units[term.input]);
            match &term.map {
                LinearMap::Dense { .. } => {
                    units.iter().flat_map(|&u| std::iter::repeat_n(u, input.map_len())).collect()
                }
                LinearMap::Convolution(_) => units.clone(),
            }
        })
        .collect()
}

/// The largest weights and biases of a linear node, in units of its inputs' integers and of its
/// output channels' shares of their tensor's unit.
pub(super) struct Fit<'a> {
    /// The weights of each term times their inputs' units.
    scaled: Vec<Vec<f64>>,
    /// The largest |w|·unit of each output channel.
    weights: Vec<f64>,
    biases: Vec<f64>,
    /// How far each output channel's sums get from 0.
    reaches: Vec<f64>,
    /// Each output channel's share of the unit.
    shares: &'a [f64],
    largest: f64,
    shape: Shape,
}

/// How many weights of a row read one channel of a map.
fn cells(map: &LinearMap) -> usize {
    match map {
        LinearMap::Dense { .. } => 1,
        LinearMap::Convolution(map) => map.window.kernel.cells(),
    }
}

fn groups(map: &LinearMap) -> usize {
    match map {
        LinearMap::Dense { .. } => 1,
        LinearMap::Convolution(map) => map.groups,
    }
}

/// The weights of a term times the units of what they read.
fn scaled(term: &FloatTerm, units: &[f64], channels: usize) -> Vec<f64> {
    let cells = cells(&term.map);
    let units: Vec<f64> = units.iter().flat_map(|&u| std::iter::repeat_n(u, cells)).collect();
    let (row, of_group) = (row_len(term, channels), channels / groups(&term.map));
    let mut scaled: Vec<f64> = term.weights.iter().map(|&w| w.into()).collect();
    scaled.par_chunks_mut(row).enumerate().for_each(|(r, weights)| {
        let units = &units[r / of_group * row..][..weights.len()];
        weights.iter_mut().zip(units).for_each(|(w, unit)| *w *= unit);
    });
    scaled
}

fn row_len(term: &FloatTerm, channels: usize) -> usize {
    (term.weights.len() / channels).max(1)
}

/// The largest magnitude of each output channel's `scaled` weights, those of each term.
fn row_maxima(linear: &FloatLinear, scaled: &[Vec<f64>], channels: usize) -> Vec<f64> {
    let mut maxima = vec![0f64; channels];
    for (term, scaled) in linear.terms.iter().zip(scaled) {
        let rows = scaled.par_chunks(row_len(term, channels));
        maxima.par_iter_mut().zip(rows).for_each(|(most, row)| {
            *most = row.iter().fold(*most, |most, w| most.max(w.abs()));
        });
    }
    maxima
}

/// How far the sums of each output channel get from 0 without their biases, where each term reads
/// integers between its `ends`.
fn row_reaches(
    linear: &FloatLinear,
    scaled: &[Vec<f64>],
    ends: &[(i32, i32)],
    channels: usize,
) -> Vec<f64> {
    let mut ranges = vec![(0f64, 0f64); channels];
    for ((term, scaled), &(low, high)) in linear.terms.iter().zip(scaled).zip(ends) {
        let rows = scaled.par_chunks(row_len(term, channels));
        ranges.par_iter_mut().zip(rows).for_each(|((least, most), row)| {
            for w in row {
                let ends = [low, high].map(|end| w * f64::from(end));
                *least += ends[0].min(ends[1]);
                *most += ends[0].max(ends[1]);
            }
        });
    }
    ranges.into_iter().map(|(least, most)| most.max(-least)).collect()
}

/// The largest magnitude of each output channel's weights, times the units of all tensors' channels.
pub(super) fn largest_weights(
    linear: &FloatLinear,
    shapes: &[Shape],
    units: &[Vec<f64>],
) -> Vec<f64> {
    let output = linear.terms.first().and_then(|term| term.map.output(shapes[term.input]));
    let channels = output.map_or(0, |shape| shape.channels);
    let units = row_scales(linear, shapes, units);
    let scaled = linear.terms.iter().zip(&units).map(|(term, of)| scaled(term, of, channels));
    row_maxima(linear, &scaled.collect::<Vec<_>>(), channels)
}

impl<'a> Fit<'a> {
    pub(super) fn new(
        linear: &FloatLinear,
        units: &[Vec<f64>],
        ends: &[(i32, i32)],
        shape: Shape,
        largest: f64,
        shares: &'a [f64],
    ) -> Self {
        let channels = shape.channels;
        let scaled = linear.terms.iter().zip(units).map(|(term, of)| scaled(term, of, channels));
        let scaled: Vec<_> = scaled.collect();
        let mut weights = row_maxima(linear, &scaled, channels);
        let run = (linear.bias.len() / channels).max(1);
        let most = |map: &[f32]| map.iter().fold(0f64, |most, &b| most.max(f64::from(b).abs()));
        let mut biases: Vec<f64> = linear.bias.chunks(run).map(most).collect();
        let mut reaches = row_reaches(linear, &scaled, ends, channels);
        for (c, share) in shares.iter().enumerate() {
            weights[c] /= share;
            biases[c] /= share;
            reaches[c] = reaches[c] / share + biases[c];
        }
        Self { scaled, weights, biases, reaches, shares, largest, shape }
    }

    /// What a sum of a real 1 is in each channel, where it is `per_unit` in one with a whole unit.
    fn spread(&self, per_unit: f64) -> Vec<f64> {
        match self.shares.iter().all(|&share| share == 1.0) {
            true => vec![per_unit],
            false => self.shares.iter().map(|share| per_unit / share).collect(),
        }
    }

    /// A unit for results that are always 0: that which gives weights a shift of 8.
    pub(super) fn step(&self) -> f64 {
        let most = self.weights.iter().fold(0f64, |most, &w| most.max(w));
        if most > 0.0 { most * 256.0 / self.largest } else { 1.0 }
    }

    /// The largest shift that each channel's weights, biases and sums leave room for, at most
    /// `most_shift`. `beyond` is what is added to the sums.
    fn room(&self, reads: f64, most_shift: f64, beyond: f64) -> Vec<f64> {
        let room = |c: usize| {
            let of = |most: f64, value: f64| {
                if value > 0.0 { (most * reads / value).log2().floor() } else { most_shift }
            };
            let (weight, bias) = (of(self.largest, self.weights[c]), of(MAX_BIAS, self.biases[c]));
            weight.min(bias).min(of(MAX_SUM, self.reaches[c] + beyond)).min(most_shift)
        };
        (0..self.weights.len()).map(room).collect()
    }

    /// The sums that an activation reads, with what is added to them.
    pub(super) fn sums(
        &self,
        units: &Units,
        by_channel: bool,
        added: Added,
    ) -> Result<Sums, &'static str> {
        let most_shift = f64::from(units.most_shift);
        // A clamp subtracts its least value.
        let least = units.function.range().least.unsigned_abs() as f64 * units.reads;
        let room = self.room(units.reads, most_shift, added.reach + least);
        // A map whose weights are all 0 needs no fine steps.
        let all_zero = self.weights.iter().all(|&w| w == 0.0);
        let least = room.iter().copied().fold(if all_zero { 8.0 } else { most_shift }, f64::min);
        if least < f64::from(units.least_shift) {
            return Err(
                "its weights are too large beside its activations, or one of them is far larger \
                        than the others; use more weight bits (`--weight-bits`), or look for an outlier",
            );
        }
        let step = self.step();
        if by_channel && room.len() > 1 {
            let shifts: Vec<f64> = room.iter().map(|r| r.min(least + MAX_SPREAD)).collect();
            let per_unit = shifts.iter().zip(self.shares);
            let per_unit = per_unit.map(|(f, share)| f.exp2() / units.reads / share).collect();
            let shifts = shifts.iter().map(|&f| f as u8).collect();
            return Ok(Sums { per_unit, shifts, stretch: 1.0, step });
        }
        let (mut shift, mut per_unit, mut stretch) = (least, least.exp2() / units.reads, 1.0);
        if let Some(added) = added.unit.filter(|&added| added > 0.0) {
            // What is added needs a whole factor: more bits until there is one.
            while per_unit * added < 1.0 && shift < most_shift {
                shift += 1.0;
                per_unit *= 2.0;
            }
            let factor = (per_unit * added).floor().max(1.0);
            stretch = per_unit / (factor / added);
            per_unit = factor / added;
            if self.weights.iter().any(|&w| w * per_unit > self.largest + 0.5) {
                return Err(
                    "its weights are too large beside what is added to it; use more weight \
                            bits (`--weight-bits`)",
                );
            }
        }
        // A table is read at the sums as they are.
        let shifts = vec![shift as u8];
        Ok(Sums { per_unit: self.spread(per_unit), shifts, stretch, step })
    }

    /// The sums that the head reads: only their order and their signs matter.
    pub(super) fn last(&self, added: Added) -> Sums {
        let most_of = |values: &[f64]| values.iter().fold(0f64, |most, &value| most.max(value));
        let (most, bias) = (most_of(&self.weights), most_of(&self.biases));
        let mut per_unit = if most > 0.0 { self.largest / most } else { 1.0 };
        if bias > 0.0 {
            per_unit = per_unit.min(MAX_BIAS / bias);
        }
        let reach = most_of(&self.reaches) + added.reach;
        if reach > 0.0 {
            per_unit = per_unit.min(MAX_SUM / reach);
        }
        if let Some(added) = added.unit.filter(|&added| added > 0.0) {
            per_unit = (per_unit * added).floor().max(1.0) / added;
        }
        Sums { per_unit: self.spread(per_unit), shifts: vec![0], stretch: 1.0, step: 1.0 }
    }

    /// The integers and, for each term, what the sums of each output channel vary by.
    pub(super) fn round(
        &self,
        linear: &FloatLinear,
        units: &[Vec<f64>],
        sums: &Sums,
        rounds: bool,
        covariances: impl Fn(usize, usize, &[f64]) -> Option<Covariance> + Sync,
    ) -> Result<(Block, Vec<Vec<Powers>>), &'static str> {
        let channels = self.shape.channels;
        let of = |values: &[f64], c: usize| values[if values.len() == 1 { 0 } else { c }];
        let mut weights = Vec::new();
        let mut powers = vec![Vec::with_capacity(channels); linear.terms.len()];
        for (index, (term, units)) in linear.terms.iter().zip(units).enumerate() {
            let (row, cells) = (row_len(term, channels), cells(&term.map));
            let (depth, of_group) = (row / cells, channels / groups(&term.map));
            let at_once = round::LINES.div_ceil(cells);
            let round = |(group, scaled): (usize, &[f64])| {
                let units = &units[group * depth..][..depth];
                let covariance = covariances(index, group, units);
                let part = |(part, scaled): (usize, &[f64])| {
                    let first = group * of_group + part * at_once;
                    let exact = scaled.chunks_exact(row).zip(first..).flat_map(|(row, c)| {
                        let per_unit = of(&sums.per_unit, c);
                        row.iter().map(move |w| w * per_unit)
                    });
                    let exact: Vec<f64> = exact.collect();
                    round::rows(&exact, [row, cells], self.largest, covariance.as_ref())
                };
                scaled.par_chunks(at_once * row).enumerate().map(part).collect::<Vec<_>>()
            };
            let scaled = self.scaled[index].par_chunks_exact(of_group * row).enumerate();
            for rounded in scaled.map(round).collect::<Vec<_>>().into_iter().flatten() {
                weights.extend(rounded.weights);
                powers[index].extend(rounded.powers);
            }
        }
        let run = (linear.bias.len() / channels).max(1);
        let bias = |(i, &b): (usize, &f32)| {
            let c = i / run;
            let shift = sums.shifts[if sums.shifts.len() == 1 { 0 } else { c }];
            let half = if rounds { (1i32 << shift) >> 1 } else { 0 };
            let scaled = (f64::from(b) * of(&sums.per_unit, c)).round();
            (scaled.abs() <= 2.0 * MAX_BIAS).then(|| scaled as i32 + half)
        };
        let bias: Option<Vec<i32>> = linear.bias.iter().enumerate().map(bias).collect();
        let bias = bias.ok_or("a bias is too large beside the activations; give other images")?;
        Ok((Block { weights, bias }, powers))
    }
}

#[cfg(test)]
mod tests {
    use gazelle_model::{LinearMap, Shape};

    use super::{Added, Fit, MAX_SUM};
    use crate::quantise::calibrate::Range;
    use crate::quantise::function::Units;
    use crate::{FloatFunction, FloatLinear, FloatTerm};

    /// Wide values, a bias, something that is added, and a clamp that subtracts its least value: all of
    /// it fits, and with one bit more the fullest channel's does not.
    #[test]
    fn shifts_leave_room_for_sums() {
        let weights = vec![1.0, 1.0, 1.0, 1.0, 0.5, -0.5, 0.25, -0.25];
        let terms = vec![FloatTerm { input: 0, map: LinearMap::dense(2), weights }];
        let linear = FloatLinear { node: "map".into(), terms, bias: vec![3.0, -1.0] };
        let (units, ends) = (vec![vec![1.0; 4]], [(0, 1 << 20)]);
        let fit = Fit::new(&linear, &units, &ends, Shape::flat(2), 32_767.0, &[1.0, 1.0]);
        assert_eq!(fit.reaches, [f64::from((4 << 20) + 3), f64::from((3 << 18) + 1)]);
        let range = Range { beyond: (-512.0, 511.0), ..Range::default() };
        let function = FloatFunction::Clamp { least: f32::NEG_INFINITY, most: f32::INFINITY };
        let units = Units::new(&function, &range, 1.0, 10);
        let added = Added { unit: None, reach: 1e6 };
        for by_channel in [false, true] {
            let sums = fit.sums(&units, by_channel, added).unwrap();
            let of = |c: usize| {
                let per_unit = sums.per_unit[c % sums.per_unit.len()];
                per_unit * (fit.reaches[c] + added.reach + 512.0)
            };
            assert!((MAX_SUM / 2.0..=MAX_SUM).contains(&of(0)), "{}", of(0));
            assert!(of(1) <= MAX_SUM && (of(1) > MAX_SUM / 2.0) == by_channel, "{}", of(1));
        }
        let last = fit.last(added).per_unit[0] * (fit.reaches[0] + added.reach);
        assert!((last / MAX_SUM - 1.0).abs() < 1e-9, "{last}");
    }
}
