//! The size of the small fields, and of the messages that follow from it.

use super::{check, tree};
use crate::error::Misuse;

/// K, the bits of Δ that one small field holds: how many bytes are traded for how much work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldBits {
    /// K = 1, the extension of 2003: 16 bytes for each transfer.
    One = 1,
    /// K = 2: 8 bytes for each transfer, at the work of K = 1.
    Two = 2,
    /// K = 4: 4 bytes for each transfer, twice the work of expansion.
    #[default]
    Four = 4,
    /// K = 8: 2 bytes for each transfer, sixteen times that work.
    Eight = 8,
}

impl FieldBits {
    /// Every choice, smallest first.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Four, Self::Eight];

    /// The cheapest K for transfers over a link of so many bits a second; a transfer sends 128/K bits.
    pub fn for_link(bits_per_second: u64) -> Self {
        let price = |field: &Self| {
            let bits = 128 / field.bits() as u64;
            bits * 1_000_000_000_000 / bits_per_second.max(1) + field.picoseconds()
        };
        Self::ALL.into_iter().min_by_key(price).expect("there are four")
    }

    /// What a transfer costs each party, on one thread with AES-NI (bench `ot`), a third of a
    /// nanosecond for each of its bytes for hashing the message. With VAES the extra work of K = 8 costs
    /// less, but the other party may lack it.
    pub(crate) const fn picoseconds(self) -> u64 {
        match self {
            Self::One => 17_000,
            Self::Two => 12_500,
            Self::Four => 14_000,
            Self::Eight => 50_000,
        }
    }

    /// K itself.
    pub const fn bits(self) -> usize {
        self as usize
    }

    /// Length in bytes of the message for `count` transfers: 16/K bytes for each, rounded up to
    /// whole blocks of 128 transfers, and for 128 more; then 48 bytes of the check.
    pub const fn message_len(self, count: usize) -> usize {
        blocks(count) * self.groups() * 16 + check::LEN
    }

    /// Length in bytes of the message of [`super::ReceiverSetup::finish`].
    pub const fn corrections_len(self) -> usize {
        tree::corrections_len(self)
    }

    /// 2^K, the leaves of a tree.
    pub(super) const fn size(self) -> usize {
        1 << self.bits()
    }

    /// 128/K, the trees.
    pub(super) const fn groups(self) -> usize {
        128 / self.bits()
    }
}

impl TryFrom<u8> for FieldBits {
    type Error = Misuse;

    /// K from its number.
    ///
    /// # Errors
    ///
    /// [`Misuse::FieldBits`] unless K ∈ {1, 2, 4, 8}.
    fn try_from(k: u8) -> Result<Self, Misuse> {
        Self::ALL.into_iter().find(|f| f.bits() == usize::from(k)).ok_or(Misuse::FieldBits(k))
    }
}

/// The blocks of a message for `count` transfers; the last hides the choices.
pub(super) const fn blocks(count: usize) -> usize {
    count.div_ceil(128) + 1
}
