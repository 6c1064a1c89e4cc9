//! What can be wrong with a card, a network, its file or an image for it.

use core::fmt;

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
    /// The pictures cannot become images of the card's shape.
    #[error("the preprocessing's {part} does not fit the input's shape")]
    Preprocessing {
        /// Which part.
        part: &'static str,
    },
    /// A node reads a tensor that does not come before it.
    #[error("node {node} reads tensor {tensor}, which does not come before it")]
    Order {
        /// The node, by the tensor that it yields.
        node: usize,
        /// The tensor.
        tensor: usize,
    },
    /// The head reads a tensor that does not exist.
    #[error("the head reads tensor {tensor}, which does not exist")]
    Head {
        /// The tensor.
        tensor: usize,
    },
    /// No node reads a tensor.
    #[error("nothing reads tensor {tensor}; leave out the node that yields it")]
    Unread {
        /// The tensor.
        tensor: usize,
    },
    /// A linear map reads another's sums.
    #[error(
        "node {node} maps tensor {tensor}, the sums of another linear map; put an activation between them"
    )]
    Consecutive {
        /// The node, by the tensor that it yields.
        node: usize,
        /// The tensor.
        tensor: usize,
    },
    /// A part of a node does not fit the tensor that reaches it, or is too large.
    #[error("the {part} of node {node} does not fit the tensor that reaches it or is too large")]
    Misfit {
        /// The node, by the tensor that it yields.
        node: usize,
        /// Which part.
        part: &'static str,
    },
    /// A number of bits is out of range.
    #[error("node {node} cannot work with {bits} {what} bits")]
    Bits {
        /// The node, by the tensor that it yields.
        node: usize,
        /// Which number of bits.
        what: &'static str,
        /// The number.
        bits: u32,
    },
    /// An activation's bounds, slopes or table are none that there are.
    #[error("the function of node {node} has bounds, slopes or a table out of range")]
    Function {
        /// The node, by the tensor that it yields.
        node: usize,
    },
    /// The head's number of bits is out of range.
    #[error("the head cannot work with {bits} sum bits")]
    HeadBits {
        /// The number.
        bits: u32,
    },
    /// The head does not fit the tensor that it reads.
    #[error("the head cannot make its result of {values} values")]
    Results {
        /// Values of the tensor.
        values: usize,
    },
    /// Values leave their ring, whatever the weights are.
    #[error("{0}")]
    Sum(Reach),
    /// A block of a chain before the last ends in a result for the client, or the last one does not.
    #[error(
        "block {number} has the wrong activation: the last block alone, and always, ends in argmax or logits",
        number = .block + 1
    )]
    Ending {
        /// The block, from 0; messages count from 1.
        block: usize,
    },
    /// The class names do not match the values that the head reads.
    #[error("{names} class names for {outputs} outputs")]
    Classes {
        /// Names in the card.
        names: usize,
        /// Values that the head reads.
        outputs: usize,
    },
    /// The card has another version of the encoding.
    #[error("the model card has version {got} and this program reads version {expected}")]
    Version {
        /// The card's.
        got: u8,
        /// The program's.
        expected: u8,
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
    /// There are not as many blocks as the card has linear nodes.
    #[error("{got} blocks of weights; the card has {expected}")]
    Blocks {
        /// The card's linear nodes.
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
    #[error("{0}")]
    Sum(Reach),
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

/// Values that can leave their ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the values of {place} can reach {reach} in magnitude; the card allows less than 2^{bits}")]
pub struct Reach {
    /// Where.
    pub place: Place,
    /// The largest magnitude.
    pub reach: u64,
    /// Less than 2 to this power fits.
    pub bits: u32,
}

/// Where values can leave their ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the ring of this tensor.
    Tensor(usize),
    /// Where this node reads.
    Node(usize),
    /// Where the head reads.
    Head,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor(tensor) => write!(f, "tensor {tensor}"),
            Self::Node(node) => write!(f, "the sums that node {node} reads"),
            Self::Head => write!(f, "the sums that the head reads"),
        }
    }
}

/// Checks that a count is in range.
pub(crate) fn within(
    what: &'static str,
    got: u64,
    least: u64,
    most: usize,
) -> Result<(), CardFault> {
    match (least..=most as u64).contains(&got) {
        true => Ok(()),
        false => Err(CardFault::Range { what, got, least, most: most as u64 }),
    }
}
