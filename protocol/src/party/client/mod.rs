//! The client: it has the image and learns the class.
//!
//! - `setup`: greetings, base transfers, keys;
//! - `hint`: the server's hint, which the client fetches or has from before;
//! - `offline`: bundles, before their images are known;
//! - `online`: an image, classified with a bundle.

mod hint;
mod offline;
mod online;
mod setup;

pub use online::Leftover;

use std::sync::Arc;

use rand::rngs::ChaCha20Rng;

use super::name::SessionName;
use super::transfers::ClientTransfers;
use crate::activation::garbled::Evaluator;
use crate::he::hint::{Hint, HintName};
use crate::linear::ClientKeys;
use crate::ot::LinkKey;
use crate::plan::{NetworkPlan, Stocks, Terms};
use crate::wire::{Bye, Message, Payload};

/// A client whose session is set up.
pub struct ClientParty {
    rng: ChaCha20Rng,
    session: SessionName,
    /// What both parties know and nobody else.
    link: LinkKey,
    terms: Terms,
    plan: Arc<NetworkPlan>,
    /// Of the server's hint, if the plan needs one.
    hint_name: Option<HintName>,
    /// The hint, once the client has it.
    hint: Option<Arc<Hint>>,
    keys: ClientKeys,
    evaluator: Evaluator,
    /// For activations by masks, if there are any.
    transfers: Option<ClientTransfers>,
    /// Bundles prepared so far.
    prepared: u64,
    /// Whether bundles keep the shares that only tests look at.
    keeps_shares: bool,
}

impl ClientParty {
    /// The server's network.
    pub fn plan(&self) -> &Arc<NetworkPlan> {
        &self.plan
    }

    /// What waits of transfers between offline phases.
    pub fn stocks(&self) -> Stocks {
        self.transfers.as_ref().map_or_else(Stocks::default, ClientTransfers::stocks)
    }

    /// Lets the bundles that are prepared from now on keep the client's share of every tensor.
    #[doc(hidden)]
    pub fn keep_shares(&mut self) {
        self.keeps_shares = true;
    }

    /// The farewell to send.
    pub fn close(self) -> Message {
        Bye.into_message()
    }
}
