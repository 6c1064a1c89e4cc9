#![doc = include_str!("../README.md")]

mod client;
mod costs;
mod line;

pub use client::Client;
