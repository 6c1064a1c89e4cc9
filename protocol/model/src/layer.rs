//! What a card implies: every tensor's shape and range, with the checks that make them certain.

use alloc::vec::Vec;

use super::fault::CardFault;
use super::{Activation, BlockCard, Card, Extent, Linear, Padding, Shape, Window};

/// The largest value of an activation or a pixel.
pub const ACTIVATION_MAX: u32 = 255;
/// The most blocks that a card may have.
pub const MAX_BLOCKS: usize = 256;
/// The most rows, columns, steps or padding, of a map, kernel or window.
pub const MAX_SIDE: usize = 4096;
/// The most channels or dense outputs.
pub const MAX_CHANNELS: usize = 1 << 20;
/// The most values of a tensor.
pub const MAX_TENSOR: usize = 1 << 24;
/// The most weights of a network.
pub const MAX_WEIGHTS: usize = 1 << 28;
/// The most multiplications of one linear map.
pub const MAX_PRODUCTS: usize = 1 << 36;
/// The most sums that a network's activations read, a pooled sum once for each of its windows.
pub const MAX_ACTIVATION_SUMS: usize = 1 << 26;
/// The most sums under one window of a max pooling.
pub const MAX_WINDOW: usize = 1 << 16;
/// The most classes.
pub const MAX_CLASSES: usize = 1 << 16;
/// The most bytes of the network's name or of a class name.
pub const MAX_NAME: usize = 256;

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
        match self.block.linear {
            Linear::Dense { .. } => self.pooled.len(),
            Linear::Convolution { kernel, groups, .. } => {
                self.pooled.channels / groups * kernel.height * kernel.width
            }
        }
    }

    /// How many weights the block has.
    pub fn weights_len(&self) -> usize {
        self.row_len() * self.bias_len()
    }

    /// How many biases the block has: one per output channel.
    pub fn bias_len(&self) -> usize {
        self.sums.channels
    }

    /// How many sums the activation reads, a pooled sum once for each of its windows.
    fn activation_sums(&self) -> usize {
        match self.block.activation {
            Activation::Relu { max_pool: Some(Window { kernel, .. }), .. } => {
                kernel.height * kernel.width * self.output.len()
            }
            _ => self.sums.len(),
        }
    }

    /// How many multiplications the linear map takes, padding included.
    pub fn products(&self) -> usize {
        self.row_len() * self.sums.len()
    }
}

impl Card {
    /// Every block in its place.
    ///
    /// # Errors
    ///
    /// The first fault of the card: a shape that does not fit, a size over its cap, a number of
    /// bits out of range, an activation in the wrong place, names that do not match the classes.
    pub fn layers(&self) -> Result<Vec<Layer>, CardFault> {
        let layers = self.places()?;
        self.check_classes(layers.last().map_or(0, |last| last.sums.len()))?;
        Ok(layers)
    }

    /// How many classes the last block tells apart.
    ///
    /// # Errors
    ///
    /// Those of [`Card::layers`], but for the class names.
    pub fn outputs(&self) -> Result<usize, CardFault> {
        Ok(self.places()?.last().map_or(0, |last| last.sums.len()))
    }

    /// As [`Card::layers`], the class names unseen.
    fn places(&self) -> Result<Vec<Layer>, CardFault> {
        within("length of the name", self.name.len(), 1, MAX_NAME)?;
        within("number of blocks", self.blocks.len(), 1, MAX_BLOCKS)?;
        self.input.checked().ok_or(CardFault::Input(self.input))?;
        let mut layers: Vec<Layer> = Vec::with_capacity(self.blocks.len());
        let (mut weights, mut sums) = (0, 0);
        for (block, card) in self.blocks.iter().enumerate() {
            let input = layers.last().map_or(self.input, |before| before.output);
            let layer = place(block, card, input, self.blocks.len())?;
            weights += layer.weights_len();
            within("number of weights", weights, 1, MAX_WEIGHTS)?;
            // At most 2^8 blocks of 2^16 sums for each of 2^24 values: no overflow.
            sums += layer.activation_sums();
            within("number of sums that activations read", sums, 1, MAX_ACTIVATION_SUMS)?;
            if let Some(before) = layers.last_mut() {
                before.output_ring_bits = card.ring_bits();
            }
            layers.push(layer);
        }
        Ok(layers)
    }

    /// Checks the whole card; see [`Card::layers`].
    ///
    /// # Errors
    ///
    /// The first fault of the card.
    pub fn check(&self) -> Result<(), CardFault> {
        self.layers().map(drop)
    }

    fn check_classes(&self, outputs: usize) -> Result<(), CardFault> {
        within("number of classes", outputs, 1, MAX_CLASSES)?;
        if self.classes.len() != outputs {
            return Err(CardFault::Classes { names: self.classes.len(), outputs });
        }
        self.classes.iter().try_for_each(|n| within("length of a class name", n.len(), 1, MAX_NAME))
    }
}

/// Puts block number `block` of `blocks` behind a tensor of shape `input`.
fn place(block: usize, card: &BlockCard, input: Shape, blocks: usize) -> Result<Layer, CardFault> {
    let misfit = |part| CardFault::Misfit { block, part };
    check_bits(block, card)?;
    let last = block + 1 == blocks;
    if last == matches!(card.activation, Activation::Relu { .. }) {
        return Err(CardFault::Ending { block });
    }
    let pooled = match &card.sum_pool {
        None => input,
        Some(window) => pool(window, input).ok_or(misfit("sum pooling"))?,
    };
    let cells = card.sum_pool.map_or(1, |w| w.kernel.height * w.kernel.width) as u64;
    let pooled_max = cells * u64::from(ACTIVATION_MAX);
    if pooled_max >= 1 << card.sum_bits {
        return Err(CardFault::Bits { block, what: "sum", bits: card.sum_bits });
    }
    let sums = linear(&card.linear, pooled).ok_or(misfit("linear map"))?;
    let output = match card.activation {
        Activation::Relu { max_pool: Some(window), .. } => {
            let small = window.kernel.height.checked_mul(window.kernel.width) <= Some(MAX_WINDOW);
            pool(&window, sums).filter(|_| small).ok_or(misfit("max pooling"))?
        }
        Activation::Relu { max_pool: None, .. } | Activation::Logits => sums,
        Activation::Argmax => Shape::flat(1),
    };
    let layer = Layer {
        block: *card,
        input,
        pooled,
        pooled_max: pooled_max as u32,
        sums,
        output,
        output_ring_bits: card.ring_bits(),
    };
    let products = layer.row_len().checked_mul(layer.sums.len());
    products.filter(|&n| n <= MAX_PRODUCTS).ok_or(misfit("linear map"))?;
    Ok(layer)
}

fn check_bits(block: usize, card: &BlockCard) -> Result<(), CardFault> {
    let fault = |what, bits| Err(CardFault::Bits { block, what, bits });
    if !(2..=12).contains(&card.weight_bits) {
        return fault("weight", card.weight_bits);
    }
    if !(8..=31).contains(&card.sum_bits) {
        return fault("sum", card.sum_bits);
    }
    match card.activation {
        Activation::Relu { shift, .. } if shift > card.sum_bits - 8 => fault("shift", shift),
        _ => Ok(()),
    }
}

fn linear(linear: &Linear, input: Shape) -> Option<Shape> {
    let shape = match *linear {
        Linear::Dense { outputs } => Shape::flat(outputs),
        Linear::Convolution { outputs, kernel, stride, padding, groups } => {
            let divides = |n: usize| groups != 0 && n.is_multiple_of(groups);
            if !divides(input.channels) || !divides(outputs) {
                return None;
            }
            Shape { channels: outputs, ..Window { kernel, stride, padding }.slide(input)? }
        }
    };
    shape.checked()
}

/// The shape after a pooling whose every window touches the map.
fn pool(window: &Window, input: Shape) -> Option<Shape> {
    let Window { kernel, padding, .. } = window;
    let rows = padding.top.max(padding.bottom) < kernel.height;
    let columns = padding.left.max(padding.right) < kernel.width;
    if rows && columns { window.slide(input) } else { None }
}

impl Window {
    /// The shape after sliding the window over `input`; `None` if it does not fit or is over a cap.
    pub fn slide(&self, input: Shape) -> Option<Shape> {
        let Self { kernel, stride, padding } = *self;
        let Padding { top, left, bottom, right } = padding;
        let in_caps =
            |e: Extent| (1..=MAX_SIDE).contains(&e.height) && (1..=MAX_SIDE).contains(&e.width);
        if !in_caps(kernel)
            || !in_caps(stride)
            || [top, left, bottom, right].iter().any(|&p| p > MAX_SIDE)
        {
            return None;
        }
        let steps = |size: usize, kernel: usize, stride: usize| {
            Some(size.checked_sub(kernel)? / stride + 1)
        };
        let shape = Shape {
            channels: input.channels,
            height: steps(input.height + top + bottom, kernel.height, stride.height)?,
            width: steps(input.width + left + right, kernel.width, stride.width)?,
        };
        shape.checked()
    }
}

impl Shape {
    /// The shape itself, if no size is 0 or over its cap.
    pub fn checked(self) -> Option<Self> {
        let Self { channels, height, width } = self;
        let sides = (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width);
        let fits = sides && (1..=MAX_CHANNELS).contains(&channels);
        // At most 2^20 · 2^12 · 2^12: no overflow.
        (fits && self.len() <= MAX_TENSOR).then_some(self)
    }
}

fn within(what: &'static str, got: usize, least: usize, most: usize) -> Result<(), CardFault> {
    match (least..=most).contains(&got) {
        true => Ok(()),
        false => Err(CardFault::Range { what, got, least, most }),
    }
}
