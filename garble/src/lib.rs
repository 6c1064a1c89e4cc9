//! Garbled vector programs: one boolean circuit over many instances.
//!
//! A program is written once over [`Interpreter`], whose wires are bits of N instances at a time,
//! and runs under four interpreters: [`Clear`] computes it, [`Tally`] counts it, [`Garbler`]
//! garbles it and [`Evaluator`] evaluates what the garbler made. Programs that come ready are the
//! activations of neural networks, [`Program`], and circuit files in Bristol fashion, [`Circuit`].
//!
//! Security is against a party that follows the protocol and tries to learn from what it sees; an
//! evaluator's input labels come by oblivious transfer, as the crate `gazelle-protocol` has it. A
//! garbler that deviates can make results wrong; which instructions the evaluator runs, and so how
//! long it takes, is the program's choice whatever the tables and labels are.
//!
//! A program of one's own, here "are all of a, b and c true?" of three instances, c being the
//! evaluator's bits:
//!
//! ```
//! use gazelle_garble::*;
//! use rand::{RngExt, SeedableRng, rngs::ChaCha20Rng};
//!
//! fn all<I: Interpreter>(i: &mut I, [a, b, c]: [&I::Wire; 3]) -> Result<I::Revealed, Error> {
//!     let both = i.and(a, b)?;
//!     let all = i.and(&both, c)?;
//!     i.reveal(&all)
//! }
//!
//! let bits = [[true, true, false], [true, false, true], [true, true, true]];
//! let [a, b, c] = bits.map(|wire| wire.to_vec());
//! assert_eq!(all(&mut Clear, [&a, &b, &c])?, [true, false, false]);
//!
//! // Both parties know the cost, so the numbers of the gates.
//! let mut tally = Tally::default();
//! all(&mut tally, [&3, &3, &3])?;
//! assert_eq!((tally.ands, tally.table_bytes), (6, 6 * 32 + 1));
//!
//! // The garbler chooses Δ and a zero label for each bit; those of c come out of the transfers.
//! let mut rng = ChaCha20Rng::seed_from_u64(1); // a secret seed, if this were no example
//! let delta = Delta::random(&mut rng);
//! let hash = Hash::new(HashKind::Mitccrh, rng.random());
//! let zeros: [[u128; 3]; 3] = [(); 3].map(|_| [(); 3].map(|_| rng.random()));
//! let gates = GateCounter::new().take(tally.gates);
//! let mut garbler = Garbler::new(&hash, &delta, gates, tally.table_bytes);
//! let [a, b, c] = zeros.map(|wire| garbler.input(wire.to_vec()));
//! all(&mut garbler, [&a, &b, &c])?;
//! let tables = garbler.finish();
//!
//! // The evaluator has the tables and, of each bit, the label of its value alone.
//! let label = |wire: usize, j: usize| zeros[wire][j] ^ (u128::from(bits[wire][j]) * delta.expose());
//! let gates = GateCounter::new().take(tally.gates);
//! let mut evaluator = Evaluator::new(&hash, gates, &tables);
//! let active = |wire| -> Vec<u128> { (0..3).map(|j| label(wire, j)).collect() };
//! let [a, b, c] = [0, 1, 2].map(|wire| evaluator.input(active(wire)));
//! assert_eq!(all(&mut evaluator, [&a, &b, &c])?, [true, false, false]);
//! evaluator.finish()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! The example `millionaires` is a program between two threads, all but the oblivious transfer.

#![forbid(unsafe_code)]

mod bristol;
mod clear;
mod delta;
mod error;
mod evaluator;
mod field;
mod garbler;
mod gate_hash;
mod gates;
mod interpreter;
mod labels;
mod program;
mod ring;
mod tally;
mod wire;

pub use bristol::{Circuit, MAX_WIRES};
pub use clear::Clear;
pub use delta::Delta;
pub use error::Error;
pub use evaluator::Evaluator;
pub use field::{FieldProgram, clear_field, evaluate_field, garble_field};
pub use garbler::Garbler;
pub use gates::{GateCounter, GateRange};
pub use gazelle_kernels::hash::{Hash, HashKind};
pub use interpreter::Interpreter;
pub use labels::{ActiveLabels, ZeroLabels};
pub use program::{Garbled, Program, clear, evaluate, garble};
pub use tally::Tally;
pub use wire::Wire;

#[cfg(test)]
mod tests;
