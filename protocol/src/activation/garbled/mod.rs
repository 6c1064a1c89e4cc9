//! The garbled engine: activations by garbled circuits, the server garbling.
//!
//! ```text
//!            client                                             server
//! offline    OT extension, the bits of a as choices    ──▶
//!                                                      ◀──      garbled tables
//! online                                               ◀──      active labels of b
//! ```
//!
//! for shares a + b of the sums. The client evaluates and has f(a + b) + S, the server has S.
//! Where the tables of a network would not fit into a client's memory, all of it happens online, some
//! chunks at a time ([`Delivery::Streamed`]).
//!
//! Labels, Δ and the transfers stay in here. A connection has one OT extension, whose correlation
//! *is* the free-XOR offset Δ, so all bundles of a connection share Δ; everything else is a bundle's
//! own. Its hash has a key of its own, drawn from the connection's name and the bundle's number, and
//! its gates are numbered from 0 ([`crate::bundle`]): no two gates of one Δ meet with the same key
//! and number, whatever is stored, in whichever order it is spent, over whichever connection. (Under
//! MITCCRH gate i of a bundle has the key K + i: N bundles of G gates each have an overlap with
//! probability below N²·G/2^128, which only doubles the uses of those keys.)

mod evaluator;
mod garbler;
mod plan;
mod programs;
mod streamed;

pub use evaluator::{Evaluation, Spent};
pub(crate) use evaluator::{Evaluator, EvaluatorSetup};
pub use garbler::Garbling;
pub(crate) use garbler::{Garbler, GarblerSetup};
pub use plan::{Chunk, Cost, Delivery, GarbledPlan};
pub(crate) use streamed::rounds as streamed_rounds;
