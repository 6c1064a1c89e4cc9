//! The free-XOR offset.

use rand::CryptoRng;
use zeroize::ZeroizeOnDrop;

/// Δ: the difference of the two labels of every wire of a session, odd so that the lowest bit of a
/// label is its colour (Kolesnikov and Schneider, ICALP 2008). The garbler's secret.
#[derive(ZeroizeOnDrop)]
pub struct Delta(u128);

impl Delta {
    /// A fresh Δ.
    pub fn random<R: CryptoRng>(rng: &mut R) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(u128::from_le_bytes(bytes) | 1)
    }

    /// The Δ of an earlier session, which was stored; None if it is even and so none.
    pub fn from_stored(offset: u128) -> Option<Self> {
        (offset & 1 == 1).then_some(Self(offset))
    }

    /// The offset itself, for the oblivious transfer whose outputs are labels.
    pub fn expose(&self) -> u128 {
        self.0
    }
}
