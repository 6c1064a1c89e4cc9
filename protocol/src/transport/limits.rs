//! How long a peer may take.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes that must go through in one timeout.
const PACE: usize = 4 << 20;

/// A party's patience with its peer: one timeout for silence, and one more for every 4 MiB under
/// way. It is for a message as a whole, so a peer that sends a byte now and then gains nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience(pub(super) Duration);

impl Patience {
    /// Limits nothing.
    pub(super) const UNLIMITED: Self = Self(Duration::MAX);

    /// How long `bytes` may take.
    pub(super) fn of(self, bytes: usize) -> Duration {
        let timeouts = u32::try_from(bytes / PACE).unwrap_or(u32::MAX);
        self.0.saturating_mul(timeouts.saturating_add(1))
    }
}

/// One direction of a connection.
pub(super) trait Limit {
    /// What is not read or written within `time` from now fails.
    fn limit(&mut self, time: Duration);
}

/// A direction that has its own limits, or none.
pub(super) struct Unlimited<T>(pub(super) T);

impl<T> Limit for Unlimited<T> {
    fn limit(&mut self, _time: Duration) {}
}

impl<T: Read> Read for Unlimited<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<T: Write> Write for Unlimited<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A direction of a TCP connection.
pub(super) struct Timed {
    stream: Arc<TcpStream>,
    /// None is never.
    deadline: Option<Instant>,
}

impl Timed {
    pub(super) fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, deadline: None }
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        match self.deadline.map(|at| at.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Limit for Timed {
    fn limit(&mut self, time: Duration) {
        self.deadline = Instant::now().checked_add(time);
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        (&*self.stream).read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        (&*self.stream).write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        (&*self.stream).write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what a peer still sends until it has nothing left or `time` is over: a connection that is
/// closed with unread bytes is reset, and the peer may lose the last words that it was told.
pub(super) fn drain(stream: &Arc<TcpStream>, time: Duration) {
    let mut rest = Timed::new(Arc::clone(stream));
    rest.limit(time);
    // A peer that is gone already has nothing to lose.
    let _ = stream.shutdown(Shutdown::Write).and_then(|()| io::copy(&mut rest, &mut io::sink()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_the_bytes() {
        let patience = Patience(Duration::from_secs(60));
        assert_eq!(patience.of(0), Duration::from_secs(60));
        assert_eq!(patience.of(PACE - 1), Duration::from_secs(60));
        assert_eq!(patience.of(1 << 30), Duration::from_secs(257 * 60));
        assert_eq!(Patience::UNLIMITED.of(usize::MAX), Duration::MAX);
    }
}
