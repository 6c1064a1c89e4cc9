//! What a client lets a session cost: checked before anything is sent, held or computed.

use super::NetworkPlan;
use crate::error::{Error, Limit, Misuse, PeerFault};
use crate::model::{CardHash, ModelError};
use crate::wire::Announcement;

/// What a client asks of a server, and what it lets a session cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The card that the server must have, if the client knows it.
    pub card: Option<CardHash>,
    /// Bytes of memory that the inferences of one offline phase may take.
    pub memory: u64,
    /// Bytes that may be received for one inference, the server's hint included.
    pub download: u64,
    /// Whether transfers may be silent, which assumes that learning parity with noise is hard.
    pub lpn: bool,
}

impl Terms {
    /// Any server, at any cost.
    pub const NONE: Self = Self { card: None, memory: u64::MAX, download: u64::MAX, lpn: true };

    /// Plans the network that the server announces, if it is within the terms.
    pub(crate) fn accept(&self, announcement: &Announcement) -> Result<NetworkPlan, Error> {
        let (settings, theirs, card) = announcement.read()?;
        if let Some(expected) = self.card {
            let got = card.hash().map_err(ModelError::from)?;
            if got != expected {
                return Err(PeerFault::OtherCard { expected, got }.into());
            }
        }
        let plan = match NetworkPlan::within(card, &settings, self.memory) {
            Err(Error::Misuse(Misuse::Policy)) => return Err(PeerFault::Settings.into()),
            plan => plan?,
        };
        if plan.digest() != theirs {
            return Err(PeerFault::Plan.into());
        }
        self.check(&plan, 1)?;
        Ok(plan)
    }

    /// Whether `count` inferences prepared together are within the terms.
    pub(crate) fn check(&self, plan: &NetworkPlan, count: usize) -> Result<(), Limit> {
        if plan.assumes_lpn() && !self.lpn {
            return Err(Limit::Lpn);
        }
        let needed = plan.client_memory(count);
        if needed > self.memory {
            return Err(Limit::Memory { count, needed, allowed: self.memory });
        }
        let inference = plan.offline(1).received + plan.online().received;
        let needed = inference + plan.hint_fetch().received;
        if needed > self.download {
            return Err(Limit::Download { needed, allowed: self.download });
        }
        Ok(())
    }
}

/// Any card and transfers; 4 GiB of memory, 8 GiB to receive.
impl Default for Terms {
    fn default() -> Self {
        Self { card: None, memory: 4 << 30, download: 8 << 30, lpn: true }
    }
}
