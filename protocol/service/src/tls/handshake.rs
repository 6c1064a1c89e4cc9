//! The handshake, within the set-up's time.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use gazelle_protocol::Error::Refused;
use gazelle_protocol::transport::{self, TransportFault};
use rustls::Connection;

use super::fault::{NO_TLS, advice};
use crate::Error;

/// How long a peer that is refused may take to notice.
const NOTICE: Duration = Duration::from_secs(2);

/// A client's first words. A server that has no room for it answers without TLS.
pub(super) fn knock(
    connection: &mut Connection,
    stream: &TcpStream,
    deadline: Option<Instant>,
) -> Result<(), Error> {
    let mut timed = Timed { stream, deadline };
    while connection.wants_write() {
        connection.write_tls(&mut timed).map_err(TransportFault::from)?;
    }
    match transport::hears_refusal(stream, deadline)?.map(Refused) {
        None => Ok(()),
        Some(refused) if refused.asks_for_another_try() => Err(Error::TurnedAway(refused)),
        // It takes what it was sent for something else.
        Some(_) => Err(Error::Tls(NO_TLS.into())),
    }
}

/// Runs the handshake. A peer that is refused is told so by TLS.
pub(super) fn run(
    connection: &mut Connection,
    stream: &TcpStream,
    deadline: Option<Instant>,
) -> Result<(), Error> {
    let mut timed = Timed { stream, deadline };
    while connection.is_handshaking() {
        match connection.complete_io(&mut timed) {
            Ok((0, 0)) => return Err(TransportFault::Closed.into()),
            Ok(_) => {}
            Err(error) => return Err(fault(connection, error, timed)),
        }
    }
    while connection.wants_write() {
        connection.write_tls(&mut timed).map_err(TransportFault::from)?;
    }
    Ok(())
}

fn fault(connection: &mut Connection, error: io::Error, mut timed: Timed<'_>) -> Error {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return TransportFault::from(error).into();
    };
    let notice = Instant::now() + NOTICE;
    timed.deadline = Some(timed.deadline.map_or(notice, |deadline| deadline.min(notice)));
    // A peer that is gone already has nothing to lose.
    while connection.wants_write() && matches!(connection.write_tls(&mut timed), Ok(1..)) {}
    let _ = timed.stream.shutdown(Shutdown::Write);
    // Closed with unread bytes, the connection would be reset, and the peer might lose the alert.
    while matches!(timed.read(&mut [0; 1 << 12]), Ok(1..)) {}
    Error::Tls(advice(tls))
}

/// A connection that gives up at a time.
pub(super) struct Timed<'a> {
    pub(super) stream: &'a TcpStream,
    /// None is never.
    pub(super) deadline: Option<Instant>,
}

impl Timed<'_> {
    /// What is left; the system takes no zero, and rounds what is below a millisecond.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        match left {
            Some(Duration::ZERO) => Err(ErrorKind::TimedOut.into()),
            left => Ok(left.map(|time| time.max(Duration::from_millis(1)))),
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes).map_err(timed_out)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write_vectored(parts).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A timeout is no reason to try again at once.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}
