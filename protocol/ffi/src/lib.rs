#![doc = include_str!("../README.md")]
// Pointers of another language can be used in no other way. Each function states what its caller
// promises; what can be checked of that is checked in `memory`, which has most of the `unsafe`.
#![allow(unsafe_code)]

pub mod callbacks;
pub mod client;
pub mod evaluate;
pub mod garble;
mod handle;
mod labels;
mod memory;
pub mod ntt;
pub mod options;
pub mod ot;
pub mod picture;
pub mod program;
pub mod status;
