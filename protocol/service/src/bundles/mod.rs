//! Bundles on disk: prepared today, used tomorrow, never twice.
//!
//! A client keeps its halves in files ([`ClientStore`]), a server keeps its own in a [`Table`] behind
//! [`ServerStore`]. Both seal them with a key that stays on their side, and both forget a half, for
//! good, before the first byte of its online phase: a crash after that loses the bundle.

mod client;
#[cfg(feature = "postgres")]
mod postgres;
mod seal;
mod server;
mod sqlite;
mod table;
#[cfg(test)]
mod tests;

pub use client::ClientStore;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use seal::StoreKey;
pub use server::{Held, Limits, ServerStore, SessionStore};
pub use sqlite::Sqlite;
pub use table::{Amount, Charge, Claimed, Quota, Row, Table, Usage};

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long bundles are kept unless something else is said.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}
