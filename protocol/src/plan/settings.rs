//! What the server chooses for a session besides its network.

use std::time::Duration;

use super::{EngineChoice, LinearChoice, NetworkPlan, Policy, TransferSource};
use crate::Link;
use crate::activation::Delivery;
use crate::error::{Error, Misuse, PeerFault};
use crate::he::hint::Exactness;
use crate::model::Card;
use crate::ot::FieldBits;
use gazelle_garble::HashKind;

/// Bytes that one prepared inference may take a client before tables are streamed.
const MOST_PREPARED: u64 = 1 << 30;

/// How a session is run: chosen by the server, told to the client with the card. Both parties
/// derive the same plan from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The link that plans are made for.
    pub link: Link,
    /// K of the OT extension.
    pub field: FieldBits,
    /// The garbling's hash.
    pub hash: HashKind,
    /// When garbled tables come.
    pub tables: Delivery,
    /// What the client learns.
    pub policy: Policy,
    /// What computes activations.
    pub activations: EngineChoice,
    /// What a second of the offline phase counts in choices, in hundredths of one online: 0 to 100. Few
    /// where inferences are prepared when nobody waits, 100 where somebody always does.
    pub offline_percent: u8,
    /// Where activations by masks take their transfers from.
    pub transfers: TransferSource,
    /// What computes linear maps.
    pub linear: LinearChoice,
    /// How many images a client is expected to classify with one hint, at least 1. For few the hint is made
    /// smaller, and what each image sends larger.
    pub images: u16,
    /// When results of maps with a hint may be wrong.
    pub exactness: Exactness,
}

impl Settings {
    /// Bytes of the encoding.
    pub(crate) const LEN: usize = 8 + 8 + 8 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 2 + 1;

    /// The cheapest choices for a link, with the default hash, as far as they do not depend on the network.
    pub fn for_link(link: Link) -> Self {
        let field = FieldBits::for_link(link.up.min(link.down));
        Self { link, field, activations: EngineChoice::Cheapest, ..Self::default() }
    }

    /// The same, with the field that is the cheapest for this network, and tables that are streamed if
    /// one prepared inference would take a client more than 1 GiB.
    ///
    /// # Errors
    /// Those of [`NetworkPlan::new`].
    pub fn fitted(self, card: &Card) -> Result<Self, Error> {
        let mut plan = NetworkPlan::new(card.clone(), &self)?;
        plan.refit(Delivery::Ahead);
        if plan.client_memory(1) > MOST_PREPARED {
            plan.refit(Delivery::Streamed);
        }
        Ok(*plan.settings())
    }

    /// `bits per second up (8) and down (8) ‖ round trip in nanoseconds (8) ‖ K (1) ‖ hash (1) ‖ tables (1) ‖
    /// policy (1) ‖ engine of activations (1) ‖ weight of the offline phase (1) ‖
    /// source of transfers (1) ‖ engine of linear maps (1) ‖ images for a hint (2) ‖
    /// exactness with a hint (1)`, little-endian.
    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let nanoseconds = u64::try_from(self.link.round_trip.as_nanos()).unwrap_or(u64::MAX);
        let words = [self.link.up, self.link.down, nanoseconds];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes[24] = self.field.bits() as u8;
        bytes[25] = match self.hash {
            HashKind::Mitccrh => 0,
            HashKind::MitccrhStrict => 1,
            HashKind::FixedKey => 2,
        };
        bytes[26] = match self.tables {
            Delivery::Ahead => 0,
            Delivery::Streamed => 1,
        };
        bytes[27] = self.policy.byte();
        bytes[28] = self.activations as u8;
        bytes[29] = self.offline_percent;
        bytes[30] = self.transfers.byte();
        bytes[31] = self.linear as u8;
        bytes[32..34].copy_from_slice(&self.images.to_le_bytes());
        bytes[34] = self.exactness as u8;
        bytes
    }

    /// Splits a message into the settings at its start and what is after them.
    ///
    /// # Errors
    /// [`PeerFault::Settings`] if it does not begin with settings.
    pub(crate) fn split(message: &[u8]) -> Result<(Self, &[u8]), PeerFault> {
        let (bytes, card) =
            message.split_first_chunk::<{ Self::LEN }>().ok_or(PeerFault::Settings)?;
        let word =
            |at: usize| bytes[at..at + 8].iter().rev().fold(0, |w, &b| w << 8 | u64::from(b));
        let field = FieldBits::try_from(bytes[24]).map_err(|_: Misuse| PeerFault::Settings)?;
        let hash = match bytes[25] {
            0 => HashKind::Mitccrh,
            1 => HashKind::MitccrhStrict,
            2 => HashKind::FixedKey,
            _ => return Err(PeerFault::Settings),
        };
        let tables = match bytes[26] {
            0 => Delivery::Ahead,
            1 => Delivery::Streamed,
            _ => return Err(PeerFault::Settings),
        };
        let policy = Policy::of_byte(bytes[27]).ok_or(PeerFault::Settings)?;
        let activations = EngineChoice::of_byte(bytes[28]).ok_or(PeerFault::Settings)?;
        let offline_percent = bytes[29];
        let transfers = TransferSource::of_byte(bytes[30]).ok_or(PeerFault::Settings)?;
        let linear = LinearChoice::of_byte(bytes[31]).ok_or(PeerFault::Settings)?;
        let images = u16::from_le_bytes([bytes[32], bytes[33]]);
        let exactness = Exactness::of_byte(bytes[34]).ok_or(PeerFault::Settings)?;
        let round_trip = Duration::from_nanos(word(16));
        let link = Link { up: word(0), down: word(8), round_trip };
        if link.is_plausible() && offline_percent <= 100 && images > 0 {
            let engines = Self { activations, offline_percent, transfers, ..Self::default() };
            let maps = Self { linear, images, exactness, ..engines };
            Ok((Self { link, field, hash, tables, policy, ..maps }, card))
        } else {
            Err(PeerFault::Settings)
        }
    }
}

/// A LAN, K = 4, no hint (one for a hundred images, were there any), garbled activations whose tables come ahead, what the card says; a second offline counts
/// a fifth of one online.
impl Default for Settings {
    fn default() -> Self {
        Self {
            link: Link::LAN,
            field: FieldBits::Four,
            hash: HashKind::default(),
            tables: Delivery::Ahead,
            policy: Policy::Card,
            activations: EngineChoice::Garbled,
            offline_percent: 20,
            transfers: TransferSource::default(),
            linear: LinearChoice::default(),
            images: 100,
            exactness: Exactness::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ot::silent::LpnSet;

    #[test]
    fn settings_come_back_or_are_refused() {
        for hash in [HashKind::Mitccrh, HashKind::MitccrhStrict, HashKind::FixedKey] {
            for (field, tables) in FieldBits::ALL.map(|field| (field, Delivery::Streamed)) {
                let transfers = [
                    TransferSource::Auto,
                    TransferSource::SoftSpoken,
                    TransferSource::Silent(LpnSet::K17),
                    TransferSource::Silent(LpnSet::K18),
                ];
                let policies = [Policy::Card, Policy::Class, Policy::Values, Policy::Card];
                for (policy, transfers) in policies.into_iter().zip(transfers) {
                    let link = Link { up: 20_000_000, ..Link::WAN };
                    let activations = EngineChoice::Cheapest;
                    let other = Settings {
                        activations,
                        offline_percent: 100,
                        transfers,
                        linear: LinearChoice::Hint,
                        images: 0x102,
                        exactness: Exactness::Always,
                        ..Settings::default()
                    };
                    let settings = Settings { link, field, hash, tables, policy, ..other };
                    let mut message = settings.to_bytes().to_vec();
                    message.extend_from_slice(b"card");
                    assert_eq!(Settings::split(&message), Ok((settings, b"card".as_slice())));
                }
            }
        }
        let good = Settings::default().to_bytes();
        assert_eq!(Settings::split(&good[..34]), Err(PeerFault::Settings));
        for (at, byte) in [
            (7, 0xff),
            (15, 0xff),
            (23, 0xff),
            (24, 3),
            (24, 0),
            (25, 3),
            (26, 2),
            (27, 3),
            (28, 3),
            (29, 101),
            (30, 2),
            (31, 3),
            (32, 0),
            (34, 2),
        ] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Settings::split(&bad), Err(PeerFault::Settings));
        }
    }
}
