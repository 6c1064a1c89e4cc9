//! The command `gazelle`.

#![forbid(unsafe_code)]

fn main() {}
