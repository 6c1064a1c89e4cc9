//! The model file: a network in one piece, with a checksum.
//!
//! ```text
//! "gazelle\n"  magic (8 bytes)
//! u32          version, 1
//! u32          bytes of the card
//! …            the card, as Card::to_bytes gives it
//! per block    the weights, i8 if the card's weight bits are at most 8, otherwise i16; the biases, i32
//! 32 bytes     SHA-256 of everything before
//! ```
//!
//! Integers are little-endian. The card fixes the length of the whole file.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{Block, Card, CardFault, Layer, MAX_CARD_BYTES, ModelError, Network};

const MAGIC: &[u8; 8] = b"gazelle\n";
const VERSION: u32 = 1;
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
        let layers = self.card().layers()?;
        let card = self.card().to_bytes()?;
        let len = MAGIC.len() + 8 + card.len() + secrets_len(&layers) + CHECKSUM;
        if len > MAX_FILE_BYTES {
            return Err(ModelError::FileLength { expected: MAX_FILE_BYTES, got: len });
        }
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(card.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&card);
        for (layer, block) in layers.iter().zip(self.blocks()) {
            for weight in &block.weights {
                bytes.extend_from_slice(&weight.to_le_bytes()[..weight_bytes(layer)]);
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
        let layers = card.layers()?;
        let expected = bytes.len() - rest.len() + secrets_len(&layers) + CHECKSUM;
        if bytes.len() != expected {
            return Err(ModelError::FileLength { expected, got: bytes.len() });
        }
        let (body, checksum) = bytes.split_at(expected - CHECKSUM);
        if Sha256::digest(body)[..] != *checksum {
            return Err(ModelError::Checksum);
        }
        let blocks = layers.iter().map(|layer| take_block(&mut rest, layer));
        let blocks = blocks.collect::<Result<_, _>>()?;
        Self::try_new(card, blocks)
    }
}

fn weight_bytes(layer: &Layer) -> usize {
    if layer.block.weight_bits <= 8 { 1 } else { 2 }
}

/// The bytes of every weight and bias.
fn secrets_len(layers: &[Layer]) -> usize {
    let len = |layer: &Layer| {
        // At most 2^28 weights and 2^20 biases: no overflow.
        weight_bytes(layer) * layer.weights_len() + 4 * layer.bias_len()
    };
    layers.iter().map(len).sum()
}

fn take_block(rest: &mut &[u8], layer: &Layer) -> Result<Block, ModelError> {
    let weights = take(rest, weight_bytes(layer) * layer.weights_len())?;
    let weights = match weight_bytes(layer) {
        1 => weights.iter().map(|&w| i16::from(w as i8)).collect(),
        _ => weights.as_chunks().0.iter().map(|&w| i16::from_le_bytes(w)).collect(),
    };
    let bias = take(rest, 4 * layer.bias_len())?;
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
