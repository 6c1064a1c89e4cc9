//! Channels over TCP.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channel::{self, Ends};
use super::limits::{Limit, Timed};
use super::{Backlog, Channel, Patience, TransportFault};
use crate::Link;
use crate::link::Way;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to `address` (`host:port`).
///
/// # Errors
/// [`TransportFault::Unreachable`] if nothing answers.
pub fn connect(
    address: &str,
    patience: impl Into<Patience>,
    link: Option<Link>,
) -> Result<Channel, TransportFault> {
    begin(dial(address)?, patience, link)
}

/// A connection to `address` (`host:port`), whatever is to go over it.
///
/// # Errors
/// [`TransportFault::Unreachable`] if nothing answers.
pub fn dial(address: &str) -> Result<TcpStream, TransportFault> {
    let unreachable = |source| TransportFault::Unreachable { address: address.into(), source };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

/// The client's channel over a connection.
///
/// # Errors
/// If the system has no thread for it.
pub fn begin(
    stream: TcpStream,
    patience: impl Into<Patience>,
    link: Option<Link>,
) -> Result<Channel, TransportFault> {
    over(stream, patience.into(), link.map(|link| link.upward()), Backlog::Unlimited)
}

/// The server's channel over an accepted connection.
///
/// # Errors
/// If the system has no thread for it.
pub fn accept(
    stream: TcpStream,
    patience: impl Into<Patience>,
    link: Option<Link>,
) -> Result<Channel, TransportFault> {
    over(stream, patience.into(), link.map(|link| link.downward()), Backlog::SERVER)
}

/// The two directions of a connection that came at `start`.
///
/// # Errors
/// If the connection is gone.
pub fn ends(
    stream: TcpStream,
    start: Instant,
    patience: Patience,
) -> Result<Ends<impl Read + Limit, impl Write + Limit>, TransportFault> {
    stream.set_nodelay(true)?;
    let stream = Arc::new(stream);
    let [reader, writer] = [(); 2].map(|()| Timed::new(Arc::clone(&stream)));
    Ok(Ends { reader, writer, stream: Some(stream), patience, start, binding: None })
}

fn over(
    stream: TcpStream,
    patience: Patience,
    way: Option<Way>,
    backlog: Backlog,
) -> Result<Channel, TransportFault> {
    Ok(Channel::over(ends(stream, Instant::now(), patience)?, way, backlog)?)
}

/// The words of a server that turns this connection away before anything else; none if it begins with
/// something else, which is not read. Nothing protects them: whoever is on the path may say the same, and
/// keep a client away.
///
/// # Errors
/// If nothing comes until `deadline`, or the connection ends.
pub fn hears_refusal(
    stream: &TcpStream,
    deadline: Option<Instant>,
) -> Result<Option<String>, TransportFault> {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    stream.set_read_timeout(left.map(|time| time.max(Duration::from_millis(1))))?;
    let mut kind = [0];
    while let Err(error) = stream.peek(&mut kind) {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error.into());
        }
    }
    channel::refusal_words(stream, kind[0])
}

/// Turns an accepted connection away: says why, and never waits. The connection should stay open
/// until the client has closed it, or for a second or two: closed with unread bytes, it is reset,
/// and the client may lose the words.
///
/// # Errors
/// If the words cannot be sent at once.
pub fn refuse(stream: &TcpStream, why: &str) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    // They fit into the buffer of a connection on which nothing was sent.
    (&*stream).write_all(&channel::refusal(why))?;
    stream.shutdown(std::net::Shutdown::Write)
}
