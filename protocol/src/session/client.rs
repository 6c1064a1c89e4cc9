//! The client: it has the image and learns the class.

use rand::{Rng, rngs::ChaCha20Rng};
use zeroize::Zeroizing;

use super::greeting::{Context, Greeting};
use super::plan::NetworkPlan;
use super::statistics::{Meter, Statistics};
use super::{Shares, subtract};
use crate::activation::Evaluation;
use crate::error::{Error, Misuse, PeerFault};
use crate::linear::ClientKeys;
use crate::model::{Activation, Card, MAX_CARD_BYTES};
use crate::ot;
use crate::transport::{Channel, Kind};
use gazelle_garble::GateCounter;
use gazelle_ntt::pack;

/// A session with a server.
pub struct Client {
    channel: Channel,
    rng: ChaCha20Rng,
    context: Context,
    plan: NetworkPlan,
    keys: ClientKeys,
    ot: ot::Receiver,
    gates: GateCounter,
    bundles: u64,
    statistics: Statistics,
}

/// What the client keeps of one offline phase; good for one image:
///
/// ```compile_fail,E0382
/// # use gazelle_protocol::session::{Client, ClientBundle};
/// fn twice(client: &mut Client, bundle: ClientBundle, image: &[u8]) {
///     let _ = client.classify(bundle, image);
///     let _ = client.classify(bundle, image);
/// }
/// ```
pub struct ClientBundle {
    session: [u8; 32],
    number: u64,
    /// r of every block's input.
    masks: Vec<Zeroizing<Vec<u32>>>,
    /// a of every block's sums.
    sums: Vec<Zeroizing<Vec<u32>>>,
    evaluations: Vec<Evaluation>,
}

/// What the client learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The class.
    pub label: usize,
    /// The last block's sums, if the server's policy allows them.
    pub logits: Option<Vec<i32>>,
}

impl Client {
    /// Greets the server and sets the session up. All of the client's randomness comes from `rng`
    /// ([`super::system_rng`] outside tests).
    ///
    /// # Errors
    /// If the server is of another version or other parameters, breaks the protocol, or is gone.
    pub fn connect(mut channel: Channel, mut rng: ChaCha20Rng) -> Result<Self, Error> {
        let meter = Meter::start(&channel);
        let ours = Greeting::new(&mut rng);
        ours.send(&mut channel)?;
        let theirs = Greeting::receive(&mut channel)?;
        let (_, bytes) = channel.receive_any(&[(Kind::Card, MAX_CARD_BYTES)])?;
        let card = Card::from_bytes(&bytes).map_err(PeerFault::Card)?;
        let context = Context::new(&ours, &theirs, &bytes);
        let plan = NetworkPlan::new(card)?;

        let (ot, offer) = ot::ReceiverSetup::new(NetworkPlan::FIELD, &mut rng);
        let (keys, public) = ClientKeys::generate(&plan.linear, &mut rng);
        channel.send(Kind::SetUp, &[offer, public].concat())?;
        let reply = channel.receive(Kind::SetUp, ot::base::REPLY_LEN)?;
        let (ot, corrections) = ot.finish(&context.session, &reply)?;
        channel.send(Kind::Corrections, &corrections)?;
        let statistics = Statistics { setup: meter.stop(&channel), ..Statistics::default() };
        let gates = GateCounter::new();
        Ok(Self { channel, rng, context, plan, keys, ot, gates, bundles: 0, statistics })
    }

    /// The server's network.
    pub fn plan(&self) -> &NetworkPlan {
        &self.plan
    }

    /// What the session cost so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Prepares one inference before its image is known. `progress` is told the bytes received and
    /// expected.
    ///
    /// # Errors
    /// If the server breaks the protocol or is gone.
    pub fn offline(&mut self, mut progress: impl FnMut(u64, u64)) -> Result<ClientBundle, Error> {
        let meter = Meter::start(&self.channel);
        let total = self.plan.costs().iter().map(|cost| cost.offline_down).sum();
        let before = self.channel.traffic().received;
        let mut report = |channel: &Channel| progress(channel.traffic().received - before, total);

        self.channel.send(Kind::Offline, &[])?;
        let masks = self.send_queries()?;
        let mut sums = Vec::with_capacity(masks.len());
        for plan in &self.plan.linear {
            let answer = self.channel.receive(Kind::Answer, plan.cost().answer_bytes)?;
            sums.push(Zeroizing::new(plan.decrypt(&answer, self.keys.of(plan))?));
            report(&self.channel);
        }
        let mut evaluations = self.choose_labels(&sums)?;
        for (plan, evaluation) in self.plan.activations.iter().zip(&mut evaluations) {
            for (index, chunk) in plan.chunks().enumerate() {
                let len = plan.program().tally(chunk.instances.len()).table_bytes;
                evaluation.store(index, self.channel.receive(Kind::Tables, len)?);
                report(&self.channel);
            }
        }
        self.statistics.offline += meter.stop(&self.channel);
        let number = self.bundles;
        self.bundles += 1;
        Ok(ClientBundle { session: self.context.session, number, masks, sums, evaluations })
    }

    /// Draws r for every block's input and sends its encryption.
    fn send_queries(&mut self) -> Result<Vec<Zeroizing<Vec<u32>>>, Error> {
        let mut masks = Vec::with_capacity(self.plan.layers.len());
        for (block, layer) in self.plan.layers.iter().enumerate() {
            let ring = u32::MAX >> (u32::BITS - layer.block.ring_bits());
            let draw = |_| self.rng.next_u32() & ring;
            let mask: Zeroizing<Vec<u32>> =
                Zeroizing::new((0..layer.input.len()).map(draw).collect());
            let pooled = Zeroizing::new(self.plan.pool(block, &mask));
            let plan = &self.plan.linear[block];
            let query = plan.encrypt(&pooled, self.keys.of(plan), &mut self.rng)?;
            self.channel.send(Kind::Query, &query)?;
            masks.push(mask);
        }
        Ok(masks)
    }

    /// Chooses the labels of the client's shares of every block's sums.
    fn choose_labels(&mut self, sums: &[Zeroizing<Vec<u32>>]) -> Result<Vec<Evaluation>, Error> {
        let mut evaluations = Vec::with_capacity(sums.len());
        for (plan, sums) in self.plan.activations.iter().zip(sums) {
            let mut evaluation = Evaluation::default();
            for chunk in plan.chunks() {
                let gates = self.gates.take(plan.program().tally(chunk.instances.len()).gates);
                let message = evaluation.transfer(plan, &chunk, gates, &mut self.ot, sums);
                self.channel.send(Kind::Transfers, &message)?;
            }
            evaluations.push(evaluation);
        }
        Ok(evaluations)
    }

    /// Classifies one image, whose pixels come in the order of the card's input shape.
    ///
    /// # Errors
    /// If the image has another size, the bundle belongs to another session, the server breaks the
    /// protocol or is gone.
    pub fn classify(&mut self, bundle: ClientBundle, image: &[u8]) -> Result<Outcome, Error> {
        Misuse::check_values("the image", image, self.plan.card.input.len())?;
        if bundle.session != self.context.session {
            return Err(Misuse::OtherSession.into());
        }
        let meter = Meter::start(&self.channel);
        self.channel.send(Kind::Online, &bundle.number.to_le_bytes())?;
        let mut x: Zeroizing<Vec<u32>> =
            Zeroizing::new(image.iter().map(|&pixel| pixel.into()).collect());
        for (block, (mask, evaluation)) in bundle.masks.iter().zip(bundle.evaluations).enumerate() {
            let ring_bits = self.plan.layers[block].block.ring_bits();
            subtract(&mut x, mask, ring_bits);
            let mut masked = Vec::new();
            pack::pack_u32(&x, ring_bits, &mut masked);
            self.channel.send(Kind::Masked, &masked)?;
            *x = self.evaluate(block, evaluation)?;
        }
        self.statistics.online += meter.stop(&self.channel);
        Ok(self.outcome(&x))
    }

    /// Receives the labels of a block's sums and evaluates its activation.
    fn evaluate(&mut self, block: usize, evaluation: Evaluation) -> Result<Vec<u32>, Error> {
        let plan = &self.plan.activations[block];
        let mut labels = Vec::new();
        for chunk in plan.chunks() {
            labels.push(self.channel.receive(Kind::Labels, plan.label_bytes(&chunk))?);
        }
        evaluation.evaluate(plan, &self.context.hash, &labels)
    }

    fn outcome(&self, result: &[u32]) -> Outcome {
        let last = &self.plan.layers[self.plan.layers.len() - 1].block;
        if last.activation == Activation::Argmax {
            return Outcome { label: result[0] as usize, logits: None };
        }
        let unused = u32::BITS - last.ring_bits();
        let logits: Vec<i32> = result.iter().map(|&y| (y << unused) as i32 >> unused).collect();
        let label = (0..logits.len()).rev().max_by_key(|&i| logits[i]).unwrap_or(0);
        Outcome { label, logits: Some(logits) }
    }

    /// Ends the session politely.
    ///
    /// # Errors
    /// If the server is gone.
    pub fn close(mut self) -> Result<(), Error> {
        self.channel.send(Kind::Bye, &[])
    }
}

impl ClientBundle {
    /// The client's shares of the coming inference, for tests.
    pub fn shares(&self) -> Shares {
        let plain = |tensors: &[Zeroizing<Vec<u32>>]| tensors.iter().map(|t| t.to_vec()).collect();
        Shares { inputs: plain(&self.masks), sums: plain(&self.sums) }
    }

    /// Bytes of memory that wait for the online phase.
    pub fn bytes(&self) -> usize {
        let tensors = self.masks.iter().chain(&self.sums).map(|t| 4 * t.len()).sum::<usize>();
        tensors + self.evaluations.iter().map(Evaluation::bytes).sum::<usize>()
    }
}

#[cfg(test)]
impl Client {
    /// Asks for an online phase with a bundle of this number.
    pub(super) fn replay(&mut self, number: u64) {
        self.channel.send(Kind::Online, &number.to_le_bytes()).expect("the server listens");
    }
}
