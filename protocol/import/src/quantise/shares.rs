//! Units by channel: what each channel of a tensor has of its tensor's unit.

use crate::{FloatActivation, FloatFunction, FloatNetwork, FloatNode};

use super::calibrate::Range;

/// The least share: finer units would only make the weights that read them coarse.
const LEAST: f64 = 1.0 / 16.0;
/// A channel's range on other images: that on the calibration images times this, as a channel has
/// fewer values than its tensor.
const MARGIN: f64 = 1.25;

/// Every channel's share of its tensor's unit, so that channels of small values have fine steps: the
/// weights that yield a channel are divided by its share, those that read it multiplied. (The ranges
/// of Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV
/// 2019, measured.) Tensors that are added to each other have the same shares; where a function or
/// the head needs one unit, they are 1.
pub(super) fn shares(network: &FloatNetwork, ranges: &[Range]) -> Vec<Vec<f64>> {
    let groups = Groups::new(network);
    let ones = |tensor: usize| vec![1.0; network.shapes[tensor].channels];
    let mut shares: Vec<Option<Vec<f64>>> = vec![None; ranges.len()];
    for (tensor, range) in ranges.iter().enumerate() {
        let group = groups.of(tensor);
        if range.channels.is_empty() || groups.whole[group] {
            continue;
        }
        let own = range.channels.iter().map(|&channel| share(channel, range.all));
        match &mut shares[group] {
            Some(all) => all.iter_mut().zip(own).for_each(|(all, own)| *all = all.max(own)),
            none => *none = Some(own.collect()),
        }
    }
    let of = |tensor: usize| shares[groups.of(tensor)].clone().unwrap_or_else(|| ones(tensor));
    (0..ranges.len()).map(of).collect()
}

/// The shares of tensors that have one unit for all channels.
pub(super) fn whole(network: &FloatNetwork) -> Vec<Vec<f64>> {
    network.shapes.iter().map(|shape| vec![1.0; shape.channels]).collect()
}

/// How much of the tensor's range a channel's takes.
fn share((low, high): (f64, f64), (least, most): (f64, f64)) -> f64 {
    let of = |part: f64, all: f64| if all == 0.0 { 0.0 } else { part / all };
    let share = of(low, least).max(of(high, most));
    if least == most { 1.0 } else { (share * MARGIN).clamp(LEAST, 1.0) }
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
