//! A server's part between two requests, without the network that it serves.

use rand::rngs::ChaCha20Rng;

use super::ServerParty;
use crate::activation::garbled::Garbler;
use crate::linear::ServerKeys;
use crate::ot::LinkKey;
use crate::party::Service;
use crate::party::name::SessionName;
use crate::party::transfers::ServerTransfers;

/// What a session keeps while its client asks for nothing.
pub struct Resting {
    /// Of the service.
    digest: [u8; 32],
    rng: ChaCha20Rng,
    session: SessionName,
    link: LinkKey,
    keys: ServerKeys,
    hint_sent: bool,
    garbler: Garbler,
    transfers: Option<ServerTransfers>,
    prepared: u64,
}

impl<'a> ServerParty<'a> {
    /// Lets go of the service.
    pub fn rest(self) -> Resting {
        let Self { service, rng, session, link, keys, hint_sent, garbler, transfers, prepared } =
            self;
        let (mut keys, mut garbler, mut transfers) = (keys, garbler, transfers);
        keys.shrink();
        garbler.shrink();
        transfers.iter_mut().for_each(ServerTransfers::shrink);
        let digest = service.digest;
        Resting { digest, rng, session, link, keys, hint_sent, garbler, transfers, prepared }
    }

    /// Goes on.
    ///
    /// # Panics
    /// If the session began with another service.
    pub fn wake(resting: Resting, service: &'a Service) -> Self {
        let Resting { digest, rng, session, link, keys, hint_sent, garbler, transfers, prepared } =
            resting;
        assert!(digest == service.digest, "a session goes on with the service that it began with");
        Self { service, rng, session, link, keys, hint_sent, garbler, transfers, prepared }
    }
}
