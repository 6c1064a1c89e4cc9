//! Signals: TERM ends the server, HUP has it read its configuration again, also while it is starting.

use super::Shared;
use crate::failure::{Result, While};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    process::exit,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

/// How often it is looked whether the last online phase has ended.
const TICK: Duration = Duration::from_millis(20);

/// Waits for signals from now on: without a handler, TERM is nothing to the first process of a container, and
/// HUP ends any other. What is returned is to hold the server's state once it has started. Online phases may
/// take `grace` to end.
pub(super) fn start(grace: Duration) -> Result<Arc<OnceLock<Arc<Shared>>>> {
    let started = Arc::new(OnceLock::<Arc<Shared>>::new());
    let ending = Arc::clone(&started);
    on(&[SIGTERM, SIGINT], move || match ending.get() {
        Some(shared) => end(shared, grace),
        None => exit(0),
    })?;
    let reloading = Arc::clone(&started);
    on(&[SIGHUP], move || reloading.wait().reload())?;
    Ok(started)
}

/// Acts on each of these signals, in a thread of its own.
fn on(signals: &[i32], act: impl Fn() + Send + 'static) -> Result<()> {
    let cannot = || "cannot listen for signals".into();
    let mut signals = Signals::new(signals).when(cannot)?;
    let watch = move || signals.forever().for_each(|_| act());
    thread::Builder::new().spawn(watch).when(cannot)?;
    Ok(())
}

/// Lets online phases end, and this process with them. Whatever else runs can be begun again.
fn end(shared: &Shared, grace: Duration) -> ! {
    shared.close();
    shared.log.line("shutting down".into());
    let deadline = Instant::now() + grace;
    while shared.online_phases() > 0 && Instant::now() < deadline {
        thread::sleep(TICK);
    }
    let left = shared.online_phases();
    if left > 0 {
        shared.log.line(format!("{left} online phases took too long"));
    }
    shared.log.flush();
    exit(0)
}
