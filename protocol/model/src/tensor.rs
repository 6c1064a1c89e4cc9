//! What a card implies: every tensor's shape, ring and range, with the checks that make them
//! certain.

use alloc::vec;
use alloc::vec::Vec;

use crate::fault::within;
use crate::node_shape::NodeShape;
use crate::range::{self, Interval};
use crate::{
    Card, CardFault, Head, HeadNode, MAX_ACTIVATION_SUMS, MAX_CLASSES, MAX_INPUTS, MAX_MAPS,
    MAX_NAME, MAX_NODES, MAX_TOP, MAX_VALUES, MAX_WEIGHTS, Node, Ring, Shape,
};

/// A tensor in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its shape.
    pub shape: Shape,
    /// k of the ring Z_{2^k} that its shares live in: the widest that its readers need. Every value
    /// v has −2^(k−1) < v < 2^(k−1).
    ///
    /// An activation or the head needs ℓ + 1 bits, every other node the bits of its own tensor. A
    /// reader with a narrower ring reduces its share, which is linear too.
    pub ring_bits: u32,
    /// What its values lie in, if the card alone tells: not after a linear map, whose weights are
    /// secret.
    pub range: Option<Interval>,
}

impl Tensor {
    /// The ring that its shares live in.
    pub const fn ring(&self) -> Ring {
        Ring::new(self.ring_bits)
    }
}

impl Card {
    /// Every tensor in its place: the image, then what each node yields.
    ///
    /// # Errors
    ///
    /// The first fault of the card: a shape that does not fit, a size over its cap, a number of
    /// bits out of range, a tensor that is read before it is there, or by nobody, values that do not
    /// fit their ring, names that do not match the classes.
    pub fn tensors(&self) -> Result<Vec<Tensor>, CardFault> {
        let tensors = self.places()?;
        self.check_classes(tensors[self.head.input].shape.len())?;
        Ok(tensors)
    }

    /// How many values the head reads: so many classes have names.
    ///
    /// # Errors
    ///
    /// Those of [`Card::tensors`], but for the class names.
    pub fn outputs(&self) -> Result<usize, CardFault> {
        Ok(self.places()?[self.head.input].shape.len())
    }

    /// Checks the whole card; see [`Card::tensors`].
    ///
    /// # Errors
    ///
    /// The first fault of the card.
    pub fn check(&self) -> Result<(), CardFault> {
        self.tensors().map(drop)
    }

    /// As [`Card::tensors`], the class names unseen.
    fn places(&self) -> Result<Vec<Tensor>, CardFault> {
        within("length of the name", self.name.len() as u64, 1, MAX_NAME)?;
        within("number of nodes", self.nodes.len() as u64, 0, MAX_NODES)?;
        self.check_readers()?;
        let shapes = self.shapes()?;
        self.preprocessing.check(self.input)?;
        self.head.check(shapes[self.head.input])?;
        let ranges = range::of_tensors(self, &shapes, |_, _, _| None);
        let rings = self.ring_bits();
        range::check(self, &rings, &ranges).map_err(CardFault::Sum)?;
        let places = shapes.into_iter().zip(rings).zip(ranges);
        Ok(places.map(|((shape, ring_bits), range)| Tensor { shape, ring_bits, range }).collect())
    }

    /// Every tensor comes before its readers and has at least one; there are not too many linear maps.
    fn check_readers(&self) -> Result<(), CardFault> {
        let maps: usize = self.linear_nodes().map(|(_, node)| node.terms.len()).sum();
        within("number of linear maps", maps as u64, 0, MAX_MAPS)?;
        let mut read = vec![false; self.nodes.len() + 1];
        for (i, node) in self.nodes.iter().enumerate() {
            within("number of tensors of a node", node.inputs().count() as u64, 1, MAX_INPUTS)?;
            for tensor in node.inputs() {
                if tensor > i {
                    return Err(CardFault::Order { node: i + 1, tensor });
                }
                read[tensor] = true;
            }
        }
        let head = self.head.input;
        *read.get_mut(head).ok_or(CardFault::Head { tensor: head })? = true;
        match read.iter().position(|read| !read) {
            Some(tensor) => Err(CardFault::Unread { tensor }),
            None => Ok(()),
        }
    }

    /// The tensors' shapes, and every cap on what the nodes hold and do.
    fn shapes(&self) -> Result<Vec<Shape>, CardFault> {
        let mut shapes = vec![self.input.checked().ok_or(CardFault::Input(self.input))?];
        // Each is at most 2^24 for a tensor, 2^36 for weights, 2^40 for pooled sums, of at most 2^10
        // nodes: no overflow.
        let (mut values, mut weights, mut sums) = (self.input.len() as u64, 0, 0);
        let mut secret = vec![false];
        for (i, node) in self.nodes.iter().enumerate() {
            if let (Node::Linear(_), Some(tensor)) = (node, node.inputs().find(|&t| secret[t])) {
                return Err(CardFault::Consecutive { node: i + 1, tensor });
            }
            let NodeShape { shape, weights: own, sums: read } = NodeShape::new(i, node, &shapes)?;
            (values, weights, sums) = (values + shape.len() as u64, weights + own, sums + read);
            within("number of values of all tensors", values, 1, MAX_VALUES)?;
            within("number of weights", weights, 0, MAX_WEIGHTS)?;
            within("number of sums that activations read", sums, 0, MAX_ACTIVATION_SUMS)?;
            secret.push(match node {
                Node::Linear(_) => true,
                Node::Activation(_) => false,
                local => local.inputs().any(|t| secret[t]),
            });
            shapes.push(shape);
        }
        Ok(shapes)
    }

    /// The bits of every tensor's ring: from the last to the first, the most that a reader needs.
    fn ring_bits(&self) -> Vec<u32> {
        let mut bits = vec![0; self.nodes.len() + 1];
        bits[self.head.input] = self.head.sum_bits + 1;
        for (i, node) in self.nodes.iter().enumerate().rev() {
            let needed = match node {
                Node::Activation(activation) => activation.sum_bits + 1,
                _ => bits[i + 1],
            };
            node.inputs().for_each(|tensor| bits[tensor] = needed.max(bits[tensor]));
        }
        bits
    }

    fn check_classes(&self, outputs: usize) -> Result<(), CardFault> {
        within("number of classes", outputs as u64, 1, MAX_CLASSES)?;
        if self.classes.len() != outputs {
            return Err(CardFault::Classes { names: self.classes.len(), outputs });
        }
        self.classes
            .iter()
            .try_for_each(|n| within("length of a class name", n.len() as u64, 1, MAX_NAME))
    }
}

impl HeadNode {
    /// Checks the head on a tensor of shape `input`.
    fn check(&self, input: Shape) -> Result<(), CardFault> {
        let values = input.len();
        if !(8..=31).contains(&self.sum_bits) {
            return Err(CardFault::HeadBits { bits: self.sum_bits });
        }
        let fits = match &self.head {
            Head::Class | Head::Values => true,
            Head::Top(count) => (1..=values.min(MAX_TOP)).contains(&(*count as usize)),
            Head::Thresholds(thresholds) => thresholds.len() == values,
            Head::Confidence(bounds) => values > 1 && bounds.is_sorted(),
        };
        if fits { Ok(()) } else { Err(CardFault::Results { values }) }
    }
}
