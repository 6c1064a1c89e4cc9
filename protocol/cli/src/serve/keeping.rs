//! What clients have prepared and used, on disk.

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
        None => {
            let mut beside = file.as_os_str().to_owned();
            beside.push(".key");
            StoreKey::open(beside.as_ref())?
        }
    };
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
    Ok(store)
}
