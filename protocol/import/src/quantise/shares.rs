//! Units by channel: what each channel of a tensor has of its tensor's unit.

use gazelle_model::{SumPool, Upsample};

use super::calibrate::Range;
use super::scale::largest_weights;
use super::settings::{Settings, numbered};
use crate::{FloatActivation, FloatFunction, FloatNetwork, FloatNode};

/// The least share: finer units would only make the weights that read them coarse.
const LEAST: f64 = 1.0 / 16.0;

/// Every channel's share of its tensor's unit, so that channels of small values have fine steps: the
/// weights that yield a channel are divided by its share, those that read it multiplied. (The ranges
/// of Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV
/// 2019, measured.) Tensors that are added to each other have the same shares; where a function or
/// the head needs one unit, they are 1.
pub(super) fn shares(
    network: &FloatNetwork,
    ranges: &[Range],
    settings: &Settings,
) -> Vec<Vec<f64>> {
    let groups = Groups::new(network);
    let mut shares = by_range(network, &groups, ranges);
    let units = units(network, ranges, &shares);
    for ((tensor, linear), setting) in numbered(network).zip(&settings.linear) {
        // Where each channel has a shift of its own, the weights need no care.
        if setting.by_channel || groups.whole[groups.of(tensor)] {
            continue;
        }
        // Noise is proportional to the share, from rounded weights as from rounded results: what one
        // unit would leave is less everywhere as long as no channel's weights outgrow the largest.
        let weights = largest_weights(linear, &network.shapes, &units);
        let most = weights.iter().fold(f64::MIN_POSITIVE, |most, &w| most.max(w));
        for other in (0..shares.len()).filter(|&other| groups.of(other) == groups.of(tensor)) {
            let own = shares[other].iter_mut().zip(&weights);
            own.for_each(|(share, w)| *share = share.max(w / most));
        }
    }
    shares
}

/// The shares that channels have of their tensors' ranges.
fn by_range(network: &FloatNetwork, groups: &Groups, ranges: &[Range]) -> Vec<Vec<f64>> {
    let ones = |tensor: usize| vec![1.0; network.shapes[tensor].channels];
    let mut shares: Vec<Option<Vec<f64>>> = vec![None; ranges.len()];
    for (tensor, range) in ranges.iter().enumerate() {
        let group = groups.of(tensor);
        if range.channels.is_empty() || groups.whole[group] {
            continue;
        }
        let own = range.channels.iter().map(|&channel| share(channel, range.beyond));
        match &mut shares[group] {
            Some(all) => all.iter_mut().zip(own).for_each(|(all, own)| *all = all.max(own)),
            none => *none = Some(own.collect()),
        }
    }
    let of = |tensor: usize| shares[groups.of(tensor)].clone().unwrap_or_else(|| ones(tensor));
    (0..ranges.len()).map(of).collect()
}

/// What 1 stands for in each channel of each tensor that a linear map may read, in 8 bits.
fn units(network: &FloatNetwork, ranges: &[Range], shares: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut units = vec![vec![1.0; network.input.channels]];
    for (i, node) in network.nodes.iter().enumerate() {
        let own = match node {
            FloatNode::Activation(_) => {
                let (least, most) = ranges[i + 1].beyond;
                shares[i + 1].iter().map(|share| share * (most - least) / 255.0).collect()
            }
            FloatNode::Concat(parts) => {
                parts.iter().flat_map(|&part| units[part].clone()).collect()
            }
            FloatNode::Select(select) => {
                select.channels.iter().map(|&c| units[select.input][c as usize]).collect()
            }
            FloatNode::Upsample(Upsample { input, .. })
            | FloatNode::SumPool(SumPool { input, .. }) => units[*input].clone(),
            FloatNode::Linear(_) | FloatNode::Sum(_) => shares[i + 1].clone(),
        };
        units.push(own);
    }
    units
}

/// The shares of tensors that have one unit for all channels.
pub(super) fn whole(network: &FloatNetwork) -> Vec<Vec<f64>> {
    network.shapes.iter().map(|shape| vec![1.0; shape.channels]).collect()
}

/// How much of the tensor's range a channel's takes.
fn share((low, high): (f64, f64), (least, most): (f64, f64)) -> f64 {
    let of = |part: f64, all: f64| if all == 0.0 { 0.0 } else { part / all };
    let share = of(low, least).max(of(high, most));
    if least == most { 1.0 } else { share.clamp(LEAST, 1.0) }
}

/// Tensors that must have the same shares.
struct Groups {
    /// A tensor of the same group, itself in the end.
    parent: Vec<usize>,
    /// Whether the group of this tensor has one unit for all channels.
    whole: Vec<bool>,
}

impl Groups {
    fn new(network: &FloatNetwork) -> Self {
        let count = network.nodes.len() + 1;
        let mut groups = Self { parent: (0..count).collect(), whole: vec![false; count] };
        groups.whole[0] = true;
        groups.whole[network.output] = true;
        for (i, node) in network.nodes.iter().enumerate() {
            match node {
                FloatNode::Sum(parts) => {
                    parts.iter().for_each(|part| groups.join(part.0, i + 1));
                }
                FloatNode::Activation(FloatActivation { input, function, .. }) => {
                    groups.join(*input, i + 1);
                    if !stretches(function, *input, network) {
                        let group = groups.of(i + 1);
                        groups.whole[group] = true;
                    }
                }
                _ => {}
            }
        }
        groups.settle(network);
        groups
    }

    fn of(&self, tensor: usize) -> usize {
        let parent = self.parent[tensor];
        if parent == tensor { tensor } else { self.of(parent) }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        let (a, b) = (a.min(b), a.max(b));
        self.parent[b] = a;
        self.whole[a] |= self.whole[b];
    }

    /// Where channels are picked or put together and the result must have one unit or is added to
    /// something, what they come from has one unit too.
    fn settle(&mut self, network: &FloatNetwork) {
        for _ in 0..=network.nodes.len() {
            let before = self.whole.clone();
            for (i, node) in network.nodes.iter().enumerate().rev() {
                let moves = matches!(
                    node,
                    FloatNode::Concat(_)
                        | FloatNode::Select(_)
                        | FloatNode::Upsample(_)
                        | FloatNode::SumPool(_)
                );
                let group = self.of(i + 1);
                let alone = (0..self.parent.len()).filter(|&t| self.of(t) == group).count() == 1;
                if moves && (!alone || self.whole[group]) {
                    self.whole[group] = true;
                    for input in node.inputs() {
                        let input = self.of(input);
                        self.whole[input] = true;
                    }
                }
            }
            if self.whole == before {
                return;
            }
        }
    }
}

/// Whether the function of a multiple is the multiple of the function, or its bounds those of the
/// range.
fn stretches(function: &FloatFunction, input: usize, network: &FloatNetwork) -> bool {
    let sums =
        input > 0 && matches!(network.nodes[input - 1], FloatNode::Linear(_) | FloatNode::Sum(_));
    let free = |bound: f32| bound == 0.0 || bound.is_infinite();
    match function {
        FloatFunction::Clamp { least, most } => sums || free(*least) && free(*most),
        FloatFunction::Leaky { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use gazelle_model::{LinearMap, Shape};

    use super::{Range, Settings, shares};
    use crate::{
        FloatActivation, FloatFunction, FloatHead, FloatLinear, FloatNetwork, FloatNode, FloatTerm,
    };

    /// A residual connection whose smallest channel is read from the largest weight: its steps are as
    /// coarse as that weight needs where all channels have one shift, and fine where each has its own.
    #[test]
    fn what_is_added_has_steps_for_its_weights() {
        let linear = |input, column: [f32; 4]| {
            let weights = (0..16).map(|i| if i % 4 == 0 { column[i / 4] } else { 0.0 }).collect();
            let terms = vec![FloatTerm { input, map: LinearMap::dense(4), weights }];
            FloatNode::Linear(FloatLinear { node: "map".into(), terms, bias: vec![0.0; 4] })
        };
        let relu = |input| {
            let function = FloatFunction::RELU;
            FloatNode::Activation(FloatActivation { input, function, max_pool: None })
        };
        let sum = FloatNode::Sum(vec![(3, 1.0), (2, 1.0)]);
        let first =
            [linear(0, [1.0, 0.5, 0.25, 0.125]), relu(1), linear(2, [1.0, 1.0, 1.0, 8.0]), sum];
        let nodes = first.into_iter().chain([relu(4), linear(5, [1.0; 4])]).collect();
        let network =
            FloatNetwork::try_new("sum", Shape::flat(4), nodes, FloatHead::Class).unwrap();
        let channels = [8.0, 4.0, 2.0, 1.0].map(|most| (0.0, most)).to_vec();
        let range = Range { beyond: (0.0, 8.0), channels, ..Range::default() };
        let mut ranges = vec![Range::default(); 7];
        (ranges[2], ranges[5]) = (range.clone(), range);
        let mut settings = Settings::new(&network, 8, 8);
        let of = |settings: &Settings| shares(&network, &ranges, settings);
        assert_eq!(of(&settings)[2..6], vec![vec![1.0, 0.5, 0.25, 1.0]; 4][..]);
        settings.linear[1].by_channel = true;
        assert_eq!(of(&settings)[2..6], vec![vec![1.0, 0.5, 0.25, 0.125]; 4][..]);
    }
}
