//! The client's set-up, once a session: what is agreed, under which keys, and the base transfers.

use std::sync::Arc;

use rand::rngs::ChaCha20Rng;

use super::ClientParty;
use crate::activation::garbled::EvaluatorSetup;
use crate::error::Error;
use crate::exchange::{Exchange, FrameKeys, Mailbox};
use crate::linear::ClientKeys;
use crate::ot;
use crate::party::name::{Opening, SessionName};
use crate::party::transfers::ClientTransfers;
use crate::plan::Terms;
use crate::wire::{
    Announcement, ClientSetUp, Corrections, Expected, Greeting, MaskSetUp, Payload, PublishedHint,
    ServerSetUp,
};

impl ClientParty {
    /// Greets the server and sets the session up, if what the server announces is within the terms.
    /// All of the client's randomness comes from `rng`, which the operating system seeds outside
    /// tests.
    pub fn connect(terms: &Terms, rng: ChaCha20Rng) -> Exchange<'static, Self> {
        let terms = *terms;
        Exchange::new(move |mail| Self::set_up(mail, terms, rng))
    }

    async fn set_up(mail: Mailbox, terms: Terms, mut rng: ChaCha20Rng) -> Result<Self, Error> {
        let ours = Greeting::new(&mut rng);
        mail.send(ours.clone()).await;
        let theirs: Greeting = mail.receive(Greeting::LEN).await?;
        let announcement = Expected::at_most(Announcement::KIND, Announcement::MAX_LEN);
        let announcement = Announcement::decode(mail.take(announcement).await.payload)?;
        let plan = terms.accept(&announcement)?;
        let hint = match plan.uses_hint() {
            true => Some(mail.receive::<PublishedHint>(PublishedHint::LEN).await?),
            false => None,
        };

        let (evaluator, offer) = EvaluatorSetup::new(plan.settings().field, &mut rng);
        let (keys, public) = ClientKeys::generate(plan.coefficient(), &mut rng);
        let setup = ClientSetUp { offer, keys: public };
        let session = SessionName::new(&Opening {
            client: &ours,
            server: &theirs,
            announcement: &announcement,
            hint: hint.as_ref(),
            setup: &setup,
        });
        mail.send(setup).await;
        let ServerSetUp(reply) = mail.receive(ot::base::REPLY_LEN).await?;
        let (evaluator, corrections, link) = evaluator.finish(session.as_bytes(), &reply)?;
        let [sent, received] = session.frame_keys(&link);
        mail.seal(FrameKeys { sent, received, opened: true }).await;
        let plan = Arc::new(plan);
        let offer = match plan.uses_masks() {
            true => Some(mail.receive::<MaskSetUp>(ot::base::OFFER_LEN).await?),
            false => None,
        };
        mail.send(Corrections(corrections)).await;
        let transfers = match offer {
            Some(offer) => {
                let (sources, name) = (*plan.sources(), session.as_bytes());
                Some(ClientTransfers::set_up(sources, name, offer, &mail, &mut rng).await?)
            }
            None => None,
        };
        Ok(Self {
            rng,
            session,
            link,
            terms,
            plan,
            hint_name: hint.map(|PublishedHint(name)| name),
            hint: None,
            keys,
            evaluator,
            transfers,
            prepared: 0,
            keeps_shares: false,
        })
    }
}
