//! The model card: everything about a network that both parties know.
//!
//! A network is a graph of tensors and nodes. Tensor 0 is the image; node number i, counted from 1,
//! yields tensor i and reads tensors with smaller numbers; the head turns one tensor into what the
//! client learns. Tensors are `channels × height × width`, row-major.
//!
//! Every tensor is a vector of integers, held by two parties as shares in a ring Z_{2^k} (see
//! [`crate::Tensor`]). All nodes but [`Node::Activation`] are linear over the integers, so they
//! act on shares as they act on values.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{HeadNode, Node, Preprocessing, Shape};

/// Everything about a network that both parties know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Card {
    /// The network's name.
    pub name: String,
    /// The shape of the image, tensor 0; its values are pixels of 8 bits, 0 to 255.
    pub input: Shape,
    /// How a picture becomes the image.
    pub preprocessing: Preprocessing,
    /// The nodes; `nodes[i]` yields tensor i + 1 and reads tensors up to i.
    pub nodes: Vec<Node>,
    /// What the client learns.
    pub head: HeadNode,
    /// The names of the classes; as many as the tensor that the head reads has values.
    pub classes: Vec<String>,
}
