//! The networks of GAZELLE's evaluation with fixed random weights: what a benchmark needs when no
//! trained model is at hand.
//!
//! Shapes: Juvekar, Vaikuntanathan and Chandrakasan (USENIX Security 2018), section 8 with the
//! networks of MiniONN and CryptoNets that it compares with; ReLU stands in place of the square of
//! A and B. Weights are bell-shaped integers of 8 bits, as training leaves them, so that ring
//! widths and shifts are those of trained networks.

use rand::rngs::ChaCha20Rng;
use rand::{Rng, RngExt, SeedableRng};

use gazelle_model::{
    Activation, Block, BlockCard, Chain, Extent, Layer, Linear, ModelError, Network, Padding,
    Shape, Window,
};

/// The names that [`network`] knows.
pub const NAMES: [&str; 5] = ["a", "b", "c", "d", "cifar10"];

/// A weight is the sum of this many uniform integers…
const TERMS: usize = 12;
/// …of at most this size: |w| ≤ 120, a standard deviation of 21.
const TERM: i16 = 10;
/// A weight's variance: `TERMS · ((2 · TERM + 1)² − 1) / 12`.
const WEIGHT_VARIANCE: f64 = 440.0;
/// The mean square of a uniform pixel.
const PIXEL_SQUARE: f64 = 255.0 * 255.0 / 3.0;

/// The network called `name`, the same on every machine; `None` if there is none.
///
/// - `a`: 784–128–128–10
/// - `b`, `c`: convolution 5×5, stride 2, 1→5; 980–100–10
/// - `d`: convolution 5×5, 1→16; max 2×2; convolution 5×5, 16→16; max 2×2; 256–100–10
/// - `cifar10`: seven convolutions of 64 (the last of 16) maps, two average poolings, 1024–10:
///   173,056 activations
pub fn network(name: &str) -> Option<Network> {
    let (input, blocks) = match name {
        "a" => (digits(), vec![dense(128), dense(128), dense(10)]),
        "b" | "c" => (digits(), vec![convolution(5, 5, 2, 2), dense(100), dense(10)]),
        "d" => return Some(wide(1)),
        "cifar10" => (Shape::new(3, 32, 32), cifar10()),
        _ => return None,
    };
    Some(build(name, input, blocks).expect("the shapes above fit"))
}

/// Network `d` with `width` times its maps and `width` times its hidden dense values: for measuring
/// how costs grow.
///
/// # Panics
/// If `width` is 0 or makes a tensor that is larger than a card may have.
pub fn wide(width: usize) -> Network {
    let convolution = max_pooled(convolution(16 * width, 5, 1, 0));
    let blocks = vec![convolution, convolution, dense(100 * width), dense(10)];
    let name = if width == 1 { "d".into() } else { format!("d×{width}") };
    build(&name, digits(), blocks).expect("the shapes fit")
}

fn cifar10() -> Vec<BlockCard> {
    let wide = convolution(64, 3, 1, 1);
    let pooled = BlockCard { sum_pool: Some(window()), ..wide };
    let narrow = convolution(64, 1, 1, 0);
    vec![wide, wide, pooled, wide, pooled, narrow, convolution(16, 1, 1, 0), dense(10)]
}

fn digits() -> Shape {
    Shape::new(1, 28, 28)
}

fn block(linear: Linear) -> BlockCard {
    BlockCard::new(linear, Activation::relu(0))
}

fn dense(outputs: usize) -> BlockCard {
    block(Linear::Dense { outputs })
}

fn convolution(outputs: usize, kernel: usize, stride: usize, padding: usize) -> BlockCard {
    let (kernel, stride) = (Extent::square(kernel), Extent::square(stride));
    block(Linear::convolution(outputs, Window::new(kernel, stride, Padding::uniform(padding))))
}

fn max_pooled(block: BlockCard) -> BlockCard {
    BlockCard { activation: Activation::Relu { shift: 0, max_pool: Some(window()) }, ..block }
}

fn window() -> Window {
    Window::tiling(Extent::square(2))
}

/// The network of these blocks with weights, shifts and ring widths.
fn build(name: &str, input: Shape, blocks: Vec<BlockCard>) -> Result<Network, ModelError> {
    let classes = (0..10).map(|class| class.to_string()).collect();
    let mut card = Chain { name: name.to_string(), input, blocks, classes };
    if let Some(last) = card.blocks.last_mut() {
        last.activation = Activation::Argmax;
    }
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let (mut square, mut blocks) = (PIXEL_SQUARE, Vec::new());
    let layers = card.layers()?;
    for (layer, block) in layers.iter().zip(&mut card.blocks) {
        // Sums of windows that move together; the sums of the map are nearly normal around 0.
        let cells = f64::from(layer.pooled_max) / 255.0;
        let variance = layer.row_len() as f64 * WEIGHT_VARIANCE * square * cells * cells;
        let mut rounding = 0;
        if let Activation::Relu { shift, .. } = &mut block.activation {
            // Three standard deviations fit 8 bits; half of the square is left by the ReLU.
            *shift = (3.0 * variance.sqrt() / 255.0).log2().ceil() as u32;
            rounding = 1 << (*shift - 1);
            square = variance / 2.0 / f64::from(1 << *shift).powi(2);
        }
        blocks.push(secrets(layer, rounding, &mut rng));
    }
    Network::with_least_sum_bits(card.to_card()?, blocks)
}

fn secrets(layer: &Layer, rounding: i32, rng: &mut impl Rng) -> Block {
    let mut weight = || (0..TERMS).map(|_| rng.random_range(-TERM..=TERM)).sum();
    let weights = (0..layer.weights_len()).map(|_| weight()).collect();
    let bias = (0..layer.bias_len()).map(|_| i32::from(weight()) * 64 + rounding).collect();
    Block { weights, bias }
}
