//! Lines for whoever watches the server.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, SyncSender},
    },
    thread,
};

/// Lines that may wait to be read.
const WAITING: usize = 1024;

/// Prints lines from a thread of its own: a reader that has stopped reading costs lines, and never
/// stops the server.
#[derive(Clone)]
pub(crate) struct Log {
    lines: SyncSender<String>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Starts the thread, which writes to `out`.
    pub(crate) fn start(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel::<String>(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        thread::Builder::new().spawn(move || {
            for line in waiting {
                // A reader that has left misses them all.
                let _ = match lost.swap(0, Ordering::Relaxed) {
                    0 => writeln!(out, "{line}"),
                    lost => writeln!(out, "{lost} lines were lost: nobody read them\n{line}"),
                }
                .and_then(|()| out.flush());
            }
        })?;
        Ok(Self { lines, dropped })
    }

    /// Prints a line, unless too many wait.
    pub(crate) fn line(&self, line: String) {
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
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
        let log = Log::start(writer).unwrap();
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
}
