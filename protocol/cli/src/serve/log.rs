//! Lines for whoever watches the server.

use clap::ValueEnum;
use gazelle_protocol::printable;
use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};
use tracing::{
    Dispatch, Subscriber, dispatcher,
    field::{Field, Visit, display},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
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
#[derive(Debug, Default)]
pub(super) struct Event<'a> {
    /// The number of the connection, from 1 on.
    pub(super) session: Option<u64>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) client: Option<&'a str>,
    pub(super) message: String,
    pub(super) inferences: Option<u64>,
    pub(super) seconds: Option<f64>,
}

enum Item {
    Line(Vec<u8>),
    /// Tells when everything before it is written.
    Flush(SyncSender<()>),
}

/// Takes events to lines and lines to a thread of its own, which prints them: a reader that has stopped
/// reading costs lines, and never stops the server.
#[derive(Clone)]
pub(super) struct Log {
    lines: Lines,
    dispatch: Dispatch,
}

/// The way to the printing thread.
#[derive(Clone)]
struct Lines {
    items: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Starts the thread, which writes to `out`.
    pub(super) fn start(out: impl Write + Send + 'static, format: LogFormat) -> io::Result<Self> {
        let (items, waiting) = mpsc::sync_channel(WAITING);
        let lines = Lines { items, dropped: Arc::default() };
        let (dropped, way) = (Arc::clone(&lines.dropped), lines.clone());
        let out = Out(Arc::new(Mutex::new(out)));
        thread::Builder::new().spawn(move || print(&waiting, &out, &dropped, format))?;
        Ok(Self { lines, dispatch: dispatch(format, move || way.clone()) })
    }

    /// Prints a line, unless too many wait.
    pub(super) fn line(&self, message: String) {
        self.event(&Event { message, ..Event::default() });
    }

    /// Prints what has happened, unless too many lines wait.
    pub(super) fn event(&self, event: &Event<'_>) {
        let Event { session, peer, client, message, inferences, seconds } = event;
        let peer = peer.map(display);
        dispatcher::with_default(&self.dispatch, || {
            tracing::info!(session, peer, client, inferences, seconds, "{message}");
        });
    }

    /// Waits a little until everything is written.
    pub(super) fn flush(&self) {
        let (written, wait) = mpsc::sync_channel(1);
        if self.lines.items.try_send(Item::Flush(written)).is_ok() {
            // Nobody reads: then nothing is missed.
            let _ = wait.recv_timeout(FLUSH);
        }
    }
}

/// What takes events to lines.
fn dispatch<W: Write + 'static>(
    format: LogFormat,
    out: impl Fn() -> W + Send + Sync + 'static,
) -> Dispatch {
    let builder = tracing_subscriber::fmt().with_writer(out).with_ansi(false);
    match format {
        LogFormat::Text => Dispatch::new(builder.event_format(Text).finish()),
        LogFormat::Json => {
            Dispatch::new(builder.json().flatten_event(true).with_target(false).finish())
        }
    }
}

/// Each write is a line.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.items.try_send(Item::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where lines go in the end; only the printing thread writes there.
struct Out<W>(Arc<Mutex<W>>);

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

fn print<W: Write + Send + 'static>(
    waiting: &Receiver<Item>,
    out: &Out<W>,
    dropped: &AtomicU64,
    format: LogFormat,
) {
    let again = Arc::clone(&out.0);
    let directly = dispatch(format, move || Out(Arc::clone(&again)));
    let mut out = Out(Arc::clone(&out.0));
    for item in waiting {
        let line = match item {
            Item::Line(line) => line,
            Item::Flush(written) => {
                // Who waited has gone.
                let _ = written.send(());
                continue;
            }
        };
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            dispatcher::with_default(&directly, || {
                tracing::warn!(lost, "{lost} lines were lost: nobody read them");
            });
        }
        // A reader that has left misses them all.
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

/// Lines for people.
struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        // Names come from files and clients.
        writeln!(writer, "{}", printable(&line.to_string()))
    }
}

/// An event's fields, as far as a line for people has them.
#[derive(Default)]
struct Line {
    session: Option<u64>,
    peer: String,
    client: Option<String>,
    message: String,
    seconds: Option<f64>,
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "session" {
            self.session = Some(value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "seconds" {
            self.seconds = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "client" {
            self.client = Some(value.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "peer" => self.peer = format!("{value:?}"),
            "message" => self.message = format!("{value:?}"),
            _ => {}
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(session) = self.session {
            write!(f, "session {session}, {}", self.peer)?;
            self.client.as_ref().map_or(Ok(()), |client| write!(f, ", {client}"))?;
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        self.seconds.map_or(Ok(()), |seconds| write!(f, " ({seconds:.1} s)"))
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
        let printed = |format| {
            let (reader, writer) = io::pipe().unwrap();
            let log = Log::start(writer, format).unwrap();
            log.event(&event);
            let mut line = String::new();
            BufReader::new(reader).read_line(&mut line).unwrap();
            line
        };
        let text = "session 3, 192.0.2.1:5, alice: refused: \"x\" (1.5 s)\n";
        assert_eq!(printed(LogFormat::Text), text);
        let object: serde_json::Value = serde_json::from_str(&printed(LogFormat::Json)).unwrap();
        let fields = ["client", "level", "message", "peer", "seconds", "session", "timestamp"];
        assert_eq!(object.as_object().unwrap().keys().collect::<Vec<_>>(), fields);
        assert_eq!((&object["client"], &object["peer"]), (&"alice".into(), &"192.0.2.1:5".into()));
        assert_eq!((&object["session"], &object["seconds"]), (&3.into(), &1.5.into()));
        assert_eq!(object["message"], "refused: \"x\"");
        assert!(object["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
    }
}
