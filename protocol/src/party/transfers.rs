//! The transfers in both directions that activations by masks use up: their set-up. What an offline
//! phase takes of them is in `refill`.
//!
//! ```text
//!            client                                            server
//! set-up                                    ◀──     offer of the transfers that the client sends
//!            its reply; offer of the        ──▶
//!            server's transfers             ◀──     corrections; its reply
//!            corrections                    ──▶
//! ```
//!
//! The first message goes with the base OTs' reply and the next two with the client's corrections, so
//! that all of it is one more round trip.

use rand::CryptoRng;

use super::refill::{Receiving, Sending};
use crate::activation::masks::{DownTransfers, NodePlan, NodePreparation, UpTransfers};
use crate::error::Error;
use crate::exchange::Mailbox;
use crate::ot::base;
use crate::ot::transfers::{Direction, ReceiverSetup, SenderSetup, Source};
use crate::plan::Stocks;
use crate::wire::MaskSetUp;

/// The client's: those that it sends, and those that it receives.
pub(super) struct ClientTransfers {
    pub(super) up: Sending<UpTransfers>,
    pub(super) down: Receiving<DownTransfers>,
}

/// The server's: those that it receives, and those that it sends.
pub(super) struct ServerTransfers {
    pub(super) up: Receiving<UpTransfers>,
    pub(super) down: Sending<DownTransfers>,
}

/// Bytes of the set-up from the client and from the server, each message in a frame.
pub(crate) fn setup_lens([up, down]: [Source; 2]) -> [[usize; 3]; 2] {
    [
        [base::REPLY_LEN, base::OFFER_LEN, down.corrections_len()],
        [base::OFFER_LEN, up.corrections_len(), base::REPLY_LEN],
    ]
}

impl ClientTransfers {
    /// The client's set-up, after the server's offer.
    pub(super) async fn set_up(
        [up, down]: [Source; 2],
        session: &[u8; 32],
        MaskSetUp(offer): MaskSetUp,
        mail: &Mailbox,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let (sender, reply) = SenderSetup::new(up, Direction::Up, session, &offer, rng)?;
        mail.send(MaskSetUp(reply)).await;
        let (receiver, offer) = ReceiverSetup::new(down, rng);
        mail.send(MaskSetUp(offer)).await;
        let MaskSetUp(corrections) = mail.receive(up.corrections_len()).await?;
        let sender = sender.finish(&corrections)?;
        let MaskSetUp(reply) = mail.receive(base::REPLY_LEN).await?;
        let (receiver, corrections) = receiver.finish(Direction::Down, session, &reply)?;
        mail.send(MaskSetUp(corrections)).await;
        let up = Sending::new(Direction::Up, sender, UpTransfers::sent);
        let down = Receiving::new(Direction::Down, receiver, DownTransfers::received);
        Ok(Self { up, down })
    }

    /// What waits in both directions.
    pub(super) fn stocks(&self) -> Stocks {
        Stocks([self.up.stock(), self.down.stock()])
    }

    /// Begins to prepare the next activation, of the client's shares of its sums and of what it yields.
    pub(super) fn prepare(
        &mut self,
        plan: &NodePlan,
        shares: [&[u32]; 2],
        rng: &mut impl CryptoRng,
    ) -> NodePreparation {
        NodePreparation::client(plan, shares, self.up.take(), self.down.take(), rng)
    }
}

impl ServerTransfers {
    /// Takes as little memory as they can until they are used again; what waits stays.
    pub(super) fn shrink(&mut self) {
        self.up.shrink();
        self.down.shrink();
    }

    /// The server's offer.
    pub(super) fn offer(
        [up, _]: [Source; 2],
        rng: &mut impl CryptoRng,
    ) -> (ReceiverSetup, MaskSetUp) {
        let (receiver, offer) = ReceiverSetup::new(up, rng);
        (receiver, MaskSetUp(offer))
    }

    /// The server's set-up, after its offer.
    pub(super) async fn set_up(
        [_, down]: [Source; 2],
        session: &[u8; 32],
        receiver: ReceiverSetup,
        mail: &Mailbox,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let MaskSetUp(reply) = mail.receive(base::REPLY_LEN).await?;
        let (receiver, corrections) = receiver.finish(Direction::Up, session, &reply)?;
        let MaskSetUp(offer) = mail.receive(base::OFFER_LEN).await?;
        let (sender, reply) = SenderSetup::new(down, Direction::Down, session, &offer, rng)?;
        mail.send(MaskSetUp(corrections)).await;
        mail.send(MaskSetUp(reply)).await;
        let MaskSetUp(corrections) = mail.receive(down.corrections_len()).await?;
        let sender = sender.finish(&corrections)?;
        let up = Receiving::new(Direction::Up, receiver, UpTransfers::received);
        let down = Sending::new(Direction::Down, sender, DownTransfers::sent);
        Ok(Self { up, down })
    }

    /// Begins to prepare the next activation.
    pub(super) fn prepare(&mut self, plan: &NodePlan, rng: &mut impl CryptoRng) -> NodePreparation {
        NodePreparation::server(plan, self.up.take(), self.down.take(), rng)
    }
}
