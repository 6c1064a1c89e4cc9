//! The card as bytes: for the peer and for the file.

use alloc::vec::Vec;

use crate::{Card, CardFault};

/// The version of the encoding, its first byte.
const VERSION: u8 = 2;

/// The most bytes of an encoded card.
pub const MAX_CARD_BYTES: usize = 1 << 20;

impl Card {
    /// The card's only encoding: a byte for the version, 2, and postcard's encoding.
    ///
    /// # Errors
    ///
    /// The card's fault, if it is not valid or is longer than [`MAX_CARD_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, CardFault> {
        self.check()?;
        let bytes = postcard::to_allocvec(&(VERSION, self)).map_err(|_| CardFault::Encoding)?;
        if bytes.len() > MAX_CARD_BYTES { Err(CardFault::Encoding) } else { Ok(bytes) }
    }

    /// Reads and checks a card; the bytes may come from anyone.
    ///
    /// # Errors
    ///
    /// [`CardFault::Version`] if it has another version; [`CardFault::Encoding`] if `bytes` is longer than [`MAX_CARD_BYTES`] or is not what
    /// [`Card::to_bytes`] gives for some card, to the last byte; otherwise the card's own fault.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CardFault> {
        if bytes.len() > MAX_CARD_BYTES {
            return Err(CardFault::Encoding);
        }
        let (&got, encoded) = bytes.split_first().ok_or(CardFault::Encoding)?;
        if got != VERSION {
            return Err(CardFault::Version { got, expected: VERSION });
        }
        let card: Self = postcard::from_bytes(encoded).map_err(|_| CardFault::Encoding)?;
        // Postcard takes trailing bytes and longer forms of a number; we take neither.
        if card.to_bytes()? == bytes { Ok(card) } else { Err(CardFault::Encoding) }
    }
}
