//! The command as a user runs it: what it prints, its exit codes, and what it leaves running.

#![forbid(unsafe_code)]

mod bench;
mod demo;
mod flood;
mod generate;
mod graph;
mod hint;
mod idle;
mod import;
mod inspect;
mod kills;
mod peers;
#[cfg(feature = "postgres")]
mod replicas;
mod retry;
mod serve;
mod service;
mod store;
mod support;
mod tls;
mod wrong_input;
