//! Both parties of a session's transfers, for tests of one linear layer.

use gazelle_garble::{Delta, GateCounter, Hash, HashKind};
use gazelle_protocol::error::PeerFault;
use gazelle_protocol::linear::ServerShare;
use gazelle_protocol::linear::guard::{ClientHalf, ServerHalf};
use gazelle_protocol::ot::{FieldBits, Receiver, ReceiverSetup, Sender, SenderSetup};
use rand::rngs::ChaCha20Rng;

/// Both parties after the base transfers.
pub struct Transfers {
    receiver: Receiver,
    sender: Sender,
    delta: Delta,
    hash: Hash,
    gates: [GateCounter; 2],
}

impl Transfers {
    /// Makes the base transfers.
    ///
    /// # Panics
    /// Never: both parties are honest.
    pub fn new(rng: &mut ChaCha20Rng) -> Self {
        let (session, field) = (&[5; 32], FieldBits::default());
        let delta = Delta::random(rng);
        let (receiver, offer) = ReceiverSetup::new(field, rng);
        let (sender, reply, _) =
            SenderSetup::new(field, session, delta.expose(), &offer, rng).expect("an honest offer");
        let (receiver, corrections, _) = receiver.finish(session, &reply).expect("an honest reply");
        let sender = sender.finish(&corrections).expect("honest corrections");
        let hash = Hash::new(HashKind::default(), 7);
        Self { receiver, sender, delta, hash, gates: [GateCounter::new(), GateCounter::new()] }
    }

    /// The exact shares of both parties, if the client accepts what becomes of the corrections.
    ///
    /// # Errors
    /// If it does not.
    ///
    /// # Panics
    /// If the halves are not equally many.
    pub fn convert(
        &mut self,
        client: ClientHalf,
        server: ServerHalf,
        change: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Result<(Vec<u32>, ServerShare), PeerFault> {
        let Self { receiver, sender, delta, hash, gates } = self;
        let [ours, theirs] = gates.each_mut().map(|gates| gates.take(client.len() as u64));
        let (conversion, message) = client.transfer(receiver, hash, ours);
        let (corrections, share) =
            server.convert(&message, sender, delta, hash, theirs).expect("an honest client");
        Ok((conversion.finish(&change(&corrections))?, share))
    }
}
