//! The two parties, without I/O: each step is an [`Exchange`](crate::exchange::Exchange) of messages.
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
//! With activations by masks, transfers and tables are more messages each way, and online there are two
//! round trips ([`crate::activation::masks`]).
//!
//! The client evaluates on a + b = M·x + bias and gets the activation plus the server's S; it
//! subtracts the r of the tensor, the server then removes S. The last block's circuit shows the
//! client its result.
//!
//! Offline, a party sends what it has for all blocks and bundles before it waits: three round trips,
//! however many blocks and bundles there are. From the base OTs' reply on, every message bears a tag
//! under a key that a base transfer of its own gives to both, bound to everything that was said
//! before: whatever was changed on the way ends the session, and never in a wrong class. What the
//! client sends does not depend on any result.
//!
//! `client` and `server` have a module each for the set-up, the offline and the online phase.
//!
//! A party is consumed by each step and comes back from it with what the step made; a step that
//! fails keeps it. Between the steps stand [bundles](crate::bundle), which need not come from the
//! connection in which they are used. A party has no socket, thread, clock or file:
//! [`crate::session`] runs both over channels.
//!
//! What parties learn, those that deviate included: `docs/security.md`.

mod client;
mod described;
mod masks;
mod name;
mod outcome;
mod published;
mod refill;
mod server;
mod service;
mod transfers;

pub use client::{ClientParty, Leftover};
pub use described::{Described, text};
pub use outcome::Outcome;
pub use server::{Resting, Served, ServerParty};
pub use service::Service;
pub(crate) use transfers::setup_lens;

use rand::{SeedableRng, rngs::ChaCha20Rng};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Inferences that a client may have prepared and not used.
pub const MAX_BUNDLES: usize = 64;

/// One party's share of every tensor, by number, for tests that recombine the shares of an
/// inference: nothing of it is ever sent. Adding the client's and the server's modulo 2^k, the
/// tensor's ring, gives the tensor. Wiped when dropped.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct Shares {
    /// The shares, reduced modulo each tensor's ring.
    pub tensors: Vec<Vec<u32>>,
}

/// Puts a generator that it has seeded in a generator's place: what came before cannot be computed
/// from what is left.
pub(crate) fn renew(rng: &mut ChaCha20Rng) {
    *rng = ChaCha20Rng::from_rng(rng);
}
