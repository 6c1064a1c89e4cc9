//! What a server has done so far, in Prometheus' text format.

use gazelle_protocol::session::{Part, Totals};
use gazelle_service::{
    Client,
    bundles::{ServerStore, Usage},
};
use std::{
    fmt::{Display, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
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
    /// It has used its quota, or keeps as much as it may.
    Quota,
    /// A prepared inference that is spent or of another network, or never was.
    Bundle,
    /// It asks for more memory than there is for it.
    Memory,
    /// The server ends.
    Closing,
}

/// Their names, in the same order.
const CAUSES: [&str; 8] =
    ["seats", "identity", "wish", "sessions", "quota", "bundle", "memory", "closing"];

/// Counters since the start.
#[derive(Default)]
pub(super) struct Metrics {
    pub(super) accepted: AtomicU64,
    pub(super) active: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) milliseconds: AtomicU64,
    /// What the phases have cost, of all models and configurations.
    pub(super) totals: Arc<Totals>,
    refused: [AtomicU64; CAUSES.len()],
}

impl Metrics {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Relaxed);
    }

    pub(super) fn refuse(&self, cause: Refusal) {
        Self::add(&self.refused[cause as usize], 1);
    }

    /// All of them, with those of the store and of the clients that have quotas.
    pub(super) fn text(&self, store: &ServerStore, clients: &[Client]) -> String {
        let mut page = Page::default();
        self.write_sessions(&mut page);
        self.write_phases(&mut page);
        let (inferences, prepared) = store.counts();
        page.one("inferences_total", "Online phases that began.", inferences);
        page.one("prepared_total", "Inferences that were prepared.", prepared);
        if let Some(waiting) = store.waiting() {
            page.one("bundles_ready", "Prepared inferences in the store.", waiting);
        }
        let usage = store.usage();
        let limited = |client: &&Client| quotas(client).iter().any(|quota| quota.1.is_some());
        let limited: Vec<_> = clients.iter().filter(limited).collect();
        if !limited.is_empty() {
            write_quotas(&mut page, &limited, &usage);
        }
        let limited: Vec<_> = clients.iter().filter(|c| c.bytes_per_day.is_some()).collect();
        if !limited.is_empty() {
            write_byte_quotas(&mut page, &limited, &usage);
        }
        page.0
    }

    fn write_sessions(&self, page: &mut Page) {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        page.one("connections_total", "Connections that were accepted.", of(&self.accepted));
        page.one("sessions_active", "Sessions that run.", of(&self.active));
        page.one("sessions_ended_total", "Sessions that ended well.", of(&self.ended));
        page.one("sessions_failed_total", "Sessions that failed.", of(&self.failed));
        page.one("panics_total", "Sessions that ended in a bug.", of(&self.panicked));
        let seconds = of(&self.milliseconds) as f64 / 1e3;
        page.one("sessions_seconds_total", "Seconds of all sessions that ended.", seconds);
        page.family("refused_total", "Clients that were turned away.");
        for (cause, count) in CAUSES.iter().zip(&self.refused) {
            page.sample("refused_total", &[("cause", cause)], of(count));
        }
    }

    fn write_phases(&self, page: &mut Page) {
        let totals = Part::ALL.map(|part| (name(part), self.totals.of(part)));
        page.family("phases_total", "Phases that ended.");
        for (phase, total) in &totals {
            page.sample("phases_total", &[("phase", phase)], total.count);
        }
        page.family("phase_seconds_total", "Seconds of the phases that ended.");
        for (phase, total) in &totals {
            page.sample("phase_seconds_total", &[("phase", phase)], total.time.as_secs_f64());
        }
        page.family(
            "phase_bytes_total",
            "Bytes of the phases that ended, as the server sees them.",
        );
        for (phase, total) in &totals {
            for (direction, bytes) in [("sent", total.sent), ("received", total.received)] {
                let labels = [("phase", *phase), ("direction", direction)];
                page.sample("phase_bytes_total", &labels, bytes);
            }
        }
    }
}

fn name(part: Part) -> &'static str {
    match part {
        Part::SetUp => "set-up",
        Part::Offline => "offline",
        Part::Online => "online",
    }
}

/// A client's quotas, by what they hold for.
fn quotas(client: &Client) -> [(&'static str, Option<u32>); 2] {
    [("day", client.inferences_per_day), ("ever", client.inferences)]
}

fn write_quotas(page: &mut Page, clients: &[&Client], usage: &[Usage]) {
    page.family("client_quota", "Inferences that a client may use.");
    for client in clients {
        for (period, quota) in quotas(client) {
            let labels = [("client", client.name.as_str()), ("period", period)];
            quota.iter().for_each(|quota| page.sample("client_quota", &labels, quota));
        }
    }
    page.family("client_inferences", "Inferences that a client with a quota has used.");
    for client in clients {
        let used = usage.iter().find(|usage| usage.owner == client.name);
        let [day, ever] = used.map_or([0; 2], |usage| [usage.day, usage.total]);
        for (period, used) in [("day", day), ("ever", ever)] {
            let labels = [("client", client.name.as_str()), ("period", period)];
            page.sample("client_inferences", &labels, used);
        }
    }
}

fn write_byte_quotas(page: &mut Page, clients: &[&Client], usage: &[Usage]) {
    page.family("client_byte_quota", "Bytes that a client may use on a day.");
    for client in clients {
        let labels = [("client", client.name.as_str())];
        client
            .bytes_per_day
            .iter()
            .for_each(|most| page.sample("client_byte_quota", &labels, most));
    }
    page.family("client_bytes", "Bytes that a client with such a quota has used today.");
    for client in clients {
        let used = usage.iter().find(|usage| usage.owner == client.name);
        let labels = [("client", client.name.as_str())];
        page.sample("client_bytes", &labels, used.map_or(0, |usage| usage.bytes));
    }
}

/// What is told; every name begins with `gazelle_`.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Begins a metric: a counter if its name ends like one's, otherwise a gauge.
    fn family(&mut self, name: &str, help: &str) {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        // Writing to a string does not fail.
        let _ = write!(self.0, "# HELP gazelle_{name} {help}\n# TYPE gazelle_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let label = |(name, text): &(&str, &str)| format!("{name}=\"{}\"", escaped(text));
        let labels: Vec<_> = labels.iter().map(label).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "gazelle_{name}{labels} {value}");
    }

    /// A metric without labels.
    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, help);
        self.sample(name, &[], value);
    }
}

/// A label's text as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_end_their_line() {
        let mut page = Page::default();
        page.family("client_quota", "Help.");
        page.sample("client_quota", &[("client", "a\"} 1\n\\"), ("period", "day")], 2);
        let lines: Vec<_> = page.0.lines().collect();
        assert_eq!(lines[1], "# TYPE gazelle_client_quota gauge");
        let sample = r#"gazelle_client_quota{client="a\"} 1\n\\",period="day"} 2"#;
        assert_eq!((lines[2], lines.len()), (sample, 3));
    }
}
