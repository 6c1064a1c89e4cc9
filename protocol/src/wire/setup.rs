//! The messages that set a session up.

use rand::Rng;

use super::{Kind, Payload};
use crate::error::PeerFault;
use crate::model::{Card, MAX_CARD_BYTES};
use crate::ot::base::OFFER_LEN;
use crate::plan::{Settings, parameters};

const MAGIC: &[u8; 8] = b"GAZELLE\n";

/// The versions of the protocol that this program speaks: oldest and newest. Parties without a
/// common one refuse each other.
pub const VERSIONS: [u8; 2] = [6, 6];

/// What this program can do beyond its version, one bit for each. Parties use what both can do;
/// there is nothing yet.
pub const FEATURES: u16 = 0;

/// Both parties: `magic (8) ‖ oldest version (1) ‖ newest version (1) ‖ features (2, little-endian)
/// ‖ hash of the parameters (32) ‖ nonce (32)`.
#[derive(Clone)]
pub struct Greeting([u8; Self::LEN]);

impl Greeting {
    /// Bytes of the message.
    pub const LEN: usize = 8 + 2 + 2 + 32 + 32;

    /// This party's greeting.
    pub fn new(rng: &mut impl Rng) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSIONS);
        bytes[10..12].copy_from_slice(&FEATURES.to_le_bytes());
        bytes[12..44].copy_from_slice(&parameters());
        rng.fill_bytes(&mut bytes[44..]);
        Self(bytes)
    }

    /// Its bytes, for the session's name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Payload for Greeting {
    const KIND: Kind = Kind::Hello;

    fn encode(self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        let bytes: [u8; Self::LEN] = payload.try_into().map_err(|_| PeerFault::NotGazelle)?;
        let [oldest, newest] = [bytes[8], bytes[9]];
        if &bytes[..8] != MAGIC || oldest > newest {
            return Err(PeerFault::NotGazelle);
        }
        if newest < VERSIONS[0] || oldest > VERSIONS[1] {
            let [ours, theirs] = [VERSIONS[1].into(), newest.into()];
            return Err(PeerFault::Version { ours, theirs });
        }
        if bytes[12..44] != parameters() {
            return Err(PeerFault::Parameters);
        }
        Ok(Self(bytes))
    }
}

/// Server: `settings (32) ‖ plan's digest (32) ‖ model card`.
#[derive(Clone)]
pub struct Announcement(Vec<u8>);

impl Announcement {
    /// The most bytes that it can have.
    pub const MAX_LEN: usize = Self::len(MAX_CARD_BYTES);

    /// Bytes of the message about a card of `card` bytes.
    pub const fn len(card: usize) -> usize {
        Settings::LEN + 32 + card
    }

    /// Tells the settings, the digest of the server's plan, and a card, which is encoded already.
    pub fn new(settings: &Settings, plan: &[u8; 32], card: &[u8]) -> Self {
        Self([&settings.to_bytes()[..], plan, card].concat())
    }

    /// Its bytes, for the session's name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The settings, the digest and the card.
    ///
    /// # Errors
    /// [`PeerFault::Settings`] or [`PeerFault::Card`] for what an honest server never says.
    pub fn read(&self) -> Result<(Settings, [u8; 32], Card), PeerFault> {
        let (settings, rest) = Settings::split(&self.0)?;
        let (plan, card) = rest.split_first_chunk().ok_or(PeerFault::Settings)?;
        Ok((settings, *plan, Card::from_bytes(card).map_err(PeerFault::Card)?))
    }
}

impl Payload for Announcement {
    const KIND: Kind = Kind::Card;

    fn encode(self) -> Vec<u8> {
        self.0
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        Ok(Self(payload))
    }
}

/// Client: `base OTs' offer (32) ‖ public keys`.
#[derive(Clone)]
pub struct ClientSetUp {
    /// The base OTs' offer.
    pub offer: Vec<u8>,
    /// The public keys, one after the other.
    pub keys: Vec<u8>,
}

impl ClientSetUp {
    /// Bytes of the message, if the public keys have `keys`.
    pub fn len(keys: usize) -> usize {
        OFFER_LEN + keys
    }
}

impl Payload for ClientSetUp {
    const KIND: Kind = Kind::SetUp;

    fn encode(self) -> Vec<u8> {
        [self.offer, self.keys].concat()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        let Some((offer, keys)) = payload.split_at_checked(OFFER_LEN) else {
            let (message, got) = (Self::KIND.name(), payload.len());
            return Err(PeerFault::Length { message, expected: OFFER_LEN, got });
        };
        Ok(Self { offer: offer.to_vec(), keys: keys.to_vec() })
    }
}

bytes_of_an_engine! {
    /// Server: the base OTs' reply, [`crate::ot::base::REPLY_LEN`] bytes.
    ServerSetUp, SetUp;
    /// Client: the OT extension's corrections, [`crate::ot::FieldBits::corrections_len`] bytes.
    Corrections, Corrections;
}
