//! Half-gates over a block of instances of one AND gate (Zahur, Rosulek, Evans, EUROCRYPT 2015).
//!
//! A label's lowest bit is its colour; Δ is odd. Two ciphertexts of 16 bytes per instance.

pub mod scalar;
