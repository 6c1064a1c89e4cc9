//! The transfers in both directions that activations by masks use up.
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

use std::collections::VecDeque;

use rand::CryptoRng;

use crate::activation::masks::{MasksPlan, Preparation, UpLayer};
use crate::error::Error;
use crate::exchange::{BlockMail, Mailbox};
use crate::ot::transfers::{Direction, Receiver, ReceiverSetup, Sender, SenderSetup, Source};
use crate::ot::{FieldBits, base};
use crate::wire::{MaskSetUp, MaskTransfers};

/// Of one party: those that it sends, and those that it receives.
pub(super) struct Transfers {
    sender: Sender,
    receiver: Receiver,
    /// What the server has requested for layers whose preparation has not begun.
    requested: VecDeque<UpLayer>,
}

/// Bytes of the set-up from the client and from the server, each message in a frame.
pub(crate) fn setup_lens(field: FieldBits) -> [[usize; 3]; 2] {
    let corrections = field.corrections_len();
    [
        [base::REPLY_LEN, base::OFFER_LEN, corrections],
        [base::OFFER_LEN, corrections, base::REPLY_LEN],
    ]
}

impl Transfers {
    /// The client's set-up, after the server's offer.
    pub(super) async fn of_client(
        field: FieldBits,
        session: &[u8; 32],
        offer: MaskSetUp,
        mail: &Mailbox,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let (source, MaskSetUp(offer)) = (Source::SoftSpoken(field), offer);
        let (sender, reply) = SenderSetup::new(source, Direction::Up, session, &offer, rng)?;
        mail.send(MaskSetUp(reply)).await;
        let (receiver, offer) = ReceiverSetup::new(source, rng);
        mail.send(MaskSetUp(offer)).await;
        let MaskSetUp(corrections) = mail.receive(field.corrections_len()).await?;
        let sender = sender.finish(&corrections)?;
        let MaskSetUp(reply) = mail.receive(base::REPLY_LEN).await?;
        let (receiver, corrections) = receiver.finish(Direction::Down, session, &reply)?;
        mail.send(MaskSetUp(corrections)).await;
        Ok(Self { sender, receiver, requested: VecDeque::new() })
    }

    /// The server's offer.
    pub(super) fn offer(field: FieldBits, rng: &mut impl CryptoRng) -> (ReceiverSetup, MaskSetUp) {
        let (receiver, offer) = ReceiverSetup::new(Source::SoftSpoken(field), rng);
        (receiver, MaskSetUp(offer))
    }

    /// The server's set-up, after its offer.
    pub(super) async fn of_server(
        field: FieldBits,
        session: &[u8; 32],
        receiver: ReceiverSetup,
        mail: &Mailbox,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let source = Source::SoftSpoken(field);
        let MaskSetUp(reply) = mail.receive(base::REPLY_LEN).await?;
        let (receiver, corrections) = receiver.finish(Direction::Up, session, &reply)?;
        let MaskSetUp(offer) = mail.receive(base::OFFER_LEN).await?;
        let (sender, reply) = SenderSetup::new(source, Direction::Down, session, &offer, rng)?;
        mail.send(MaskSetUp(corrections)).await;
        mail.send(MaskSetUp(reply)).await;
        let MaskSetUp(corrections) = mail.receive(field.corrections_len()).await?;
        let sender = sender.finish(&corrections)?;
        Ok(Self { sender, receiver, requested: VecDeque::new() })
    }

    /// The server's request for the transfers of a layer that the client sends.
    pub(super) fn request_of_server(
        &mut self,
        plan: &MasksPlan,
        rng: &mut impl CryptoRng,
    ) -> Result<MaskTransfers, Error> {
        let [up, _] = plan.transfers();
        let request = self.receiver.request(up, rng)?;
        self.requested.push_back(UpLayer::received(plan, self.receiver.take(up)));
        Ok(MaskTransfers(request))
    }

    /// The client's preparation of a layer with shares `a` of its sums, after the server's request:
    /// its own request and the first message.
    pub(super) async fn prepare_client(
        &mut self,
        plan: &MasksPlan,
        a: &[u32],
        mail: BlockMail<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(Preparation, MaskTransfers), Error> {
        let [up, down] = plan.transfers();
        let MaskTransfers(request) = mail.receive(self.sender.lengths(up).request).await?;
        // An extension needs no answer.
        self.sender.answer(up, &request)?;
        let request = MaskTransfers(self.receiver.request(down, rng)?);
        let sent = UpLayer::sent(plan, self.sender.take(up));
        let received = self.receiver.take(down);
        Ok((Preparation::client(plan, a, sent, received, rng), request))
    }

    /// The server's preparation of a layer, from the client's request on.
    pub(super) async fn prepare_server(
        &mut self,
        plan: &MasksPlan,
        mail: BlockMail<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Preparation, Error> {
        let [_, down] = plan.transfers();
        let MaskTransfers(request) = mail.receive(self.sender.lengths(down).request).await?;
        self.sender.answer(down, &request)?;
        let received = self.requested.pop_front().expect("each layer was requested");
        let sent = self.sender.take(down);
        Ok(Preparation::server(plan, received, sent, rng))
    }
}
