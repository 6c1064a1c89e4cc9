//! What the phases of a session cost.

use gazelle_protocol::wire::Traffic;
use serde::Serialize;
use web_time::Instant;

use crate::line::Line;

/// What one phase cost.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Phase {
    seconds: f64,
    bytes_up: u64,
    bytes_down: u64,
    rounds: u64,
}

/// What the phases of a session cost so far; in the fields of the command's JSON.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Costs {
    /// Greeting, base transfers, keys, and the server's hint.
    pub(crate) setup: Phase,
    pub(crate) offline: Phase,
    pub(crate) online: Phase,
}

/// Measures a phase from its start.
pub(crate) struct Meter {
    start: Instant,
    traffic: Traffic,
}

impl Meter {
    pub(crate) fn start(line: &Line) -> Self {
        Self { start: Instant::now(), traffic: line.traffic() }
    }

    /// Adds the time and the traffic since the start to a phase.
    pub(crate) fn stop(self, line: &Line, phase: &mut Phase) {
        let Traffic { sent, received, rounds } = line.traffic().since(&self.traffic);
        phase.seconds += self.start.elapsed().as_secs_f64();
        phase.bytes_up += sent;
        phase.bytes_down += received;
        phase.rounds += rounds;
    }
}
