//! Randomness that is secret.

use std::convert::Infallible;

use rand::rngs::ChaCha20Rng;
use rand::{SeedableRng, TryCryptoRng, TryRng};

use crate::make_secret;

/// A generator whose words are secret.
pub struct SecretRng(ChaCha20Rng);

impl SecretRng {
    /// The generator of a seed, which is public.
    pub fn from_public_seed(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }
}

impl TryRng for SecretRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut word = [self.0.try_next_u32()?];
        make_secret(&mut word);
        Ok(word[0])
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut word = [self.0.try_next_u64()?];
        make_secret(&mut word);
        Ok(word[0])
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)?;
        make_secret(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SecretRng {}
