//! The client: it has the image and learns the class.

use std::sync::Arc;

use rand::rngs::ChaCha20Rng;
use zeroize::Zeroizing;

use super::budget::Terms;
use super::greeting::{Context, Greeting, Transcript};
use super::plan::NetworkPlan;
use super::settings::{Announcement, Settings};
use super::statistics::{Lap, LayerSeconds, Meter, Statistics};
use super::{MAX_BUNDLES, Shares, renew, system_rng};
use crate::activation::Evaluation;
use crate::error::{Error, Misuse, PeerFault};
use crate::linear::guard::Conversion;
use crate::linear::{ClientKeys, Mask};
use crate::model::{Activation, MAX_CARD_BYTES};
use crate::ot;
use crate::transport::{Channel, Kind};
use gazelle_garble::GateCounter;
use gazelle_ntt::pack;

/// A session with a server.
///
/// After an error of the peer or of the connection it is over: its secrets are wiped, and whatever
/// is called fails with [`Misuse::SessionEnded`].
pub struct Client {
    /// The session's name, which its bundles bear.
    name: [u8; 32],
    terms: Terms,
    plan: Arc<NetworkPlan>,
    /// None once it has failed.
    session: Option<Session>,
}

/// A session that has not failed.
struct Session {
    channel: Channel,
    rng: ChaCha20Rng,
    context: Context,
    plan: Arc<NetworkPlan>,
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
    /// Greets the server and sets the session up.
    ///
    /// # Errors
    /// If the server is of another version or other parameters, has another model than `terms` ask
    /// for or one that costs more than they allow, breaks the protocol, or is gone.
    pub fn connect(channel: Channel, terms: &Terms) -> Result<Self, Error> {
        Self::connect_with(channel, terms, system_rng())
    }

    /// [`Client::connect`] with all of the client's randomness from `rng`.
    pub(super) fn connect_with(
        mut channel: Channel,
        terms: &Terms,
        mut rng: ChaCha20Rng,
    ) -> Result<Self, Error> {
        let meter = Meter::start(&channel);
        let ours = Greeting::new(&mut rng);
        ours.send(&mut channel)?;
        let theirs = Greeting::receive(&mut channel)?;
        let most = Announcement::LEN + MAX_CARD_BYTES;
        let (_, announcement) = channel.receive_any(&[(Kind::Card, most)])?;
        let plan = Arc::new(terms.accept(&announcement)?);
        let Settings { field, hash, .. } = plan.settings;

        let (ot, offer) = ot::ReceiverSetup::new(field, &mut rng);
        let (keys, public) = ClientKeys::generate(&plan.linear, &mut rng);
        let setup = [offer, public].concat();
        let transcript = Transcript {
            client: &ours,
            server: &theirs,
            announcement: &announcement,
            setup: &setup,
        };
        let context = Context::new(&transcript, hash);
        channel.send(Kind::SetUp, setup)?;
        let open = |reply: &[u8]| {
            let (ot, corrections, link) = ot.finish(&context.session, reply)?;
            let [seal, theirs] = context.seals(&link);
            Ok(((ot, seal, corrections), theirs))
        };
        let (ot, seal, corrections) =
            channel.receive_sealing(Kind::SetUp, ot::base::REPLY_LEN, open)?;
        channel.seal_sent(seal);
        channel.send(Kind::Corrections, corrections)?;
        channel.end_setup();
        let statistics = Statistics { setup: meter.stop(&channel), ..Statistics::default() };
        let layer_seconds = vec![LayerSeconds::default(); plan.layers.len()];
        let gates = GateCounter::new();
        let (name, bundles) = (context.session, 0);
        let session = Session {
            channel,
            rng,
            context,
            plan: Arc::clone(&plan),
            keys,
            ot,
            gates,
            bundles,
            statistics,
            layer_seconds,
        };
        Ok(Self { name, terms: *terms, plan, session: Some(session) })
    }

    /// The server's network.
    pub fn plan(&self) -> &NetworkPlan {
        &self.plan
    }

    /// What the session cost so far; nothing once it has failed.
    pub fn statistics(&self) -> Statistics {
        self.session.as_ref().map_or_else(Statistics::default, |session| session.statistics)
    }

    /// Where the time went, block by block; empty once the session has failed.
    pub fn layer_seconds(&self) -> &[LayerSeconds] {
        self.session.as_ref().map_or(&[], |session| &session.layer_seconds)
    }

    /// Prepares `count` inferences before their images are known; the server visits its weights once
    /// for all of them. `progress` is told the bytes received and expected.
    ///
    /// # Errors
    /// If `count` is not 1 to [`MAX_BUNDLES`] or takes more memory than the terms allow, the server
    /// breaks the protocol or is gone.
    pub fn offline(
        &mut self,
        count: usize,
        progress: impl FnMut(u64, u64),
    ) -> Result<Vec<ClientBundle>, Error> {
        if !(1..=MAX_BUNDLES).contains(&count) {
            return Err(Misuse::Bundles(count).into());
        }
        self.terms.check(&self.plan, count)?;
        self.run(|session| session.offline(count, progress))
    }

    /// Classifies one image, whose pixels come in the order of the card's input shape.
    ///
    /// What is sent, and in which order, does not depend on the result: not even on
    /// [`PeerFault::Class`], after which the session goes on.
    ///
    /// # Errors
    /// If the image has another size, the bundle belongs to another session, the server breaks the
    /// protocol or is gone; [`PeerFault::Class`] if its tables give a class that there is none of.
    pub fn classify(&mut self, bundle: ClientBundle, image: &[u8]) -> Result<Outcome, Error> {
        if bundle.session != self.name {
            return Err(Misuse::OtherSession.into());
        }
        Misuse::check_values("the image", image, self.plan.card.input.len())?;
        let result = self.run(|session| session.classify(bundle, image))?;
        self.plan.outcome(&result)
    }

    /// Ends the session politely.
    ///
    /// # Errors
    /// If the server is gone.
    pub fn close(mut self) -> Result<(), Error> {
        self.run(|session| session.channel.send(Kind::Bye, vec![]))
    }

    /// Runs a part of the session, which does not survive its failure.
    fn run<T>(&mut self, part: impl FnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
        let mut session = self.session.take().ok_or(Misuse::SessionEnded)?;
        let result = part(&mut session)?;
        self.session = Some(session);
        Ok(result)
    }
}

impl Session {
    fn offline(
        &mut self,
        count: usize,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Vec<ClientBundle>, Error> {
        let meter = Meter::start(&self.channel);
        let each: u64 = self.plan.costs().iter().map(|cost| cost.offline_down).sum();
        let before = self.channel.traffic().received;
        let mut report = |channel: &Channel| {
            progress(channel.traffic().received - before, count as u64 * each);
        };

        renew(&mut self.rng);
        self.channel.begin_phase();
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

    /// The last block's result.
    fn classify(
        &mut self,
        bundle: ClientBundle,
        image: &[u8],
    ) -> Result<Zeroizing<Vec<u32>>, Error> {
        let meter = Meter::start(&self.channel);
        let (mut lap, mut spent) = (Lap::start(), Vec::new());
        self.channel.begin_phase();
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
        Ok(x)
    }
}

impl NetworkPlan {
    /// What the last block's result says.
    fn outcome(&self, result: &[u32]) -> Result<Outcome, Error> {
        let layer = &self.layers[self.layers.len() - 1];
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
}

impl ClientBundle {
    /// The client's shares of the coming inference.
    pub(super) fn shares(&self) -> Shares {
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
    /// Sends a request that no honest client sends.
    pub(super) fn request(&mut self, kind: Kind, payload: Vec<u8>) {
        self.run(|session| session.channel.send(kind, payload)).expect("the server listens");
    }
}
