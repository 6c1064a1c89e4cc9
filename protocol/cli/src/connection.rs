//! What protects the connection between a server and its clients.

use crate::failure::{Failure, Result};
use clap::ValueEnum;
use gazelle_protocol::{
    Link,
    transport::{self, Channel, Patience},
    wire::Access,
};
use gazelle_service::{ClientTls, Credentials};
use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
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

/// A client's way to a server.
pub(crate) enum Road {
    Plaintext(Plaintext),
    Tls(Box<(ClientTls, Credentials)>),
}

impl Road {
    pub(crate) fn new(args: &ProtectionArgs) -> Result<Self> {
        match (&args.tls, args.plaintext) {
            (Some(folder), _) => {
                let credentials = Credentials::read(folder)?;
                Ok(Self::Tls(Box::new((ClientTls::new(&credentials)?, credentials))))
            }
            (None, plaintext) => Ok(Self::Plaintext(plaintext.unwrap_or(Plaintext::Here))),
        }
    }

    /// Connects to `server` and tells it a wish.
    pub(crate) fn open(
        &self,
        server: &str,
        wish: Wish<'_>,
        patience: Patience,
        link: Option<Link>,
    ) -> Result<Channel> {
        let (mut channel, proof) = match self {
            Self::Plaintext(plaintext) => {
                // An address that is none is told of by whoever dials it.
                let addresses = server.to_socket_addrs().into_iter().flatten();
                addresses.into_iter().try_for_each(|address| plaintext.check(address))?;
                let stream = transport::dial(server).map_err(gazelle_service::Error::from)?;
                let channel = transport::begin(stream, patience, link);
                (channel.map_err(gazelle_service::Error::from)?, None)
            }
            Self::Tls(tls) => {
                let (tls, credentials) = &**tls;
                let stream = transport::dial(server).map_err(gazelle_service::Error::from)?;
                let secured = gazelle_service::connect(stream, server, tls, patience, link);
                let secured = secured.map_err(|e| Failure::new(format!("{server}: {e}")))?;
                let proof = credentials.token().map(|token| token.prove(&secured.binding));
                (secured.channel, proof)
            }
        };
        let model = wish.model.unwrap_or_default().to_string();
        // A channel that fails so early says so at its first answer.
        let _ = channel.send_access(Access { model, keep: wish.keep, proof });
        Ok(channel)
    }
}
