//! Every operator against its definition, and every error.

mod build;
mod faults;
mod integers;
mod operators;
