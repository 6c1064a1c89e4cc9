//! The plaintext evaluation of a network: exact because no value leaves its ring.

mod linear;
mod local;

pub use linear::linear;
pub use local::{local, pool};

use alloc::vec;
use alloc::vec::Vec;

use crate::{ActivationNode, Chain, Head, ModelError, Network, Node, Shape};

/// Every tensor of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The image, then what each node yields.
    pub tensors: Vec<Vec<i32>>,
    /// What the client learns, see [`Head`].
    pub result: Vec<i32>,
    /// The tensor that the head reads.
    head: usize,
}

/// What one block of a chain computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The tensor that reaches the block.
    pub input: &'a [i32],
    /// The tensor that the linear map reads: the input after the window sums.
    pub pooled: &'a [i32],
    /// The linear map's result, bias included.
    pub sums: &'a [i32],
    /// The activation's result; empty in the last block.
    pub output: &'a [i32],
}

impl Trace {
    /// The values that the head reads.
    pub fn logits(&self) -> &[i32] {
        &self.tensors[self.head]
    }

    /// The lowest index of the largest logit.
    pub fn label(&self) -> usize {
        ranked(self.logits()).first().copied().unwrap_or(0)
    }

    /// The tensors of a chain, block by block.
    ///
    /// # Panics
    ///
    /// If the trace is of another graph.
    pub fn steps<'a>(&'a self, chain: &'a Chain) -> impl Iterator<Item = Step<'a>> {
        let mut at = 0;
        chain.blocks.iter().map(move |block| {
            let input = at;
            let pooled = input + usize::from(block.sum_pool.is_some());
            at = pooled + 2;
            Step {
                input: &self.tensors[input],
                pooled: &self.tensors[pooled],
                sums: &self.tensors[pooled + 1],
                output: self.tensors.get(at).map_or(&[], |output| output),
            }
        })
    }
}

impl Network {
    /// Every tensor of the evaluation of `image`, which holds the pixels in the order of the card's
    /// input shape.
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn forward(&self, image: &[u8]) -> Result<Trace, ModelError> {
        let places = self.card().tensors()?;
        let expected = self.card().input.len();
        if image.len() != expected {
            return Err(ModelError::ImageLen { expected, got: image.len() });
        }
        // Integers as elements of Z_{2^32}, which holds them all.
        let mut tensors: Vec<Vec<u32>> = Vec::with_capacity(places.len());
        tensors.push(image.iter().map(|&pixel| pixel.into()).collect());
        let mut blocks = self.blocks().iter();
        for node in &self.card().nodes {
            let read = |tensor: usize| (places[tensor].shape, &tensors[tensor][..]);
            let tensor = match node {
                Node::Linear(node) => {
                    linear(node, blocks.next().expect("a block for each linear node"), read)
                }
                Node::Activation(node) => {
                    let (shape, y) = read(node.input);
                    activation(node, shape, y)
                }
                node => local(node, read),
            };
            tensors.push(tensor);
        }
        let signed = |tensor: Vec<u32>| tensor.into_iter().map(|x| x as i32).collect();
        let tensors: Vec<Vec<i32>> = tensors.into_iter().map(signed).collect();
        let head = self.card().head.input;
        Ok(Trace { result: self.card().head.head.apply(&tensors[head]), tensors, head })
    }
}

/// What the activation yields of sums of `shape`, modulo 2^32 as the sums are.
pub fn activation(node: &ActivationNode, shape: Shape, sums: &[u32]) -> Vec<u32> {
    let mut values = Vec::with_capacity(sums.len());
    for (channel, map) in sums.chunks_exact(shape.map_len()).enumerate() {
        let shift = node.shift.of(channel);
        values.extend(map.iter().map(|&y| node.function.apply(y as i32, channel, shift)));
    }
    if let Some(window) = &node.max_pool {
        values = pool(window, &values, shape, i32::MIN, i32::max);
    }
    values.into_iter().map(|v| v as u32).collect()
}

impl Head {
    /// The result for the values `y`.
    ///
    /// # Panics
    ///
    /// If there are fewer values than the head needs.
    pub fn apply(&self, y: &[i32]) -> Vec<i32> {
        let first = |count: usize| ranked(y)[..count].iter().map(|&i| i as i32).collect::<Vec<_>>();
        match self {
            Self::Class => first(1),
            Self::Top(count) => first(*count as usize),
            Self::Values => y.to_vec(),
            Self::Thresholds(least) => y.iter().zip(least).map(|(y, t)| (y >= t).into()).collect(),
            Self::Confidence(bounds) => {
                let ranked = ranked(y);
                let lead = y[ranked[0]].abs_diff(y[ranked[1]]);
                let reached = bounds.iter().filter(|&&bound| lead >= bound).count();
                vec![ranked[0] as i32, reached as i32]
            }
        }
    }
}

/// The indices of `y`, those of larger values first, of equal values the lower.
fn ranked(y: &[i32]) -> Vec<usize> {
    let mut indices: Vec<_> = (0..y.len()).collect();
    indices.sort_by_key(|&i| core::cmp::Reverse(y[i]));
    indices
}
