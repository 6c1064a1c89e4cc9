//! What can be wrong with a card, a network, its file or an image for it.

use crate::Shape;

/// What can be wrong with a [`super::Card`], whether it came from a file or from a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardFault {
    /// A count or a length is out of range.
    #[error("the {what} is {got}; it must be {least} to {most}")]
    Range {
        /// What was counted.
        what: &'static str,
        /// The count.
        got: u64,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// The image is empty or too large.
    #[error("the input's shape {0} is empty or too large")]
    Input(Shape),
    /// A part of a block does not fit the tensor that reaches it, or is too large.
    #[error(
        "the {part} of block {number} does not fit the tensor that reaches it or is too large",
        number = .block + 1
    )]
    Misfit {
        /// The block, from 0; messages count from 1.
        block: usize,
        /// Which part.
        part: &'static str,
    },
    /// A number of bits is out of range.
    #[error(
        "block {number} cannot work with {bits} {what} bits",
        number = .block + 1
    )]
    Bits {
        /// The block, from 0; messages count from 1.
        block: usize,
        /// Which number of bits.
        what: &'static str,
        /// The number.
        bits: u32,
    },
    /// A block before the last ends in a result for the client, or the last one does not.
    #[error(
        "block {number} has the wrong activation: the last block alone, and always, ends in argmax or logits",
        number = .block + 1
    )]
    Ending {
        /// The block, from 0; messages count from 1.
        block: usize,
    },
    /// The class names do not match the last block's outputs.
    #[error("{names} class names for {outputs} outputs of the last block")]
    Classes {
        /// Names in the card.
        names: usize,
        /// Outputs of the last block.
        outputs: usize,
    },
    /// The bytes are not the encoding of a card.
    #[error("the bytes are not the encoding of a model card")]
    Encoding,
}

/// What can be wrong with a model: its card, its weights, its file, an image for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The card is not valid.
    #[error("the model's card is not valid: {0}")]
    Card(#[from] CardFault),
    /// There are not as many blocks as the card has.
    #[error("{got} blocks of weights; the card has {expected}")]
    Blocks {
        /// The card's blocks.
        expected: usize,
        /// What there is.
        got: usize,
    },
    /// The weights are not those of the card.
    #[error(
        "{got} {what} in block {number}; its card needs {expected}",
        number = .block + 1
    )]
    Count {
        /// The block, from 0; messages count from 1.
        block: usize,
        /// Weights or biases.
        what: &'static str,
        /// What the card needs.
        expected: usize,
        /// What there is.
        got: usize,
    },
    /// A weight does not fit the card's weight bits.
    #[error(
        "weight {index} of block {number} is {value}, too large for {bits} bits",
        number = .block + 1
    )]
    Weight {
        /// The block, from 0; messages count from 1.
        block: usize,
        /// Its position.
        index: usize,
        /// The weight.
        value: i16,
        /// The card's weight bits.
        bits: u32,
    },
    /// A sum can leave the ring.
    #[error(
        "output {channel} of block {number} can reach {reach}; its card allows less than 2^{bits}",
        number = .block + 1
    )]
    Sum {
        /// The block, from 0; messages count from 1.
        block: usize,
        /// The output channel.
        channel: usize,
        /// The largest |y|.
        reach: u64,
        /// The card's sum bits.
        bits: u32,
    },
    /// The image does not have the card's shape.
    #[error("the image has {got} values; the model reads {expected}")]
    ImageLen {
        /// Values of the card's input.
        expected: usize,
        /// Values that were given.
        got: usize,
    },
    /// The file does not begin like a model file.
    #[error("this is not a Gazelle model file; make one from an ONNX file with `gazelle import`")]
    NotAModel,
    /// The file has another version of the format.
    #[error(
        "the model file has version {got} and this program reads version {expected}; import the model again"
    )]
    Version {
        /// The file's.
        got: u32,
        /// The program's.
        expected: u32,
    },
    /// The file ends within its header.
    #[error("the model file is cut off; copy it again or import the model again")]
    Truncated,
    /// The file is longer or shorter than its card says.
    #[error(
        "the model file has {got} bytes instead of {expected}; copy it again or import the model again"
    )]
    FileLength {
        /// What the card says.
        expected: usize,
        /// The file's.
        got: usize,
    },
    /// The checksum does not match.
    #[error(
        "the model file is damaged (its checksum does not match); copy it again or import the model again"
    )]
    Checksum,
}
