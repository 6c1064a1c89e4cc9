//! The first messages: who speaks, which version, which parameters, and the session's name.

use rand::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::VERSION;
use crate::domain;
use crate::error::{Error, PeerFault};
use crate::he::Parameters;
use crate::ot::LinkKey;
use crate::transport::{Channel, Kind, Seal};
use gazelle_garble::{Hash, HashKind};

const MAGIC: &[u8; 8] = b"GAZELLE\n";
pub(super) const LEN: usize = 8 + 4 + 32 + 32;

/// A greeting: `magic (8) ‖ version (4, little-endian) ‖ parameters (32) ‖ nonce (32)`.
pub(super) struct Greeting([u8; LEN]);

impl Greeting {
    /// This party's greeting.
    pub(super) fn new(rng: &mut impl Rng) -> Self {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..44].copy_from_slice(&parameters());
        rng.fill_bytes(&mut bytes[44..]);
        Self(bytes)
    }

    pub(super) fn send(&self, channel: &mut Channel) -> Result<(), Error> {
        channel.send(Kind::Hello, self.0.to_vec())
    }

    /// Receives the peer's greeting and compares versions and parameters.
    pub(super) fn receive(channel: &mut Channel) -> Result<Self, Error> {
        let (_, bytes) =
            channel.receive_any(&[(Kind::Hello, LEN)]).map_err(|error| match error {
                Error::Peer(PeerFault::Kind { .. } | PeerFault::Length { .. }) => {
                    PeerFault::NotGazelle.into()
                }
                other => other,
            })?;
        let bytes: [u8; LEN] = bytes.try_into().map_err(|_| PeerFault::NotGazelle)?;
        if &bytes[..8] != MAGIC {
            return Err(PeerFault::NotGazelle.into());
        }
        let theirs = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if theirs != VERSION {
            return Err(PeerFault::Version { ours: VERSION, theirs }.into());
        }
        if bytes[12..44] != parameters() {
            return Err(PeerFault::Parameters.into());
        }
        Ok(Self(bytes))
    }
}

/// What the set-up fixes for the whole session.
pub(super) struct Context {
    /// The session's name.
    pub(super) session: [u8; 32],
    /// The garbling's hash, its key drawn from the session's name.
    pub(super) hash: Hash,
}

/// What the parties say to each other before they have a common key.
pub(super) struct Transcript<'a> {
    pub(super) client: &'a Greeting,
    pub(super) server: &'a Greeting,
    /// Settings, plan's digest and card.
    pub(super) announcement: &'a [u8],
    /// The client's set-up message.
    pub(super) setup: &'a [u8],
}

impl Context {
    pub(super) fn new(transcript: &Transcript<'_>, kind: HashKind) -> Self {
        let Transcript { client, server, announcement, setup } = transcript;
        let session: [u8; 32] = Sha256::new()
            .chain_update(domain::SESSION)
            .chain_update(client.0)
            .chain_update(server.0)
            .chain_update((announcement.len() as u64).to_le_bytes())
            .chain_update(announcement)
            .chain_update(setup)
            .finalize()
            .into();
        let key: [u8; 32] = Sha256::new()
            .chain_update(domain::GARBLING_KEY)
            .chain_update(session)
            .finalize()
            .into();
        let (key, _) = key.split_first_chunk::<16>().expect("a digest has 32 bytes");
        let hash = Hash::new(kind, u128::from_le_bytes(*key));
        Self { session, hash }
    }

    /// The seals of what the client sends and of what the server sends, from the key that the base
    /// transfers gave to both.
    pub(super) fn seals(&self, link: &LinkKey) -> [Seal; 2] {
        [0, 1].map(|sender| {
            let hash = Sha256::new()
                .chain_update(domain::FRAME_TAGS)
                .chain_update(self.session)
                .chain_update(**link)
                .chain_update([sender]);
            Seal::new(&Zeroizing::new(hash.finalize().into()))
        })
    }
}

/// The hash of everything that both parties must have in common beside the card.
fn parameters() -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(domain::PARAMETERS);
    for set in Parameters::ladder() {
        hash.update((set.n() as u64).to_le_bytes());
        hash.update((set.limbs() as u64).to_le_bytes());
        set.primes().for_each(|q| hash.update(q.to_le_bytes()));
    }
    hash.finalize().into()
}
