//! What a server's phases have cost, those of all its sessions together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::statistics::Meter;
use crate::transport::{Channel, Traffic};

/// The parts of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Greetings, keys and base transfers.
    SetUp,
    /// An offline phase.
    Offline,
    /// An online phase.
    Online,
}

impl Part {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::SetUp, Self::Offline, Self::Online];
}

/// Sums over the parts of sessions that ended well. Several servers may share them.
#[derive(Debug, Default)]
pub struct Totals([Counters; 3]);

#[derive(Debug, Default)]
struct Counters {
    count: AtomicU64,
    microseconds: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// What all parts of a kind have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many there were.
    pub count: u64,
    /// How long they took, one after another.
    pub time: Duration,
    /// Bytes that the server has sent, frames' headers and tags included.
    pub sent: u64,
    /// Bytes that it has received.
    pub received: u64,
}

impl Totals {
    /// What parts of this kind have cost.
    pub fn of(&self, part: Part) -> Total {
        let Counters { count, microseconds, sent, received } = &self.0[part as usize];
        Total {
            count: count.load(Relaxed),
            time: Duration::from_micros(microseconds.load(Relaxed)),
            sent: sent.load(Relaxed),
            received: received.load(Relaxed),
        }
    }

    /// A part has ended.
    pub(super) fn add(&self, part: Part, meter: &Meter, channel: &Channel) {
        let (time, Traffic { sent, received, .. }) = meter.read(channel);
        let counters = &self.0[part as usize];
        counters.count.fetch_add(1, Relaxed);
        counters.microseconds.fetch_add(time.as_micros() as u64, Relaxed);
        counters.sent.fetch_add(sent, Relaxed);
        counters.received.fetch_add(received, Relaxed);
    }
}
