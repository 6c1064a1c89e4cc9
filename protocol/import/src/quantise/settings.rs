//! How many bits weights and results have, and which get more.

use gazelle_model::{LinearMap, Network, Select, SumPool, Upsample};

use super::function::may_be_wide;
use crate::{FloatActivation, FloatLinear, FloatNetwork, FloatNode};

/// The bits of a weight that a choice begins with, and the most that it takes.
pub(super) const WEIGHT_BITS: [u32; 2] = [8, 16];
/// The same of an activation's results.
pub(super) const RESULT_BITS: [u32; 2] = [8, 15];
/// The bits of weights from which each output channel gets a shift before they get more.
const SHIFTS_FROM: u32 = 12;
/// By how many dB one noise must be above another to be worth a bit, which moves each by 6.
const WORTH: f64 = 8.0;
/// How many weights and results get more at once, at least: each time, integers are evaluated.
const LEAST_STEPS: usize = 8;
/// The most bits of a ring.
pub(super) const MOST_RING_BITS: u32 = 32;

/// How a linear node becomes integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Setting {
    /// Bits of a weight.
    pub(super) weight_bits: u32,
    /// Whether each output channel has a shift of its own.
    pub(super) by_channel: bool,
}

/// How a network becomes integers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// Of each linear node.
    pub(super) linear: Vec<Setting>,
    /// The bits of each tensor's values, if an activation yields it.
    pub(super) results: Vec<u32>,
}

/// What rounding does, as ratios of signal to noise in dB.
#[derive(Clone, Debug)]
pub(super) struct Noise {
    /// Of each linear node's weights.
    pub(super) weights: Vec<f64>,
    /// Of each tensor's values; infinite where nothing is rounded.
    pub(super) results: Vec<f64>,
}

/// What may get more bits.
#[derive(Clone, Copy)]
enum Part {
    /// The weights of a linear node, by its number.
    Weights(usize),
    /// The values of a tensor.
    Results(usize),
}

/// What it may get.
#[derive(Clone, Copy)]
enum Step {
    /// More bits.
    Bits(u32),
    /// A shift for each output channel.
    Shifts,
}

/// How far and how fast bits are raised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The most bits of a ring.
    pub(super) ring_bits: u32,
    /// Whether in steps of twice the size.
    pub(super) hurry: bool,
}

/// What a choice may change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Free {
    /// The weights' bits and shifts.
    pub(super) weights: bool,
    /// The results' bits.
    pub(super) results: bool,
}

impl Settings {
    /// The same bits everywhere.
    pub(super) fn new(network: &FloatNetwork, weight_bits: u32, result_bits: u32) -> Self {
        let count = super::linear_nodes(network).count();
        Self {
            linear: vec![Setting { weight_bits, by_channel: false }; count],
            results: vec![result_bits; network.nodes.len() + 1],
        }
    }

    /// Gives more to the half of all that is rounded that suffers most from it, as far as the rings
    /// of `built`, the integers with these settings, leave room; whether any got more.
    pub(super) fn raise(
        &mut self,
        network: &FloatNetwork,
        built: &Network,
        noise: &Noise,
        free: Free,
        Pace { ring_bits, hurry }: Pace,
    ) -> bool {
        let tensors = built.card().tensors().unwrap_or_default();
        let mut rings: Vec<u32> = tensors.iter().map(|tensor| tensor.ring_bits).collect();
        let linear: Vec<_> = numbered(network).collect();
        let weights = (0..linear.len()).filter(|_| free.weights);
        let weights = weights.map(|n| (noise.weights[n], Part::Weights(n)));
        let results = (1..self.results.len()).filter(|_| free.results);
        let results = results.map(|tensor| (noise.results[tensor], Part::Results(tensor)));
        let wider = |part: Part| match part {
            Part::Weights(n) => vec![linear[n].0],
            Part::Results(tensor) => sums(network, tensor),
        };
        let room = |rings: &[u32], wider: &[usize]| {
            let left = wider.iter().map(|&tensor| ring_bits.saturating_sub(rings[tensor]));
            left.min().unwrap_or(ring_bits)
        };
        let steps = weights.chain(results).filter_map(|(noise, part)| {
            let step = self.step(network, &linear, part)?;
            let wider = wider(part);
            // Where sums are full, a shift for each channel still fills those of channels that are not.
            let fits = matches!(step, Step::Shifts) || room(&rings, &wider) > 0;
            let possible = noise.is_finite() && fits;
            possible.then_some((noise, part, step, wider))
        });
        let mut steps: Vec<_> = steps.collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        steps.truncate(steps.len().div_ceil(2).max(LEAST_STEPS));
        let mut raised = false;
        for (_, part, step, wider) in steps {
            let room = room(&rings, &wider);
            let (more, step) = match step {
                Step::Bits(bits) => {
                    let bits = (if hurry { 2 * bits } else { bits }).min(room).min(self.left(part));
                    (bits, Step::Bits(bits))
                }
                Step::Shifts => (room.min(1), step),
            };
            if more > 0 || matches!(step, Step::Shifts) {
                wider.iter().for_each(|&tensor| rings[tensor] += more);
                self.take(part, step);
                raised = true;
            }
        }
        if free.weights && free.results {
            let full = |tensor: usize| rings[tensor] >= ring_bits;
            raised |= self.trade(network, &linear, noise, full);
        }
        raised
    }

    /// Where the sums of a linear node have no more room, moves a bit from its inputs' values to its
    /// weights, or from these to values that it alone reads, if those have far less noise; whether any
    /// moved.
    fn trade(
        &mut self,
        network: &FloatNetwork,
        linear: &[(usize, &FloatLinear)],
        noise: &Noise,
        full: impl Fn(usize) -> bool,
    ) -> bool {
        let [fewest, _] = WEIGHT_BITS;
        let mut traded = false;
        for (n, &(sum, node)) in linear.iter().enumerate().filter(|(_, (sum, _))| full(*sum)) {
            for input in node.terms.iter().map(|term| term.input) {
                let (own, heard) = (noise.weights[n], noise.results[input]);
                let (weights, results) = (self.linear[n].weight_bits, self.results[input]);
                if !heard.is_finite() || input == 0 || !is_wide(network, input) {
                    continue;
                }
                let alone = || sums(network, input) == [sum];
                if heard > own + WORTH && results > RESULT_BITS[0] && weights < WEIGHT_BITS[1] {
                    self.results[input] -= 1;
                    self.linear[n].weight_bits += 1;
                } else if own > heard + WORTH
                    && weights > fewest
                    && results < RESULT_BITS[1]
                    && alone()
                {
                    self.results[input] += 1;
                    self.linear[n].weight_bits -= 1;
                } else {
                    continue;
                }
                traded = true;
                break;
            }
        }
        traded
    }

    /// How many more bits a part may have.
    fn left(&self, part: Part) -> u32 {
        match part {
            Part::Weights(n) => WEIGHT_BITS[1].saturating_sub(self.linear[n].weight_bits),
            Part::Results(tensor) => RESULT_BITS[1].saturating_sub(self.results[tensor]),
        }
    }

    /// What a part gets next; none if it has the most.
    fn step(
        &self,
        network: &FloatNetwork,
        linear: &[(usize, &FloatLinear)],
        part: Part,
    ) -> Option<Step> {
        match part {
            Part::Weights(n) => {
                let (setting, (tensor, node)) = (self.linear[n], linear[n]);
                let shifts = !setting.by_channel && is_alone(network, tensor);
                // What a shift for each channel tells is told where it helps most, or late.
                let late = setting.weight_bits >= SHIFTS_FROM;
                match (shifts && (is_grouped(node) || late), self.left(part)) {
                    (true, _) => Some(Step::Shifts),
                    (false, 0) => None,
                    (false, _) => Some(Step::Bits(2)),
                }
            }
            Part::Results(tensor) => {
                let wide = self.results[tensor] < RESULT_BITS[1] && is_wide(network, tensor);
                wide.then_some(Step::Bits(1))
            }
        }
    }

    fn take(&mut self, part: Part, step: Step) {
        match (part, step) {
            (Part::Weights(n), Step::Shifts) => self.linear[n].by_channel = true,
            (Part::Weights(n), Step::Bits(more)) => self.linear[n].weight_bits += more,
            (Part::Results(tensor), Step::Bits(more)) => self.results[tensor] += more,
            (Part::Results(_), Step::Shifts) => {}
        }
    }
}

/// The linear nodes with the tensors that they yield.
pub(super) fn numbered(network: &FloatNetwork) -> impl Iterator<Item = (usize, &FloatLinear)> {
    network.nodes.iter().enumerate().filter_map(|(i, node)| match node {
        FloatNode::Linear(linear) => Some((i + 1, linear)),
        _ => None,
    })
}

/// Whether an activation reads the sums in a tensor as they are.
fn is_alone(network: &FloatNetwork, tensor: usize) -> bool {
    network
        .nodes
        .iter()
        .any(|node| matches!(node, FloatNode::Activation(activation) if activation.input == tensor))
}

/// Whether the tensor is that of an activation that may have more bits.
fn is_wide(network: &FloatNetwork, tensor: usize) -> bool {
    matches!(&network.nodes[tensor - 1],
        FloatNode::Activation(activation) if may_be_wide(&activation.function))
}

/// The sums that become wider when the values of a tensor do.
fn sums(network: &FloatNetwork, tensor: usize) -> Vec<usize> {
    let mut wider = vec![false; network.nodes.len() + 1];
    wider[tensor] = true;
    let mut sums = Vec::new();
    for (i, node) in network.nodes.iter().enumerate().skip(tensor) {
        if !node.inputs().iter().any(|&input| wider[input]) {
            continue;
        }
        match node {
            FloatNode::Linear(_) => sums.push(i + 1),
            FloatNode::Activation(FloatActivation { .. }) => {}
            FloatNode::Sum(_) => {
                sums.push(i + 1);
                wider[i + 1] = true;
            }
            FloatNode::Concat(_)
            | FloatNode::Select(Select { .. })
            | FloatNode::Upsample(Upsample { .. })
            | FloatNode::SumPool(SumPool { .. }) => wider[i + 1] = true,
        }
    }
    sums
}

/// Whether a linear node is of many small groups, whose weights differ most between channels.
fn is_grouped(linear: &FloatLinear) -> bool {
    linear
        .terms
        .iter()
        .any(|term| matches!(term.map, LinearMap::Convolution(map) if map.groups > 1))
}
