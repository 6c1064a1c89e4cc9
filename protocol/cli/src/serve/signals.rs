//! Signals: TERM ends the server, HUP has it read its configuration again.

use super::Shared;
use crate::failure::{Result, While};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    process::exit,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How often it is looked whether the last online phase has ended.
const TICK: Duration = Duration::from_millis(20);

/// Waits for signals from now on. Online phases may take `grace` to end.
pub(super) fn start(shared: Arc<Shared>, grace: Duration) -> Result<()> {
    let cannot = || "cannot listen for signals".into();
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).when(cannot)?;
    let watch = move || {
        for signal in signals.forever() {
            match signal {
                SIGHUP => shared.reload(),
                _ => end(&shared, grace),
            }
        }
    };
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
