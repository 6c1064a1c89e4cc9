//! The most of everything: a card of a few bytes must not make anyone allocate or loop without
//! bound.

/// The largest value of a pixel, and of an activation in a chain.
pub const ACTIVATION_MAX: u32 = 255;
/// The most that the bounds of a clamp are apart: results have up to 15 bits.
pub const CLAMP_MAX: u16 = (1 << 15) - 1;
/// The most nodes that a card may have.
pub const MAX_NODES: usize = 1024;
/// The most linear maps: the terms of all linear nodes. Each has a plan and a key of its own.
pub const MAX_MAPS: usize = 1024;
/// The most blocks of a chain.
pub const MAX_BLOCKS: usize = 256;
/// The most tensors that one node reads.
pub const MAX_INPUTS: usize = 256;
/// The most values of all tensors together.
pub const MAX_VALUES: usize = 1 << 26;
/// The most weights of a network.
pub const MAX_WEIGHTS: usize = 1 << 28;
/// The most multiplications of one linear map.
pub const MAX_PRODUCTS: u64 = 1 << 36;
/// The most sums that a network's activations read, a pooled sum once for each of its windows.
pub const MAX_ACTIVATION_SUMS: usize = 1 << 26;
/// The most sums under one window of a max pooling.
pub const MAX_WINDOW: usize = 1 << 16;
/// The most cells that a sum pooling reads, a cell once for each of its windows.
pub const MAX_POOLED: u64 = 1 << 28;
/// The most classes.
pub const MAX_CLASSES: usize = 1 << 16;
/// The most classes that [`crate::Head::Top`] names.
pub const MAX_TOP: usize = 16;
/// The most bytes of the network's name or of a class name.
pub const MAX_NAME: usize = 256;
/// The most values of a tensor that a convolution reads, its padding included.
pub const MAX_PADDED: u64 = (1 << 24) + (1 << 22);
