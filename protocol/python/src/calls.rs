//! How Python calls: without its lock, so that an interrupt ends a call, and with exceptions of its own.

use gazelle_cli::{Cause, Failure};
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// How often it is looked whether Python has been interrupted.
const TICK: Duration = Duration::from_millis(50);

/// What `run` gives, computed by another thread. Meanwhile other threads of Python go on, and handlers of
/// signals run; if one raises, as that of Ctrl-C does, `end` tells the computation to end, and nobody waits
/// for it any more.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    run: impl FnOnce() -> T + Send + 'static,
    end: impl FnOnce(),
) -> PyResult<T> {
    let (sender, mut receiver) = mpsc::sync_channel(1);
    // Who was interrupted does not wait for the result.
    let run = move || drop(sender.send(run()));
    thread::Builder::new().spawn(run).map_err(PyErr::from)?;
    loop {
        let wait = move || (receiver.recv_timeout(TICK), receiver);
        let result;
        (result, receiver) = py.detach(wait);
        match result {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(interrupt) = py.check_signals() {
                    end();
                    return Err(interrupt);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("gazelle failed; please report this as a bug"));
            }
        }
    }
}

/// The exception for a failure, by whose fault it is.
pub(crate) fn fault(py: Python<'_>, failure: &Failure) -> PyErr {
    let cause = match failure.cause() {
        Cause::Usage | Cause::Input => "InputError",
        Cause::Refused | Cause::Busy => "RefusedError",
        Cause::Connection => "ConnectionError",
        Cause::Peer => "PeerError",
        Cause::Limit => "LimitError",
        _ => "Error",
    };
    let make =
        || py.import("gazelle._errors")?.getattr("fault")?.call1((cause, failure.to_string()));
    make().map_or_else(|error| error, PyErr::from_value)
}
