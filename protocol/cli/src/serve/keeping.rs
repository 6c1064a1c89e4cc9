//! What clients have prepared and used, on disk.

use super::log::Log;
use crate::{
    failure::{Failure, Result, While},
    store::days,
};
use gazelle_service::bundles::{Limits, ServerStore, Sqlite, StoreKey, Table};
use std::{path::PathBuf, sync::Arc, thread, time::Duration};

/// What a server keeps for its clients on disk.
#[derive(Debug, clap::Args)]
pub(crate) struct KeepingArgs {
    /// Keep what clients prepare in this file, for sessions to come and after a restart; or in a
    /// PostgreSQL database (postgres://…), for several servers together
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// The file of the key that seals it; FILE.key without it
    #[arg(long, value_name = "FILE", requires = "store")]
    pub(crate) store_key: Option<PathBuf>,
    /// Keep a prepared inference this long
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=365))]
    pub(crate) store_days: u64,
    /// Keep at most this many for a client
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_bundles: u32,
}

/// How often what has expired is taken away.
const SWEEP: Duration = Duration::from_secs(3600);

/// The table in a database that several servers share.
#[cfg(feature = "postgres")]
fn database(address: &str) -> Result<Box<dyn Table>> {
    Ok(Box::new(gazelle_service::bundles::Postgres::open(address)?))
}

#[cfg(not(feature = "postgres"))]
fn database(_address: &str) -> Result<Box<dyn Table>> {
    Err(Failure::new(
        "this program was built without PostgreSQL; build it with --features postgres",
    ))
}

/// Opens the store, and sweeps it from now on. Without a file, what is prepared ends with its session,
/// and what was used is forgotten with this process.
pub(super) fn open(args: &KeepingArgs, log: &Log) -> Result<Arc<ServerStore>> {
    let limits = Limits { bundles: args.max_bundles as usize, lifetime: days(args.store_days) };
    let Some(file) = &args.store else {
        let table = Box::new(Sqlite::in_memory()?);
        return Ok(Arc::new(ServerStore::of_sessions(table, limits)));
    };
    let key = match &args.store_key {
        Some(key) => StoreKey::open(key)?,
        None if file.to_string_lossy().contains("://") => {
            let line = "give --store-key FILE, the same for all servers of the database";
            return Err(Failure::new(line));
        }
        None => {
            let mut beside = file.as_os_str().to_owned();
            beside.push(".key");
            StoreKey::open(beside.as_ref())?
        }
    };
    let table = match file.to_str().filter(|name| name.starts_with("postgres://")) {
        Some(address) => database(address)?,
        None => Box::new(Sqlite::open(file)?),
    };
    let store = Arc::new(ServerStore::new(table, key, limits));
    store.sweep()?;
    let (swept, log) = (Arc::clone(&store), log.clone());
    let sweep = move || {
        loop {
            thread::sleep(SWEEP);
            if let Err(error) = swept.sweep() {
                log.line(format!("the store cannot be swept: {error}"));
            }
        }
    };
    thread::Builder::new().spawn(sweep).when(|| "cannot start a thread".into())?;
    Ok(store)
}
