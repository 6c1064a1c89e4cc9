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

    /// The cheapest K for a link of so many bits a second.
    ///
    /// A transfer sends 128/K bits and costs each party, on one thread with AES-NI, about 17, 12.5,
    /// 14 and 50 ns for K = 1, 2, 4 and 8 (bench `ot`), a third of a nanosecond for each byte of it
    /// for hashing the message. Going from 4 to 8 saves 16 bits for 36 ns, which pays on links slower
    /// than 0.4 Gb/s; going from 2 to 4 saves 32 bits for 1.6 ns, which pays below 20 Gb/s; K = 1 is
    /// never the best. With VAES the extra work costs less, but the other party may lack it, and
    /// transfers are a tenth of what an activation sends.
    pub const fn for_link(bits_per_second: u64) -> Self {
        match bits_per_second {
            0..400_000_000 => Self::Eight,
            400_000_000..20_000_000_000 => Self::Four,
            _ => Self::Two,
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
        Self::ALL.into_iter().find(|f| f.bits() == k.into()).ok_or(Misuse::FieldBits(k))
    }
}

/// The blocks of a message for `count` transfers; the last hides the choices.
pub(super) const fn blocks(count: usize) -> usize {
    count.div_ceil(128) + 1
}
