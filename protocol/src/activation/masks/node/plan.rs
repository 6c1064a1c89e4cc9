//! An activation by masks, planned: a clamp and, if it pools, rounds of maxima.

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use zeroize::Zeroizing;

use super::super::Side;
use super::super::part::{Part, parts};
use super::super::plan::{Cost, MasksPlan};
use super::tournament::{Tournament, Value};
use crate::digest::PlanDigest;
use crate::model::{ActivationNode, Tensor};
use crate::ot::transfers::{Direction, Source};

/// Messages of a stage's online phase; the server sends the first, then they alternate.
pub(super) const ONLINE: usize = 4;

/// Bytes that the masks of values between stages grow from.
pub(super) type Seed = [u8; 32];

/// An activation: stages, each a layer of one program, that are prepared together and run one after the
/// other.
pub struct NodePlan {
    /// The clamp, and the maxima of each round.
    pub(super) stages: Vec<MasksPlan>,
    /// What the maxima are of, in each channel.
    pub(super) pooling: Option<Tournament>,
    channels: usize,
}

impl NodePlan {
    /// An activation that reads tensor `input` and yields tensor `output`, cut into digits of at most
    /// `widest` bits; the cheapest cuts for transfers from these sources. None if this engine does not
    /// compute it: it clamps to 2^c values, and pools if the ring of `output` has more than c bits and
    /// no two windows have the same cells.
    pub(crate) fn of_node(
        node: &ActivationNode,
        input: Tensor,
        output: Tensor,
        sources: [Source; 2],
        widest: usize,
    ) -> Option<Self> {
        let (instances, out_bits) = (input.shape.len(), output.ring_bits);
        let clamp = MasksPlan::clamp(node, instances, out_bits, sources, widest)?;
        let channels = input.shape.channels;
        let Some(window) = &node.max_pool else {
            return Some(Self { stages: vec![clamp], pooling: None, channels });
        };
        let bits = clamp.result_bits();
        let pooling = Tournament::new(window, input.shape)?;
        debug_assert_eq!(channels * pooling.winners.len(), output.shape.len());
        let maxima = pooling.rounds.iter().map(|round| {
            MasksPlan::maxima(bits, channels * round.len(), out_bits, sources, widest)
        });
        let stages = std::iter::once(Some(clamp)).chain(maxima).collect::<Option<_>>()?;
        Some(Self { stages, pooling: Some(pooling), channels })
    }

    /// How many values it yields.
    pub fn instances(&self) -> usize {
        match &self.pooling {
            None => self.stages[0].instances(),
            Some(pooling) => self.channels * pooling.winners.len(),
        }
    }

    /// Clamps and maxima together.
    pub(crate) fn lanes(&self) -> usize {
        self.stages.iter().map(MasksPlan::instances).sum()
    }

    /// Bits of the ring of the sums.
    pub(crate) fn ring_bits(&self) -> u32 {
        self.stages[0].ring_bits()
    }

    /// Transfers that it takes: those whose sender the client is, and the others.
    pub(crate) fn transfers(&self) -> [usize; 2] {
        let stages = self.stages.iter().map(MasksPlan::transfers);
        stages.fold([0; 2], |[up, down], stage| [up + stage[0], down + stage[1]])
    }

    /// Where the transfers of each direction come from.
    pub(crate) fn sources(&self) -> [Source; 2] {
        self.stages[0].sources()
    }

    /// What transfers are made for at once, one after the other.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        parts(self.sources(), self.stages.iter())
    }

    /// Bytes of the requests for its transfers in each direction, one for each part; none if they are
    /// silent.
    pub(crate) fn request_lens(&self) -> [Vec<usize>; 2] {
        Direction::ALL.map(|direction| match self.sources()[direction as usize] {
            Source::SoftSpoken(field) => {
                self.parts().map(|p| field.message_len(p.transfers()[direction as usize])).collect()
            }
            Source::Silent(_) => Vec::new(),
        })
    }

    /// How many messages the offline phase has; the client sends the first, then they alternate.
    pub(crate) fn offline_messages(&self) -> usize {
        self.stages.iter().map(MasksPlan::offline_messages).max().expect("a clamp")
    }

    /// Bytes of message `index` of the offline phase: those of all stages that have it.
    pub(crate) fn offline_len(&self, index: usize) -> usize {
        let stages = self.stages.iter().filter(|stage| index < stage.offline_messages());
        stages.map(|stage| stage.offline_len(index)).sum()
    }

    /// How many messages the online phase has; the server sends the first, then they alternate.
    pub(crate) fn online_messages(&self) -> usize {
        ONLINE * self.stages.len()
    }

    /// Bytes of message `index` of the online phase.
    pub(crate) fn online_len(&self, index: usize) -> usize {
        self.stages[index / ONLINE].online_len(index % ONLINE)
    }

    /// Bytes of memory that the activation, prepared, takes a party.
    pub(crate) fn prepared_bytes(&self, side: Side) -> usize {
        self.stages.iter().map(|stage| stage.prepared_bytes(side)).sum()
    }

    /// At most how many bytes of memory it takes the client, with messages that wait to be sent.
    pub(crate) fn client_bytes(&self) -> usize {
        // They wait to be sent.
        let [_, requests] = self.request_lens();
        let requests: usize = requests.into_iter().sum();
        let stages: usize = self.stages.iter().map(MasksPlan::client_bytes).sum();
        // While pooled values are prepared, there are all masks and a stage's differences.
        let masks = if self.pooling.is_some() { 2 * size_of::<u32>() * self.lanes() } else { 0 };
        requests + stages + masks
    }

    /// At most how many bytes the transfers of one of its parts take while they are made, with the
    /// extension's matrix and the message.
    pub(crate) fn window_bytes(&self) -> usize {
        let parts = self.parts().map(|part| part.transfers().iter().sum::<usize>());
        4 * size_of::<u128>() * parts.max().unwrap_or(0)
    }

    /// What the activation costs.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost { transfers: self.transfers(), ..Cost::default() };
        for index in 0..self.offline_messages() {
            cost.offline[index % 2] += self.offline_len(index);
            cost.offline_messages[index % 2] += 1;
        }
        for index in 0..self.online_messages() {
            cost.online[(index + 1) % 2] += self.online_len(index);
            cost.online_messages[(index + 1) % 2] += 1;
        }
        cost
    }

    /// Puts all of it into a plan's digest.
    pub(crate) fn digest(&self, digest: &mut PlanDigest) {
        digest.numbers(&[self.stages.len(), self.channels]);
        self.stages.iter().for_each(|stage| stage.digest(digest));
        if let Some(pooling) = &self.pooling {
            pooling.digest(digest);
        }
    }

    /// The client's masks of what each stage yields: `r` of what the activation yields, others from
    /// `seed`.
    pub(super) fn masks(&self, seed: Option<&Seed>, r: &[u32]) -> Vec<Zeroizing<Vec<u32>>> {
        let (Some(pooling), Some(seed)) = (&self.pooling, seed) else {
            return vec![Zeroizing::new(r.to_vec())];
        };
        let mut rng = ChaCha20Rng::from_seed(*seed);
        let stages = self.stages.iter().map(MasksPlan::instances);
        let mut masks: Vec<Zeroizing<Vec<u32>>> =
            stages.map(|len| Zeroizing::new((0..len).map(|_| rng.random()).collect())).collect();
        for (value, &r) in self.in_all_channels(&pooling.winners).zip(r) {
            masks[value.stage][value.index] = r;
        }
        masks
    }

    /// The first less the second of what is compared in round `round`, from values of all stages before.
    pub(super) fn differences(
        &self,
        round: usize,
        values: &[Zeroizing<Vec<u32>>],
    ) -> Zeroizing<Vec<u32>> {
        let at = |value: Value| values[value.stage][value.index];
        let [firsts, seconds] = [0, 1].map(|place| self.compared(round, place));
        let pairs = firsts.zip(seconds);
        Zeroizing::new(pairs.map(|(one, other)| at(one).wrapping_sub(at(other))).collect())
    }

    /// What stands in first or second place (0 or 1) of each comparison of round `round`.
    pub(super) fn compared(&self, round: usize, place: usize) -> impl Iterator<Item = Value> + '_ {
        let pooling = self.pooling.as_ref().expect("only pooling has rounds");
        let pairs = &pooling.rounds[round - 1];
        (0..self.channels).flat_map(move |channel| {
            pairs.iter().map(move |pair| self.in_channel(channel, pair[place]))
        })
    }

    /// What the activation yields, of what the stages yield.
    pub(super) fn winners(&self, mut values: Vec<Zeroizing<Vec<u32>>>) -> Vec<u32> {
        match &self.pooling {
            None => std::mem::take(&mut values[0]),
            Some(pooling) => self
                .in_all_channels(&pooling.winners)
                .map(|value| values[value.stage][value.index])
                .collect(),
        }
    }

    fn in_all_channels<'a>(&'a self, values: &'a [Value]) -> impl Iterator<Item = Value> + 'a {
        let of_channel =
            move |channel| values.iter().map(move |&value| self.in_channel(channel, value));
        (0..self.channels).flat_map(of_channel)
    }

    /// A channel's value among those of its stage.
    fn in_channel(&self, channel: usize, value: Value) -> Value {
        let of_channel = self.stages[value.stage].instances() / self.channels;
        Value { index: channel * of_channel + value.index, ..value }
    }
}
