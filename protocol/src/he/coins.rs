//! The secret randomness of one message.

use gazelle_ntt::prg::{AesRng, Seed};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What errors and ephemeral secrets of one message are expanded from: one stream for each
/// polynomial, so that they do not depend on the number of threads.
///
/// The nonce is secret like the key. Streams of one fixed number would let an attacker try a key
/// against the messages of all sessions at once; here it would have to guess the nonce with it.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Coins {
    key: Seed,
    nonce: u64,
}

impl Coins {
    /// Fresh coins.
    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut coins = Self::default();
        rng.fill_bytes(&mut coins.key);
        let mut nonce = [0; 8];
        rng.fill_bytes(&mut nonce);
        coins.nonce = u64::from_le_bytes(nonce);
        nonce.zeroize();
        coins
    }

    /// Bytes of [`Coins::to_bytes`].
    pub(crate) const LEN: usize = 24;

    /// Key and nonce.
    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; Self::LEN]> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        bytes[..16].copy_from_slice(&self.key);
        bytes[16..].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// Those of [`Coins::to_bytes`].
    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut coins = Self::default();
        coins.key.copy_from_slice(&bytes[..16]);
        coins.nonce = u64::from_le_bytes(*bytes.last_chunk().expect("8 of 24 bytes"));
        coins
    }

    /// Marks them for tests of constant time.
    #[cfg(test)]
    pub(crate) fn make_secret(&mut self) {
        gazelle_valgrind::make_secret(&mut self.key);
        gazelle_valgrind::make_secret(std::slice::from_mut(&mut self.nonce));
    }

    /// The generator of polynomial `index`.
    pub(crate) fn stream(&self, index: u64) -> AesRng {
        AesRng::new(&self.key, self.nonce.wrapping_add(index))
    }
}
