//! The connection between a server and its clients: what protects it, and how a client makes and cuts it.

use crate::failure::{Failure, Result};
use clap::ValueEnum;
use gazelle_protocol::{
    Link,
    transport::{self, Channel, Patience, TransportFault},
    wire::Access,
};
use gazelle_service::{ClientTls, Credentials, Secured, websocket};
use std::{
    io::{self, ErrorKind},
    net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How a connection is protected.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ProtectionArgs {
    /// Connect over TLS, with the credentials in this folder, as `gazelle keygen` makes it
    #[arg(long, value_name = "DIR")]
    pub(crate) tls: Option<PathBuf>,
    /// Connect without TLS: on this machine, or anywhere if something else protects the connection
    #[arg(
        long,
        value_enum,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "here"
    )]
    pub(crate) plaintext: Option<Plaintext>,
}

/// How a client reaches a server.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RoadArgs {
    #[command(flatten)]
    pub(crate) protection: ProtectionArgs,
    /// Connect as browsers do, through HTTP proxies that pass WebSockets on
    #[arg(long)]
    pub(crate) websocket: bool,
}

/// Where a connection without TLS may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plaintext {
    /// To this machine's own addresses
    Here,
    /// To all addresses
    Anywhere,
}

impl Plaintext {
    /// Refuses what leaves this machine, unless it may.
    pub(crate) fn check(self, address: SocketAddr) -> Result<()> {
        match self {
            Self::Here if !address.ip().to_canonical().is_loopback() => Err(Failure::new(format!(
                "{address} can be reached from other machines: give --tls DIR, or \
                     --plaintext=anywhere if something else protects the connection"
            ))),
            _ => Ok(()),
        }
    }
}

/// What a client asks a server for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish<'a> {
    /// A model by its name, or the only one.
    pub(crate) model: Option<&'a str>,
    /// Whether what is prepared must outlive the session.
    pub(crate) keep: bool,
}

/// The connection that a client has right now, for another thread to cut.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<Mutex<Cable>>);

#[derive(Debug, Default)]
struct Cable {
    stream: Option<TcpStream>,
    cut: bool,
}

impl Line {
    /// Ends the connection, and any that is being made: whatever waits for the server fails.
    pub fn cut(&self) {
        let mut cable = self.cable();
        cable.cut = true;
        // A connection that has ended already needs no end.
        let _ = cable.stream.take().map(|stream| stream.shutdown(Shutdown::Both));
    }

    /// Lets connections be made again, after a cut.
    pub fn mend(&self) {
        self.cable().cut = false;
    }

    /// Whether it is, and was not mended.
    pub(crate) fn is_cut(&self) -> bool {
        self.cable().cut
    }

    fn hold(&self, stream: &TcpStream) -> io::Result<()> {
        let mut cable = self.cable();
        if cable.cut {
            return Err(ErrorKind::Interrupted.into());
        }
        cable.stream = Some(stream.try_clone()?);
        Ok(())
    }

    /// No code panics under this lock.
    fn cable(&self) -> MutexGuard<'_, Cable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's way to a server.
pub(crate) struct Road {
    line: Line,
    protection: Protection,
    /// Whether it goes through a WebSocket.
    websocket: bool,
}

enum Protection {
    Plaintext(Plaintext),
    Tls(Box<(ClientTls, Credentials)>),
}

impl Road {
    pub(crate) fn new(args: &RoadArgs, line: Line) -> Result<Self> {
        let protection = match (&args.protection.tls, args.protection.plaintext) {
            (Some(folder), _) => {
                let credentials = Credentials::read(folder)?;
                Protection::Tls(Box::new((ClientTls::new(&credentials)?, credentials)))
            }
            (None, plaintext) => Protection::Plaintext(plaintext.unwrap_or(Plaintext::Here)),
        };
        Ok(Self { line, protection, websocket: args.websocket })
    }

    /// Without TLS, to this machine.
    pub(crate) fn here() -> Self {
        let protection = Protection::Plaintext(Plaintext::Here);
        Self { line: Line::default(), protection, websocket: false }
    }

    /// Connects to `server` and tells it a wish.
    pub(crate) fn open(
        &self,
        server: &str,
        wish: Wish<'_>,
        patience: Patience,
        link: Option<Link>,
    ) -> Result<Channel> {
        if let Protection::Plaintext(plaintext) = self.protection {
            // An address that is none is told of by whoever dials it.
            let addresses = server.to_socket_addrs().into_iter().flatten();
            addresses.into_iter().try_for_each(|address| plaintext.check(address))?;
        }
        let stream = transport::dial(server).map_err(gazelle_service::Error::from)?;
        self.line
            .hold(&stream)
            .map_err(|error| Failure::at(server, &TransportFault::from(error)))?;
        let (mut channel, binding) = self
            .carry(stream, server, patience, link)
            .map_err(|error| Failure::at(server, &error))?;
        let token = match &self.protection {
            Protection::Tls(tls) => tls.1.token(),
            Protection::Plaintext(_) => None,
        };
        let proof = token.zip(binding).map(|(token, binding)| token.prove(&binding));
        let model = wish.model.unwrap_or_default().to_string();
        // A channel that fails so early says so at its first answer.
        let _ = channel.send_access(Access { model, keep: wish.keep, proof });
        Ok(channel)
    }

    /// The channel over a connection to `server`, and what a token signs there.
    fn carry(
        &self,
        stream: TcpStream,
        server: &str,
        patience: Patience,
        link: Option<Link>,
    ) -> std::result::Result<(Channel, Option<[u8; 32]>), gazelle_service::Error> {
        let tls = match &self.protection {
            Protection::Tls(tls) => Some(&tls.0),
            Protection::Plaintext(_) => None,
        };
        let bound = |secured: Secured| (secured.channel, Some(secured.binding));
        match (self.websocket, tls) {
            (true, tls) => websocket::connect(stream, server, tls, patience, link).map(bound),
            (false, Some(tls)) => {
                gazelle_service::connect(stream, server, tls, patience, link).map(bound)
            }
            (false, None) => Ok((transport::begin(stream, patience, link)?, None)),
        }
    }
}
