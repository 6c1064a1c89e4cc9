//! Channels over WebSocket (RFC 6455), for clients in browsers.
//!
//! Binary messages carry the bytes that a connection would; where one ends means nothing. A script in
//! a browser cannot learn what TLS exports, so a session is bound to something else than to its TLS
//! connection: the server's first 32 bytes are a *challenge*, drawn for this WebSocket, and both
//! parties' binding is its hash with the host that the client has dialled. A server looks whether its
//! certificate is for that host: what was shown to one host is worth nothing at another, and what was
//! shown once is worth nothing again. But whoever has a certificate for the host that a client believes
//! can stand in between, as with any page of the web.

mod origin;
mod page;
mod reader;
#[cfg(test)]
mod tests;
mod upgrade;
mod writer;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gazelle_protocol::Link;
use gazelle_protocol::frames::{CHALLENGE_LEN, websocket_binding};
use gazelle_protocol::transport::{self, Backlog, Channel, Ends, Limit, Patience, TransportFault};
use ring::rand::{SecureRandom, SystemRandom};

pub use origin::Origin;
pub use page::{PageFile, Web};
pub(crate) use upgrade::Door;

use self::reader::WebReader;
use self::writer::{Role, Sending, WebWriter};
use crate::{ClientTls, Error, Secured, tls};

/// The client's channel over a WebSocket to `address` (`host:port`), over TLS if there is something to
/// set it up with.
///
/// # Errors
/// [`Error::Tls`] if the server is not who it should be, [`Error::WebSocket`] if it opens none; the
/// connection's otherwise.
pub fn connect(
    stream: TcpStream,
    address: &str,
    tls: Option<&ClientTls>,
    patience: Patience,
    link: Option<Link>,
) -> Result<Secured, Error> {
    let (start, way) = (Instant::now(), link.map(|link| link.upward()));
    match tls {
        Some(tls) => {
            let tls::Shaken { ends, .. } =
                tls::shake_server(stream, start, address, &tls.for_web(), patience)?;
            let (ends, binding) = ask(ends, address)?;
            Secured::new(ends, binding, None, way, Backlog::Unlimited)
        }
        None => {
            let (ends, binding) = ask(transport::ends(stream, start, patience)?, address)?;
            Secured::new(ends, binding, None, way, Backlog::Unlimited)
        }
    }
}

/// The server's channel over a connection without TLS that came at `start`: a WebSocket if the client
/// asks for one, for a program or a page that `web` lets in.
///
/// # Errors
/// [`Error::Page`] if it asks for the server's page, and [`Error::WebSocket`] for something else by
/// HTTP; the connection's otherwise.
pub fn accept_plaintext(
    stream: TcpStream,
    start: Instant,
    web: &Web,
    patience: Patience,
    link: Option<Link>,
) -> Result<Channel, Error> {
    let http = speaks_http(&stream, start, patience.setup)?;
    let (ends, way) = (transport::ends(stream, start, patience)?, link.map(|link| link.downward()));
    let channel = match http {
        false => Channel::over(ends, way, Backlog::SERVER),
        true => {
            let (ends, _) = open(ends, &Door { web, certificate: None })?;
            Channel::over(ends, way, Backlog::SERVER)
        }
    };
    Ok(channel.map_err(TransportFault::from)?)
}

/// Whether a client's first byte begins a request of HTTP; it stays where it is.
fn speaks_http(stream: &TcpStream, start: Instant, time: Duration) -> Result<bool, TransportFault> {
    let mut first = [0];
    let limit = time.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
    stream.set_read_timeout(Some(limit).filter(|_| time < Duration::MAX))?;
    loop {
        match stream.peek(&mut first) {
            Ok(0) => return Err(TransportFault::Closed),
            Ok(_) => return Ok(first == *b"G"),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A connection's two directions inside a WebSocket, and what the session is bound to.
type Opened<R, W> = (Ends<WebReader<R, W>, WebWriter<W>>, [u8; 32]);

/// The server's side: opens a WebSocket if there is a request for one that `door` lets in.
pub(crate) fn open<R, W>(mut ends: Ends<R, W>, door: &Door<'_>) -> Result<Opened<R, W>, Error>
where
    R: Read + Limit,
    W: Write + Limit,
{
    let deadline = ends.start.checked_add(ends.patience.setup);
    let (host, rest) = upgrade::answer(&mut ends.reader, &mut ends.writer, deadline, door)?;
    let mut challenge = [0; CHALLENGE_LEN];
    random(&mut challenge).map_err(TransportFault::from)?;
    let binding = websocket_binding(&challenge, &host);
    let mut ends = inside(ends, Role::Server, rest, binding);
    ends.writer.limit(until(deadline).map_err(TransportFault::from)?);
    ends.writer.write_all(&challenge).map_err(TransportFault::from)?;
    Ok((ends, binding))
}

/// The client's side: asks the server at `host` for a WebSocket.
fn ask<R, W>(mut ends: Ends<R, W>, host: &str) -> Result<Opened<R, W>, Error>
where
    R: Read + Limit,
    W: Write + Limit,
{
    let deadline = ends.start.checked_add(ends.patience.setup);
    let Ends { reader, writer, stream, .. } = &mut ends;
    let rest = upgrade::request(reader, writer, deadline, host, stream.as_deref())?;
    let mut ends = inside(ends, Role::Client, rest, [0; 32]);
    let mut challenge = [0; CHALLENGE_LEN];
    let mut read = 0;
    while read < CHALLENGE_LEN {
        ends.reader.limit(until(deadline).map_err(TransportFault::from)?);
        match ends.reader.read(&mut challenge[read..]) {
            Ok(0) => return Err(TransportFault::Closed.into()),
            Ok(n) => read += n,
            Err(error) => return Err(TransportFault::from(error).into()),
        }
    }
    let binding = websocket_binding(&challenge, host);
    ends.binding = Some(binding);
    Ok((ends, binding))
}

/// The directions after the upgrade, with what was read beyond it.
fn inside<R, W>(
    ends: Ends<R, W>,
    role: Role,
    rest: Vec<u8>,
    binding: [u8; 32],
) -> Ends<WebReader<R, W>, WebWriter<W>>
where
    W: Write + Limit,
{
    let Ends { reader, writer, stream, patience, start, .. } = ends;
    let sending = Arc::new(Sending::new(writer, role));
    let reader = WebReader::new(reader, Arc::clone(&sending), role, rest);
    let writer = WebWriter::new(sending);
    Ends { reader, writer, stream, patience, start, binding: Some(binding) }
}

/// Fills bytes by the system's randomness.
fn random(bytes: &mut [u8]) -> io::Result<()> {
    let none = |_| io::Error::other("the operating system gives no randomness");
    SystemRandom::new().fill(bytes).map_err(none)
}

/// The time that is left; never zero.
fn until(deadline: Option<Instant>) -> io::Result<Duration> {
    let Some(deadline) = deadline else { return Ok(Duration::MAX) };
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}
