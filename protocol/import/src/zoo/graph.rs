//! A graph that grows with random weights; its shifts follow from the sums that are to be expected.

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

use gazelle_model::{
    ActivationNode, Bias, Block, Card, Extent, Function, Head, HeadNode, LinearMap, LinearNode,
    ModelError, Network, Node, Padding, Preprocessing, Scaled, Shape, Shift, SumPool, Term, Window,
};

/// A weight is the sum of this many uniform integers…
const TERMS: usize = 12;
/// …of at most this size: |w| ≤ 120, a standard deviation of 21.
const TERM: i16 = 10;
/// A weight's variance: `TERMS · ((2 · TERM + 1)² − 1) / 12`.
const WEIGHT_VARIANCE: f64 = 440.0;
/// The part of the mean square of y + x that positive values have, for y normal around 0, x the
/// positive part of another such, and both with one mean square.
const POSITIVE_WITH_SKIP: f64 = 0.85;
/// The mean square of a uniform pixel.
const PIXEL_SQUARE: f64 = 255.0 * 255.0 / 3.0;

/// A tensor of a graph that grows.
#[derive(Clone, Copy)]
pub(super) struct Value {
    tensor: usize,
    pub(super) shape: Shape,
    /// The mean square that its values are expected to have.
    square: f64,
    /// The part of it that positive values have.
    positive: f64,
    /// The linear node that it is a sum of, by its place among them.
    block: Option<usize>,
}

/// The graph so far, with its weights.
pub(super) struct Graph {
    nodes: Vec<Node>,
    blocks: Vec<Block>,
    rng: ChaCha20Rng,
}

impl Graph {
    /// The network whose nodes `grow` adds and whose classes are the values that it returns.
    pub(super) fn network(
        name: &str,
        input: Shape,
        grow: impl FnOnce(&mut Self, Value) -> Value,
    ) -> Result<Network, ModelError> {
        let rng = ChaCha20Rng::seed_from_u64(0);
        let mut graph = Self { nodes: Vec::new(), blocks: Vec::new(), rng };
        let image =
            Value { tensor: 0, shape: input, square: PIXEL_SQUARE, positive: 1.0, block: None };
        let values = grow(&mut graph, image);
        let card = Card {
            name: name.into(),
            input,
            preprocessing: Preprocessing::default(),
            nodes: graph.nodes,
            head: HeadNode { input: values.tensor, sum_bits: 31, head: Head::Class },
            classes: (0..values.shape.len()).map(|class| class.to_string()).collect(),
        };
        Network::with_least_sum_bits(card, graph.blocks)
    }

    fn push(&mut self, node: Node, shape: Shape, square: f64) -> Value {
        self.nodes.push(node);
        Value { tensor: self.nodes.len(), shape, square, positive: 1.0, block: None }
    }

    /// The sum of some maps, whose results have one shape. They are nearly normal around 0.
    pub(super) fn linear(&mut self, maps: &[(Value, LinearMap)]) -> Value {
        let (first, map) = maps[0];
        let shape = map.output(first.shape).expect("the map fits");
        let rows = maps.iter().map(|(value, map)| map.row_len(value.shape));
        let weights = rows.clone().sum::<u64>() as usize * shape.channels;
        let squares = maps.iter().zip(rows).map(|((value, _), row)| row as f64 * value.square);
        let variance = squares.sum::<f64>() * WEIGHT_VARIANCE;
        let block = self.random_block(weights, shape.channels);
        self.blocks.push(block);
        let terms = maps.iter().map(|&(value, map)| Term { input: value.tensor, map }).collect();
        let node = LinearNode { terms, bias: Bias::Channel, weight_bits: 8 };
        let sums = self.push(Node::Linear(node), shape, variance);
        Value { positive: 0.5, block: Some(self.blocks.len() - 1), ..sums }
    }

    fn random_block(&mut self, weights: usize, biases: usize) -> Block {
        let mut weight = || (0..TERMS).map(|_| self.rng.random_range(-TERM..=TERM)).sum();
        let weights = (0..weights).map(|_| weight()).collect();
        let bias = (0..biases).map(|_| i32::from(weight()) * 64).collect();
        Block { weights, bias }
    }

    /// One map of one tensor.
    pub(super) fn map(&mut self, x: Value, map: LinearMap) -> Value {
        self.linear(&[(x, map)])
    }

    /// `sums` and `skip`, which is multiplied until both weigh the same.
    pub(super) fn residual(&mut self, sums: Value, skip: Value) -> Value {
        let factor = (sums.square / skip.square).sqrt().round().max(1.0) as i32;
        let parts = [(sums, 1), (skip, factor)];
        let parts = parts.map(|(value, factor)| Scaled { input: value.tensor, factor });
        let square = sums.square + f64::from(factor).powi(2) * skip.square;
        let both = self.push(Node::Sum(parts.into()), sums.shape, square);
        Value { positive: POSITIVE_WITH_SKIP, block: sums.block, ..both }
    }

    /// A clamp with the shift that fits three standard deviations of `sums` into 8 bits, rounding
    /// to the nearest; then the largest of each window.
    fn clamp(&mut self, sums: Value, least: i16, most: i16, max_pool: Option<Window>) -> Value {
        let deviation = sums.square.sqrt();
        let shift = (3.0 * deviation / f64::from(most)).log2().ceil().max(1.0) as u8;
        if let Some(block) = sums.block {
            self.blocks[block].bias.iter_mut().for_each(|bias| *bias += 1 << (shift - 1));
        }
        let kept = if least == 0 { sums.positive } else { 1.0 };
        let square = kept * sums.square / f64::from(shift).exp2().powi(2);
        let shape = match max_pool {
            Some(window) => window.pool(sums.shape).expect("the window fits"),
            None => sums.shape,
        };
        let node = ActivationNode {
            input: sums.tensor,
            sum_bits: 31,
            function: Function::Clamp { least, most },
            shift: Shift::Tensor(shift),
            max_pool,
        };
        self.push(Node::Activation(node), shape, square)
    }

    /// ReLU, or ReLU6: the largest of 8 bits stands for its bound.
    pub(super) fn relu(&mut self, sums: Value) -> Value {
        self.clamp(sums, 0, 255, None)
    }

    /// ReLU and max pooling.
    pub(super) fn relu_max(&mut self, sums: Value, window: Window) -> Value {
        self.clamp(sums, 0, 255, Some(window))
    }

    /// Integers of 8 bits with a sign, as a linear bottleneck has them.
    pub(super) fn signed(&mut self, sums: Value) -> Value {
        self.clamp(sums, -128, 127, None)
    }

    /// The channels of all parts, which are alike.
    pub(super) fn concat(&mut self, parts: &[Value]) -> Value {
        let channels = parts.iter().map(|part| part.shape.channels).sum();
        let shape = Shape { channels, ..parts[0].shape };
        let tensors = parts.iter().map(|part| part.tensor).collect();
        let square = parts.iter().map(|part| part.square).fold(0.0, f64::max);
        self.push(Node::Concat(tensors), shape, square)
    }

    /// Average pooling without its divisor. Values under a window are taken to move together.
    pub(super) fn sum_pool(&mut self, x: Value, window: Window) -> Value {
        let shape = window.pool(x.shape).expect("the window fits");
        let square = x.square * (window.kernel.cells() as f64).powi(2);
        self.push(Node::SumPool(SumPool::plain(x.tensor, window)), shape, square)
    }

    /// [`Graph::sum_pool`] of the whole map.
    pub(super) fn global_pool(&mut self, x: Value) -> Value {
        self.sum_pool(x, Window::tiling(x.shape.extent()))
    }
}

/// A square window.
pub(super) fn square(kernel: usize, stride: usize, padding: usize) -> Window {
    Window::new(Extent::square(kernel), Extent::square(stride), Padding::uniform(padding))
}

/// A square convolution that keeps the map's size, but for its stride.
pub(super) fn convolution(outputs: usize, kernel: usize, stride: usize) -> LinearMap {
    LinearMap::convolution(outputs, square(kernel, stride, kernel / 2))
}
