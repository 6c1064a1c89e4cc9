//! Integer networks at the speed of floating point, bit for bit.
//!
//! Products of matrices of integers are exact in floating point as long as no partial sum leaves the
//! integers that it represents: 2^24 in f32, 2^53 in f64. A card's rings bound Σ|w|·x, and so every
//! partial sum in any order.

use gazelle_model::clear::{activation, local};
use gazelle_model::{Block, Head, LinearNode, ModelError, Network, Node, Tensor};
use rayon::prelude::*;

use crate::Error;
use crate::float::{Real, linear_map};

/// Bits of integers that f32 holds.
const SINGLE: u32 = f32::MANTISSA_DIGITS;

/// A network that is ready to be evaluated on many images: [`Network::forward`], but faster.
pub struct Exact<'a> {
    network: &'a Network,
    tensors: Vec<Tensor>,
    /// The last node that reads each tensor; none for the head's.
    last: Vec<Option<usize>>,
    /// The weights of each linear node, one term after another.
    weights: Vec<Weights>,
}

enum Weights {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl<'a> Exact<'a> {
    /// Prepares `network`.
    ///
    /// # Errors
    ///
    /// None for a network that was checked, as all are.
    pub fn new(network: &'a Network) -> Result<Self, Error> {
        let card = network.card();
        let tensors = card.tensors()?;
        let weights = |((tensor, _), block): ((usize, &LinearNode), &Block)| {
            let all = block.weights.par_iter();
            // |Σ w·x| < 2^(ring bits − 1).
            match tensors[tensor].ring_bits <= SINGLE + 1 {
                true => Weights::Single(all.map(|&w| w.into()).collect()),
                false => Weights::Double(all.map(|&w| w.into()).collect()),
            }
        };
        let weights = card.linear_nodes().zip(network.blocks()).map(weights).collect();
        let mut last = vec![None; card.nodes.len() + 1];
        for (i, node) in card.nodes.iter().enumerate() {
            node.inputs().for_each(|input| last[input] = Some(i));
        }
        last[card.head.input] = None;
        Ok(Self { network, tensors, last, weights })
    }

    /// The values that the head reads for `image`.
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn logits(&self, image: &[u8]) -> Result<Vec<i32>, Error> {
        let card = self.network.card();
        let (expected, got) = (card.input.len(), image.len());
        if got != expected {
            return Err(ModelError::ImageLen { expected, got }.into());
        }
        let mut values: Vec<Vec<u32>> = vec![image.iter().map(|&pixel| pixel.into()).collect()];
        let mut blocks = self.network.blocks().iter().enumerate();
        for (i, node) in card.nodes.iter().enumerate() {
            let linear = matches!(node, Node::Linear(_)).then(|| blocks.next()).flatten();
            let mut value = self.node(node, linear.map(|(n, _)| n), |tensor| &values[tensor]);
            if let Some((_, block)) = linear {
                add_biases(&mut value, &block.bias);
            }
            values.push(value);
            for input in node.inputs().filter(|&input| self.is_last(input, i)) {
                values[input] = Vec::new();
            }
        }
        let logits = std::mem::take(&mut values[card.head.input]);
        Ok(logits.into_iter().map(|y| y as i32).collect())
    }

    /// What the client learns of `image`, see [`Head`].
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn result(&self, image: &[u8]) -> Result<Vec<i32>, Error> {
        let head: &Head = &self.network.card().head.head;
        Ok(head.apply(&self.logits(image)?))
    }

    /// Whether node i is the last that reads the tensor.
    pub(crate) fn is_last(&self, tensor: usize, i: usize) -> bool {
        self.last[tensor] == Some(i)
    }

    /// The tensors' shapes and rings.
    pub(crate) fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// What a node yields modulo 2^32; for linear node number `linear`, the sums without biases.
    pub(crate) fn node<'v>(
        &self,
        node: &Node,
        linear: Option<usize>,
        read: impl Fn(usize) -> &'v Vec<u32>,
    ) -> Vec<u32> {
        let shaped = |tensor: usize| (self.tensors[tensor].shape, &read(tensor)[..]);
        match (node, linear.map(|n| &self.weights[n])) {
            (Node::Linear(node), Some(Weights::Single(weights))) => {
                self.sums(node, weights, read, |y| y as f32, |y| y as i32)
            }
            (Node::Linear(node), Some(Weights::Double(weights))) => {
                self.sums(node, weights, read, f64::from, |y| y as i32)
            }
            (Node::Activation(node), _) => {
                let (shape, sums) = shaped(node.input);
                activation(node, shape, sums)
            }
            _ => local(node, shaped),
        }
    }

    fn sums<'v, T: Real>(
        &self,
        node: &LinearNode,
        mut weights: &[T],
        read: impl Fn(usize) -> &'v Vec<u32>,
        real: impl Fn(i32) -> T,
        integer: impl Fn(T) -> i32,
    ) -> Vec<u32> {
        let mut sums = Vec::new();
        for (term, len) in node.terms.iter().zip(node.weights_len(&self.tensors)) {
            let input = self.tensors[term.input].shape;
            let outputs = term.map.output(input).map_or(0, |shape| shape.len());
            sums.resize(outputs, T::zero());
            let x: Vec<T> = read(term.input).iter().map(|&x| real(x as i32)).collect();
            let (own, rest) = weights.split_at(len);
            linear_map(&term.map, input, own, &x, &mut sums);
            weights = rest;
        }
        sums.into_iter().map(|y| integer(y) as u32).collect()
    }
}

/// Adds one bias for each channel, or for each value.
pub(crate) fn add_biases(sums: &mut [u32], biases: &[i32]) {
    let run = (sums.len() / biases.len()).max(1);
    for (map, &bias) in sums.chunks_exact_mut(run).zip(biases) {
        map.iter_mut().for_each(|y| *y = y.wrapping_add(bias as u32));
    }
}
