//! What a card implies: every tensor's shape and range, with the checks that make them certain.

use alloc::vec::Vec;

use crate::{Activation, BlockCard, Card, CardFault, Linear, Shape, Window};

/// The largest value of an activation or a pixel.
pub const ACTIVATION_MAX: u32 = 255;
/// The most blocks that a card may have.
pub const MAX_BLOCKS: usize = 256;
/// The most weights of a network.
pub const MAX_WEIGHTS: usize = 1 << 28;
/// The most multiplications of one linear map.
pub const MAX_PRODUCTS: u64 = 1 << 36;
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
        // At most MAX_WEIGHTS in a layer that was placed.
        row_len(&self.block.linear, self.pooled) as usize
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
    fn activation_sums(&self) -> u64 {
        match self.block.activation {
            Activation::Relu { max_pool: Some(Window { kernel, .. }), .. } => {
                kernel.cells() as u64 * self.output.len() as u64
            }
            _ => self.sums.len() as u64,
        }
    }

    /// How many multiplications the linear map takes, padding included.
    pub fn products(&self) -> u64 {
        self.row_len() as u64 * self.sums.len() as u64
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
        within("length of the name", self.name.len() as u64, 1, MAX_NAME)?;
        within("number of blocks", self.blocks.len() as u64, 1, MAX_BLOCKS)?;
        self.input.checked().ok_or(CardFault::Input(self.input))?;
        let mut layers: Vec<Layer> = Vec::with_capacity(self.blocks.len());
        let (mut weights, mut sums) = (0u64, 0u64);
        for (block, card) in self.blocks.iter().enumerate() {
            let input = layers.last().map_or(self.input, |before| before.output);
            let layer = place(block, card, input, self.blocks.len())?;
            // At most as many as products, 2^36, for each of 2^8 blocks: no overflow.
            weights += row_len(&card.linear, layer.pooled) * layer.bias_len() as u64;
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
        within("number of classes", outputs as u64, 1, MAX_CLASSES)?;
        if self.classes.len() != outputs {
            return Err(CardFault::Classes { names: self.classes.len(), outputs });
        }
        self.classes
            .iter()
            .try_for_each(|n| within("length of a class name", n.len() as u64, 1, MAX_NAME))
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
        Some(window) => window.pool(input).ok_or(misfit("sum pooling"))?,
    };
    let cells = card.sum_pool.map_or(1, |w| w.kernel.cells()) as u64;
    let pooled_max = cells * u64::from(ACTIVATION_MAX);
    if pooled_max >= 1 << card.sum_bits {
        return Err(CardFault::Bits { block, what: "sum", bits: card.sum_bits });
    }
    let sums = card.linear.output(pooled).ok_or(misfit("linear map"))?;
    let output = match card.activation {
        Activation::Relu { max_pool: Some(window), .. } => {
            let pooled = window.pool(sums).filter(|_| window.kernel.cells() <= MAX_WINDOW);
            pooled.ok_or(misfit("max pooling"))?
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
    let products = row_len(&card.linear, pooled).checked_mul(sums.len() as u64);
    products.filter(|&n| n <= MAX_PRODUCTS).ok_or(misfit("linear map"))?;
    Ok(layer)
}

/// How many weights feed one output channel of a map of a checked geometry: at most 2^20 channels
/// of 2^24 cells.
fn row_len(linear: &Linear, input: Shape) -> u64 {
    match *linear {
        Linear::Dense { .. } => input.len() as u64,
        Linear::Convolution { kernel, groups, .. } => {
            (input.channels / groups) as u64 * kernel.cells() as u64
        }
    }
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

fn within(what: &'static str, got: u64, least: u64, most: usize) -> Result<(), CardFault> {
    match (least..=most as u64).contains(&got) {
        true => Ok(()),
        false => Err(CardFault::Range { what, got, least, most: most as u64 }),
    }
}
