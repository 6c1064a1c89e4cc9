//! What plans are expected to take on their link: what they are chosen by.
//!
//! A price is bytes over rates, round trips, and work at the [`rates`] of one core. It is a model: it lets
//! links be compared, and it tells seconds to within a third or so. What counts is that both parties
//! compute the same, in whole numbers.

use super::{ActivationPlan, EngineCost, LinearPlan, NetworkPlan, Settings};
use crate::activation::Delivery;
use crate::ot::FieldBits;
use crate::ot::transfers::Source;

/// Nanoseconds that one inference is expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Before the image is known.
    pub offline: u64,
    /// From the image on.
    pub online: u64,
}

impl Price {
    /// One number: a nanosecond of the offline phase counts `percent` hundredths of one online.
    pub fn weighed(self, percent: u8) -> u64 {
        self.online.saturating_add((self.offline / 100).saturating_mul(percent.into()))
    }

    /// Both, one after the other.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            offline: self.offline.saturating_add(other.offline),
            online: self.online.saturating_add(other.online),
        }
    }

    /// So many round trips in either phase.
    pub(super) fn of_rounds(offline: u64, online: u64, settings: &Settings) -> Self {
        let round_trip = u64::try_from(settings.link.round_trip.as_nanos()).unwrap_or(u64::MAX);
        let [offline, online] = [offline, online].map(|rounds| rounds.saturating_mul(round_trip));
        Self { offline, online }
    }
}

impl ActivationPlan {
    /// What the activation is expected to take, round trips not counted.
    ///
    /// Offline both directions of the link are busy at once, and tables travel while others are garbled,
    /// but by masks one message waits for the other, as it does online.
    pub fn price(&self, settings: &Settings) -> Price {
        let EngineCost { offline, online } = self.cost(settings.field);
        let (up, down) = (settings.link.upward(), settings.link.downward());
        let work = self.work(settings.field);
        let busy = up.nanoseconds(offline.sent).max(down.nanoseconds(offline.received));
        let [sent, received] = [up.nanoseconds(online.sent), down.nanoseconds(online.received)];
        Price {
            // Silent transfers take about a bit, whoever sends it; they are not among the messages.
            offline: match self {
                Self::Garbled(_) => busy.max(work.offline),
                Self::Masks(_) => busy.saturating_add(work.offline),
            },
            online: sent.saturating_add(received).saturating_add(work.online),
        }
    }

    /// The work of the party that has more of it.
    fn work(&self, field: FieldBits) -> Price {
        match self {
            Self::Garbled(plan) => {
                let cost = plan.cost(field);
                let transfers = cost.label_bytes as u64 / 16 * field.picoseconds();
                let (garble, evaluate) = (cost.ands * rates::GARBLE, cost.ands * rates::EVALUATE);
                let [offline, online] = match plan.delivery() {
                    Delivery::Ahead => [garble + transfers, evaluate],
                    Delivery::Streamed => [0, garble + transfers + evaluate],
                };
                Price { offline: offline / 1000, online: online / 1000 }
            }
            Self::Masks(plan) => {
                let transfers = plan.transfers().into_iter().zip(plan.sources());
                let each = |(count, source): (usize, Source)| {
                    count as u64 * (rates::transfer(source) + rates::PREPARE)
                };
                let offline: u64 = transfers.map(each).sum();
                let online = plan.lanes() as u64 * rates::UNMASK;
                Price { offline: offline / 1000, online: online / 1000 }
            }
        }
    }
}

impl LinearPlan {
    /// What the map is expected to take, round trips not counted. Its product online, which no choice
    /// changes, is left out.
    pub(super) fn price(&self, settings: &Settings) -> Price {
        let work = match self {
            Self::Coefficient(plan) => plan.cost().nanoseconds,
            Self::Hint(plan) => plan.cost().nanoseconds,
        };
        let (up, down) = (settings.link.upward(), settings.link.downward());
        let guard = up.nanoseconds(self.guard_len(settings.field) as u64);
        let corrections = down.nanoseconds(self.corrections_len() as u64);
        let transfers = self.output_len() as u64 * settings.field.picoseconds() / 1000;
        let parts = [guard, corrections, transfers];
        let offline = parts.into_iter().fold(work, u64::saturating_add);
        Price { offline, online: 0 }
    }
}

impl NetworkPlan {
    /// What one inference is expected to take on the settings' link; of set-up, its part of the hint.
    pub fn price(&self) -> Price {
        let settings = &self.settings;
        let image = settings.link.upward().nanoseconds(self.masked_len(0) as u64);
        let linear = self.linear.iter().map(|plan| plan.price(settings));
        let linear = linear.fold(Price { offline: 0, online: image }, Price::and);
        let rounds = self.linear.iter().map(|plan| plan.cost(settings.field).offline.rounds);
        let rounds = Price::of_rounds(rounds.max().unwrap_or(0), 0, settings);
        let activations: Vec<_> = self.activations.iter().collect();
        let activations = self.places.price_of_activations(&activations, settings);
        linear.and(rounds).and(activations)
    }
}

/// Work in picoseconds on one core with AVX-512 and VAES (Intel Xeon, AMD EPYC), transfers apart: of garbling from
/// `gazelle bench --network cifar10` over loopback (`docs/performance.md`), seconds of a phase over what there is of
/// it; of masks from `cargo bench --bench masks` (`docs/masks.md`), rounded up, since machines differ.
mod rates {
    use super::Source;

    /// A transfer, on either side.
    pub(super) const fn transfer(source: Source) -> u64 {
        match source {
            Source::SoftSpoken(field) => field.picoseconds(),
            Source::Silent(_) => 25_000,
        }
    }

    /// Garbling an AND gate, sending and storing its table.
    pub(super) const GARBLE: u64 = 8_000;
    /// Evaluating one; its label is sent and its table read.
    pub(super) const EVALUATE: u64 = 4_000;
    /// What a transfer is used for when activations by masks are prepared.
    pub(super) const PREPARE: u64 = 8_000;
    /// The online phase of a clamp or a maximum by masks.
    pub(super) const UNMASK: u64 = 30_000;
}
