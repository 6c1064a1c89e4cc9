//! The model file: a network in one piece, with a checksum.
//!
//! ```text
//! "gazelle\n"  magic (8 bytes)
//! u32          version, 2
//! u32          bytes of the card
//! …            the card, as Card::to_bytes gives it
//! per block    the weights of a linear node, i8 if its weight bits are at most 8, otherwise i16; its
//!              biases, i32
//! 32 bytes     SHA-256 of everything before
//! ```
//!
//! Integers are little-endian. The card fixes the length of the whole file.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::{Block, Card, CardFault, LinearNode, MAX_CARD_BYTES, ModelError, Network, Tensor};

const MAGIC: &[u8; 8] = b"gazelle\n";
const VERSION: u32 = 2;
const CHECKSUM: usize = 32;

/// The most bytes of a model file.
pub const MAX_FILE_BYTES: usize = 1 << 30;

impl Network {
    /// The bytes of the network's file.
    ///
    /// # Errors
    ///
    /// A network over [`MAX_FILE_BYTES`], or whose card is over [`MAX_CARD_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let tensors = self.card().tensors()?;
        let card = self.card().to_bytes()?;
        let len = MAGIC.len() + 8 + card.len() + secrets_len(self.card(), &tensors) + CHECKSUM;
        if len > MAX_FILE_BYTES {
            return Err(ModelError::FileLength { expected: MAX_FILE_BYTES, got: len });
        }
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(card.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&card);
        for ((_, node), block) in self.card().linear_nodes().zip(self.blocks()) {
            for weight in &block.weights {
                bytes.extend_from_slice(&weight.to_le_bytes()[..weight_bytes(node)]);
            }
            block.bias.iter().for_each(|bias| bytes.extend_from_slice(&bias.to_le_bytes()));
        }
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        Ok(bytes)
    }

    /// Reads a network; the bytes may come from anyone.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes, the card or the weights, in this order: not a model file,
    /// another version, a bad card, another length, another checksum, weights that the card does
    /// not promise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(ModelError::NotAModel)?;
        let version = take_u32(&mut rest)?;
        if version != VERSION {
            return Err(ModelError::Version { got: version, expected: VERSION });
        }
        let card_len = take_u32(&mut rest)? as usize;
        if card_len > MAX_CARD_BYTES {
            return Err(CardFault::Encoding.into());
        }
        let card = Card::from_bytes(take(&mut rest, card_len)?)?;
        let tensors = card.tensors()?;
        let expected = bytes.len() - rest.len() + secrets_len(&card, &tensors) + CHECKSUM;
        if bytes.len() != expected {
            return Err(ModelError::FileLength { expected, got: bytes.len() });
        }
        let (body, checksum) = bytes.split_at(expected - CHECKSUM);
        if Sha256::digest(body)[..] != *checksum {
            return Err(ModelError::Checksum);
        }
        let blocks = card.linear_nodes().map(|(tensor, node)| {
            take_block(&mut rest, node, node.bias_len(tensors[tensor].shape), &tensors)
        });
        let blocks = blocks.collect::<Result<_, _>>()?;
        Self::try_new(card, blocks)
    }
}

fn weight_bytes(node: &LinearNode) -> usize {
    if node.weight_bits <= 8 { 1 } else { 2 }
}

/// The bytes of every weight and bias.
fn secrets_len(card: &Card, tensors: &[Tensor]) -> usize {
    let len = |(tensor, node): (usize, &LinearNode)| {
        // At most 2^28 weights and 2^26 biases in all: no overflow.
        let weights: usize = node.weights_len(tensors).sum();
        weight_bytes(node) * weights + 4 * node.bias_len(tensors[tensor].shape)
    };
    card.linear_nodes().map(len).sum()
}

fn take_block(
    rest: &mut &[u8],
    node: &LinearNode,
    biases: usize,
    tensors: &[Tensor],
) -> Result<Block, ModelError> {
    let weights: usize = node.weights_len(tensors).sum();
    let weights = take(rest, weight_bytes(node) * weights)?;
    let weights = match weight_bytes(node) {
        1 => weights.iter().map(|&w| i16::from(w as i8)).collect(),
        _ => weights.as_chunks().0.iter().map(|&w| i16::from_le_bytes(w)).collect(),
    };
    let bias = take(rest, 4 * biases)?;
    let bias = bias.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect();
    Ok(Block { weights, bias })
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, ModelError> {
    let (number, after) = rest.split_first_chunk().ok_or(ModelError::Truncated)?;
    *rest = after;
    Ok(u32::from_le_bytes(*number))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], ModelError> {
    let (taken, after) = rest.split_at_checked(len).ok_or(ModelError::Truncated)?;
    *rest = after;
    Ok(taken)
}
