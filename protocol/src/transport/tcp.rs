//! Channels over TCP.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::{Backlog, Channel, TransportFault};
use crate::Link;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to `address` (`host:port`). A read or a write that takes longer than `timeout` fails.
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
            Ok(stream) => return over(stream, timeout, link, Backlog::Unlimited),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

/// The server's channel over an accepted connection. A read or a write that takes longer than `timeout` fails.
///
/// # Errors
/// If the system refuses the timeouts.
pub fn accept(
    stream: TcpStream,
    timeout: Duration,
    link: Option<Link>,
) -> Result<Channel, TransportFault> {
    over(stream, timeout, link, Backlog::SERVER)
}

fn over(
    stream: TcpStream,
    timeout: Duration,
    link: Option<Link>,
    backlog: Backlog,
) -> Result<Channel, TransportFault> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    Ok(Channel::new(stream.try_clone()?, stream, link, backlog))
}
