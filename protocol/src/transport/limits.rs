//! Reads and writes that take no longer than they may.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One direction of a connection.
pub trait Limit {
    /// What a single read or write after this waits for at most; not zero.
    fn limit(&mut self, time: Duration);

    /// Nothing will pass for a while: memory that is not needed until then may be given back.
    fn release(&mut self) {}
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
    /// None is for ever.
    time: Option<Duration>,
}

impl Timed {
    pub(super) fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, time: None }
    }
}

impl Limit for Timed {
    fn limit(&mut self, time: Duration) {
        // The system takes no zero, and rounds what is below a millisecond.
        self.time = (time < Duration::MAX).then(|| time.max(Duration::from_millis(1)));
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.time)?;
        (&*self.stream).read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.time)?;
        (&*self.stream).write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.time)?;
        (&*self.stream).write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what a peer still sends until it has nothing left or `time` is over: a connection that is
/// closed with unread bytes is reset, and the peer may lose the last words that it was told.
pub(super) fn drain(stream: &TcpStream, time: Duration) {
    // A peer that is gone already has nothing to lose.
    let _ = stream.shutdown(Shutdown::Write);
    let end = Instant::now() + time;
    let mut rest = [0; 1 << 12];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timed = !left.is_zero() && stream.set_read_timeout(Some(left)).is_ok();
        if !timed || !matches!((&*stream).read(&mut rest), Ok(1..)) {
            return;
        }
    }
}
