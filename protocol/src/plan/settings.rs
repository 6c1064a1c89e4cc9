//! What the server chooses for a session beside its network.

use std::time::Duration;

use super::{NetworkPlan, Policy, TransferSource};
use crate::Link;
use crate::activation::Delivery;
use crate::error::{Error, Misuse, PeerFault};
use crate::model::Card;
use crate::ot::FieldBits;
use crate::plan::ActivationEngine;
use gazelle_garble::HashKind;

/// Bytes that one prepared inference may take a client before tables are streamed.
const MOST_PREPARED: u64 = 1 << 30;

/// How a session is run: chosen by the server, told to the client with the card. Both parties
/// derive the same plan from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// What computes the activations that it can; the others are garbled.
    pub activations: ActivationEngine,
    /// Where activations by masks take their transfers from.
    pub transfers: TransferSource,
}

impl Settings {
    /// Bytes of the encoding.
    pub(crate) const LEN: usize = 8 + 8 + 1 + 1 + 1 + 1 + 1 + 1;

    /// The cheapest choices for a link, with the default hash.
    pub fn for_link(link: Link) -> Self {
        Self { link, field: FieldBits::for_link(link.bits_per_second), ..Self::default() }
    }

    /// The same, with tables that are streamed if one prepared inference of this network would take
    /// a client more than 1 GiB.
    ///
    /// # Errors
    /// Those of [`NetworkPlan::new`].
    pub fn fitted(self, card: &Card) -> Result<Self, Error> {
        let ahead = Self { tables: Delivery::Ahead, ..self };
        let fits = NetworkPlan::new(card.clone(), &ahead)?.client_memory(1) <= MOST_PREPARED;
        Ok(if fits { ahead } else { Self { tables: Delivery::Streamed, ..self } })
    }

    /// `bits per second (8) ‖ round trip in nanoseconds (8) ‖ K (1) ‖ hash (1) ‖ tables (1) ‖
    /// policy (1) ‖ engine of activations (1) ‖ source of transfers (1)`, little-endian.
    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.link.bits_per_second.to_le_bytes());
        let nanoseconds = u64::try_from(self.link.round_trip.as_nanos()).unwrap_or(u64::MAX);
        bytes[8..16].copy_from_slice(&nanoseconds.to_le_bytes());
        bytes[16] = self.field.bits() as u8;
        bytes[17] = match self.hash {
            HashKind::Mitccrh => 0,
            HashKind::MitccrhStrict => 1,
            HashKind::FixedKey => 2,
        };
        bytes[18] = match self.tables {
            Delivery::Ahead => 0,
            Delivery::Streamed => 1,
        };
        bytes[19] = self.policy.byte();
        bytes[20] = self.activations as u8;
        bytes[21] = self.transfers.byte();
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
        let field = FieldBits::try_from(bytes[16]).map_err(|_: Misuse| PeerFault::Settings)?;
        let hash = match bytes[17] {
            0 => HashKind::Mitccrh,
            1 => HashKind::MitccrhStrict,
            2 => HashKind::FixedKey,
            _ => return Err(PeerFault::Settings),
        };
        let tables = match bytes[18] {
            0 => Delivery::Ahead,
            1 => Delivery::Streamed,
            _ => return Err(PeerFault::Settings),
        };
        let policy = Policy::of_byte(bytes[19]).ok_or(PeerFault::Settings)?;
        let activations = match bytes[20] {
            1 => ActivationEngine::Garbled,
            2 => ActivationEngine::Masks,
            _ => return Err(PeerFault::Settings),
        };
        let transfers = TransferSource::of_byte(bytes[21]).ok_or(PeerFault::Settings)?;
        let link = Link { bits_per_second: word(0), round_trip: Duration::from_nanos(word(8)) };
        if link.is_plausible() {
            Ok((Self { link, field, hash, tables, policy, activations, transfers }, card))
        } else {
            Err(PeerFault::Settings)
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
                    let activations = ActivationEngine::Masks;
                    let settings = Settings {
                        link: Link::WAN,
                        field,
                        hash,
                        tables,
                        policy,
                        activations,
                        transfers,
                    };
                    let mut message = settings.to_bytes().to_vec();
                    message.extend_from_slice(b"card");
                    assert_eq!(Settings::split(&message), Ok((settings, b"card".as_slice())));
                }
            }
        }
        let good = Settings::default().to_bytes();
        assert_eq!(Settings::split(&good[..21]), Err(PeerFault::Settings));
        for (at, byte) in
            [(7, 0xff), (15, 0xff), (16, 3), (16, 0), (17, 3), (18, 2), (19, 3), (20, 0), (21, 2)]
        {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Settings::split(&bad), Err(PeerFault::Settings));
        }
    }
}
