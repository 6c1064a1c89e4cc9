//! Graphs by hand: nodes as a test wants them, with random weights.

use gazelle_model::{
    ActivationNode, Bias, Block, Card, Function, Head, HeadNode, LinearMap, LinearNode, Network,
    Node, Preprocessing, Shape, Shift, Term,
};
use rand::RngExt;

/// A graph as it is built. Nodes are added in order, and each gives its tensor's number.
pub struct Graph {
    input: Shape,
    nodes: Vec<Node>,
}

/// Bits of the weights.
const WEIGHT_BITS: u32 = 5;

impl Graph {
    /// The tensor of the image.
    pub const IMAGE: usize = 0;

    /// A graph that reads an image of this shape.
    pub fn new(input: Shape) -> Self {
        Self { input, nodes: Vec::new() }
    }

    /// Adds any node.
    pub fn node(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len()
    }

    /// Adds the sum of linear maps, each of a tensor, and a bias for each channel.
    pub fn linear(&mut self, terms: &[(usize, LinearMap)]) -> usize {
        let terms = terms.iter().map(|&(input, map)| Term { input, map }).collect();
        let node = LinearNode { terms, bias: Bias::Channel, weight_bits: WEIGHT_BITS };
        self.node(Node::Linear(node))
    }

    /// Adds an activation without pooling.
    pub fn activation(&mut self, input: usize, function: Function, shift: Shift) -> usize {
        let node = ActivationNode { input, sum_bits: 31, function, shift, max_pool: None };
        self.node(Node::Activation(node))
    }

    /// Adds a ReLU of one shift.
    pub fn relu(&mut self, input: usize, shift: u8) -> usize {
        self.activation(input, Function::RELU, Shift::Tensor(shift))
    }

    /// The network that ends in a head over the last tensor.
    ///
    /// # Panics
    /// If the graph is not one that a card may have.
    pub fn finish(self, head: Head) -> Network {
        let Self { input, nodes } = self;
        let head = HeadNode { input: nodes.len(), sum_bits: 31, head };
        let preprocessing = Preprocessing::default();
        let (name, classes) = ("by hand".into(), Vec::new());
        let mut card = Card { name, input, preprocessing, nodes, head, classes };
        let classes = card.outputs().expect("a card that fits");
        card.classes = (0..classes).map(|class| format!("class {class}")).collect();
        let tensors = card.tensors().expect("a card that fits");
        let (mut rng, largest) = (crate::rng(7), (1 << (WEIGHT_BITS - 1)) - 1);
        let mut block = |(tensor, node): (usize, &LinearNode)| {
            let (weights, bias) =
                (node.weights_len(&tensors).sum::<usize>(), node.bias_len(tensors[tensor].shape));
            Block {
                weights: (0..weights).map(|_| rng.random_range(-largest..=largest)).collect(),
                bias: (0..bias).map(|_| rng.random_range(-500..=500)).collect(),
            }
        };
        let blocks = card.linear_nodes().map(&mut block).collect();
        Network::with_least_sum_bits(card, blocks).expect("sums of at most 31 bits")
    }
}
