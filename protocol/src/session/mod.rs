//! Sessions: both parties over channels.
//!
//! [`crate::party`] has the protocol; here are the loops that carry its messages, the statistics, and
//! the server's bundles.

mod capacity;
mod client;
#[cfg(test)]
mod deviating;
mod doors;
#[doc(hidden)]
pub mod hazmat;
mod idle;
mod server;
mod statistics;
#[cfg(test)]
mod tests;
mod totals;

pub use gazelle_garble::HashKind;

pub use crate::activation::Delivery;
pub use crate::bundle::ClientBundle;
pub use crate::he::hint::HintName;
pub use crate::party::{MAX_BUNDLES, Outcome, Served};
pub use crate::plan::{
    BlockCost, LinearChoice, NetworkPlan, Policy, Security, Settings, Terms, TransferSource,
};
pub use capacity::Capacity;
pub use client::{Client, HintCache};
pub use idle::{IdleSession, Visit};
pub use server::Server;
pub use statistics::{LayerSeconds, Phase, Statistics};
pub use totals::{Part, Total, Totals};

use rand::{SeedableRng, rngs::ChaCha20Rng, rngs::SysRng};

/// A generator seeded by the operating system: what a session's randomness comes from. Wiped when
/// dropped.
///
/// # Panics
/// If the operating system has no randomness to give.
fn system_rng() -> ChaCha20Rng {
    ChaCha20Rng::try_from_rng(&mut SysRng).expect("the operating system gives randomness")
}
