//! Cards, weights and the evaluation, against each other and against what is malformed. The
//! comparison with the naive reference network is in the workspace's tests.

mod chain;
mod file;
mod geometry;
mod graph;
mod range;
