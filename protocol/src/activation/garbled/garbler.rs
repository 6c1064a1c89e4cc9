//! The garbler's side of an activation layer: the server's.

use crate::parallel::prelude::*;
use gazelle_garble::{Delta, GateRange, Hash, ZeroLabels, garble};
use gazelle_kernels::AesBackend;
use gazelle_kernels::prg::Seeds;
use gazelle_ntt::pack;
use rand::{CryptoRng, RngExt};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Chunk, GarbledPlan};
use crate::bundle::Gates;
use crate::error::Error;
use crate::exchange::BlockMail;
use crate::ot::{self, FieldBits, LinkKey};
use crate::wire::{Labels, Tables, Transfers};

/// The garbler while a session is set up.
pub(crate) struct GarblerSetup {
    delta: Delta,
    field: FieldBits,
    ot: ot::SenderSetup,
}

impl GarblerSetup {
    /// Takes the evaluator's offer; returns the reply to send and the key that both parties have.
    ///
    /// # Errors
    /// If the offer is not one.
    pub(crate) fn new(
        field: FieldBits,
        session: &[u8; 32],
        delta: Delta,
        offer: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<u8>, LinkKey), Error> {
        let (ot, reply, link) = ot::SenderSetup::new(field, session, delta.expose(), offer, rng)?;
        Ok((Self { delta, field, ot }, reply, link))
    }

    /// Takes the evaluator's corrections.
    ///
    /// # Errors
    /// If they are none.
    pub(crate) fn finish(self, corrections: &[u8]) -> Result<Garbler, Error> {
        let Self { delta, field, ot } = self;
        Ok(Garbler { delta, field, ot: ot.finish(corrections)? })
    }
}

/// The garbler of a session.
pub(crate) struct Garbler {
    pub(super) delta: Delta,
    field: FieldBits,
    ot: ot::Sender,
}

impl Garbler {
    /// Takes as little memory as it can until it is used again.
    pub(crate) fn shrink(&mut self) {
        self.ot.shrink();
    }

    /// Δ, for a bundle to carry.
    pub(crate) fn delta(&self) -> Delta {
        Delta::from_stored(self.delta.expose()).expect("Δ is odd")
    }

    /// The session's transfers and their offset, for who needs some besides the labels.
    pub(crate) fn transfers(&mut self) -> (&mut ot::Sender, &Delta) {
        (&mut self.ot, &self.delta)
    }

    /// Garbles a layer, a few chunks at a time: transfers come in and tables go out in order,
    /// garbling itself runs in parallel.
    ///
    /// # Errors
    /// If a message of the transfers is none.
    pub(crate) async fn garble(
        &mut self,
        plan: &GarbledPlan,
        gates: &mut Gates,
        mail: BlockMail<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Garbling, Error> {
        let mut garbling = Garbling::new(OwnLabels::random(rng, gates));
        let mut shares = Zeroizing::new(Vec::new());
        let mut chunks = plan.chunks().peekable();
        while chunks.peek().is_some() {
            let group = chunks.by_ref().take(chunks_at_once());
            let group = self.receive_transfers(group, gates, mail).await?;
            let garble = |pending| garbling.garble(pending, gates.hash(), &self.delta);
            let garbled: Vec<_> = group.into_par_iter().map(garble).collect();
            for (tables, own) in garbled {
                mail.send(Tables(tables)).await;
                shares.extend(own);
            }
        }
        garbling.shares = plan.in_place(&shares);
        Ok(garbling)
    }

    /// Takes the transfers of some chunks.
    pub(super) async fn receive_transfers<'a>(
        &mut self,
        chunks: impl Iterator<Item = Chunk<'a>>,
        gates: &mut Gates,
        mail: BlockMail<'_>,
    ) -> Result<Vec<Pending<'a>>, Error> {
        let mut group = Vec::new();
        for chunk in chunks {
            let len = chunk.transfer_bytes(self.field);
            let Transfers(message) = mail.receive(len).await?;
            let mut evaluator = vec![0; chunk.labels()];
            self.ot.extend(&message, &mut evaluator)?;
            let evaluator = ZeroLabels::from_correlation(evaluator);
            group.push(Pending { gates: gates.take(chunk.gates()), chunk, evaluator });
        }
        Ok(group)
    }
}

/// A chunk whose transfers are made, ready to be garbled.
pub(super) struct Pending<'a> {
    pub(super) chunk: Chunk<'a>,
    gates: GateRange,
    evaluator: ZeroLabels,
}

/// What the garbler keeps of one layer between the phases; used once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Garbling {
    own: OwnLabels,
    /// S of every result, in the results' order; none if the client sees the results.
    shares: Vec<u32>,
}

impl Garbling {
    pub(super) fn new(own: OwnLabels) -> Self {
        Self { own, shares: Vec::new() }
    }

    /// Garbles a chunk: its tables and S of its instances.
    pub(super) fn garble(
        &self,
        pending: Pending<'_>,
        hash: &Hash,
        delta: &Delta,
    ) -> (Vec<u8>, Vec<u32>) {
        let Pending { chunk, gates, evaluator } = pending;
        let own = self.own.of(&chunk);
        let n = chunk.instances.len();
        let garbled = garble(chunk.program, n, hash, delta, gates, &evaluator, &own)
            .expect("labels and gate numbers are as many as the plan says");
        (garbled.tables, garbled.shares)
    }

    /// Sends the active labels of the low bits of the garbler's shares `sums`, and gives S.
    pub(crate) async fn send_labels(
        mut self,
        plan: &GarbledPlan,
        delta: &Delta,
        sums: &[u32],
        mail: BlockMail<'_>,
    ) -> Vec<u32> {
        let chunks: Vec<Chunk<'_>> = plan.chunks().collect();
        for group in chunks.chunks(chunks_at_once()) {
            let labels = group.par_iter().map(|chunk| self.labels(chunk, delta, sums));
            for labels in labels.collect::<Vec<_>>() {
                mail.send(Labels(labels)).await;
            }
        }
        std::mem::take(&mut self.shares)
    }

    /// The active labels of the garbler's shares `sums` in one chunk, as bytes.
    pub(crate) fn labels(&self, chunk: &Chunk<'_>, delta: &Delta, sums: &[u32]) -> Vec<u8> {
        let lanes = chunk.sources.iter().map(|&source| sums[source as usize]);
        let lanes = Zeroizing::new(lanes.collect::<Vec<_>>());
        let bits = Zeroizing::new(chunk.program.input_bits(&lanes));
        let labels = self.own.of(chunk).activate(delta, &bits);
        bytemuck::must_cast_slice(&labels).to_vec()
    }

    /// Bytes of the encoding, for an activation of this plan.
    pub(crate) fn encoded_len(plan: &GarbledPlan) -> usize {
        OwnLabels::LEN
            + plan.share_bits().map_or(0, |bits| pack::packed_len(plan.instances(), bits))
    }

    /// Appends where the own labels come from and S, packed.
    pub(crate) fn encode(&self, plan: &GarbledPlan, out: &mut Vec<u8>) {
        self.own.encode(out);
        if let Some(bits) = plan.share_bits() {
            pack::pack_u32(&self.shares, bits, out);
        }
    }

    /// Reads the same off the front of `bytes`; None if that is not an encoding.
    pub(crate) fn decode(plan: &GarbledPlan, bytes: &mut &[u8]) -> Option<Self> {
        let mut garbling = Self { own: OwnLabels::decode(bytes)?, shares: Vec::new() };
        if let Some(bits) = plan.share_bits() {
            garbling.shares.resize(plan.instances(), 0);
            let packed = bytes.split_off(..pack::packed_len(plan.instances(), bits))?;
            pack::unpack_u32(packed, bits, &mut garbling.shares).ok()?;
        }
        Some(garbling)
    }
}

/// Chunks that are worked on together: enough for every thread.
pub(super) fn chunks_at_once() -> usize {
    4 * crate::parallel::current_num_threads()
}

/// Where the zero labels of the garbler's own bits of a layer come from; see [`crate::domain`].
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct OwnLabels {
    seed: u128,
    nonce: u64,
}

impl OwnLabels {
    /// Bytes of the encoding.
    const LEN: usize = 16 + 8;

    /// Fresh ones of a layer whose gates are the next of `gates`.
    pub(super) fn random(rng: &mut impl CryptoRng, gates: &Gates) -> Self {
        Self::new(rng.random(), gates)
    }

    fn new(seed: u128, gates: &Gates) -> Self {
        Self { seed, nonce: gates.nonce() }
    }

    /// Those of a chunk, a stretch of the layer's one stream.
    fn of(&self, chunk: &Chunk<'_>) -> ZeroLabels {
        let mut labels = vec![0; chunk.labels()];
        // The programs of a layer take as many labels.
        let first = chunk.instances.start * chunk.program.labels();
        let seeds = Seeds::new(AesBackend::best(), &[self.seed]);
        seeds.stream(0, self.nonce, first as u64, &mut labels);
        ZeroLabels::new(labels)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seed.to_le_bytes());
        out.extend_from_slice(&self.nonce.to_le_bytes());
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let seed = u128::from_le_bytes(*bytes.split_off(..16)?.first_chunk()?);
        let nonce = u64::from_le_bytes(*bytes.split_off(..8)?.first_chunk()?);
        Some(Self { seed, nonce })
    }
}

#[cfg(test)]
impl Garbling {
    /// A garbling without shares.
    pub(crate) fn from_seed(seed: u128, gates: &Gates) -> Self {
        Self::new(OwnLabels::new(seed, gates))
    }
}

#[cfg(test)]
mod tests {
    use gazelle_garble::HashKind;

    use super::*;
    use crate::model::{Activation, BlockCard, Chain, Linear, Node, Shape};

    /// A ReLU of 1200 values: three chunks.
    fn plan() -> GarbledPlan {
        let block = |outputs, activation| BlockCard {
            sum_pool: None,
            linear: Linear::Dense { outputs },
            weight_bits: 2,
            sum_bits: 12,
            activation,
        };
        let card = Chain {
            name: "dense".into(),
            input: Shape::flat(4),
            blocks: vec![
                block(1200, Activation::Relu { shift: 3, max_pool: None }),
                block(2, Activation::Argmax),
            ],
            classes: vec!["a".into(), "b".into()],
        };
        let card = card.to_card().expect("a valid chain");
        let (Node::Activation(node), tensors) = (&card.nodes[1], card.tensors().unwrap()) else {
            panic!("a ReLU follows the first map");
        };
        GarbledPlan::of_node(node, tensors[1], tensors[2])
    }

    fn gates(key: u8, taken: u64) -> Gates {
        let mut gates = Gates::new(HashKind::default(), u128::from_le_bytes([key; 16]));
        gates.skip(taken);
        gates
    }

    #[test]
    fn no_label_of_a_layer_comes_twice() {
        let plan = plan();
        let own = OwnLabels::new(5, &gates(7, 9));
        let of = |chunk| own.of(&chunk).expose().to_vec();
        let mut labels: Vec<u128> = plan.chunks().flat_map(of).collect();
        assert_eq!(labels.len(), 1200 * 13);
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), 1200 * 13);
    }

    /// One seed in two bundles, or in two layers of one, gives other labels.
    #[test]
    fn labels_are_bound_to_bundle_and_gates() {
        let plan = plan();
        let chunk = plan.chunks().next().expect("a chunk");
        let of = |key, gate| OwnLabels::new(5, &gates(key, gate)).of(&chunk).expose()[0];
        let labels = [of(1, 0), of(1, 1), of(2, 0), of(2, 1 << 40)];
        for (i, a) in labels.iter().enumerate() {
            assert!(labels[i + 1..].iter().all(|b| a != b));
        }
    }
}
