//! Random graphs: every node, function and head that a card can have, on small tensors.

use gazelle_model::{
    ActivationNode, Bias, Block, Card, Convolution, Extent, Function, Head, HeadNode, LinearMap,
    LinearNode, Network, Node, Padding, Preprocessing, Scaled, Select, Shape, Shift, SumPool, Term,
    Upsample, Window,
};
use proptest::prelude::*;
use rand::RngExt;
use rand::rngs::ChaCha20Rng;

use super::{NetworkAndImage, fit};
use crate::naive;

/// A random graph: how many nodes it has before those that gather its ends, and its seed.
#[derive(Clone, Debug)]
pub struct GraphRecipe {
    nodes: usize,
    seed: u64,
}

/// Graphs of one to some twenty nodes on images of at most 3 × 7 × 7.
pub fn graphs() -> impl Strategy<Value = GraphRecipe> {
    (0..=14usize, any::<u64>()).prop_map(|(nodes, seed)| GraphRecipe { nodes, seed })
}

/// A tensor of the graph that grows.
#[derive(Clone, Copy)]
struct Tensor {
    shape: Shape,
    /// No value is larger in magnitude.
    reach: u64,
    /// Whether it holds sums of linear maps.
    secret: bool,
    /// Whether a node reads it.
    read: bool,
}

/// The graph as it grows.
struct Builder {
    rng: ChaCha20Rng,
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
    blocks: Vec<Block>,
}

/// Larger sums are activated before anything else reads them.
const MOST: u64 = 1 << 22;

impl GraphRecipe {
    /// The network and an image for it.
    ///
    /// # Panics
    ///
    /// If the graph is one that a card may not have.
    pub fn build(&self) -> NetworkAndImage {
        let mut rng = crate::rng(self.seed);
        let mut side = || rng.random_range(1..=7);
        let input = Shape::new(side() % 3 + 1, side(), side());
        let image = Tensor { shape: input, reach: 255, secret: false, read: false };
        let (nodes, blocks) = (Vec::new(), Vec::new());
        let mut builder = Builder { rng, tensors: vec![image], nodes, blocks };
        (0..self.nodes).for_each(|_| builder.grow());
        builder.gather();
        let network = builder.finish(self);
        let mut rng = crate::rng(!self.seed);
        let pixels = match rng.random_range(0..4) {
            0 => vec![255; input.len()],
            _ => (0..input.len()).map(|_| rng.random()).collect(),
        };
        (network, pixels)
    }
}

impl Builder {
    /// Adds one node.
    fn grow(&mut self) {
        match self.rng.random_range(0..10) {
            0..=2 => self.linear(),
            3 | 4 => {
                let input = self.pick(|_| true);
                self.activation(input);
            }
            5 => self.sum(),
            6 => self.concat(),
            7 => self.select(),
            8 => self.upsample(),
            _ => self.sum_pool(),
        }
    }

    fn push(&mut self, node: Node, shape: Shape, reach: u64, secret: bool) {
        node.inputs().for_each(|tensor| self.tensors[tensor].read = true);
        self.nodes.push(node);
        self.tensors.push(Tensor { shape, reach, secret, read: false });
    }

    /// A tensor that `fits`: most often the last one or one that nothing reads yet; the image always
    /// fits.
    fn pick(&mut self, fits: impl Fn(&Tensor) -> bool) -> usize {
        let fitting: Vec<usize> = (0..self.tensors.len())
            .filter(|&tensor| tensor == 0 || fits(&self.tensors[tensor]))
            .collect();
        let open: Vec<usize> =
            fitting.iter().copied().filter(|&tensor| !self.tensors[tensor].read).collect();
        let among = if open.is_empty() || self.rng.random_ratio(1, 4) { fitting } else { open };
        among[self.rng.random_range(0..among.len())]
    }

    /// A tensor that a local node may make larger.
    fn pick_small(&mut self) -> usize {
        self.pick(|tensor| tensor.reach < MOST && tensor.shape.len() < 600)
    }

    fn extent(&mut self, most: usize) -> Extent {
        Extent::new(self.rng.random_range(1..=most), self.rng.random_range(1..=most))
    }

    fn window(&mut self, input: Shape, kernel: usize, pad: bool) -> Window {
        let mut side = |most: usize| if pad { self.rng.random_range(0..=most) } else { 0 };
        let padding = Padding { top: side(2), left: side(2), bottom: side(2), right: side(2) };
        let window = Window::new(self.extent(kernel), self.extent(3), padding);
        fit(window, input)
    }

    /// A window of which each position touches the map.
    fn pooling(&mut self, input: Shape) -> Window {
        let pad = self.rng.random();
        let Window { kernel, stride, padding } = self.window(input, 3, pad);
        let Padding { top, left, bottom, right } = padding;
        let (rows, columns) = (kernel.height - 1, kernel.width - 1);
        let padding = Padding {
            top: top.min(rows),
            left: left.min(columns),
            bottom: bottom.min(rows),
            right: right.min(columns),
        };
        fit(Window { kernel, stride, padding }, input)
    }

    fn linear(&mut self) {
        let input = self.pick(|tensor| !tensor.secret && tensor.reach < MOST >> 6);
        let map = self.map(self.tensors[input].shape);
        let mut terms = vec![Term { input, map }];
        if self.rng.random_ratio(1, 3) {
            terms.extend(self.second(map.output(self.tensors[input].shape).expect("it fits")));
        }
        self.push_linear(terms);
    }

    fn map(&mut self, input: Shape) -> LinearMap {
        let outputs = self.rng.random_range(1..=5);
        if self.rng.random_ratio(1, 5) || input.len() > 700 {
            return LinearMap::dense(outputs);
        }
        let dilation = if self.rng.random_ratio(1, 3) { self.extent(3) } else { Extent::square(1) };
        let Window { mut kernel, stride, padding } = self.window(input, 3, true);
        let Padding { top, left, bottom, right } = padding;
        let taps = |size: usize, step: usize| (size - 1) / step + 1;
        kernel.height = kernel.height.min(taps(input.height + top + bottom, dilation.height));
        kernel.width = kernel.width.min(taps(input.width + left + right, dilation.width));
        let groups = match self.rng.random_range(0..3) {
            0 => input.channels,
            1 if input.channels.is_multiple_of(2) => 2,
            _ => 1,
        };
        let window = Window { kernel, stride, padding };
        let outputs = outputs.div_ceil(groups) * groups;
        LinearMap::Convolution(Convolution { outputs, window, dilation, groups })
    }

    /// Another map to the same shape: a projection of a tensor with the same maps, or a matrix.
    fn second(&mut self, output: Shape) -> Option<Term> {
        let wanted = output.extent();
        let flat = wanted == Extent::square(1);
        let fits =
            |t: &Tensor| !t.secret && t.reach < MOST >> 6 && (flat || t.shape.extent() == wanted);
        let input = self.pick(fits);
        if flat && self.rng.random() {
            return Some(Term { input, map: LinearMap::dense(output.channels) });
        }
        let one = Window::tiling(Extent::square(1));
        let map = LinearMap::convolution(output.channels, one);
        (self.tensors[input].shape.extent() == wanted).then_some(Term { input, map })
    }

    /// Any number of bits up to 9, or up to 16 where the sums stay below 2^22.
    fn weight_bits(&mut self, terms: &[Term]) -> u32 {
        let reach = |term: &Term| {
            let Tensor { shape, reach, .. } = self.tensors[term.input];
            term.map.row_len(shape) * reach
        };
        let reach: u64 = terms.iter().map(reach).sum();
        let most = (9..=16).take_while(|bits| reach << (bits - 1) < 1 << 22).last().unwrap_or(9);
        self.rng.random_range(2..=most)
    }

    fn push_linear(&mut self, terms: Vec<Term>) {
        let weight_bits = self.weight_bits(&terms);
        let largest = i16::MAX >> (16 - weight_bits);
        let shape = terms[0].map.output(self.tensors[terms[0].input].shape).expect("it fits");
        let (mut weights, mut reach) = (Vec::new(), 0);
        for term in &terms {
            let Tensor { shape: input, reach: x, .. } = self.tensors[term.input];
            let row = term.map.row_len(input) as usize;
            let count = row * shape.channels;
            weights.extend((0..count).map(|_| self.rng.random_range(-largest..=largest)));
            reach += row as u64 * largest.unsigned_abs() as u64 * x;
        }
        let bias = if self.rng.random_ratio(1, 3) { Bias::Map } else { Bias::Channel };
        let biases = if bias == Bias::Map { shape.len() } else { shape.channels };
        let bound = 1i32 << (weight_bits + 6);
        let biases = (0..biases).map(|_| self.rng.random_range(-bound..=bound)).collect();
        self.blocks.push(Block { weights, bias: biases });
        let node = LinearNode { terms, bias, weight_bits };
        self.push(Node::Linear(node), shape, reach + bound as u64, true);
    }

    fn activation(&mut self, input: usize) {
        let Tensor { shape, reach, .. } = self.tensors[input];
        let function = self.function(shape.channels);
        // Around the shift that brings the reach to 8 bits.
        let wide = (u64::BITS - reach.leading_zeros()).saturating_sub(9);
        let mut shift = || {
            let most = (wide + 2).min(12) as u8;
            let least =
                if let Function::ReluMinusTable { step, .. } = function { -step } else { 0 };
            self.rng.random_range(most / 2..=most).max(least.max(0) as u8)
        };
        let shift = match shift() % 3 {
            0 => Shift::Channels((0..shape.channels).map(|_| shift()).collect()),
            _ => Shift::Tensor(shift()),
        };
        let table = matches!(function, Function::ReluMinusTable { .. } | Function::Odd { .. });
        let pooled = !table && self.rng.random_ratio(1, 3);
        let max_pool = pooled.then(|| self.pooling(shape));
        let output = max_pool.map_or(shape, |window| naive::window_shape(&window, shape));
        let reach = function.range().reach();
        let node = ActivationNode { input, sum_bits: 31, function, shift, max_pool };
        self.push(Node::Activation(node), output, reach, false);
    }

    fn function(&mut self, channels: usize) -> Function {
        let rng = &mut self.rng;
        let table = |rng: &mut ChaCha20Rng| -> Vec<u8> {
            let len = if rng.random() { 32 } else { 64 };
            (0..len).map(|_| rng.random()).collect()
        };
        let half = [128, 512, 2048, 16_384][rng.random_range(0..4)];
        let (least, most) = (-rng.random_range(0..half), rng.random_range(1..=half));
        match rng.random_range(0..7) {
            0 | 1 => Function::RELU,
            2 => Function::SIGNED,
            3 => Function::Clamp { least, most },
            4 => {
                let slope_shift = rng.random_range(0..=8);
                let count = if rng.random() { 1 } else { channels };
                let slopes = (0..count).map(|_| rng.random_range(0..=1 << slope_shift)).collect();
                Function::Leaky { slopes, slope_shift, least, most }
            }
            5 => Function::ReluMinusTable { table: table(rng), step: rng.random_range(-8..=8) },
            _ => Function::Odd { table: table(rng), centre: rng.random_range(-255..=255) },
        }
    }

    fn sum(&mut self) {
        let first = self.pick_small();
        let shape = self.tensors[first].shape;
        let mut inputs = vec![first];
        for _ in 0..self.rng.random_range(0..=2) {
            let next = self.pick(|tensor| tensor.shape == shape && tensor.reach < MOST);
            inputs.extend((self.tensors[next].shape == shape).then_some(next));
        }
        let mut factor = || match self.rng.random_range(-9..=9) {
            0 => 10,
            factor => factor,
        };
        let parts: Vec<_> =
            inputs.iter().map(|&input| Scaled { input, factor: factor() }).collect();
        let reach = inputs.iter().map(|&input| 10 * self.tensors[input].reach).sum();
        let secret = inputs.iter().any(|&input| self.tensors[input].secret);
        self.push(Node::Sum(parts), shape, reach, secret);
    }

    fn concat(&mut self) {
        let first = self.pick_small();
        let shape = self.tensors[first].shape;
        let mut parts = vec![first];
        for _ in 0..self.rng.random_range(0..=2) {
            let same = |tensor: &Tensor| {
                tensor.shape.extent() == shape.extent() && tensor.shape.len() < 600
            };
            let next = self.pick(same);
            parts.extend((self.tensors[next].shape.extent() == shape.extent()).then_some(next));
        }
        let channels = parts.iter().map(|&part| self.tensors[part].shape.channels).sum();
        let reach = parts.iter().map(|&part| self.tensors[part].reach).max().unwrap_or(0);
        let secret = parts.iter().any(|&part| self.tensors[part].secret);
        self.push(Node::Concat(parts), Shape { channels, ..shape }, reach, secret);
    }

    fn select(&mut self) {
        let input = self.pick(|_| true);
        let Tensor { shape, reach, secret, .. } = self.tensors[input];
        let count = self.rng.random_range(1..=shape.channels + 1);
        let channels: Vec<u32> =
            (0..count).map(|_| self.rng.random_range(0..shape.channels as u32)).collect();
        let node = Node::Select(Select { input, channels });
        self.push(node, Shape { channels: count, ..shape }, reach, secret);
    }

    fn upsample(&mut self) {
        let input = self.pick(|tensor| tensor.shape.len() < 150);
        let Tensor { shape, reach, secret, .. } = self.tensors[input];
        let factor = self.extent(2);
        let larger =
            Shape::new(shape.channels, shape.height * factor.height, shape.width * factor.width);
        self.push(Node::Upsample(Upsample { input, factor }), larger, reach, secret);
    }

    fn sum_pool(&mut self) {
        let input = self.pick_small();
        let Tensor { shape, reach, secret, .. } = self.tensors[input];
        let window = self.pooling(shape);
        let Padding { top, left, bottom, right } = window.padding;
        let counted = match self.rng.random_range(0..3) {
            0 => Padding::NONE,
            1 => window.padding,
            _ => Padding { top: top / 2, left, bottom: 0, right: right.min(1).min(bottom) },
        };
        let counted = Padding { right: counted.right.min(right), ..counted };
        let shape = naive::window_shape(&window, shape);
        // Kernels of at most 3: a divisor of at most 6 · 6.
        self.push(Node::SumPool(SumPool { input, window, counted }), shape, 36 * reach, secret);
    }

    /// Activates what has no reader, and brings it together in one dense map.
    fn gather(&mut self) {
        let open = |builder: &Self| -> Vec<usize> {
            (0..builder.tensors.len()).filter(|&t| !builder.tensors[t].read).collect()
        };
        for tensor in open(self) {
            if self.tensors[tensor].secret || self.tensors[tensor].reach >= MOST >> 6 {
                self.activation(tensor);
            }
        }
        let outputs = self.rng.random_range(2..=6);
        let term = |input| Term { input, map: LinearMap::dense(outputs) };
        let terms = open(self).into_iter().map(term).collect();
        self.push_linear(terms);
    }

    fn finish(mut self, recipe: &GraphRecipe) -> Network {
        let outputs = self.tensors.last().map_or(0, |last| last.shape.len());
        let threshold = 1 << 16;
        let head = match self.rng.random_range(0..5) {
            0 => Head::Class,
            1 => Head::Top(self.rng.random_range(1..=outputs as u32)),
            2 => Head::Thresholds(
                (0..outputs).map(|_| self.rng.random_range(-threshold..=threshold)).collect(),
            ),
            3 => {
                let mut bounds = [0; 3].map(|_| self.rng.random_range(0..1 << 18));
                bounds.sort_unstable();
                Head::Confidence(bounds)
            }
            _ => Head::Values,
        };
        let card = Card {
            name: format!("random {}", recipe.seed),
            input: self.tensors[0].shape,
            preprocessing: Preprocessing::default(),
            head: HeadNode { input: self.nodes.len(), sum_bits: 31, head },
            nodes: self.nodes,
            classes: (0..outputs).map(|i| format!("class {i}")).collect(),
        };
        let debug = format!("{recipe:?} {card:?}");
        Network::with_least_sum_bits(card, self.blocks).unwrap_or_else(|e| panic!("{e}: {debug}"))
    }
}

#[cfg(test)]
mod tests;
