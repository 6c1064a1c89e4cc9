//! Garbled vector programs: one boolean circuit over many instances.
//!
//! A program is written once over [`Interpreter`], whose wires are bits of N instances at a time,
//! and runs under four interpreters: [`Clear`] computes it, [`Tally`] counts it, [`Garbler`]
//! garbles it and [`Evaluator`] evaluates what the garbler made.

#![forbid(unsafe_code)]

mod bristol;
mod clear;
mod delta;
mod error;
mod evaluator;
mod garbler;
mod gate_hash;
mod gates;
mod interpreter;
mod label;
mod program;
mod ring;
mod tally;

pub use bristol::{Circuit, MAX_WIRES};
pub use clear::Clear;
pub use delta::Delta;
pub use error::Error;
pub use evaluator::Evaluator;
pub use garbler::Garbler;
pub use gates::{GateCounter, GateRange};
pub use gazelle_kernels::hash::{Hash, HashKind};
pub use interpreter::Interpreter;
pub use label::Labels;
pub use program::{Garbled, Program, clear, evaluate, garble};
pub use tally::Tally;

#[cfg(test)]
mod tests;
