//! Lines for whoever watches the server.

use clap::ValueEnum;
use gazelle_protocol::printable;
use serde::Serialize;
use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Lines that may wait to be read.
const WAITING: usize = 1024;

/// How long the last lines may take.
const FLUSH: Duration = Duration::from_millis(500);

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// What has happened. Nothing in it tells of an image, a label or a share, or names a file.
#[derive(Debug, Default, Serialize)]
pub(super) struct Event<'a> {
    /// The number of the connection, from 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<&'a str>,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inferences: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(session), Some(peer)) = (self.session, self.peer) {
            write!(f, "session {session}, {peer}")?;
            self.client.map_or(Ok(()), |client| write!(f, ", {client}"))?;
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        self.seconds.map_or(Ok(()), |seconds| write!(f, " ({seconds:.1} s)"))
    }
}

#[derive(Serialize)]
struct Dated<'a> {
    /// Seconds since 1970.
    time: f64,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

enum Item {
    Line(String),
    /// Tells when everything before it is written.
    Flush(SyncSender<()>),
}

/// Prints lines from a thread of its own: a reader that has stopped reading costs lines, and never
/// stops the server.
#[derive(Clone)]
pub(super) struct Log {
    items: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
    format: LogFormat,
}

impl Log {
    /// Starts the thread, which writes to `out`.
    pub(super) fn start(out: impl Write + Send + 'static, format: LogFormat) -> io::Result<Self> {
        let (items, waiting) = mpsc::sync_channel(WAITING);
        let log = Self { items, dropped: Arc::default(), format };
        let writer = log.clone();
        thread::Builder::new().spawn(move || writer.write(&waiting, out))?;
        Ok(log)
    }

    /// Prints a line, unless too many wait.
    pub(super) fn line(&self, message: String) {
        self.event(&Event { message, ..Event::default() });
    }

    /// Prints what has happened, unless too many lines wait.
    pub(super) fn event(&self, event: &Event<'_>) {
        if self.items.try_send(Item::Line(self.text(event))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits a little until everything is written.
    pub(super) fn flush(&self) {
        let (written, wait) = mpsc::sync_channel(1);
        if self.items.try_send(Item::Flush(written)).is_ok() {
            // Nobody reads: then nothing is missed.
            let _ = wait.recv_timeout(FLUSH);
        }
    }

    fn text(&self, event: &Event<'_>) -> String {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        match self.format {
            // Names come from files and clients.
            LogFormat::Text => printable(&event.to_string()),
            LogFormat::Json => {
                serde_json::to_string(&Dated { time, event }).expect("strings and numbers are JSON")
            }
        }
    }

    fn write(&self, waiting: &Receiver<Item>, mut out: impl Write) {
        for item in waiting {
            let line = match item {
                Item::Line(line) => line,
                Item::Flush(written) => {
                    // Who waited has gone.
                    let _ = written.send(());
                    continue;
                }
            };
            let lost = self.dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let message = format!("{lost} lines were lost: nobody read them");
                let event = Event { message, ..Event::default() };
                let _ = writeln!(out, "{}", self.text(&event));
            }
            // A reader that has left misses them all.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn an_unread_log_loses_lines_and_says_so() {
        let (reader, writer) = io::pipe().unwrap();
        let log = Log::start(writer, LogFormat::Text).unwrap();
        let long = "x".repeat(1 << 10);
        // More than a pipe and the queue hold.
        (0..2000).for_each(|_| log.line(long.clone()));
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        let lost = lines.find(|line| {
            log.line("later".into());
            line.contains("lines were lost")
        });
        assert!(lost.is_some());
        assert!(lines.any(|line| line == "later"));
    }

    #[test]
    fn an_event_in_both_formats() {
        let event = Event {
            session: Some(3),
            peer: Some(([192, 0, 2, 1], 5).into()),
            client: Some("alice"),
            message: "refused: \"x\"".into(),
            inferences: None,
            seconds: Some(1.5),
        };
        assert_eq!(event.to_string(), "session 3, 192.0.2.1:5, alice: refused: \"x\" (1.5 s)");
        let (reader, writer) = io::pipe().unwrap();
        let log = Log::start(writer, LogFormat::Json).unwrap();
        log.event(&event);
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).unwrap();
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["client"], "alice");
        assert_eq!((&object["session"], &object["seconds"]), (&3.into(), &1.5.into()));
        assert!(object["time"].as_f64().is_some_and(|time| time > 1e9));
        assert!(object.get("inferences").is_none());
    }
}
