//! The hash by which a client knows the model that it expects.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256};

use crate::{Card, CardFault};

/// Domain separation of a card's hash, by SHA-256: `label ‖ encoded card`.
pub const MODEL_CARD: &[u8] = b"gazelle model card v1";

/// The SHA-256 hash of a card; 64 hexadecimal digits as text. It names shapes, widths and class
/// names: weights may differ between models of one card.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardHash([u8; 32]);

/// A text that is no card's hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no card's hash: give the 64 digits that `serve` and `inspect` print")]
pub struct NotACardHash(pub String);

impl Card {
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

impl CardHash {
    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

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
    type Err = NotACardHash;

    fn from_str(text: &str) -> Result<Self, NotACardHash> {
        let mut bytes = [0; 32];
        let mut digits = text.chars().map(|c| c.to_digit(16));
        for byte in &mut bytes {
            match (digits.next().flatten(), digits.next().flatten()) {
                (Some(high), Some(low)) => *byte = (high << 4 | low) as u8,
                _ => return Err(NotACardHash(text.into())),
            }
        }
        match digits.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(NotACardHash(text.into())),
        }
    }
}
