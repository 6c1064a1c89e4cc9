//! What the server lets its clients learn of a result.

use crate::error::Misuse;
use crate::model::{Card, Head};

/// What clients learn: a setting of the server, which leaves the model's card as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// What the card's head says.
    #[default]
    Card,
    /// The class alone, of a head that tells one, with or without others or values.
    Class,
    /// The values that the head reads, whatever it says. They tell more about the weights.
    Values,
}

impl Policy {
    /// The card with the head that runs.
    ///
    /// # Errors
    /// [`Misuse::Policy`] if the head tells no class where the class alone is wanted.
    pub(crate) fn apply(self, mut card: Card) -> Result<Card, Misuse> {
        card.head.head = match (self, card.head.head) {
            (Self::Card, head) => head,
            (Self::Class, Head::Thresholds(_)) => return Err(Misuse::Policy),
            (Self::Class, _) => Head::Class,
            (Self::Values, _) => Head::Values,
        };
        Ok(card)
    }

    /// How it stands among the settings.
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Card => 0,
            Self::Class => 1,
            Self::Values => 2,
        }
    }

    /// The policy of such a byte.
    pub(super) const fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Card),
            1 => Some(Self::Class),
            2 => Some(Self::Values),
            _ => None,
        }
    }
}
