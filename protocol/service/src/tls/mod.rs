//! Channels over TLS 1.3.
//!
//! TLS says who the peer is and hides everything from onlookers. There is no resumption and no early
//! data, so that what was recorded of a connection is worth nothing to who sends it again. What TLS
//! exports (RFC 9266) goes into the key of every frame's tag: whoever ends TLS on both sides, with
//! certificates that both sides believe, cannot pass frames on. A client whose handshake does not name
//! Gazelle, as a browser's does not, is asked for a [WebSocket](crate::websocket).

mod credentials;
mod fault;
mod handshake;
mod stream;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use gazelle_protocol::transport::{Backlog, Channel, Ends, Limit, Patience, TransportFault};
use gazelle_protocol::{Link, Way};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

pub use credentials::Credentials;

use self::stream::{TlsReader, TlsWriter};
use crate::websocket::{self, Door, Web};
use crate::{Clients, Error, Fingerprint};

/// What both parties call their protocol inside TLS.
const GAZELLE: &[u8] = b"gazelle";
/// What browsers call the one that WebSockets begin with.
const WEB: &[u8] = b"http/1.1";

/// What a client sets TLS up with.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

/// What a server sets TLS up with.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// Which says what the server's hosts are.
    pub(crate) certificate: CertificateDer<'static>,
    /// The pages whose WebSockets are accepted, and the server's own.
    web: Web,
}

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

    /// The same for a connection that a WebSocket goes over.
    pub(crate) fn for_web(&self) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols = vec![WEB.to_vec()];
        Self(Arc::new(config))
    }
}

impl ServerTls {
    /// With what a server's folder holds, for these clients.
    ///
    /// # Errors
    /// If something is missing or does not fit.
    pub fn new(credentials: &Credentials, clients: &Clients) -> Result<Self, Error> {
        let (config, certificate) = credentials.server(clients)?;
        Ok(Self { config: Arc::new(config), certificate, web: Web::default() })
    }

    /// Accepts WebSockets of these pages too, beside those of programs.
    pub fn with_web(self, web: Web) -> Self {
        Self { web, ..self }
    }
}

impl Secured {
    pub(crate) fn new(
        ends: Ends<impl Read + Limit + Send + 'static, impl Write + Limit + Send + 'static>,
        binding: [u8; 32],
        certificate: Option<Fingerprint>,
        way: Option<Way>,
        backlog: Backlog,
    ) -> Result<Self, Error> {
        let channel = Channel::over(ends, way, backlog).map_err(TransportFault::from)?;
        Ok(Self { channel, binding, certificate })
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
    let Shaken { ends, binding, .. } =
        shake_server(stream, Instant::now(), address, tls, patience)?;
    Secured::new(ends, binding, None, link.map(|link| link.upward()), Backlog::Unlimited)
}

/// The server's channel over a connection that came at `start`: a WebSocket if the client does not say
/// in the handshake that it speaks Gazelle.
///
/// # Errors
/// [`Error::Tls`] if the client is not admitted or speaks something else, [`Error::WebSocket`] if it
/// asks by HTTP for what there is not; the connection's otherwise.
pub fn accept(
    stream: TcpStream,
    start: Instant,
    tls: &ServerTls,
    patience: Patience,
    link: Option<Link>,
) -> Result<Secured, Error> {
    let connection = ServerConnection::new(Arc::clone(&tls.config)).map_err(fault::internal)?;
    let Shaken { ends, binding, certificate, frames } =
        shake(connection.into(), stream, start, patience)?;
    let way = link.map(|link| link.downward());
    if frames {
        return Secured::new(ends, binding, certificate, way, Backlog::SERVER);
    }
    let door = Door { web: &tls.web, certificate: Some(&tls.certificate) };
    let (ends, binding) = websocket::open(ends, &door)?;
    Secured::new(ends, binding, certificate, way, Backlog::SERVER)
}

/// A connection whose handshake is over.
pub(crate) struct Shaken {
    pub(crate) ends: Ends<TlsReader, TlsWriter>,
    /// What TLS exports.
    binding: [u8; 32],
    /// Of the peer's certificate.
    certificate: Option<Fingerprint>,
    /// Whether both have said that they speak Gazelle.
    frames: bool,
}

/// The client's handshake with the server at `address`.
pub(crate) fn shake_server(
    stream: TcpStream,
    start: Instant,
    address: &str,
    tls: &ClientTls,
    patience: Patience,
) -> Result<Shaken, Error> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_string())
        .map_err(|_| Error::Tls(format!("`{host}` is no host's name; give HOST:PORT")))?;
    let connection = ClientConnection::new(Arc::clone(&tls.0), name).map_err(fault::internal)?;
    let mut connection = connection.into();
    handshake::knock(&mut connection, &stream, start.checked_add(patience.setup))?;
    shake(connection, stream, start, patience)
}

fn shake(
    mut connection: Connection,
    stream: TcpStream,
    start: Instant,
    patience: Patience,
) -> Result<Shaken, Error> {
    stream.set_nodelay(true).map_err(TransportFault::from)?;
    handshake::run(&mut connection, &stream, start.checked_add(patience.setup))?;
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.map(|certificate| Fingerprint::of(certificate));
    let frames = connection.alpn_protocol() == Some(GAZELLE);
    let label = b"EXPORTER-Channel-Binding";
    let binding = connection.export_keying_material([0; 32], label, None);
    let binding = binding.map_err(fault::internal)?;
    let ends = stream::ends(connection, stream, start, patience, binding);
    Ok(Shaken { ends, binding, certificate, frames })
}
