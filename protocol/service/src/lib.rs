#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bundles;
mod clients;
mod domain;
mod error;
mod files;
mod hex;
pub mod keygen;
mod tls;
mod token;
pub mod websocket;

pub use clients::{Client, Clients, Fingerprint, Identity};
pub use error::Error;
pub use files::read_toml;
pub use tls::{ClientTls, Credentials, Secured, ServerTls, accept, connect};
pub use token::{Token, TokenKey};
