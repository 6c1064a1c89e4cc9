//! What refills of silent transfers cost: a function of what waits from the offline phase before.

use std::iter;

use super::NetworkPlan;
use crate::activation::masks::NodePlan;
use crate::ot::transfers::{Direction, Source, Stock};
use crate::plan::engine::framed;
use crate::wire::Traffic;

/// What the transfers of a session have in both directions, between offline phases. By default what they
/// have after the set-up: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stocks(pub(crate) [Stock; 2]);

impl NetworkPlan {
    /// Where transfers come from: those that the client sends, and those that the server sends.
    pub fn sources(&self) -> &[Source; 2] {
        &self.sources
    }

    /// Whether a session rests on learning parity with noise.
    pub fn assumes_lpn(&self) -> bool {
        self.uses_masks() && self.sources.iter().any(|source| source.is_silent())
    }

    /// The activations by masks of `count` inferences, in the order in which they take transfers.
    pub(crate) fn mask_layers(&self, count: usize) -> impl Iterator<Item = (usize, &NodePlan)> {
        self.masks_with(0).flat_map(move |layer| iter::repeat_n(layer, count))
    }

    /// What the silent transfers of an offline phase that prepares `count` inferences cost, besides what
    /// its nodes cost; `stocks` is what waits before it, and then what waits after it.
    pub fn refill(&self, stocks: &mut Stocks, count: usize) -> Traffic {
        self.refill_traffic(&self.refills(stocks, count))
    }

    pub(super) fn refills(&self, stocks: &mut Stocks, count: usize) -> [Refill; 2] {
        Direction::ALL.map(|direction| {
            let stock = &mut stocks.0[direction as usize];
            self.refill_of(direction, stock, count)
        })
    }

    /// Whether the server sends requests or transfers before its challenge and its proof.
    pub(super) fn is_offered(&self, [up, down]: &[Refill; 2]) -> bool {
        self.uses_masks() && (up.request > 0 || down.answer > 0)
    }

    pub(super) fn refill_traffic(&self, refills: &[Refill; 2]) -> Traffic {
        let [up, down] = refills;
        let offered = self.is_offered(refills);
        let checked = up.challenge > 0 || down.challenge > 0;
        let requests = |direction: Direction, refill: &Refill| {
            let silent = self.sources[direction as usize].is_silent();
            if silent { refill.request } else { 0 }
        };
        Traffic {
            sent: requests(Direction::Down, down) + down.challenge + up.answer + up.proof,
            received: requests(Direction::Up, up) + up.challenge + down.answer + down.proof,
            rounds: u64::from(offered) + u64::from(checked),
        }
    }

    fn refill_of(&self, direction: Direction, stock: &mut Stock, count: usize) -> Refill {
        let source = self.sources[direction as usize];
        let (mut refill, mut challenge, mut proof) = (Refill::default(), 0, 0);
        for part in self.mask_layers(count).flat_map(|(_, plan)| plan.parts()) {
            let lengths = stock.take(source, part.transfers()[direction as usize]);
            refill.request += message(lengths.request);
            refill.answer += message(lengths.answer);
            challenge += lengths.challenge;
            proof += lengths.proof;
        }
        (refill.challenge, refill.proof) = (message(challenge), message(proof));
        refill
    }

    /// At most the bytes of memory that silent transfers take a party of a session: what waits, and those
    /// of a part of a layer.
    pub(crate) fn stock_memory(&self) -> u64 {
        if !self.uses_masks() {
            return 0;
        }
        let of = |direction: usize| match self.sources[direction] {
            Source::SoftSpoken(_) => 0,
            Source::Silent(set) => {
                let parts = self.mask_layers(1).flat_map(|(_, plan)| plan.parts());
                let part = parts.map(|part| part.transfers()[direction]).max().unwrap_or(0);
                // Memory that grows is there twice for a moment.
                2 * size_of::<u128>() * (part + set.outputs() + set.reserve())
            }
        };
        Direction::ALL.iter().map(|&direction| of(direction as usize) as u64).sum()
    }

    /// The longest of the messages that make silent transfers.
    pub(crate) fn longest_refill(&self) -> usize {
        let parts = self.mask_layers(1).flat_map(|(_, plan)| plan.parts());
        let lengths = parts.flat_map(|part| {
            Direction::ALL.map(|direction| {
                let transfers = part.transfers()[direction as usize];
                Stock::default().lengths(self.sources[direction as usize], transfers)
            })
        });
        lengths.map(|lengths| lengths.request.max(lengths.answer)).max().unwrap_or(0)
    }
}

/// Bytes of a refill in one direction of transfers, in frames.
#[derive(Default)]
pub(super) struct Refill {
    request: u64,
    answer: u64,
    challenge: u64,
    proof: u64,
}

/// Bytes of a message in its frame; what has no bytes is not sent.
fn message(len: usize) -> u64 {
    if len == 0 { 0 } else { framed(len, 1) }
}
