//! Chains: networks whose every block reads the one before it, a special case of the graph.
//!
//! A block takes a tensor of unsigned integers, optionally sums windows of it (average pooling
//! without its divisor), applies a linear map with secret weights, and ends in an activation.

use alloc::string::String;
use alloc::vec::Vec;

use crate::fault::within;
use crate::network::check_count;
use crate::{
    ActivationNode, Bias, Card, CardFault, Convolution, Extent, Function, Head, HeadNode,
    LinearMap, LinearNode, MAX_BLOCKS, ModelError, Node, Padding, Preprocessing, Ring, Shape,
    Shift, SumPool, Tensor, Term, Window,
};

/// The geometry of a linear map; its weights are the server's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linear {
    /// A convolution (cross-correlation, as neural networks call it). Weights are
    /// `outputs × (channels / groups) × kernel.height × kernel.width`, row-major.
    Convolution {
        /// Output channels.
        outputs: usize,
        /// Size of the kernel.
        kernel: Extent,
        /// Step between output positions.
        stride: Extent,
        /// Zeros around each input map.
        padding: Padding,
        /// Channel groups; divides input and output channels.
        groups: usize,
    },
    /// A matrix–vector product with the flattened input. Weights are `outputs × inputs`, row-major.
    Dense {
        /// Output values.
        outputs: usize,
    },
}

impl Linear {
    /// A convolution whose kernel is `window`'s.
    pub const fn convolution(outputs: usize, window: Window) -> Self {
        Self::grouped(outputs, window, 1)
    }

    /// A convolution of channel groups; as many groups as channels make it depthwise.
    pub const fn grouped(outputs: usize, window: Window, groups: usize) -> Self {
        let Window { kernel, stride, padding } = window;
        Self::Convolution { outputs, kernel, stride, padding, groups }
    }

    /// The shape of the result on a tensor of shape `input`; `None` if the map does not fit it or a
    /// size is over a cap.
    pub fn output(&self, input: Shape) -> Option<Shape> {
        LinearMap::from(*self).output(input)
    }
}

impl From<Linear> for LinearMap {
    fn from(linear: Linear) -> Self {
        match linear {
            Linear::Dense { outputs } => Self::Dense { outputs },
            Linear::Convolution { outputs, kernel, stride, padding, groups } => {
                Self::grouped(outputs, Window::new(kernel, stride, padding), groups)
            }
        }
    }
}

/// What follows the linear map, computed on secret shares in a garbled circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `min(max(y, 0) >> shift, 255)`, then the maximum over each window if there is one.
    Relu {
        /// Bits dropped, rounding down (rounding to nearest is folded into the bias).
        shift: u32,
        /// Max pooling, fused with the clamp.
        max_pool: Option<Window>,
    },
    /// The index of the largest value (the lowest such index): the last block's only. The client
    /// learns nothing else.
    Argmax,
    /// The values themselves, for the client: the last block's only, if the server's policy allows.
    Logits,
}

impl Activation {
    /// ReLU without pooling.
    pub const fn relu(shift: u32) -> Self {
        Self::Relu { shift, max_pool: None }
    }
}

/// The public part of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockCard {
    /// Summed windows of the block's input, before the linear map.
    pub sum_pool: Option<Window>,
    /// The linear map's geometry.
    pub linear: Linear,
    /// Every weight `w` has `|w| < 2^(weight_bits − 1)`; 2 to 16.
    pub weight_bits: u32,
    /// ℓ: every output `y` of the linear map, bias included, has `|y| < 2^ℓ` for any image. Shares of this block's input and of `y` live in Z_{2^k}, k = ℓ + 1.
    pub sum_bits: u32,
    /// What follows.
    pub activation: Activation,
}

impl BlockCard {
    /// A block of 8-bit weights, without window sums, and with the widest sums there are:
    /// [`crate::Network::with_least_sum_bits`] narrows them to what the weights need.
    pub const fn new(linear: Linear, activation: Activation) -> Self {
        Self { sum_pool: None, linear, weight_bits: 8, sum_bits: 31, activation }
    }

    /// The ring of this block's shares.
    ///
    /// # Panics
    ///
    /// If the sum bits are over 31, which no checked card has.
    pub const fn ring(&self) -> Ring {
        Ring::new(self.ring_bits())
    }

    /// k: the ring of this block's shares is Z_{2^k}.
    pub const fn ring_bits(&self) -> u32 {
        self.sum_bits + 1
    }
}

/// A network as a chain of blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// The network's name.
    pub name: String,
    /// The shape of the image; its values are 8-bit pixels as stored in the file.
    pub input: Shape,
    /// The blocks; at least one.
    pub blocks: Vec<BlockCard>,
    /// The names of the classes; as many as the last block has outputs.
    pub classes: Vec<String>,
}

/// A block in its place: the card with the shapes and ranges that reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The block's card.
    pub block: BlockCard,
    /// The tensor that reaches the block; its values lie in 0..=255.
    pub input: Shape,
    /// What the linear map reads: the input after the window sums, or the input itself.
    pub pooled: Shape,
    /// The largest value of the pooled tensor: 255 times the cells of the window.
    pub pooled_max: u32,
    /// The result of the linear map.
    pub sums: Shape,
    /// The result of the activation; for [`Activation::Argmax`] a single value.
    pub output: Shape,
    /// w of the ring Z_{2^w} that holds the output's shares: the ring of the next block, or of this
    /// one if it is the last.
    pub output_ring_bits: u32,
}

impl Layer {
    /// How many weights feed one output channel.
    pub fn row_len(&self) -> usize {
        // At most MAX_WEIGHTS in a layer of a checked card.
        LinearMap::from(self.block.linear).row_len(self.pooled) as usize
    }

    /// How many weights the block has.
    pub fn weights_len(&self) -> usize {
        self.row_len() * self.bias_len()
    }

    /// How many biases the block has: one per output channel.
    pub fn bias_len(&self) -> usize {
        self.sums.channels
    }

    /// Checks that there are as many weights and biases as the layer needs, which is block number
    /// `block`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Count`].
    pub fn check_counts(
        &self,
        block: usize,
        weights: usize,
        biases: usize,
    ) -> Result<(), ModelError> {
        check_count(block, "weights", self.weights_len(), weights)?;
        check_count(block, "biases", self.bias_len(), biases)
    }

    /// How many multiplications the linear map takes, padding included.
    pub fn products(&self) -> u64 {
        self.row_len() as u64 * self.sums.len() as u64
    }
}

impl Chain {
    /// The chain as a graph: for each block its window sums if it has any, its linear map, and its
    /// activation; for the last one the head.
    ///
    /// # Errors
    ///
    /// Another number of blocks than 1 to [`MAX_BLOCKS`], a shift over 8 bits, an activation in the
    /// wrong place. The card's own faults are found by [`Card::check`].
    pub fn to_card(&self) -> Result<Card, CardFault> {
        within("number of blocks", self.blocks.len() as u64, 1, MAX_BLOCKS)?;
        let (mut nodes, last) = (Vec::with_capacity(3 * self.blocks.len()), self.blocks.len() - 1);
        for (block, card) in self.blocks.iter().enumerate() {
            if let Some(window) = card.sum_pool {
                nodes.push(Node::SumPool(SumPool::plain(nodes.len(), window)));
            }
            let term = Term { input: nodes.len(), map: card.linear.into() };
            nodes.push(Node::Linear(LinearNode {
                terms: [term].into(),
                bias: Bias::Channel,
                weight_bits: card.weight_bits,
            }));
            let (input, sum_bits) = (nodes.len(), card.sum_bits);
            let head = match card.activation {
                Activation::Relu { shift, max_pool } if block < last => {
                    let fault = CardFault::Bits { node: input + 1, what: "shift", bits: shift };
                    let shift = Shift::Tensor(u8::try_from(shift).map_err(|_| fault)?);
                    let function = Function::RELU;
                    let node = ActivationNode { input, sum_bits, function, shift, max_pool };
                    nodes.push(Node::Activation(node));
                    continue;
                }
                Activation::Argmax if block == last => Head::Class,
                Activation::Logits if block == last => Head::Values,
                _ => return Err(CardFault::Ending { block }),
            };
            return Ok(Card {
                name: self.name.clone(),
                input: self.input,
                preprocessing: Preprocessing::default(),
                nodes,
                head: HeadNode { input, sum_bits, head },
                classes: self.classes.clone(),
            });
        }
        Err(CardFault::Ending { block: last })
    }

    /// Every block in its place.
    ///
    /// # Errors
    ///
    /// Those of [`Chain::to_card`] and [`Card::tensors`].
    pub fn layers(&self) -> Result<Vec<Layer>, CardFault> {
        let tensors = self.to_card()?.tensors()?;
        let mut at = 0;
        let place = |block: &BlockCard| {
            let input = at;
            let pooled = input + usize::from(block.sum_pool.is_some());
            at = pooled + 2;
            block.place(tensors[input], tensors[pooled], tensors[pooled + 1], tensors.get(at))
        };
        Ok(self.blocks.iter().map(place).collect())
    }

    /// How many classes the last block tells apart.
    ///
    /// # Errors
    ///
    /// Those of [`Chain::layers`], but for the class names.
    pub fn outputs(&self) -> Result<usize, CardFault> {
        self.to_card()?.outputs()
    }
}

impl BlockCard {
    /// The block among its tensors; the last block yields none.
    fn place(self, input: Tensor, pooled: Tensor, sums: Tensor, output: Option<&Tensor>) -> Layer {
        let result = match self.activation {
            Activation::Argmax => Shape::flat(1),
            _ => sums.shape,
        };
        Layer {
            block: self,
            input: input.shape,
            pooled: pooled.shape,
            // What a linear map reads is known from the card, and fits its ring of at most 32 bits.
            pooled_max: pooled.range.map_or(0, |range| range.most as u32),
            sums: sums.shape,
            output: output.map_or(result, |output| output.shape),
            output_ring_bits: output.map_or(self.ring_bits(), |output| output.ring_bits),
        }
    }

    /// The block that begins with `nodes` and reads tensor `input`, and how many nodes it has.
    fn of_nodes(nodes: &[Node], input: usize, head: &HeadNode) -> Option<(Self, usize)> {
        let (sum_pool, rest) = match nodes {
            [Node::SumPool(pool), rest @ ..] if *pool == SumPool::plain(input, pool.window) => {
                (Some(pool.window), rest)
            }
            _ => (None, nodes),
        };
        let pooled = input + usize::from(sum_pool.is_some());
        let (Node::Linear(LinearNode { terms, bias: Bias::Channel, weight_bits }), rest) =
            rest.split_first()?
        else {
            return None;
        };
        let linear = match terms[..] {
            [Term { input, map }] if input == pooled => map.without_holes()?,
            _ => return None,
        };
        let (activation, read, sum_bits) = match (rest.first(), &head.head) {
            (None, Head::Class) => (Activation::Argmax, head.input, head.sum_bits),
            (None, Head::Values) => (Activation::Logits, head.input, head.sum_bits),
            (Some(Node::Activation(node)), _) if node.function == Function::RELU => {
                let Shift::Tensor(shift) = node.shift else { return None };
                let activation = Activation::Relu { shift: shift.into(), max_pool: node.max_pool };
                (activation, node.input, node.sum_bits)
            }
            _ => return None,
        };
        let block = Self { sum_pool, linear, weight_bits: *weight_bits, sum_bits, activation };
        let len = pooled - input + 1 + usize::from(!rest.is_empty());
        Some((block, len)).filter(|_| read == pooled + 1)
    }
}

impl LinearMap {
    /// The map as one of a chain, which has no dilation.
    pub fn without_holes(self) -> Option<Linear> {
        match self {
            Self::Dense { outputs } => Some(Linear::Dense { outputs }),
            Self::Convolution(Convolution { outputs, window, dilation, groups }) => {
                let holes = dilation != Extent::square(1);
                (!holes).then_some(Linear::grouped(outputs, window, groups))
            }
        }
    }
}

impl Card {
    /// The card as a chain; `None` if it is another graph.
    pub fn chain(&self) -> Option<Chain> {
        let (mut blocks, mut at) = (Vec::new(), 0);
        loop {
            let (block, len) = BlockCard::of_nodes(self.nodes.get(at..)?, at, &self.head)?;
            at += len;
            let last = !matches!(block.activation, Activation::Relu { .. });
            blocks.push(block);
            if last {
                break;
            }
        }
        let plain = self.preprocessing == Preprocessing::default() && blocks.len() <= MAX_BLOCKS;
        let (name, classes) = (self.name.clone(), self.classes.clone());
        plain.then_some(Chain { name, input: self.input, blocks, classes })
    }
}
