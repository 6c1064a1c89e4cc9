//! Negacyclic number-theoretic transforms, one whole transform per call.

pub mod scalar;
