//! Who comes in: the connection's protection, the client's name, and the model that it asks for.

use crate::{
    args::ServeArgs,
    connection::Plaintext,
    failure::{Failure, Result},
};
use gazelle_protocol::{
    Link,
    transport::{self, Channel, Patience},
    wire::Access,
};
use gazelle_service::{Clients, Credentials, Error, Secured, ServerTls};
use std::{net::TcpStream, time::Instant};

/// How connections are protected, and whom they may belong to.
pub(crate) enum Entrance {
    Plaintext,
    Tls(ServerTls, Clients),
}

/// What a server has for its clients.
#[derive(Clone, Copy)]
pub(crate) struct Offer<'a> {
    /// The name of its model.
    pub(crate) model: &'a str,
    /// Whether it keeps what they prepare.
    pub(crate) keeps: bool,
}

/// A client that is served.
pub(crate) struct Admitted {
    pub(crate) channel: Channel,
    /// What the server calls it, if it knows.
    pub(crate) name: Option<String>,
}

impl Entrance {
    pub(crate) fn new(args: &ServeArgs) -> Result<Self> {
        let Some(folder) = &args.protection.tls else {
            args.protection.plaintext.unwrap_or(Plaintext::Here).check(args.listen)?;
            return Ok(Self::Plaintext);
        };
        let beside = folder.join("clients.toml");
        let clients = match &args.clients {
            _ if args.anyone => Clients::Anyone,
            Some(list) => Clients::read(list)?,
            None if beside.exists() => Clients::read(&beside)?,
            None => Clients::Certified,
        };
        let tls = ServerTls::new(&Credentials::read(folder)?, &clients)?;
        Ok(Self::Tls(tls, clients))
    }

    /// Lets a client in that came at `start` and asks for what is on offer; the others are told why
    /// not, if they can be.
    pub(crate) fn admit(
        &self,
        stream: TcpStream,
        start: Instant,
        patience: Patience,
        link: Option<Link>,
        offer: Offer<'_>,
    ) -> Result<Admitted> {
        let (mut channel, secured) = match self {
            Self::Plaintext => {
                (transport::accept(stream, patience, link).map_err(Error::from)?, None)
            }
            Self::Tls(tls, _) => {
                let Secured { channel, binding, certificate } =
                    gazelle_service::accept(stream, start, tls, patience, link)?;
                (channel, Some((binding, certificate)))
            }
        };
        let access = channel.receive_access()?;
        let Access { model: asked, keep, proof } = access.unwrap_or_default();
        let name = match (self, secured) {
            (Self::Tls(_, clients), Some((binding, certificate))) => {
                match clients.admit(certificate, proof.as_ref(), Some(&binding)) {
                    Ok((_, name)) => Some(name),
                    Err(why) => {
                        channel.refuse(why);
                        return Err(Failure::new(format!("refused: {why}")));
                    }
                }
            }
            _ => None,
        };
        if !asked.is_empty() && asked != offer.model {
            channel.refuse(&format!("this server has no model of that name, but {}", offer.model));
            return Err(Failure::new("refused: it asks for a model that is not served"));
        }
        if keep && !offer.keeps {
            channel
                .refuse("this server keeps nothing beyond a session; ask its operator for --store");
            return Err(Failure::new("refused: it asks for a store, and there is none"));
        }
        Ok(Admitted { channel, name })
    }
}
