//! Criterion benches of the Gazelle kernels; see `benches/`.

#![forbid(unsafe_code)]
