//! What clients have prepared, on disk.

use super::log::Log;
use crate::{
    args::KeepingArgs,
    failure::{Result, While},
    store::days,
};
use gazelle_service::bundles::{Limits, ServerStore, Sqlite, StoreKey};
use std::{sync::Arc, thread, time::Duration};

/// How often what has expired is taken away.
const SWEEP: Duration = Duration::from_secs(3600);

/// Opens the store, if there is to be one, and sweeps it from now on.
pub(super) fn open(args: &KeepingArgs, log: &Log) -> Result<Option<Arc<ServerStore>>> {
    let Some(file) = &args.store else { return Ok(None) };
    let key = match &args.store_key {
        Some(key) => StoreKey::open(key)?,
        None => {
            let mut beside = file.as_os_str().to_owned();
            beside.push(".key");
            StoreKey::open(beside.as_ref())?
        }
    };
    let limits = Limits { bundles: args.max_bundles as usize, lifetime: days(args.store_days) };
    let table = Box::new(Sqlite::open(file)?);
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
    Ok(Some(store))
}
