//! A graph in the order in which the parties walk it.
//!
//! An activation's *level* is how many activations lie on the longest way from the image to it. What
//! has one level is ready at one time, so all of it shares a round trip. The head is alone in the
//! last level: whatever is computed reaches it.

use std::ops::Range;

use crate::error::Error;
use crate::linear::Map;
use crate::model::{Card, ModelError, Network, Node, Ring, Tensor, clear};

/// One term of a linear node, which has a plan and a key of its own.
pub(crate) struct TermPlace {
    /// The tensor that the node yields.
    pub node: usize,
    /// The tensor that the term reads.
    pub input: usize,
    /// The node's number among the linear nodes.
    block: usize,
    /// Where the term's weights stand among the node's.
    weights: Range<usize>,
}

impl TermPlace {
    /// The term's weights.
    pub(crate) fn weights<'a>(&self, network: &'a Network) -> &'a [i16] {
        &network.blocks()[self.block].weights[self.weights.clone()]
    }

    /// The biases of the term's node.
    pub(crate) fn bias<'a>(&self, network: &'a Network) -> &'a [i32] {
        &network.blocks()[self.block].bias
    }
}

/// The places of all nodes.
pub(crate) struct Places {
    pub tensors: Vec<Tensor>,
    pub terms: Vec<TermPlace>,
    pub maps: Vec<Map>,
    /// Node numbers of the activations, level after level; the head's is the one after the last.
    pub order: Vec<usize>,
    /// The activations of each level, by their places in `order`.
    pub levels: Vec<Range<usize>>,
}

impl Places {
    pub(crate) fn new(card: &Card) -> Result<Self, Error> {
        let tensors = card.tensors().map_err(ModelError::from)?;
        let (terms, maps) = terms(card, &tensors);
        let (order, levels) = levels(card);
        Ok(Self { tensors, terms, maps, order, levels })
    }

    /// The tensor that activation number `index` of the order reads.
    pub(crate) fn read_by(&self, card: &Card, index: usize) -> usize {
        match card.nodes.get(self.order[index] - 1) {
            Some(Node::Activation(node)) => node.input,
            _ => card.head.input,
        }
    }

    /// Source number `index`: the image, or what the activation before it in the order yields.
    pub(crate) fn source(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.order[index - 1] }
    }

    /// A local node's result on one party's shares, reduced modulo its ring.
    pub(crate) fn local(
        &self,
        node: &Node,
        tensor: usize,
        shares: &[impl AsRef<[u32]>],
    ) -> Vec<u32> {
        let read = |input: usize| (self.tensors[input].shape, shares[input].as_ref());
        let mut share = clear::local(node, read);
        self.ring(tensor).reduce_all(&mut share);
        share
    }

    pub(crate) fn ring(&self, tensor: usize) -> Ring {
        self.tensors[tensor].ring()
    }
}

fn terms(card: &Card, tensors: &[Tensor]) -> (Vec<TermPlace>, Vec<Map>) {
    let (mut terms, mut maps) = (Vec::new(), Vec::new());
    for (block, (number, node)) in card.linear_nodes().enumerate() {
        let mut first = 0;
        for (term, len) in node.terms.iter().zip(node.weights_len(tensors)) {
            let input = tensors[term.input];
            // The card tells the range of whatever a linear node reads.
            let width = input.range.map_or(1, |range| range.width()).max(1);
            let (weight_bits, sum_bits) = (node.weight_bits, tensors[number].ring_bits - 1);
            maps.push(Map { linear: term.map, input: input.shape, width, weight_bits, sum_bits });
            let weights = first..first + len;
            terms.push(TermPlace { node: number, input: term.input, block, weights });
            first += len;
        }
    }
    (terms, maps)
}

fn levels(card: &Card) -> (Vec<usize>, Vec<Range<usize>>) {
    let mut level = vec![0; card.nodes.len() + 1];
    let mut order = Vec::new();
    for (i, node) in card.nodes.iter().enumerate() {
        let reads = node.inputs().map(|tensor| level[tensor]).max().unwrap_or(0);
        let activation = matches!(node, Node::Activation(_));
        level[i + 1] = reads + usize::from(activation);
        if activation {
            order.push(i + 1);
        }
    }
    order.sort_by_key(|&number| level[number]);
    let mut levels: Vec<Range<usize>> = Vec::new();
    for (index, &number) in order.iter().enumerate() {
        match levels.last_mut() {
            Some(range) if level[order[range.start]] == level[number] => range.end = index + 1,
            _ => levels.push(index..index + 1),
        }
    }
    levels.push(order.len()..order.len() + 1);
    order.push(card.nodes.len() + 1);
    (order, levels)
}
