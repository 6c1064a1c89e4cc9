//! Channels over TCP.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use super::channel::{self, Ends};
use super::limits::{self, Limit, Patience, Timed};
use super::{Backlog, Channel, TransportFault};
use crate::Link;

/// How long a connection may take to come about, and a client to greet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client that is turned away may take to notice.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Connects to `address` (`host:port`). A peer that is silent for `timeout`, or as long for each
/// 4 MiB, is given up.
///
/// # Errors
/// [`TransportFault::Unreachable`] if nothing answers.
pub fn connect(
    address: &str,
    timeout: Duration,
    link: Option<Link>,
) -> Result<Channel, TransportFault> {
    let unreachable = |source| TransportFault::Unreachable { address: address.into(), source };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return over(stream, timeout, timeout, link, Backlog::Unlimited),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

/// The server's channel over an accepted connection. A peer that is silent for `timeout`, or as
/// long for each 4 MiB, is given up; one that does not begin to speak within ten seconds, too.
///
/// # Errors
/// If the system has no thread for it.
pub fn accept(
    stream: TcpStream,
    timeout: Duration,
    link: Option<Link>,
) -> Result<Channel, TransportFault> {
    over(stream, timeout, timeout.min(CONNECT_TIMEOUT), link, Backlog::SERVER)
}

fn over(
    stream: TcpStream,
    timeout: Duration,
    greeting: Duration,
    link: Option<Link>,
    backlog: Backlog,
) -> Result<Channel, TransportFault> {
    stream.set_nodelay(true)?;
    let stream = Arc::new(stream);
    let [reader, writer] = [(); 2].map(|()| Timed::new(Arc::clone(&stream)));
    let patience = Patience(timeout);
    let ends = Ends { reader: Box::new(reader), writer, stream: Some(stream), patience, greeting };
    Ok(Channel::over(ends, link, backlog)?)
}

/// Turns an accepted connection away: says why, and waits a second at most for the client to notice.
pub fn refuse(stream: TcpStream, why: &str) {
    let stream = Arc::new(stream);
    let mut writer = Timed::new(Arc::clone(&stream));
    writer.limit(REFUSAL_TIMEOUT);
    if writer.write_all(&channel::refusal(why)).is_ok() {
        limits::drain(&stream, REFUSAL_TIMEOUT);
    }
}
