//! A simulated link, for measuring on one machine what a real network would cost.

use std::time::Instant;

use crate::Link;

/// When the frames that one party puts on a link arrive.
pub(super) struct Schedule {
    link: Link,
    /// When the link has sent everything so far.
    free: Instant,
}

impl Schedule {
    pub(super) fn new(link: Link) -> Self {
        Self { link, free: Instant::now() }
    }

    /// When `bytes` queued at `queued` have arrived: sent at the link's rate after what was queued
    /// before, and half a round trip later.
    pub(super) fn arrival(&mut self, queued: Instant, bytes: usize) -> Instant {
        self.free = self.free.max(queued) + self.link.transfer(bytes);
        self.free + self.link.round_trip / 2
    }

    /// Waits until an arrival.
    pub(super) fn wait(arrival: Instant) {
        std::thread::sleep(arrival.saturating_duration_since(Instant::now()));
    }
}
