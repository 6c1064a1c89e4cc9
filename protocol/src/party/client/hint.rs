//! The server's hint at the client.

use std::sync::Arc;

use super::ClientParty;
use crate::error::{Error, Misuse, PeerFault};
use crate::exchange::{Exchange, Mailbox};
use crate::he::hint::{Hint, HintFault, HintName};
use crate::wire::{FetchHint, HintPart};

impl ClientParty {
    /// The name of the server's hint, if offline phases need it and the client does not have it yet.
    pub fn needed_hint(&self) -> Option<HintName> {
        self.hint_name.filter(|_| self.hint.is_none())
    }

    /// The hint, if the client has it.
    pub fn hint(&self) -> Option<&Arc<Hint>> {
        self.hint.as_ref()
    }

    /// Takes a hint that the client has from before.
    ///
    /// # Errors
    /// [`HintFault`] if `bytes` is not the hint that the server announced. [`HintFault::Plan`] also if it
    /// announced none.
    pub fn take_hint(&mut self, bytes: Vec<u8>) -> Result<(), HintFault> {
        let name = self.hint_name.ok_or(HintFault::Plan)?;
        let (layers, digest) = (self.plan.hint_layers(), self.plan.hint_digest());
        self.hint = Some(Arc::new(Hint::decode(layers, &digest, &name, bytes)?));
        Ok(())
    }

    /// Fetches the hint from the server, which gives it once in a session.
    pub fn fetch_hint(self) -> Exchange<'static, Self> {
        Exchange::new(|mail| self.fetch(mail))
    }

    async fn fetch(mut self, mail: Mailbox) -> Result<Self, Error> {
        self.needed_hint().ok_or(Misuse::Hint)?;
        let len = self.plan.hint_len();
        mail.send(FetchHint).await;
        let mut bytes = Vec::new();
        for len in HintPart::lens(len) {
            let HintPart(part) = mail.receive(len).await?;
            bytes.extend_from_slice(&part);
        }
        self.take_hint(bytes).map_err(PeerFault::Hint)?;
        Ok(self)
    }
}
