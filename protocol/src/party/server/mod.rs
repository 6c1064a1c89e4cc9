//! The server: it has the network and learns nothing.
//!
//! - `setup`: greetings, base transfers, keys;
//! - `offline`: bundles, before their images are known;
//! - `online`: the server's side of an image, classified with a bundle;
//! - `rest`: the server between two requests;
//! - `deviating` (tests): a server that tries to read the image.

#[cfg(test)]
mod deviating;
mod offline;
mod online;
mod rest;
mod setup;

pub use rest::Resting;

use rand::rngs::ChaCha20Rng;

use super::Service;
use super::name::SessionName;
use super::transfers::ServerTransfers;
use crate::activation::garbled::Garbler;
use crate::error::PeerFault;
use crate::exchange::Exchange;
use crate::linear::ServerKeys;
use crate::ot::LinkKey;
use crate::wire::{HintPart, Request};

/// A server whose session with one client is set up.
pub struct ServerParty<'a> {
    service: &'a Service,
    rng: ChaCha20Rng,
    session: SessionName,
    /// What both parties know and nobody else.
    link: LinkKey,
    keys: ServerKeys,
    /// Whether the client has asked for the hint.
    hint_sent: bool,
    garbler: Garbler,
    /// For activations by masks, if there are any.
    transfers: Option<ServerTransfers>,
    /// Bundles prepared so far.
    prepared: u64,
}

/// What a session did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Inferences that ended.
    pub inferences: u64,
}

impl<'a> ServerParty<'a> {
    /// Waits for what the client wants next.
    pub fn request(self) -> Exchange<'a, (Self, Request)> {
        Exchange::new(|mail| async move {
            let request = Request::decode(mail.take(Request::expected()).await)?;
            Ok((self, request))
        })
    }

    /// Sends the hint: once in a session.
    pub fn send_hint(mut self) -> Exchange<'a, Self> {
        Exchange::new(|mail| async move {
            let hint = self.service.hint().filter(|_| !self.hint_sent).ok_or(PeerFault::NoHint)?;
            self.hint_sent = true;
            for part in hint.as_bytes().chunks(HintPart::MAX_LEN) {
                mail.send(HintPart(part.to_vec())).await;
            }
            Ok(self)
        })
    }
}
