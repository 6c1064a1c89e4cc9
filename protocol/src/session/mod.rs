//! The two parties of a session.
//!
//! ```text
//!            client                                            server
//! set-up     greeting                       ──▶
//!                                           ◀──     greeting; settings, plan's digest, model card
//!            base OTs' offer, a public key  ──▶
//!            for every block                ◀──     base OTs' reply
//!            OT-extension corrections       ──▶
//! offline    Enc(r) of every block's input  ──▶
//!                                           ◀──     one component of Enc(M·r) of every block
//!            OT extension, the guard bits   ──▶
//!            of its halves as choices       ◀──     corrections: a + t = M·r
//!            OT extension, the bits of a    ──▶
//!            as choices                     ◀──     garbled tables
//! online     for every block:  x − r        ──▶
//!                                           ◀──     labels of b = M·(x − r) + bias + t
//! ```
//!
//! The client evaluates on a + b = M·x + bias and gets the activation plus the server's S; it
//! subtracts the next r, the server then removes S. The last block's circuit shows the client its
//! result. What one phase hands to the next is consumed by value: nothing is used twice.
//!
//! Offline, a party sends what it has for all blocks and bundles before it waits: three round trips,
//! however many blocks and bundles there are.
//!
//! From the base OTs' reply on, every frame bears a tag under a key that a base transfer of its own
//! gives to both, bound to everything that was said before: whatever was changed on the way ends
//! the session, and never in a wrong class. What the client sends does not depend on any result.
//!
//! The adversary is semi-honest. See `DESIGN.md` for what each party learns.

mod budget;
mod client;
mod greeting;
#[doc(hidden)]
pub mod hazmat;
mod plan;
mod security;
mod server;
mod settings;
mod statistics;
#[cfg(test)]
mod tests;

pub use gazelle_garble::HashKind;

pub use budget::{Capacity, Terms};
pub use client::{Client, ClientBundle, Outcome};
pub use plan::{BlockCost, NetworkPlan};
pub use security::Security;
pub use server::{Served, Server};
pub use settings::Settings;
pub use statistics::{LayerSeconds, Phase, Statistics};

use hazmat::Shares;

use rand::{SeedableRng, rngs::ChaCha20Rng, rngs::SysRng};

/// The version of the protocol; parties of different versions refuse each other.
pub const VERSION: u32 = 2;

/// Inferences that a client may have prepared and not used.
pub const MAX_BUNDLES: usize = 64;

/// A generator seeded by the operating system: what a session's randomness comes from. Wiped when
/// dropped.
///
/// # Panics
/// If the operating system has no randomness to give.
fn system_rng() -> ChaCha20Rng {
    ChaCha20Rng::try_from_rng(&mut SysRng).expect("the operating system gives randomness")
}

/// Puts a generator that it has seeded in a generator's place: what came before cannot be computed
/// from what is left.
fn renew(rng: &mut ChaCha20Rng) {
    *rng = ChaCha20Rng::from_rng(rng);
}

/// a − b in Z_{2^bits}.
fn subtract(a: &mut [u32], b: &[u32], bits: u32) {
    let mask = u32::MAX >> (u32::BITS - bits);
    for (a, b) in a.iter_mut().zip(b) {
        *a = a.wrapping_sub(*b) & mask;
    }
}
