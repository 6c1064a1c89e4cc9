//! How a server comes to its end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::error::Limit;

/// Whether phases may begin, and how many online phases have begun and not ended.
#[derive(Default)]
pub(super) struct Doors {
    closed: AtomicBool,
    online: AtomicUsize,
}

impl Doors {
    /// From now on, no phase begins.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// Whether a phase may begin.
    pub(super) fn check(&self) -> Result<(), Limit> {
        if self.closed.load(SeqCst) { Err(Limit::Closing) } else { Ok(()) }
    }

    /// Begins an online phase. It is counted before the doors are looked at: whoever closes them sees
    /// either the phase, or it none of them open.
    pub(super) fn begin_online(&self) -> Result<Online<'_>, Limit> {
        self.online.fetch_add(1, SeqCst);
        let online = Online(self);
        self.check().map(|()| online)
    }

    /// Online phases that run.
    pub(super) fn online(&self) -> usize {
        self.online.load(SeqCst)
    }
}

/// An online phase, until it is dropped.
pub(super) struct Online<'a>(&'a Doors);

impl Drop for Online<'_> {
    fn drop(&mut self) {
        self.0.online.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_that_have_begun_go_on_behind_closed_doors() {
        let doors = Doors::default();
        let online = doors.begin_online().unwrap();
        doors.close();
        assert_eq!((doors.check(), doors.online()), (Err(Limit::Closing), 1));
        assert_eq!(doors.begin_online().err(), Some(Limit::Closing));
        assert_eq!(doors.online(), 1);
        drop(online);
        assert_eq!(doors.online(), 0);
    }
}
