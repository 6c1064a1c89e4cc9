//! Where a client keeps inferences that it has prepared.

use crate::failure::{Failure, Result};
use gazelle_service::bundles::{ClientStore, StoreKey};
use std::{path::PathBuf, time::Duration};

/// Where a passphrase may stand.
const PASSPHRASE: &str = "GAZELLE_STORE_PASSPHRASE";

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// The folder of inferences that `gazelle prepare` has prepared
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// The file of the key that seals them; store.key in the folder without it, unless
    /// GAZELLE_STORE_PASSPHRASE is set
    #[arg(long, value_name = "FILE")]
    pub(crate) store_key: Option<PathBuf>,
    /// Take away what is older
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=365))]
    pub(crate) store_days: u64,
}

/// So many days.
pub(crate) fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 3600)
}

impl StoreArgs {
    /// Opens the store of a server's inferences, if there is one.
    pub(crate) fn open(&self, server: &str) -> Result<Option<ClientStore>> {
        let Some(folder) = &self.store else { return Ok(None) };
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
        let key = match (&self.store_key, std::env::var(PASSPHRASE)) {
            (Some(file), _) => StoreKey::open(file)?,
            (None, Ok(words)) => StoreKey::from_passphrase(&words, &folder.join("store.salt"))?,
            (None, Err(_)) => StoreKey::open(&folder.join("store.key"))?,
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
        let own = folder.join(server.chars().map(plain).collect::<String>());
        Ok(Some(ClientStore::open(&own, key, days(self.store_days))?))
    }
}
