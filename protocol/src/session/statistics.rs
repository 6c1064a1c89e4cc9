//! What a phase of a session cost.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::transport::{Channel, Kind, Traffic};
use crate::wire::Expected;

/// What one phase cost, seen from the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Phase {
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Bytes from client to server.
    pub bytes_up: u64,
    /// Bytes from server to client.
    pub bytes_down: u64,
    /// Round trips: how often the client waited for an answer to something that it sent.
    pub rounds: u64,
}

impl std::ops::AddAssign for Phase {
    fn add_assign(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.bytes_up += other.bytes_up;
        self.bytes_down += other.bytes_down;
        self.rounds += other.rounds;
    }
}

impl std::ops::Sub for Phase {
    type Output = Self;

    /// What came since an earlier reading.
    fn sub(self, earlier: Self) -> Self {
        Self {
            seconds: self.seconds - earlier.seconds,
            bytes_up: self.bytes_up - earlier.bytes_up,
            bytes_down: self.bytes_down - earlier.bytes_down,
            rounds: self.rounds - earlier.rounds,
        }
    }
}

/// The client's wall-clock seconds in one block, all inferences together. The phases' seconds beyond
/// these are the queries' and the requests'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LayerSeconds {
    /// Offline: until the answers were there, decrypted, and the labels chosen.
    pub linear: f64,
    /// Offline: until the garbled tables were there, or the activation by masks was prepared.
    pub tables: f64,
    /// Online: from the masked input to the activation.
    pub online: f64,
}

/// What the phases of a session cost so far, seen from the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Greeting, base OTs and keys: once.
    pub setup: Phase,
    /// All offline phases.
    pub offline: Phase,
    /// All online phases.
    pub online: Phase,
}

/// Measures where the time of a phase goes: from each message that is waited for to the next, on
/// account of the former's block.
pub(super) struct Laps<'a> {
    layers: &'a mut [LayerSeconds],
    start: Instant,
    current: Option<(Kind, usize)>,
}

impl<'a> Laps<'a> {
    pub(super) fn start(layers: &'a mut [LayerSeconds]) -> Self {
        Self { layers, start: Instant::now(), current: None }
    }

    /// Ends a lap and begins the next, if there is one.
    pub(super) fn next(&mut self, expected: Option<&Expected>) {
        let now = Instant::now();
        let seconds = now.duration_since(std::mem::replace(&mut self.start, now)).as_secs_f64();
        if let Some((kind, block)) = self.current {
            let layer = &mut self.layers[block];
            match kind {
                Kind::Answer | Kind::Guard => layer.linear += seconds,
                Kind::Tables | Kind::MaskTransfers | Kind::MaskOffline => layer.tables += seconds,
                _ => layer.online += seconds,
            }
        }
        self.current = expected.and_then(|expected| Some((expected.kind(), expected.block()?)));
    }
}

/// Measures a phase from its start.
pub(super) struct Meter {
    start: Instant,
    traffic: Traffic,
}

impl Meter {
    pub(super) fn start(channel: &Channel) -> Self {
        Self { start: Instant::now(), traffic: channel.traffic() }
    }

    /// Leaves out the time until now, but not the traffic.
    pub(super) fn restart(&mut self) {
        self.start = Instant::now();
    }

    /// The time and the traffic since the start.
    pub(super) fn read(&self, channel: &Channel) -> (Duration, Traffic) {
        (self.start.elapsed(), channel.traffic().since(&self.traffic))
    }

    pub(super) fn stop(self, channel: &Channel) -> Phase {
        let (time, traffic) = self.read(channel);
        Phase {
            seconds: time.as_secs_f64(),
            bytes_up: traffic.sent,
            bytes_down: traffic.received,
            rounds: traffic.rounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn each_message_that_is_waited_for_counts_in_its_phase() {
        for (kind, [linear, tables, online]) in [
            (Kind::Answer, [true, false, false]),
            (Kind::Guard, [true, false, false]),
            (Kind::Tables, [false, true, false]),
            (Kind::MaskTransfers, [false, true, false]),
            (Kind::MaskOffline, [false, true, false]),
            (Kind::Labels, [false, false, true]),
            (Kind::MaskOnline, [false, false, true]),
        ] {
            let mut layers = [LayerSeconds::default(); 2];
            let mut laps = Laps::start(&mut layers);
            laps.next(Some(&Expected::exactly(kind, 1).for_block(1)));
            sleep(Duration::from_millis(1));
            laps.next(None);
            let [other, own] = layers;
            assert_eq!(other, LayerSeconds::default());
            let counted = [own.linear, own.tables, own.online].map(|seconds| seconds > 0.0);
            assert_eq!(counted, [linear, tables, online], "{kind:?}");
        }
    }
}
