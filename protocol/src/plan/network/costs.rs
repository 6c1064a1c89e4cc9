//! What a planned network costs: bytes and round trips to the byte, memory, and failures at most.

use super::{NetworkPlan, Stocks};
use crate::activation::Delivery;
use crate::activation::masks::Side;
use crate::linear::ServerKeys;
use crate::plan::engine::framed;
use crate::plan::{ActivationEngine, ActivationPlan, EngineCost, LinearPlan, Settings};
use crate::wire::{
    Announcement, Begin, ClientSetUp, FRAME_LEN, Greeting, HEADER_LEN, Prepare, PublishedHint,
    Traffic,
};
use crate::{ot, party};

/// Bytes of a client's and of a server's memory that images may take which go through a network together.
const MEMORY_TOGETHER: [u64; 2] = [256 << 20, 64 << 20];

/// What the i-th linear map, the i-th activation and the i-th masked tensor cost in one inference:
/// those of block i of a chain. To the byte, frames' headers and tags included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCost {
    /// AND gates of the activation.
    pub ands: u64,
    /// Offline, client to server.
    pub offline_up: u64,
    /// Offline, server to client.
    pub offline_down: u64,
    /// Online, client to server.
    pub online_up: u64,
    /// Online, server to client.
    pub online_down: u64,
    /// Online round trips.
    pub rounds: u64,
}

impl NetworkPlan {
    /// What each block costs.
    pub fn costs(&self) -> Vec<BlockCost> {
        (0..self.parts()).map(|part| self.cost(part)).collect()
    }

    /// What the client sends and receives to set a session up, once.
    pub fn setup(&self) -> Traffic {
        let field = self.settings.field;
        let keys = ServerKeys::encoded_len(self.coefficient());
        let up = [Greeting::LEN, ClientSetUp::len(keys), field.corrections_len()];
        let announcement = Announcement::len(self.card_bytes.len());
        let down = [Greeting::LEN, announcement, ot::base::REPLY_LEN];
        // Of the three frames of a direction, the last one bears a tag.
        let tagged =
            |frames: [usize; 3]| (2 * HEADER_LEN + FRAME_LEN + frames.iter().sum::<usize>()) as u64;
        let mut traffic = Traffic { sent: tagged(up), received: tagged(down), rounds: 2 };
        if self.uses_hint() {
            traffic.received += (HEADER_LEN + PublishedHint::LEN) as u64;
        }
        if self.uses_masks() {
            let [up, down] =
                party::setup_lens(self.sources).map(|lens| framed(lens.iter().sum(), 3));
            traffic.sent += up;
            traffic.received += down;
            traffic.rounds += 1;
        }
        traffic
    }

    /// What the client sends and receives in the first offline phase of a session, if it prepares
    /// `count` inferences. Later ones send less if silent transfers are left over:
    /// [`NetworkPlan::offline_from`].
    pub fn offline(&self, count: usize) -> Traffic {
        self.offline_from(&mut Stocks::default(), count)
    }

    /// The same of any offline phase; `stocks` is what waits before it, and then what waits after it.
    pub fn offline_from(&self, stocks: &mut Stocks, count: usize) -> Traffic {
        let costs = self.costs();
        let sum = |part: fn(&BlockCost) -> u64| count as u64 * costs.iter().map(part).sum::<u64>();
        let request = (FRAME_LEN + Prepare::LEN) as u64;
        let refills = self.refills(stocks, count);
        let refill = self.refill_traffic(&refills);
        Traffic {
            sent: request + sum(|c| c.offline_up) + refill.sent,
            received: sum(|c| c.offline_down) + refill.received + FRAME_LEN as u64,
            rounds: self.offline_rounds(refill.rounds, self.is_offered(&refills))
                + self.waits_for_word(),
        }
    }

    /// log2 of the probability that any sum of an inference is wrong, at most: the union over all
    /// results of the linear maps.
    pub fn failure_log2(&self) -> f64 {
        let wrong = |plan: &LinearPlan| plan.output_len() as f64 * 2f64.powi(plan.failure_log2());
        self.linear.iter().map(wrong).sum::<f64>().log2()
    }

    /// What the client sends and receives in the online phase of one image.
    pub fn online(&self) -> Traffic {
        self.online_together(1)
    }

    /// The same of `images` images that go through the network together and share the round trips.
    pub fn online_together(&self, images: usize) -> Traffic {
        let costs = self.costs();
        let sum = |part: fn(&BlockCost) -> u64| costs.iter().map(part).sum::<u64>();
        let request = (FRAME_LEN + images * Begin::LEN) as u64;
        Traffic {
            sent: request + images as u64 * sum(|c| c.online_up),
            received: images as u64 * sum(|c| c.online_down),
            rounds: sum(|c| c.rounds),
        }
    }

    /// How many images may go through the network together, at most: one where tables are streamed,
    /// otherwise as many as take the client 256 MiB and the server 64.
    pub fn most_together(&self) -> usize {
        if self.activations.iter().any(ActivationPlan::is_streamed) {
            return 1;
        }
        let [client, server] = MEMORY_TOGETHER;
        let fitting =
            (client / self.client_memory(1).max(1)).min(server / self.server_memory().max(1));
        usize::try_from(fitting).unwrap_or(Begin::MOST).clamp(1, Begin::MOST)
    }

    /// The round trip for the word that the server's halves are kept: none of its own unless the client
    /// sends last, as with masks.
    fn waits_for_word(&self) -> u64 {
        u64::from(self.mask_messages() % 2 == 1)
    }

    /// All linear maps share their round trips, the transfers too, and so do all activations. Guard bits
    /// are sent after the first round trip of the transfers, if `offered` says that there is one.
    fn offline_rounds(&self, refill: u64, offered: bool) -> u64 {
        let field = self.settings.field;
        let linear = self.linear.iter().map(|plan| plan.cost(field).offline.rounds);
        let linear = linear.map(|rounds| rounds.max(1 + u64::from(offered)));
        let activations = self.activations.iter().map(|plan| plan.cost(field).offline.rounds);
        linear.max().unwrap_or(0).max(refill) + activations.max().unwrap_or(0)
    }

    fn cost(&self, part: usize) -> BlockCost {
        let field = self.settings.field;
        let mut cost = BlockCost::default();
        if let Some(linear) = self.linear.get(part) {
            let Traffic { sent, received, .. } = linear.cost(field).offline;
            cost.offline_up += sent;
            cost.offline_down += received;
        }
        if let Some(activation) = self.activations.get(part) {
            let EngineCost { offline, online } = activation.cost(field);
            cost.ands = activation.ands(field);
            cost.offline_up += offline.sent;
            cost.offline_down += offline.received;
            cost.online_up = self.masked_before(part) + online.sent - activation.masked();
            cost.online_down = online.received;
            cost.rounds = self.rounds_from(part);
        }
        cost
    }

    /// What the client sends for source number `part`: the image, or what the activation before it
    /// yields.
    fn masked_before(&self, part: usize) -> u64 {
        match part.checked_sub(1) {
            None => framed(self.masked_len(0), 1),
            Some(before) => self.activations[before].masked(),
        }
    }

    /// Online round trips of the level that begins with activation number `part`; 0 if none does.
    pub(in crate::plan) fn rounds_from(&self, part: usize) -> u64 {
        let level = self.places.levels.iter().find(|level| level.start == part);
        level.map_or(0, |level| {
            let plans: Vec<_> = self.activations[level.clone()].iter().collect();
            level_rounds(&plans, &self.settings)
        })
    }

    /// At most how many bytes of memory a client needs for `count` inferences prepared together:
    /// masks, shares, labels and tables, and the messages that wait to be sent meanwhile.
    pub fn client_memory(&self, count: usize) -> u64 {
        let field = self.settings.field;
        let linear = self.linear.iter().map(|plan| plan.client_bytes(field));
        let activations = self.activations.iter().map(|plan| match plan {
            ActivationPlan::Garbled(plan) => plan.client_bytes(field),
            ActivationPlan::Masks(plan) => plan.client_bytes(),
        });
        let masks = self.masks().map(|(len, _)| 4 * len);
        let bytes: usize = linear.chain(activations).chain(masks).sum();
        let tables = |plan: &ActivationPlan| match plan {
            ActivationPlan::Garbled(plan) if plan.delivery() == Delivery::Ahead => {
                plan.cost(field).table_bytes
            }
            _ => 0,
        };
        let tables: usize = self.activations.iter().map(tables).sum();
        // Of streamed layers, and of transfers that are not hashed yet, there is one at a time.
        let window = self
            .activations
            .iter()
            .map(|plan| match plan {
                ActivationPlan::Garbled(plan) => plan.window_bytes(field),
                ActivationPlan::Masks(plan) => plan.window_bytes(),
            })
            .max();
        // A share of every tensor is there until the tables come.
        let bytes = bytes + self.tensor_bytes().saturating_sub(tables);
        let hint = self.hint_len() + self.hints().map(|(_, plan)| plan.window()).max().unwrap_or(0);
        let once = hint + window.unwrap_or(0);
        count as u64 * bytes as u64 + once as u64 + self.stock_memory()
    }

    /// At most how many bytes of memory a server needs for an inference between its phases: shares,
    /// the halves that they are made of, and seeds.
    pub fn server_memory(&self) -> u64 {
        let linear = self.linear.iter().map(|plan| 12 * plan.output_len());
        let activations = self.activations.iter().map(|plan| match plan {
            ActivationPlan::Garbled(plan) => 64 + 4 * plan.instances(),
            ActivationPlan::Masks(plan) => plan.prepared_bytes(Side::Server),
        });
        linear.chain(activations).sum::<usize>() as u64
    }

    /// Bytes of a share of every tensor.
    fn tensor_bytes(&self) -> usize {
        self.places.tensors.iter().map(|tensor| 4 * tensor.shape.len()).sum()
    }
}

/// Online round trips of the activations of one level.
pub(in crate::plan) fn level_rounds(level: &[&ActivationPlan], settings: &Settings) -> u64 {
    let rounds = |plan: &&ActivationPlan| plan.cost(settings.field).online.rounds;
    let is_masks = |plan: &&ActivationPlan| plan.engine() == ActivationEngine::Masks;
    match settings.tables {
        Delivery::Ahead => level.iter().map(rounds).max().unwrap_or(0),
        // Streamed tables come one activation after the other. The first messages under masks come
        // between them, and take a round trip of their own if nothing was streamed before.
        Delivery::Streamed => {
            let streamed: u64 = level.iter().filter(|plan| !is_masks(plan)).map(rounds).sum();
            let first = level.first().is_some_and(is_masks);
            let masks = level.iter().filter(|plan| is_masks(plan)).map(rounds).max();
            streamed + u64::from(first) + masks.map_or(0, |rounds| rounds - 1)
        }
    }
}
