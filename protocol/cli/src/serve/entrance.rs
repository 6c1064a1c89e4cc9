//! Who comes in: the connection's protection, the client's name, and its wish.

use super::{metrics::Refusal, page, session::Break, shared::Service};
use crate::{args::ServeArgs, connection::Plaintext, failure::Result};
use gazelle_protocol::{transport::Channel, wire::Access};
use gazelle_service::{
    Client, Clients, Credentials, Secured, ServerTls,
    websocket::{self, Web},
};
use std::{net::TcpStream, time::Instant};

/// How connections are protected, and whom they may belong to.
pub(super) enum Entrance {
    Plaintext(Web),
    Tls(ServerTls, Clients),
}

/// A client that is known, as far as the server wants to know it.
pub(super) struct Admitted {
    pub(super) channel: Channel,
    pub(super) client: Client,
    pub(super) wish: Access,
}

impl Entrance {
    pub(super) fn new(args: &ServeArgs) -> Result<Self> {
        let files = if args.web { page::FILES } else { &[] };
        let web = Web { origins: args.origins.clone(), files };
        let Some(folder) = &args.protection.tls else {
            args.protection.plaintext.unwrap_or(Plaintext::Here).check(args.listen)?;
            return Ok(Self::Plaintext(web));
        };
        let beside = folder.join("clients.toml");
        let clients = match &args.clients {
            _ if args.anyone => Clients::Anyone,
            Some(list) => Clients::read(list)?,
            None if beside.exists() => Clients::read(&beside)?,
            None => Clients::Certified,
        };
        let tls = ServerTls::new(&Credentials::read(folder)?, &clients)?;
        Ok(Self::Tls(tls.with_web(web), clients))
    }

    /// Whether clients have names here.
    pub(super) fn knows_names(&self) -> bool {
        matches!(self, Self::Tls(..))
    }

    /// The clients of the list; none where there is no list.
    pub(super) fn listed(&self) -> &[Client] {
        match self {
            Self::Tls(_, Clients::Listed(list)) => list,
            _ => &[],
        }
    }

    /// The names in the list, if there is one.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Tls(_, Clients::Listed(list)) => {
                Some(list.iter().map(|client| client.name.clone()).collect())
            }
            _ => None,
        }
    }

    /// Who is served, in words.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::Plaintext(_) => "no TLS, and anyone is served".into(),
            Self::Tls(_, Clients::Anyone) => "TLS, and anyone is served".into(),
            Self::Tls(_, Clients::Certified) => "TLS, for clients with a certificate".into(),
            Self::Tls(_, Clients::Listed(list)) => format!("TLS, for {} clients", list.len()),
        }
    }

    /// Lets a client in that came at `start`; the others are told why not, if they can be.
    pub(super) fn admit(
        &self,
        stream: TcpStream,
        start: Instant,
        service: &Service,
    ) -> std::result::Result<Admitted, Break> {
        let (patience, link) = (service.patience, service.link);
        let (mut channel, secured) = match self {
            Self::Plaintext(web) => {
                (websocket::accept_plaintext(stream, start, web, patience, link)?, None)
            }
            Self::Tls(tls, clients) => {
                let Secured { channel, binding, certificate } =
                    gazelle_service::accept(stream, start, tls, patience, link)?;
                (channel, Some((clients, binding, certificate)))
            }
        };
        let wish = channel.receive_access()?.unwrap_or_default();
        let client = match secured {
            None => Ok(Client::unnamed()),
            Some((clients, binding, certificate)) => {
                clients.admit(certificate, wish.proof.as_ref(), Some(&binding))
            }
        };
        match client {
            Ok(client) => Ok(Admitted { channel, client, wish }),
            Err(why) => Err(Break::refuse(channel, Refusal::Identity, why)),
        }
    }
}
