//! Work on several threads, with the feature `parallel`; without it the same code runs on one.
//!
//! No result depends on the number of threads.

#[cfg(not(feature = "parallel"))]
mod one_thread;
#[cfg(feature = "parallel")]
mod pool;

#[cfg(not(feature = "parallel"))]
pub(crate) use one_thread::{Jobs, current_num_threads, prelude, reduce};
#[cfg(feature = "parallel")]
pub(crate) use pool::{Jobs, reduce};
#[cfg(feature = "parallel")]
pub(crate) use rayon::{current_num_threads, prelude};
