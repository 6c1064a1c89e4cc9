//! A simulated network, for measuring on one machine what a real link would cost.

use std::time::{Duration, Instant};

/// A link in one direction: its rate and its delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Bits per second.
    pub bits_per_second: f64,
    /// Time from the last bit sent to its arrival: half a round trip.
    pub latency: Duration,
}

/// When the frames put on a link arrive.
pub(super) struct Schedule {
    link: Link,
    /// When the link has sent everything so far.
    free: Instant,
}

impl Schedule {
    pub(super) fn new(link: Link) -> Self {
        Self { link, free: Instant::now() }
    }

    /// When `bytes` queued at `queued` have arrived.
    pub(super) fn arrival(&mut self, queued: Instant, bytes: usize) -> Instant {
        let seconds = bytes as f64 * 8.0 / self.link.bits_per_second;
        self.free = self.free.max(queued) + Duration::from_secs_f64(seconds);
        self.free + self.link.latency
    }
}
