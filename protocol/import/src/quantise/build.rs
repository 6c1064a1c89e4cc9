//! The integer network for given ranges and bits.

use gazelle_model::{
    ActivationNode, Bias, Block, Card, Head, HeadNode, LinearNode, Network, Node, Scaled, Select,
    Shift, SumPool, Term, Upsample,
};

use super::calibrate::{Observed, Range};
use super::correct::Meaning;
use super::function::Units;
use super::round::Powers;
use super::scale::{Added, Fit, Sums, row_scales};
use super::settings::{Noise, Settings};
use crate::{
    Error, FloatActivation, FloatFunction, FloatHead, FloatLinear, FloatNetwork, FloatNode,
};

/// The largest bound of integers that no linear map gives: differences stay within 31 bits.
const MOST: f64 = (1u32 << 29) as f64;

/// An integer network.
pub(super) struct Built {
    pub(super) network: Network,
    /// What rounding does.
    pub(super) noise: Noise,
    /// The tensor of the activation that reads each linear node's sums.
    pub(super) readers: Vec<Option<usize>>,
    /// What each linear node's sums stand for.
    pub(super) meanings: Vec<Meaning>,
}

/// The integer network for what was observed, and these shares and settings.
pub(super) fn build(
    float: &FloatNetwork,
    observed: &Observed,
    shares: &[Vec<f64>],
    settings: &Settings,
) -> Result<Built, Error> {
    let mut work = Work {
        float,
        observed,
        ranges: &observed.ranges,
        shares,
        units: vec![vec![1.0; float.input.channels]],
        bounds: vec![(0, 255)],
        nodes: Vec::new(),
        blocks: Vec::new(),
        noise: Noise { weights: Vec::new(), results: vec![f64::INFINITY] },
        readers: Vec::new(),
        meanings: Vec::new(),
        pending: vec![None; float.nodes.len() + 1],
    };
    for (i, node) in float.nodes.iter().enumerate() {
        work.node(i, node, settings)?;
    }
    let head = match float.head {
        FloatHead::Class => Head::Class,
        FloatHead::Top(count) => Head::Top(count),
        FloatHead::Thresholds => Head::Thresholds(vec![0; float.shapes[float.output].len()]),
    };
    let card = Card {
        name: float.name.clone(),
        input: float.input,
        preprocessing: float.preprocessing.clone(),
        nodes: work.nodes,
        head: HeadNode { input: float.output, sum_bits: 31, head },
        classes: float.classes.clone(),
    };
    let network = Network::with_least_sum_bits(card, work.blocks)?;
    let Work { noise, readers, meanings, .. } = work;
    Ok(Built { network, noise, readers, meanings })
}

struct Work<'a> {
    float: &'a FloatNetwork,
    observed: &'a Observed,
    ranges: &'a [Range],
    /// Each channel's share of its tensor's unit.
    shares: &'a [Vec<f64>],
    /// What 1 stands for in each channel of each tensor.
    units: Vec<Vec<f64>>,
    /// The least and the most value of each tensor but sums, which have (0, 0).
    bounds: Vec<(i32, i32)>,
    nodes: Vec<Node>,
    blocks: Vec<Block>,
    noise: Noise,
    readers: Vec<Option<usize>>,
    meanings: Vec<Meaning>,
    /// What was chosen for the sums in a tensor that an activation reads.
    pending: Vec<Option<Sums>>,
}

impl Work<'_> {
    fn node(&mut self, i: usize, node: &FloatNode, settings: &Settings) -> Result<(), Error> {
        let tensor = i + 1;
        match node {
            FloatNode::Linear(linear) => return self.linear(tensor, linear, settings),
            FloatNode::Activation(activation) => {
                return self.activation(tensor, activation, settings.results[tensor]);
            }
            FloatNode::Sum(parts) if parts.iter().all(|part| self.pending[part.0].is_none()) => {
                return self.sum_of_results(parts);
            }
            FloatNode::Sum(parts) => {
                let (sums, scaled) = self.sum(parts)?;
                self.pending[tensor] = Some(sums);
                self.push(Node::Sum(scaled), vec![], (0, 0));
            }
            FloatNode::Concat(parts) => {
                let units = parts.iter().flat_map(|&part| self.units[part].clone()).collect();
                let all = parts.iter().map(|&part| self.bounds[part]);
                let bounds = all.fold((0, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
                self.push(Node::Concat(parts.clone()), units, bounds);
            }
            FloatNode::Select(select) => {
                let Select { input, channels } = select;
                let units = channels.iter().map(|&c| self.units[*input][c as usize]).collect();
                self.push(Node::Select(select.clone()), units, self.bounds[*input]);
            }
            FloatNode::Upsample(upsample) => {
                let Upsample { input, .. } = *upsample;
                let units = self.units[input].clone();
                self.push(Node::Upsample(*upsample), units, self.bounds[input]);
            }
            FloatNode::SumPool(pool) => {
                let SumPool { input, .. } = *pool;
                let units = self.units[input].clone();
                let divisor = pool.divisor(self.float.shapes[input]).unwrap_or(u32::MAX);
                let times =
                    |bound: i32| bound.saturating_mul(divisor.try_into().unwrap_or(i32::MAX));
                let (low, high) = self.bounds[input];
                self.push(Node::SumPool(*pool), units, (times(low), times(high)));
            }
        }
        Ok(())
    }

    fn push(&mut self, node: Node, units: Vec<f64>, bounds: (i32, i32)) {
        self.nodes.push(node);
        self.units.push(units);
        self.bounds.push(bounds);
        self.noise.results.push(f64::INFINITY);
    }

    /// Who reads the sums of a linear node, and the tensors that are added to them on the way.
    fn reader(&self, tensor: usize) -> (Option<&FloatActivation>, Vec<(usize, f32)>, usize) {
        let (mut at, mut skips) = (tensor, Vec::new());
        for (i, node) in self.float.nodes.iter().enumerate().skip(tensor) {
            match node {
                FloatNode::Sum(parts) if parts.iter().any(|part| part.0 == at) => {
                    skips.extend(parts.iter().filter(|part| part.0 != at));
                    at = i + 1;
                }
                FloatNode::Activation(activation) if activation.input == at => {
                    return (Some(activation), skips, i + 1);
                }
                _ => {}
            }
        }
        (None, skips, at)
    }

    /// What is added to the sums of a linear node whose first channel has this share: all has the same
    /// shares.
    fn added(&self, skips: &[(usize, f32)], share: f64) -> Added {
        let unit = |&(skip, factor): &(usize, f32)| {
            self.units[skip].first().copied().unwrap_or(1.0) / share * f64::from(factor).abs()
        };
        let reach = |skip: &(usize, f32)| {
            let (low, high) = self.bounds[skip.0];
            unit(skip) * f64::from(low.unsigned_abs().max(high.unsigned_abs()))
        };
        Added { unit: skips.first().map(unit), reach: skips.iter().map(reach).sum() }
    }

    fn linear(
        &mut self,
        tensor: usize,
        linear: &FloatLinear,
        settings: &Settings,
    ) -> Result<(), Error> {
        let fault = |what| Error::Quantise { node: linear.node.clone(), what };
        let setting = settings.linear[self.blocks.len()];
        let shape = self.float.shapes[tensor];
        let (activation, skips, reader) = self.reader(tensor);
        let yields = activation.map(|_| reader);
        let rows = row_scales(linear, &self.float.shapes, &self.units);
        let largest = f64::from((1i32 << (setting.weight_bits - 1)) - 1);
        let shares = &self.shares[tensor];
        let ends: Vec<_> = linear.terms.iter().map(|term| self.bounds[term.input]).collect();
        let fit = Fit::new(linear, &rows, &ends, shape, largest, shares);
        let added = self.added(&skips, shares[0]);
        let (sums, rounds) = match activation {
            Some(activation) => {
                let step = fit.step();
                let (range, bits) = (&self.ranges[reader], settings.results[reader]);
                let units = Units::new(&activation.function, range, step, bits);
                let by_channel = setting.by_channel && skips.is_empty();
                let sums = fit.sums(&units, by_channel, added).map_err(fault)?;
                (sums, units.rounds)
            }
            None => (fit.last(added), false),
        };
        let number = self.blocks.len();
        let observed = self.observed;
        let covariances = |term: usize, group: usize, units: &[f64]| {
            observed.covariance([number, term], group, units)
        };
        let rounded = fit.round(linear, &rows, &sums, rounds, covariances);
        let (block, powers) = rounded.map_err(fault)?;
        let term = |term: &crate::FloatTerm| Term { input: term.input, map: term.map };
        let terms = linear.terms.iter().map(term).collect();
        let full = block.bias.len() != shape.channels;
        let bias = if full { Bias::Map } else { Bias::Channel };
        let weight_bits = setting.weight_bits;
        let units = sums.per_unit.iter().map(|s| s.recip()).collect();
        let half = |&f: &u8| if rounds { (1i32 << f) >> 1 } else { 0 };
        let halves = sums.shifts.iter().map(half).collect();
        self.meanings.push(Meaning { per_unit: sums.per_unit.clone(), halves });
        self.hear(linear, &powers);
        self.readers.push(yields);
        self.blocks.push(block);
        self.pending[tensor] = Some(sums);
        self.push(Node::Linear(LinearNode { terms, bias, weight_bits }), units, (0, 0));
        Ok(())
    }

    /// Notes what rounding the weights adds to the sums, and what rounding their inputs does.
    fn hear(&mut self, linear: &FloatLinear, powers: &[Vec<Powers>]) {
        let mut all = powers[0].clone();
        for term in &powers[1..] {
            all.iter_mut().zip(term).for_each(|(all, term)| all.add(term));
        }
        self.noise.weights.push(mean_ratio(all.iter().map(|p| (p.signal, p.noise))));
        for (term, own) in linear.terms.iter().zip(powers) {
            let of_input = all.iter().zip(own).map(|(all, own)| (all.signal, own.white / 12.0));
            let heard = &mut self.noise.results[term.input];
            if heard.is_finite() {
                *heard = heard.min(mean_ratio(of_input));
            }
        }
    }

    fn sum(&self, parts: &[(usize, f32)]) -> Result<(Sums, Vec<Scaled>), Error> {
        let what = "a sum without a linear map of its own";
        let missing = || Error::Quantise { node: "sum".into(), what };
        let own = parts.iter().find_map(|part| self.pending[part.0].clone());
        let own = own.ok_or_else(missing)?;
        let per_unit = own.per_unit.first().copied().unwrap_or(1.0);
        let scaled = |&(input, factor): &(usize, f32)| {
            if self.pending[input].is_some() {
                return Scaled { input, factor: 1 };
            }
            let unit = self.units[input].first().copied().unwrap_or(1.0);
            let factor = (per_unit * unit * f64::from(factor)).round();
            let factor = factor.clamp(-1e9, 1e9) as i32;
            Scaled { input, factor: if factor == 0 { 1 } else { factor } }
        };
        let parts = parts.iter().map(scaled).collect();
        Ok((own, parts))
    }

    /// The sum of integers of known bounds whose units are multiples of the first's, as the parts of one
    /// function have.
    fn sum_of_results(&mut self, parts: &[(usize, f32)]) -> Result<(), Error> {
        let what = "a sum without a linear map of its own";
        let units = self.units[parts[0].0].clone();
        let of = |input: usize| self.units[input].first().copied().unwrap_or(1.0);
        let (first, mut bounds, mut scaled) = (of(parts[0].0), (0i32, 0i32), Vec::new());
        for &(input, factor) in parts {
            let exact = of(input) / first * f64::from(factor);
            let factor = exact.round().clamp(-MOST, MOST) as i32;
            if factor == 0 || (exact - f64::from(factor)).abs() > 1e-9 {
                return Err(Error::Quantise { node: "sum".into(), what });
            }
            let times = |bound: i32| bound.saturating_mul(factor);
            let (low, high) = (times(self.bounds[input].0), times(self.bounds[input].1));
            bounds.0 = bounds.0.saturating_add(low.min(high));
            bounds.1 = bounds.1.saturating_add(low.max(high));
            scaled.push(Scaled { input, factor });
        }
        self.push(Node::Sum(scaled), units, bounds);
        Ok(())
    }

    /// The function in integers, and how many bits more than the sums' shift it drops.
    fn units_of(
        &self,
        tensor: usize,
        activation: &FloatActivation,
        step: f64,
        bits: u32,
    ) -> Result<(Units, i8), Error> {
        let FloatFunction::LessOddPart(bend) = activation.function else {
            let range = &self.ranges[tensor];
            return Ok((Units::new(&activation.function, range, step, bits), 0));
        };
        let (even, _, reader) = self.reader(activation.input);
        let even = even.map(|even| Units::new(&even.function, &self.ranges[reader], step, bits));
        let what = "a function's odd part without its even one";
        let missing = || Error::Quantise { node: format!("tensor {tensor}"), what };
        even.and_then(|even| even.odd_part(bend)).ok_or_else(missing)
    }

    fn activation(
        &mut self,
        tensor: usize,
        activation: &FloatActivation,
        bits: u32,
    ) -> Result<(), Error> {
        let FloatActivation { input, function, max_pool } = activation;
        let pool = *max_pool;
        let (function, shift, unit, bounds) = match &self.pending[*input] {
            Some(sums) => {
                let (units, more) = self.units_of(tensor, activation, sums.step, bits)?;
                let bounds = units.function.range();
                let bounds = (bounds.least as i32, bounds.most as i32);
                let shift = match &sums.shifts[..] {
                    [one] => Shift::Tensor(one.saturating_add_signed(more)),
                    all => {
                        Shift::Channels(all.iter().map(|f| f.saturating_add_signed(more)).collect())
                    }
                };
                let unit = units.yields * sums.stretch;
                let unit = self.shares[tensor].iter().map(|share| share * unit).collect::<Vec<_>>();
                (units.function, shift, unit, bounds)
            }
            // Integers of known bounds: they keep their unit, or drop the bits that are too many.
            None => {
                let FloatFunction::Clamp { least, most } = function else {
                    let what = "a function of values that no linear map gives";
                    return Err(Error::Quantise { node: format!("tensor {tensor}"), what });
                };
                let unit = self.units[*input].first().copied().unwrap_or(1.0);
                let bound = |v: f32| (f64::from(v) / unit).round().clamp(-MOST, MOST) as i32;
                let (low, high) = self.bounds[*input];
                let (low, high) = (low.max(bound(*least)).min(0), high.min(bound(*most)));
                let wide = |f: &u8| ((high >> f) - (low >> f)) >> bits != 0;
                let shift = (0..31).take_while(wide).count() as u8;
                let (low, high) = (low >> shift, (high >> shift).max((low >> shift) + 1));
                let function =
                    gazelle_model::Function::Clamp { least: low as i16, most: high as i16 };
                let step = f64::from(shift).exp2();
                let units = self.units[*input].iter().map(|unit| unit * step).collect::<Vec<_>>();
                (function, Shift::Tensor(shift), units, (low, high))
            }
        };
        let rounds = shift.all().iter().any(|&f| f > 0);
        let signal_to_noise = signal_to_noise(&self.ranges[tensor].variances, &unit);
        let node = ActivationNode { input: *input, sum_bits: 31, function, shift, max_pool: pool };
        self.push(Node::Activation(node), unit, bounds);
        if rounds {
            self.noise.results[tensor] = signal_to_noise;
        }
        Ok(())
    }
}

/// The mean over channels of the ratios in dB of signal to noise.
fn mean_ratio(powers: impl ExactSizeIterator<Item = (f64, f64)>) -> f64 {
    let count = powers.len().max(1) as f64;
    // A weight that is met exactly has no noise; 120 dB stand for that.
    let ratio = |(signal, noise): (f64, f64)| match signal > 0.0 {
        true => (signal / noise.max(signal * 1e-12)).log10() * 10.0,
        false => 120.0,
    };
    powers.map(ratio).sum::<f64>() / count
}

/// The ratio in dB of values of such variances in their units, a mean over the channels, and of what
/// rounding them to integers adds, 1/12.
fn signal_to_noise(variances: &[f64], units: &[f64]) -> f64 {
    let squares = variances.iter().zip(units).map(|(variance, unit)| variance / (unit * unit));
    let mean = squares.sum::<f64>() / variances.len().max(1) as f64;
    if mean > 0.0 { (12.0 * mean).log10() * 10.0 } else { f64::INFINITY }
}
