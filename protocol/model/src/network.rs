//! A network with its secret weights, and the checks that no value leaves its ring.

use alloc::vec::Vec;

use crate::range::{self, Interval};
use crate::{Card, LinearNode, ModelError, Node, Shape, Tensor};

/// The secret part of one linear node.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// Weights in the layout that [`crate::LinearMap`] states, one term after another.
    pub weights: Vec<i16>,
    /// One per output channel, or per output value, as the node's [`crate::Bias`] says; holds the
    /// rounding constant of the activation's shift.
    pub bias: Vec<i32>,
}

/// A network: the public card and the server's secret weights, which are those that the card
/// promises.
#[derive(Clone, PartialEq, Eq)]
pub struct Network {
    card: Card,
    blocks: Vec<Block>,
}

impl Card {
    /// The linear nodes in their order, each with the number of its tensor.
    pub fn linear_nodes(&self) -> impl Iterator<Item = (usize, &LinearNode)> {
        self.nodes.iter().enumerate().filter_map(|(i, node)| match node {
            Node::Linear(linear) => Some((i + 1, linear)),
            _ => None,
        })
    }
}

impl LinearNode {
    /// How many weights each term has, for tensors of a checked card.
    pub fn weights_len<'a>(&'a self, tensors: &'a [Tensor]) -> impl Iterator<Item = usize> + 'a {
        self.terms.iter().map(|term| {
            let input = tensors[term.input].shape;
            let outputs = term.map.output(input).map_or(0, |shape| shape.channels);
            // At most MAX_WEIGHTS in a checked card.
            term.map.row_len(input) as usize * outputs
        })
    }
}

impl Network {
    /// A network whose weights are those that the card promises.
    ///
    /// # Errors
    ///
    /// The card's fault; a number of blocks, weights or biases that is not the card's; a weight
    /// with |w| ≥ 2^(weight bits − 1); values that some image brings out of their ring.
    pub fn try_new(card: Card, blocks: Vec<Block>) -> Result<Self, ModelError> {
        let tensors = card.tensors()?;
        let network = Self { card, blocks };
        network.check_blocks(&tensors)?;
        let rings: Vec<_> = tensors.iter().map(|tensor| tensor.ring_bits).collect();
        let ranges = network.ranges(&tensors);
        range::check(&network.card, &rings, &ranges).map_err(ModelError::Sum)?;
        Ok(network)
    }

    /// A network whose activations and head get the least sum bits ℓ that the weights allow.
    ///
    /// The card's own sum bits are not used.
    ///
    /// # Errors
    ///
    /// Those of [`Network::try_new`]; [`ModelError::Sum`] if sums need more than 31 bits.
    pub fn with_least_sum_bits(mut card: Card, blocks: Vec<Block>) -> Result<Self, ModelError> {
        card.nodes.iter_mut().for_each(|node| {
            if let Node::Activation(activation) = node {
                activation.sum_bits = 31;
            }
        });
        card.head.sum_bits = 31;
        let tensors = card.tensors()?;
        let network = Self { card, blocks };
        network.check_blocks(&tensors)?;
        let ranges = network.ranges(&tensors);
        let Self { mut card, blocks } = network;
        let bits = |reach: u64| (u64::BITS - reach.leading_zeros()).clamp(8, 31);
        let reach = |input: usize, reads: &dyn Fn(Interval) -> Interval| {
            ranges[input].map_or(u64::MAX, |range| reads(range).reach())
        };
        for node in &mut card.nodes {
            if let Node::Activation(activation) = node {
                let reach = reach(activation.input, &|range| activation.reads(range));
                activation.sum_bits = bits(reach).max(activation.least_sum_bits());
            }
        }
        card.head.sum_bits = bits(reach(card.head.input, &|range| card.head.reads(range)));
        // The rings change no range.
        let rings: Vec<_> = card.tensors()?.iter().map(|tensor| tensor.ring_bits).collect();
        range::check(&card, &rings, &ranges).map_err(ModelError::Sum)?;
        Ok(Self { card, blocks })
    }

    /// The public part.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The secret part, a block for each of the card's linear nodes, in their order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Both parts, to be changed and checked again by [`Network::try_new`].
    pub fn into_parts(self) -> (Card, Vec<Block>) {
        (self.card, self.blocks)
    }

    /// Counts and widths of the weights.
    fn check_blocks(&self, tensors: &[Tensor]) -> Result<(), ModelError> {
        let (expected, got) = (self.card.linear_nodes().count(), self.blocks.len());
        if got != expected {
            return Err(ModelError::Blocks { expected, got });
        }
        let mut blocks = self.card.linear_nodes().zip(&self.blocks).enumerate();
        blocks.try_for_each(|(i, ((tensor, node), block))| {
            let (weights, biases) =
                (node.weights_len(tensors).sum(), node.bias_len(tensors[tensor].shape));
            check_count(i, "weights", weights, block.weights.len())?;
            check_count(i, "biases", biases, block.bias.len())?;
            let bits = node.weight_bits;
            let wide = |w: &i16| w.unsigned_abs() >> (bits - 1) != 0;
            match block.weights.iter().position(wide) {
                Some(index) => {
                    Err(ModelError::Weight { block: i, index, value: block.weights[index], bits })
                }
                None => Ok(()),
            }
        })
    }

    /// The range of every tensor for any image, of checked blocks.
    fn ranges(&self, tensors: &[Tensor]) -> Vec<Option<Interval>> {
        let shapes: Vec<Shape> = tensors.iter().map(|tensor| tensor.shape).collect();
        range::of_tensors(&self.card, &shapes, |n, node, inputs| {
            Some(self.blocks[n].range(node, tensors, inputs))
        })
    }
}

impl Block {
    /// The least range that holds every y when the values of the terms' tensors lie in `inputs`, and
    /// these values too, so that they fit the ring of the sums. Of the values that an output reads each
    /// may be at the end that its weight makes larger, or smaller: without padding, some of its sums get
    /// to both ends.
    pub(crate) fn range(
        &self,
        node: &LinearNode,
        tensors: &[Tensor],
        inputs: &[Interval],
    ) -> Interval {
        let outputs = node.terms.first().and_then(|t| t.map.output(tensors[t.input].shape));
        let channels = outputs.map_or(1, |shape| shape.channels);
        let mut sums = alloc::vec![Interval::ZERO; channels];
        let mut weights = &self.weights[..];
        for ((term, len), input) in node.terms.iter().zip(node.weights_len(tensors)).zip(inputs) {
            let (own, rest) = weights.split_at(len);
            let row = term.map.row_len(tensors[term.input].shape) as usize;
            for (sum, row) in sums.iter_mut().zip(own.chunks_exact(row)) {
                // At most 2^28 weights, each under 2^15: no overflow.
                let of_sign = |sign: i64| row.iter().map(|&w| (sign * i64::from(w)).max(0)).sum();
                let (positive, negative): (i64, i64) = (of_sign(1), of_sign(-1));
                *sum = sum.plus(input.times(positive)).plus(input.times(-negative));
            }
            weights = rest;
        }
        let biases = self.bias.chunks(self.bias.len() / channels);
        let sums = sums.iter().zip(biases).map(|(sum, biases)| sum.with_biases(biases));
        sums.chain(inputs.iter().copied()).fold(Interval::ZERO, Interval::hull)
    }
}

pub(crate) fn check_count(
    block: usize,
    what: &'static str,
    expected: usize,
    got: usize,
) -> Result<(), ModelError> {
    match got == expected {
        true => Ok(()),
        false => Err(ModelError::Count { block, what, expected, got }),
    }
}
