//! Channels over TLS 1.3.
//!
//! TLS says who the peer is and hides everything from onlookers. There is no resumption and no early
//! data, so that what was recorded of a connection is worth nothing to who sends it again. What TLS
//! exports (RFC 9266) goes into the key of every frame's tag: whoever ends TLS on both sides, with
//! certificates that both sides believe, cannot pass frames on.

mod credentials;
mod fault;
mod handshake;
mod stream;
#[cfg(test)]
mod tests;

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use gazelle_protocol::transport::{Backlog, Channel, Patience, TransportFault};
use gazelle_protocol::{Link, Way};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

pub use credentials::Credentials;

use crate::{Clients, Error, Fingerprint};

/// What a client sets TLS up with.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

/// What a server sets TLS up with.
#[derive(Clone)]
pub struct ServerTls(Arc<ServerConfig>);

/// A channel, and what its TLS connection tells.
pub struct Secured {
    /// The channel.
    pub channel: Channel,
    /// What only the two ends of this connection know.
    pub binding: [u8; 32],
    /// Of the peer's certificate, if it has shown one.
    pub certificate: Option<Fingerprint>,
}

impl ClientTls {
    /// With what a client's folder holds.
    ///
    /// # Errors
    /// If the certificate and the key do not fit.
    pub fn new(credentials: &Credentials) -> Result<Self, Error> {
        credentials.client().map(|config| Self(Arc::new(config)))
    }
}

impl ServerTls {
    /// With what a server's folder holds, for these clients.
    ///
    /// # Errors
    /// If something is missing or does not fit.
    pub fn new(credentials: &Credentials, clients: &Clients) -> Result<Self, Error> {
        credentials.server(clients).map(|config| Self(Arc::new(config)))
    }
}

/// The client's channel over a connection to `address` (`host:port`), whose certificate must be for
/// that host.
///
/// # Errors
/// [`Error::Tls`] if the server is not who it should be; the connection's otherwise.
pub fn connect(
    stream: TcpStream,
    address: &str,
    tls: &ClientTls,
    patience: Patience,
    link: Option<Link>,
) -> Result<Secured, Error> {
    let start = Instant::now();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_string())
        .map_err(|_| Error::Tls(format!("`{host}` is no host's name; give HOST:PORT")))?;
    let connection = ClientConnection::new(Arc::clone(&tls.0), name).map_err(fault::internal)?;
    secure(
        connection.into(),
        stream,
        start,
        patience,
        link.map(|link| link.upward()),
        Backlog::Unlimited,
    )
}

/// The server's channel over a connection that came at `start`.
///
/// # Errors
/// [`Error::Tls`] if the client is not admitted or speaks something else; the connection's
/// otherwise.
pub fn accept(
    stream: TcpStream,
    start: Instant,
    tls: &ServerTls,
    patience: Patience,
    link: Option<Link>,
) -> Result<Secured, Error> {
    let connection = ServerConnection::new(Arc::clone(&tls.0)).map_err(fault::internal)?;
    secure(
        connection.into(),
        stream,
        start,
        patience,
        link.map(|link| link.downward()),
        Backlog::SERVER,
    )
}

fn secure(
    mut connection: Connection,
    stream: TcpStream,
    start: Instant,
    patience: Patience,
    way: Option<Way>,
    backlog: Backlog,
) -> Result<Secured, Error> {
    stream.set_nodelay(true).map_err(TransportFault::from)?;
    handshake::run(&mut connection, &stream, start.checked_add(patience.setup))?;
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.map(|certificate| Fingerprint::of(certificate));
    let label = b"EXPORTER-Channel-Binding";
    let binding = connection.export_keying_material([0; 32], label, None);
    let binding = binding.map_err(fault::internal)?;
    let ends = stream::ends(connection, stream, start, patience, binding);
    let channel = Channel::over(ends, way, backlog).map_err(TransportFault::from)?;
    Ok(Secured { channel, binding, certificate })
}
