//! The server's set-up, once a session: what is agreed, under which keys, and the base transfers.

use gazelle_garble::Delta;
use rand::rngs::ChaCha20Rng;

use super::ServerParty;
use crate::activation::garbled::GarblerSetup;
use crate::error::Error;
use crate::exchange::{Exchange, FrameKeys, Mailbox};
use crate::linear::ServerKeys;
use crate::party::Service;
use crate::party::name::{Opening, SessionName};
use crate::party::transfers::ServerTransfers;
use crate::wire::{ClientSetUp, Corrections, Greeting, PublishedHint, ServerSetUp};

impl<'a> ServerParty<'a> {
    /// Greets a client and sets a session up. All of the server's randomness comes from `rng`, which
    /// the operating system seeds outside tests.
    pub fn accept(service: &'a Service, rng: ChaCha20Rng) -> Exchange<'a, Self> {
        Exchange::new(|mail| Self::set_up(service, mail, rng))
    }

    async fn set_up(
        service: &'a Service,
        mail: Mailbox,
        mut rng: ChaCha20Rng,
    ) -> Result<Self, Error> {
        let ours = Greeting::new(&mut rng);
        let theirs = mail.receive(Greeting::LEN).await;
        // Greet in any case: a client of another version learns which one this is.
        mail.send(ours.clone()).await;
        let theirs: Greeting = theirs?;
        let plan = &service.plan;
        let announcement = plan.announcement();
        mail.send(announcement.clone()).await;
        let hint = service.hint().map(|hint| PublishedHint(*hint.name()));
        if let Some(hint) = &hint {
            mail.send(hint.clone()).await;
        }

        let keys_len = ServerKeys::encoded_len(plan.coefficient());
        let setup: ClientSetUp = mail.receive(ClientSetUp::len(keys_len)).await?;
        let session = SessionName::new(&Opening {
            client: &theirs,
            server: &ours,
            announcement: &announcement,
            hint: hint.as_ref(),
            setup: &setup,
        });
        let ClientSetUp { offer, keys } = setup;
        let (field, delta) = (plan.settings().field, Delta::random(&mut rng));
        let (garbler, reply, link) =
            GarblerSetup::new(field, session.as_bytes(), delta, &offer, &mut rng)?;
        let [received, sent] = session.frame_keys(&link);
        mail.seal(FrameKeys { sent, received, opened: false }).await;
        mail.send(ServerSetUp(reply)).await;
        let mut receiver = None;
        if plan.uses_masks() {
            let (setup, offer) = ServerTransfers::offer(*plan.sources(), &mut rng);
            mail.send(offer).await;
            receiver = Some(setup);
        }
        let keys = ServerKeys::from_bytes(plan.coefficient(), &keys)?;
        let Corrections(corrections) = mail.receive(field.corrections_len()).await?;
        let garbler = garbler.finish(&corrections)?;
        let transfers = match receiver {
            Some(receiver) => {
                let (sources, name) = (*plan.sources(), session.as_bytes());
                Some(ServerTransfers::set_up(sources, name, receiver, &mail, &mut rng).await?)
            }
            None => None,
        };
        let (hint_sent, prepared) = (false, 0);
        Ok(Self { service, rng, session, link, keys, hint_sent, garbler, transfers, prepared })
    }
}
