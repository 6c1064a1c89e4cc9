//! The client: it has the image and learns the class.

use rand::rngs::ChaCha20Rng;
use zeroize::Zeroizing;

use super::greeting::{Context, Greeting};
use super::plan::NetworkPlan;
use super::settings::Settings;
use super::statistics::{Lap, LayerSeconds, Meter, Statistics};
use super::{MAX_BUNDLES, Shares};
use crate::activation::Evaluation;
use crate::error::{Error, Misuse, PeerFault};
use crate::linear::guard::Conversion;
use crate::linear::{ClientKeys, Mask};
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
    layer_seconds: Vec<LayerSeconds>,
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
    masks: Vec<Mask>,
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
        let most = Settings::LEN + MAX_CARD_BYTES;
        let (_, announcement) = channel.receive_any(&[(Kind::Card, most)])?;
        let (settings, card) = Settings::split(&announcement)?;
        let card = Card::from_bytes(card).map_err(PeerFault::Card)?;
        let context = Context::new(&ours, &theirs, &announcement, settings.hash);
        let plan = NetworkPlan::new(card, &settings)?;

        let (ot, offer) = ot::ReceiverSetup::new(settings.field, &mut rng);
        let (keys, public) = ClientKeys::generate(&plan.linear, &mut rng);
        channel.send(Kind::SetUp, [offer, public].concat())?;
        let reply = channel.receive(Kind::SetUp, ot::base::REPLY_LEN)?;
        let (ot, corrections, _link) = ot.finish(&context.session, &reply)?;
        channel.send(Kind::Corrections, corrections)?;
        let statistics = Statistics { setup: meter.stop(&channel), ..Statistics::default() };
        let layer_seconds = vec![LayerSeconds::default(); plan.layers.len()];
        let gates = GateCounter::new();
        let bundles = 0;
        Ok(Self {
            channel,
            rng,
            context,
            plan,
            keys,
            ot,
            gates,
            bundles,
            statistics,
            layer_seconds,
        })
    }

    /// The server's network.
    pub fn plan(&self) -> &NetworkPlan {
        &self.plan
    }

    /// What the session cost so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Where the time went, block by block.
    pub fn layer_seconds(&self) -> &[LayerSeconds] {
        &self.layer_seconds
    }

    /// Prepares `count` inferences before their images are known; the server visits its weights once
    /// for all of them. `progress` is told the bytes received and expected.
    ///
    /// # Errors
    /// If `count` is not 1 to [`MAX_BUNDLES`], the server breaks the protocol or is gone.
    pub fn offline(
        &mut self,
        count: usize,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Vec<ClientBundle>, Error> {
        if !(1..=MAX_BUNDLES).contains(&count) {
            return Err(Misuse::Bundles(count).into());
        }
        let meter = Meter::start(&self.channel);
        let each: u64 = self.plan.costs().iter().map(|cost| cost.offline_down).sum();
        let before = self.channel.traffic().received;
        let mut report = |channel: &Channel| {
            progress(channel.traffic().received - before, count as u64 * each);
        };

        self.channel.send(Kind::Offline, (count as u32).to_le_bytes().to_vec())?;
        let mut bundles: Vec<_> = (0..count).map(|_| self.empty_bundle()).collect();
        self.send_queries(&mut bundles)?;
        let (conversions, guards) = self.receive_answers(count, &mut report)?;
        self.send_all(Kind::Guard, guards)?;
        let transfers = self.receive_corrections(&mut bundles, conversions, &mut report)?;
        self.send_all(Kind::Transfers, transfers)?;
        self.receive_tables(&mut bundles, &mut report)?;
        self.statistics.offline += meter.stop(&self.channel);
        Ok(bundles)
    }

    fn empty_bundle(&mut self) -> ClientBundle {
        let number = self.bundles;
        self.bundles += 1;
        let session = self.context.session;
        ClientBundle { session, number, masks: vec![], sums: vec![], evaluations: vec![] }
    }

    /// Draws r for every block's input and sends its encryption.
    fn send_queries(&mut self, bundles: &mut [ClientBundle]) -> Result<(), Error> {
        for (block, plan) in self.plan.linear.iter().enumerate() {
            let layer = &self.plan.layers[block];
            for bundle in &mut *bundles {
                let mask = Mask::random(layer.input.len(), layer.block.ring_bits(), &mut self.rng);
                let pooled = Zeroizing::new(self.plan.pool(block, mask.values()));
                let query = plan.encrypt(&pooled, self.keys.of(block), &mut self.rng)?;
                self.channel.send(Kind::Query, query)?;
                bundle.masks.push(mask);
            }
        }
        Ok(())
    }

    /// Sends messages that no answer was waited for with, so that a phase has as many round trips as
    /// it has steps.
    fn send_all(&mut self, kind: Kind, messages: Vec<Vec<u8>>) -> Result<(), Error> {
        messages.into_iter().try_for_each(|message| self.channel.send(kind, message))
    }

    /// Decrypts the client's halves of every block's sums and makes the transfers of their guard
    /// bits: returns what is converted, block after block and bundle after bundle, and the messages.
    fn receive_answers(
        &mut self,
        count: usize,
        report: &mut impl FnMut(&Channel),
    ) -> Result<(Vec<Conversion>, Vec<Vec<u8>>), Error> {
        let (mut conversions, mut messages) = (Vec::new(), Vec::new());
        let mut lap = Lap::start();
        for (block, plan) in self.plan.linear.iter().enumerate() {
            for _ in 0..count {
                let answer = self.channel.receive(Kind::Answer, plan.cost().answer_bytes)?;
                let half = plan.decrypt(&answer, self.keys.of(block))?;
                let gates = self.gates.take(half.len() as u64);
                let (conversion, message) = half.transfer(&mut self.ot, gates);
                conversions.push(conversion);
                messages.push(message);
                report(&self.channel);
            }
            self.layer_seconds[block].linear += lap.seconds();
        }
        Ok((conversions, messages))
    }

    /// Corrects the client's shares of every block's sums and chooses their labels; returns the
    /// messages that do so.
    fn receive_corrections(
        &mut self,
        bundles: &mut [ClientBundle],
        conversions: Vec<Conversion>,
        report: &mut impl FnMut(&Channel),
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut conversions = conversions.into_iter();
        let mut transfers = Vec::new();
        let mut lap = Lap::start();
        for (block, activation) in self.plan.activations.iter().enumerate() {
            for (bundle, conversion) in bundles.iter_mut().zip(conversions.by_ref()) {
                let len = self.plan.corrections_len(block);
                let corrections = self.channel.receive(Kind::Guard, len)?;
                let sums = conversion.finish(&corrections, &self.context.hash)?;
                let sums = Zeroizing::new(sums);
                let mut evaluation = Evaluation::default();
                for chunk in activation.chunks() {
                    let tally = activation.program().tally(chunk.instances.len());
                    let gates = self.gates.take(tally.gates);
                    let message =
                        evaluation.transfer(activation, &chunk, gates, &mut self.ot, &sums);
                    transfers.push(message);
                }
                bundle.sums.push(sums);
                bundle.evaluations.push(evaluation);
                report(&self.channel);
            }
            self.layer_seconds[block].linear += lap.seconds();
        }
        Ok(transfers)
    }

    fn receive_tables(
        &mut self,
        bundles: &mut [ClientBundle],
        report: &mut impl FnMut(&Channel),
    ) -> Result<(), Error> {
        let mut lap = Lap::start();
        for (block, plan) in self.plan.activations.iter().enumerate() {
            for bundle in &mut *bundles {
                for (index, chunk) in plan.chunks().enumerate() {
                    let len = plan.program().tally(chunk.instances.len()).table_bytes;
                    let tables = self.channel.receive(Kind::Tables, len)?;
                    bundle.evaluations[block].store(index, tables);
                    report(&self.channel);
                }
            }
            self.layer_seconds[block].tables += lap.seconds();
        }
        Ok(())
    }

    /// Classifies one image, whose pixels come in the order of the card's input shape.
    ///
    /// # Errors
    /// If the image has another size, the bundle belongs to another session, the server breaks the
    /// protocol or is gone.
    pub fn classify(&mut self, bundle: ClientBundle, image: &[u8]) -> Result<Outcome, Error> {
        if bundle.session != self.context.session {
            return Err(Misuse::OtherSession.into());
        }
        Misuse::check_values("the image", image, self.plan.card.input.len())?;
        let meter = Meter::start(&self.channel);
        let (mut lap, mut spent) = (Lap::start(), Vec::new());
        self.channel.send(Kind::Online, bundle.number.to_le_bytes().to_vec())?;
        let mut x: Zeroizing<Vec<u32>> =
            Zeroizing::new(image.iter().map(|&pixel| pixel.into()).collect());
        for (block, (mask, evaluation)) in
            bundle.masks.into_iter().zip(bundle.evaluations).enumerate()
        {
            mask.hide(&mut x);
            let mut masked = Vec::new();
            pack::pack_u32(&x, self.plan.layers[block].block.ring_bits(), &mut masked);
            self.channel.send(Kind::Masked, masked)?;
            let plan = &self.plan.activations[block];
            let receive = |len| self.channel.receive(Kind::Labels, len);
            let (result, left) = evaluation.evaluate(plan, &self.context.hash, receive)?;
            x = Zeroizing::new(result);
            spent.push(left);
            self.layer_seconds[block].online += lap.seconds();
        }
        self.statistics.online += meter.stop(&self.channel);
        self.outcome(&x)
    }

    fn outcome(&self, result: &[u32]) -> Result<Outcome, Error> {
        let layer = &self.plan.layers[self.plan.layers.len() - 1];
        let (last, classes) = (&layer.block, layer.sums.len());
        if last.activation == Activation::Argmax {
            let label = result[0] as usize;
            if label >= classes {
                return Err(PeerFault::Class { label, classes }.into());
            }
            return Ok(Outcome { label, logits: None });
        }
        let unused = u32::BITS - last.ring_bits();
        let logits: Vec<i32> = result.iter().map(|&y| (y << unused) as i32 >> unused).collect();
        let label = (0..logits.len()).rev().max_by_key(|&i| logits[i]).unwrap_or(0);
        Ok(Outcome { label, logits: Some(logits) })
    }

    /// Ends the session politely.
    ///
    /// # Errors
    /// If the server is gone.
    pub fn close(mut self) -> Result<(), Error> {
        self.channel.send(Kind::Bye, vec![])
    }
}

impl ClientBundle {
    /// The client's shares of the coming inference, for tests.
    pub fn shares(&self) -> Shares {
        Shares {
            inputs: self.masks.iter().map(|mask| mask.values().to_vec()).collect(),
            sums: self.sums.iter().map(|sums| sums.to_vec()).collect(),
        }
    }

    /// Bytes of memory that wait for the online phase.
    pub fn bytes(&self) -> usize {
        let masks = self.masks.iter().map(|mask| mask.values().len());
        let values: usize = masks.chain(self.sums.iter().map(|sums| sums.len())).sum();
        4 * values + self.evaluations.iter().map(Evaluation::bytes).sum::<usize>()
    }
}

#[cfg(test)]
impl Client {
    /// Asks for an online phase with a bundle of this number.
    pub(super) fn replay(&mut self, number: u64) {
        self.channel.send(Kind::Online, number.to_le_bytes().to_vec()).expect("the server listens");
    }
}
