//! What handles have in common: how they come, how they are used by one call at a time, how they go.

use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::memory;
use crate::status::{Failure, GazelleStatus, value};

/// What only one call at a time may use.
pub(crate) struct Exclusive<T>(Mutex<T>);

impl<T> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// The value, if no call has panicked with it.
    pub(crate) fn into_inner(self) -> Option<T> {
        self.0.into_inner().ok()
    }

    /// The value, for one call.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, T>, Failure> {
        match self.0.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::state("another thread is using this handle; use it one at a time"))
            }
            Err(TryLockError::Poisoned(_)) => Err(Failure::new(
                GazelleStatus::Internal,
                "this handle saw a fault of the library; free it",
            )),
        }
    }
}

/// Makes a handle. Where it goes is null if that fails.
///
/// # Safety
/// Unless it is null, `place` has room for a pointer that nobody else reads or writes meanwhile.
pub(crate) unsafe fn make<T>(
    place: *mut *mut T,
    value: impl FnOnce() -> Result<T, Failure>,
) -> Result<(), Failure> {
    const WHAT: &str = "the place for the handle";
    // SAFETY: the caller's promise.
    unsafe { memory::write(WHAT, place, std::ptr::null_mut()) }?;
    let handle = Box::into_raw(Box::new(value()?));
    // SAFETY: the caller's promise.
    unsafe { memory::write(WHAT, place, handle) }
}

/// Frees a handle; null is none.
///
/// # Safety
/// `handle` is null or one that [`make`] made, and nobody uses it any more.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: made by `Box::into_raw` and not freed before, by the caller's promise.
        value((), || drop(unsafe { Box::from_raw(handle) }));
    }
}
