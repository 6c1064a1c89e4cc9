//! A simulated link, for measuring on one machine what a real network would cost.

use std::time::Instant;

use crate::link::Way;

/// When the frames that one party puts on a link arrive.
pub(super) struct Schedule {
    way: Way,
    /// When the link has sent everything so far.
    free: Instant,
}

impl Schedule {
    pub(super) fn new(way: Way) -> Self {
        Self { way, free: Instant::now() }
    }

    /// When `bytes` queued at `queued` have arrived: sent at the link's rate after what was queued
    /// before, and the delay later.
    pub(super) fn arrival(&mut self, queued: Instant, bytes: usize) -> Instant {
        self.free = self.free.max(queued) + self.way.transfer(bytes);
        self.free + self.way.delay
    }

    /// Waits until an arrival.
    pub(super) fn wait(arrival: Instant) {
        std::thread::sleep(arrival.saturating_duration_since(Instant::now()));
    }
}
