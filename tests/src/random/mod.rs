//! Random networks and images: small shapes with every feature that a card can have.

mod graph;

pub use graph::{GraphRecipe, graphs};

use crate::naive;
use gazelle_protocol::model::{
    Activation, Block, BlockCard, Chain, Extent, Linear, Network, Padding, Shape, Window,
};
use proptest::prelude::*;
use rand::{Rng, RngExt};

/// A network, and an image for it.
pub type NetworkAndImage = (Network, Vec<u8>);

/// What a random block looks like before it is made to fit the shape that reaches it.
#[derive(Clone, Debug)]
pub struct BlockRecipe {
    dense: bool,
    depthwise: bool,
    outputs: usize,
    kernel: Extent,
    stride: Extent,
    padding: Padding,
    sum_pool: Option<Window>,
    max_pool: Option<Window>,
    weight_bits: u32,
    /// Which of the possible shifts, from 0 (none) to 255 (the largest).
    shift: u8,
}

/// A random network: its shapes, and the seed of its weights and image.
#[derive(Clone, Debug)]
pub struct NetworkRecipe {
    input: Shape,
    blocks: Vec<BlockRecipe>,
    last: BlockRecipe,
    logits: bool,
    seed: u64,
}

/// Networks of one to four blocks on images of at most 3 × 9 × 9.
pub fn networks() -> impl Strategy<Value = NetworkRecipe> {
    let input = (1..=3usize, 1..=9usize, 1..=9usize).prop_map(|(channels, height, width)| Shape {
        channels,
        height,
        width,
    });
    (input, prop::collection::vec(block(), 0..=3), block(), any::<bool>(), any::<u64>()).prop_map(
        |(input, blocks, last, logits, seed)| NetworkRecipe { input, blocks, last, logits, seed },
    )
}

fn block() -> impl Strategy<Value = BlockRecipe> {
    let geometry = (extent(1..=4), extent(1..=2), padding());
    let pools = (prop::option::weighted(0.25, pool()), prop::option::weighted(0.35, pool()));
    let kind = (prop::bool::weighted(0.25), prop::bool::weighted(0.25), 1..=6usize);
    (kind, geometry, pools, 2..=16u32, any::<u8>()).prop_map(
        |(
            (dense, depthwise, outputs),
            (kernel, stride, padding),
            (sum_pool, max_pool),
            weight_bits,
            shift,
        )| BlockRecipe {
            dense,
            depthwise,
            outputs,
            kernel,
            stride,
            padding,
            sum_pool,
            max_pool,
            weight_bits,
            shift,
        },
    )
}

fn extent(sizes: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Extent> {
    (sizes.clone(), sizes).prop_map(|(height, width)| Extent { height, width })
}

fn padding() -> impl Strategy<Value = Padding> {
    (0..=2usize, 0..=2usize, 0..=2usize, 0..=2usize)
        .prop_map(|(top, left, bottom, right)| Padding { top, left, bottom, right })
}

fn pool() -> impl Strategy<Value = Window> {
    (extent(1..=3), extent(1..=2), any::<bool>()).prop_map(|(kernel, stride, pad)| {
        // A window must touch the map everywhere: pad by less than its size.
        let (top, left) = if pad { (kernel.height / 2, kernel.width / 2) } else { (0, 0) };
        Window { kernel, stride, padding: Padding { top, left, ..Padding::default() } }
    })
}

impl NetworkRecipe {
    /// The network and an image for it.
    pub fn build(&self) -> NetworkAndImage {
        let mut rng = crate::rng(self.seed);
        let (mut shape, mut cards, mut blocks) = (self.input, Vec::new(), Vec::new());
        for recipe in self.blocks.iter().chain([&self.last]) {
            let (mut card, block) = recipe.build(shape, &mut rng);
            if cards.len() == self.blocks.len() {
                card.activation = if self.logits { Activation::Logits } else { Activation::Argmax };
            }
            let sums = naive::linear_shape(&card.linear, pooled(&card, shape));
            shape = naive::output_shape(&card, shape);
            cards.push(card);
            blocks.push((block, sums));
        }
        let classes = blocks.last().map_or(0, |(_, sums)| sums.len());
        let chain = Chain {
            name: format!("random {}", self.seed),
            input: self.input,
            blocks: cards,
            classes: (0..classes).map(|i| format!("class {i}")).collect(),
        };
        let image = (0..self.input.len()).map(|_| rng.random()).collect();
        let blocks = blocks.into_iter().map(|(block, _)| block).collect();
        let card = chain.to_card().unwrap_or_else(|e| panic!("{self:?}: {e}"));
        let network = Network::try_new(card, blocks).unwrap_or_else(|e| panic!("{self:?}: {e}"));
        (network, image)
    }
}

impl BlockRecipe {
    /// The block's card and weights, with windows cut to what `shape` can hold.
    fn build(&self, shape: Shape, rng: &mut impl Rng) -> (BlockCard, Block) {
        let sum_pool = self.sum_pool.map(|window| fit(window, shape));
        let input = sum_pool.map_or(shape, |window| naive::window_shape(&window, shape));
        let linear = self.linear(input);
        let sums = naive::linear_shape(&linear, input);
        let max_pool = self.max_pool.map(|window| fit(window, sums));
        let block = self.weights(&linear, input, rng);
        let mut card = BlockCard {
            sum_pool,
            linear,
            weight_bits: self.weight_bits(&linear, input),
            sum_bits: 0,
            activation: Activation::Argmax,
        };
        // Any ℓ with room for the sums will do; 12 bits hold the largest window sum, 9 · 255.
        let bits = i64::BITS - naive::largest_sum(&card, &block, 255).leading_zeros();
        card.sum_bits = bits.max(12);
        let shift = u32::from(self.shift) * (card.sum_bits - 8) / 255;
        card.activation = Activation::Relu { shift, max_pool };
        (card, block)
    }

    fn linear(&self, input: Shape) -> Linear {
        if self.dense {
            return Linear::Dense { outputs: self.outputs };
        }
        let Self { kernel, stride, padding, .. } = *self;
        let Window { kernel, .. } = fit(Window { kernel, stride, padding }, input);
        let (groups, outputs) = match self.depthwise {
            true => (input.channels, input.channels * self.outputs.div_ceil(3)),
            false => (1, self.outputs),
        };
        Linear::Convolution { outputs, kernel, stride, padding, groups }
    }

    /// Fewer than drawn where a row of window sums, up to 9 · 255 each, would outgrow 30 bits.
    fn weight_bits(&self, linear: &Linear, input: Shape) -> u32 {
        let (_, row) = rows(linear, input);
        let fit = (2..=16).take_while(|bits| (row as u64 * 9 * 255) << (bits - 1) < 1 << 30);
        self.weight_bits.min(fit.last().unwrap_or(2))
    }

    fn weights(&self, linear: &Linear, input: Shape, rng: &mut impl Rng) -> Block {
        let (outputs, row) = rows(linear, input);
        let weight_bits = self.weight_bits(linear, input);
        let largest = i16::MAX >> (16 - weight_bits);
        let bias = 1i32 << (weight_bits + 6);
        Block {
            weights: (0..outputs * row).map(|_| rng.random_range(-largest..=largest)).collect(),
            bias: (0..outputs).map(|_| rng.random_range(-bias..=bias)).collect(),
        }
    }
}

/// Output channels, and weights of each.
fn rows(linear: &Linear, input: Shape) -> (usize, usize) {
    match *linear {
        Linear::Dense { outputs } => (outputs, input.len()),
        Linear::Convolution { outputs, kernel, groups, .. } => {
            (outputs, input.channels / groups * kernel.height * kernel.width)
        }
    }
}

fn pooled(card: &BlockCard, shape: Shape) -> Shape {
    card.sum_pool.map_or(shape, |window| naive::window_shape(&window, shape))
}

/// Cuts the window's kernel to the padded map.
fn fit(window: Window, input: Shape) -> Window {
    let Padding { top, left, bottom, right } = window.padding;
    let kernel = Extent {
        height: window.kernel.height.min(input.height + top + bottom),
        width: window.kernel.width.min(input.width + left + right),
    };
    Window { kernel, ..window }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn a_recipe_builds_a_network_whose_sums_fit(recipe in networks()) {
            let (network, image) = recipe.build();
            let trace = naive::forward(&network, &image);
            let places = network.card().tensors().unwrap();
            for (values, place) in trace.tensors.iter().zip(&places) {
                prop_assert!(values.iter().all(|v| v.abs() < 1 << (place.ring_bits - 1)));
                prop_assert!(place.ring_bits <= 32);
            }
        }
    }
}
