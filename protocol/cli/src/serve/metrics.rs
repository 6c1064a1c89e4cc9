//! What a server has done so far, in Prometheus' text format.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Why a client is not served.
#[derive(Clone, Copy)]
pub(super) enum Refusal {
    /// No seat, for anyone or for its address.
    Seats,
    /// It has not shown who it is, or nobody knows it.
    Identity,
    /// A model or a store that there is not.
    Wish,
    /// It has as many sessions as it may.
    Sessions,
    /// The server ends.
    Closing,
}

const CAUSES: [&str; 5] = ["seats", "identity", "wish", "sessions", "closing"];

/// Counters since the start.
#[derive(Default)]
pub(super) struct Metrics {
    pub(super) accepted: AtomicU64,
    pub(super) active: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) milliseconds: AtomicU64,
    refused: [AtomicU64; 5],
}

impl Metrics {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Relaxed);
    }

    pub(super) fn refuse(&self, cause: Refusal) {
        Self::add(&self.refused[cause as usize], 1);
    }

    /// All of them, with those of the store.
    pub(super) fn text(&self, inferences: u64, prepared: u64, waiting: Option<usize>) -> String {
        let of = |counter: &AtomicU64| counter.load(Relaxed) as f64;
        let mut text = String::new();
        let mut one = |name: &str, kind: &str, help: &str, value: f64| {
            let _ = write!(text, "# HELP gazelle_{name} {help}\n# TYPE gazelle_{name} {kind}\n");
            let _ = writeln!(text, "gazelle_{name} {value}");
        };
        one("connections_total", "counter", "Connections that were accepted.", of(&self.accepted));
        one("sessions_active", "gauge", "Sessions that run.", of(&self.active));
        one("sessions_ended_total", "counter", "Sessions that ended well.", of(&self.ended));
        one("sessions_failed_total", "counter", "Sessions that failed.", of(&self.failed));
        one("panics_total", "counter", "Sessions that ended in a bug.", of(&self.panicked));
        let seconds = of(&self.milliseconds) / 1e3;
        one("sessions_seconds_total", "counter", "Seconds of all sessions that ended.", seconds);
        one("inferences_total", "counter", "Online phases that began.", inferences as f64);
        one("prepared_total", "counter", "Inferences that were prepared.", prepared as f64);
        if let Some(waiting) = waiting {
            one("bundles_ready", "gauge", "Prepared inferences in the store.", waiting as f64);
        }
        let name = "gazelle_refused_total";
        let _ =
            write!(text, "# HELP {name} Clients that were turned away.\n# TYPE {name} counter\n");
        for (cause, count) in CAUSES.iter().zip(&self.refused) {
            let _ = writeln!(text, "{name}{{cause=\"{cause}\"}} {}", count.load(Relaxed));
        }
        text
    }
}
