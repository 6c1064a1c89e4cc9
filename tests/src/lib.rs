//! Shared oracles for the tests of the workspace: a naive reference network, random networks to
//! run it on, and seeded randomness. Nothing here shares code with what it checks.

#![forbid(unsafe_code)]

pub mod fuzz;
pub mod graph;
pub mod messages;
pub mod naive;
pub mod parties;
pub mod random;
pub mod transfers;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;

/// The generator of tests: the same stream for the same seed, on every machine.
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}
