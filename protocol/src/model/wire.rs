//! The card as bytes: for the peer, for the file, and for the hash that both parties compare.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::{Card, CardFault};
use crate::domain::MODEL_CARD;
use crate::error::Misuse;

/// The most bytes of an encoded card.
pub const MAX_CARD_BYTES: usize = 1 << 20;

impl Card {
    /// The card's only encoding: postcard's.
    ///
    /// # Errors
    ///
    /// The card's fault, if it is not valid or is longer than [`MAX_CARD_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, CardFault> {
        self.check()?;
        let bytes = postcard::to_allocvec(self).map_err(|_| CardFault::Encoding)?;
        if bytes.len() > MAX_CARD_BYTES { Err(CardFault::Encoding) } else { Ok(bytes) }
    }

    /// Reads and checks a card; the bytes may come from anyone.
    ///
    /// # Errors
    ///
    /// [`CardFault::Encoding`] if `bytes` is longer than [`MAX_CARD_BYTES`] or is not what
    /// [`Card::to_bytes`] gives for some card, to the last byte; otherwise the card's own fault.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CardFault> {
        if bytes.len() > MAX_CARD_BYTES {
            return Err(CardFault::Encoding);
        }
        let card: Self = postcard::from_bytes(bytes).map_err(|_| CardFault::Encoding)?;
        // Postcard takes trailing bytes and longer forms of a number; we take neither.
        if card.to_bytes()? == bytes { Ok(card) } else { Err(CardFault::Encoding) }
    }

    /// The hash by which a client knows the model that it expects.
    ///
    /// # Errors
    ///
    /// The card's fault, if it is not valid.
    pub fn hash(&self) -> Result<CardHash, CardFault> {
        let bytes = self.to_bytes()?;
        Ok(CardHash(Sha256::new().chain_update(MODEL_CARD).chain_update(bytes).finalize().into()))
    }
}

/// The SHA-256 hash of a card; 64 hexadecimal digits as text. It names shapes, widths and class
/// names: weights may differ between models of one card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CardHash([u8; 32]);

impl fmt::Display for CardHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CardHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardHash({self})")
    }
}

impl FromStr for CardHash {
    type Err = Misuse;

    fn from_str(text: &str) -> Result<Self, Misuse> {
        let refuse = || Misuse::CardHash(text.into());
        let digits = text.chars().map(|c| Some(c.to_digit(16)? as u8));
        let digits: Vec<u8> = digits.collect::<Option<_>>().ok_or_else(refuse)?;
        let digits: [u8; 64] = digits.try_into().map_err(|_| refuse())?;
        Ok(Self(std::array::from_fn(|i| digits[2 * i] << 4 | digits[2 * i + 1])))
    }
}
