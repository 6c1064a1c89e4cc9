//! An activation of a network: all its stages, message after message.
//!
//! Offline the stages are prepared together, since the client draws the masks of all that they yield
//! beforehand. Online they run one after the other. A round of maxima reads of each pair the server's
//! x₁ − r₁ − (x₂ − r₂) and the client's r₁ − r₂, which are shares of x₁ − x₂, and yields
//! max(0, x₂ − x₁) less r − r₁; with the server's x₁ − r₁ that is the larger value less r.

mod plan;
mod tournament;

use std::vec;

use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

use super::Side;
use super::layer::{Evaluation, Preparation, PreparedLayer};
use super::preparation::{DownTransfers, UpTransfers};
use crate::error::{Error, PeerFault};
use plan::{ONLINE, Seed};

pub use plan::NodePlan;

/// The offline phase of an activation, between two messages.
pub(crate) struct NodePreparation {
    stages: Vec<Preparation>,
    /// The client's, if there are several stages.
    seed: Option<Zeroizing<Seed>>,
}

/// An activation that waits for the server's sums. It is used once: an evaluation consumes it.
pub(crate) struct PreparedNode {
    side: Side,
    stages: Vec<PreparedLayer>,
    seed: Option<Zeroizing<Seed>>,
}

/// The online phase of an activation, between two messages.
pub(crate) struct NodeEvaluation {
    side: Side,
    /// Of each stage the masks of what it yields, for the client; for the server what those that are
    /// done yielded, less the masks.
    values: Vec<Zeroizing<Vec<u32>>>,
    waiting: vec::IntoIter<PreparedLayer>,
    /// The stage that runs; none after the last.
    current: Option<Evaluation>,
}

const MESSAGE: &str = "message to prepare activations";

impl NodePreparation {
    /// The client's, of its shares `a` of the sums and the masks `r` of what the activation yields, which
    /// mask nothing else, with the transfers of all its chunks.
    pub(crate) fn client(
        plan: &NodePlan,
        [a, r]: [&[u32]; 2],
        mut up: impl Iterator<Item = UpTransfers>,
        mut down: impl Iterator<Item = DownTransfers>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let seed = plan.pooling.as_ref().map(|_| Zeroizing::new(rng.random()));
        let masks = plan.masks(seed.as_deref(), r);
        let stages = plan.stages.iter().enumerate().map(|(number, stage)| {
            let (up, down) = (up.by_ref(), down.by_ref());
            match number {
                0 => Preparation::client(stage, a, up, down, rng),
                _ => {
                    let a = plan.differences(number, &masks);
                    Preparation::client(stage, &a, up, down, rng)
                }
            }
        });
        Self { stages: stages.collect(), seed }
    }

    /// The server's, likewise.
    pub(crate) fn server(
        plan: &NodePlan,
        mut up: impl Iterator<Item = UpTransfers>,
        mut down: impl Iterator<Item = DownTransfers>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let stages = plan.stages.iter();
        let stages =
            stages.map(|stage| Preparation::server(stage, up.by_ref(), down.by_ref(), rng));
        Self { stages: stages.collect(), seed: None }
    }

    /// Makes message `index`, which is this party's to send.
    pub(crate) fn send(&mut self, plan: &NodePlan, index: usize) -> Vec<u8> {
        let mut message = Vec::with_capacity(plan.offline_len(index));
        for (preparation, stage) in self.stages.iter_mut().zip(&plan.stages) {
            if index < stage.offline_messages() {
                message.append(&mut preparation.send(stage, index));
            }
        }
        message
    }

    /// Takes message `index`, which is the other party's.
    ///
    /// # Errors
    /// [`PeerFault`] if it has not as many bytes as the plan says, or an unused bit is set.
    pub(crate) fn receive(
        &mut self,
        plan: &NodePlan,
        index: usize,
        mut bytes: &[u8],
    ) -> Result<(), Error> {
        PeerFault::check_length(MESSAGE, bytes, plan.offline_len(index))?;
        for (preparation, stage) in self.stages.iter_mut().zip(&plan.stages) {
            if index < stage.offline_messages() {
                let (part, rest) = bytes.split_at(stage.offline_len(index));
                preparation.receive(stage, index, part)?;
                bytes = rest;
            }
        }
        Ok(())
    }

    /// After the last message.
    pub(crate) fn finish(self, plan: &NodePlan, side: Side) -> PreparedNode {
        let Self { stages, seed } = self;
        let stages = stages.into_iter().zip(&plan.stages);
        PreparedNode { side, stages: stages.map(|(p, stage)| p.finish(stage)).collect(), seed }
    }
}

impl PreparedNode {
    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.stages.iter().map(PreparedLayer::bytes).sum()
    }

    /// Begins the online phase. `values` are the server's sums; or the masks of what the activation
    /// yields, the same as when it was prepared.
    pub(crate) fn evaluate(self, plan: &NodePlan, values: Zeroizing<Vec<u32>>) -> NodeEvaluation {
        let Self { side, stages, seed } = self;
        let mut waiting = stages.into_iter();
        let clamp = waiting.next().expect("a clamp");
        let (values, first) = match side {
            Side::Client => {
                let masks = plan.masks(seed.as_deref(), &values);
                let first = masks[0].clone();
                (masks, first)
            }
            Side::Server => (Vec::new(), values),
        };
        let current = Some(clamp.evaluate(&plan.stages[0], first));
        NodeEvaluation { side, values, waiting, current }
    }

    /// Bytes of the encoding.
    pub(crate) fn encoded_len(plan: &NodePlan, side: Side) -> usize {
        let seed = if has_seed(plan, side) { size_of::<Seed>() } else { 0 };
        let stages = plan.stages.iter().map(|stage| PreparedLayer::encoded_len(stage, side));
        seed + stages.sum::<usize>()
    }

    /// Appends what is known of all stages.
    pub(crate) fn encode(&mut self, plan: &NodePlan, out: &mut Vec<u8>) {
        out.extend(self.seed.iter().flat_map(|seed| seed.iter()));
        for (prepared, stage) in self.stages.iter_mut().zip(&plan.stages) {
            prepared.encode(stage, out);
        }
    }

    /// Reads the same off the front of `bytes`; None if that is not an encoding.
    pub(crate) fn decode(plan: &NodePlan, side: Side, bytes: &mut &[u8]) -> Option<Self> {
        let seed = match has_seed(plan, side) {
            true => Some(Zeroizing::new(*bytes.split_off(..size_of::<Seed>())?.as_array()?)),
            false => None,
        };
        let stages = plan.stages.iter().map(|stage| PreparedLayer::decode(stage, side, bytes));
        Some(Self { side, stages: stages.collect::<Option<_>>()?, seed })
    }
}

/// Whether a party draws masks for an activation.
fn has_seed(plan: &NodePlan, side: Side) -> bool {
    side == Side::Client && plan.pooling.is_some()
}

impl NodeEvaluation {
    /// Makes message `index`, which is this party's to send.
    pub(crate) fn send(&mut self, plan: &NodePlan, index: usize) -> Vec<u8> {
        let stage = &plan.stages[index / ONLINE];
        let message = self.running().send(stage, index % ONLINE);
        self.advance(plan, index);
        message
    }

    /// Takes message `index`, which is the other party's.
    ///
    /// # Errors
    /// [`PeerFault`] if it has not as many bytes as the plan says, or an unused bit is set.
    pub(crate) fn receive(
        &mut self,
        plan: &NodePlan,
        index: usize,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let stage = &plan.stages[index / ONLINE];
        self.running().receive(stage, index % ONLINE, bytes)?;
        self.advance(plan, index);
        Ok(())
    }

    /// The server's results less the client's masks, after the last message.
    pub(crate) fn finish(self, plan: &NodePlan) -> Vec<u32> {
        plan.winners(self.values)
    }

    fn running(&mut self) -> &mut Evaluation {
        self.current.as_mut().expect("there is a stage for each message")
    }

    /// After the last message of a stage, goes on to the next one.
    fn advance(&mut self, plan: &NodePlan, index: usize) {
        let (number, message) = (index / ONLINE, index % ONLINE);
        if message + 1 < ONLINE {
            return;
        }
        if let (Side::Server, Some(done)) = (self.side, self.current.take()) {
            let results = Zeroizing::new(done.finish(&plan.stages[number]));
            let results = self.with_first(plan, number, results, u32::wrapping_add);
            self.values.push(results);
        }
        self.current = self.waiting.next().map(|next| {
            let number = number + 1;
            let values = match self.side {
                Side::Client => {
                    let masks = self.values[number].clone();
                    self.with_first(plan, number, masks, u32::wrapping_sub)
                }
                Side::Server => plan.differences(number, &self.values),
            };
            next.evaluate(&plan.stages[number], values)
        });
    }

    /// What belongs to a stage's maxima with the first value of each pair, or its mask.
    fn with_first(
        &self,
        plan: &NodePlan,
        number: usize,
        mut values: Zeroizing<Vec<u32>>,
        join: fn(u32, u32) -> u32,
    ) -> Zeroizing<Vec<u32>> {
        if number > 0 {
            let ring = u32::MAX >> (u32::BITS - plan.stages[number].out_bits());
            for (value, first) in values.iter_mut().zip(plan.compared(number, 0)) {
                *value = join(*value, self.values[first.stage][first.index]) & ring;
            }
        }
        values
    }
}
