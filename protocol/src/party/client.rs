//! The client: it has the image and learns the class.

use std::sync::Arc;

use rand::rngs::ChaCha20Rng;
use zeroize::Zeroizing;

use super::name::{Opening, SessionName};
use super::{MAX_BUNDLES, Outcome, renew};
use crate::activation::Delivery;
use crate::activation::garbled::{Evaluation, Evaluator, EvaluatorSetup, Spent};
use crate::bundle::{ClientActivation, ClientBundle, Gates};
use crate::error::{Error, Misuse, PeerFault};
use crate::exchange::{Exchange, FrameKeys, Mailbox};
use crate::linear::guard::Conversion;
use crate::linear::{ClientKeys, Mask};
use crate::model::{Node, Ring};
use crate::ot::{self, LinkKey};
use crate::plan::{ActivationPlan, LinearPlan, NetworkPlan, Terms};
use crate::wire::{
    Announcement, Begin, Bye, ClientSetUp, Corrections, Expected, Greeting, Guard, Masked, Message,
    Payload, Prepare, ServerSetUp,
};

/// A client whose session is set up.
pub struct ClientParty {
    rng: ChaCha20Rng,
    session: SessionName,
    /// What both parties know and nobody else.
    link: LinkKey,
    terms: Terms,
    plan: Arc<NetworkPlan>,
    keys: ClientKeys,
    evaluator: Evaluator,
    /// Bundles prepared so far.
    prepared: u64,
    /// Whether bundles keep the shares that only tests look at.
    keeps_shares: bool,
}

/// What is left of an inference. To wipe so much memory and give it back takes a while, so it is
/// dropped when nobody waits.
pub struct Leftover {
    _evaluations: Vec<Spent>,
}

impl ClientParty {
    /// Greets the server and sets the session up, if what the server announces is within the terms.
    /// All of the client's randomness comes from `rng`, which the operating system seeds outside
    /// tests.
    pub fn connect(terms: &Terms, rng: ChaCha20Rng) -> Exchange<'static, Self> {
        let terms = *terms;
        Exchange::new(move |mail| Self::set_up(mail, terms, rng))
    }

    async fn set_up(mail: Mailbox, terms: Terms, mut rng: ChaCha20Rng) -> Result<Self, Error> {
        let ours = Greeting::new(&mut rng);
        mail.send(ours.clone()).await;
        let theirs: Greeting = mail.receive(Greeting::LEN).await?;
        let announcement = Expected::at_most(Announcement::KIND, Announcement::MAX_LEN);
        let announcement = Announcement::decode(mail.take(announcement).await.payload)?;
        let plan = terms.accept(&announcement)?;

        let (evaluator, offer) = EvaluatorSetup::new(plan.settings().field, &mut rng);
        let (keys, public) = ClientKeys::generate(plan.coefficient(), &mut rng);
        let setup = ClientSetUp { offer, keys: public };
        let opening =
            Opening { client: &ours, server: &theirs, announcement: &announcement, setup: &setup };
        let session = SessionName::new(&opening);
        mail.send(setup).await;
        let ServerSetUp(reply) = mail.receive(ot::base::REPLY_LEN).await?;
        let (evaluator, corrections, link) = evaluator.finish(session.as_bytes(), &reply)?;
        let [sent, received] = session.frame_keys(&link);
        mail.seal(FrameKeys { sent, received, opened: true }).await;
        mail.send(Corrections(corrections)).await;
        let plan = Arc::new(plan);
        Ok(Self {
            rng,
            session,
            link,
            terms,
            plan,
            keys,
            evaluator,
            prepared: 0,
            keeps_shares: false,
        })
    }

    /// The server's network.
    pub fn plan(&self) -> &Arc<NetworkPlan> {
        &self.plan
    }

    /// Lets the bundles that are prepared from now on keep the client's share of every tensor.
    #[doc(hidden)]
    pub fn keep_shares(&mut self) {
        self.keeps_shares = true;
    }

    /// Checks that so many inferences can be prepared at once.
    ///
    /// # Errors
    /// [`Misuse::Bundles`] unless `count` is 1 to [`MAX_BUNDLES`], [`crate::error::Limit`] if it takes
    /// more memory than the terms allow.
    pub fn check_count(&self, count: usize) -> Result<(), Error> {
        if !(1..=MAX_BUNDLES).contains(&count) {
            return Err(Misuse::Bundles(count).into());
        }
        Ok(self.terms.check(&self.plan, count)?)
    }

    /// Prepares `count` inferences before their images are known; the server visits its weights once
    /// for all of them.
    pub fn offline(self, count: usize) -> Exchange<'static, (Self, Vec<ClientBundle>)> {
        Exchange::new(|mail| self.prepare(mail, count))
    }

    async fn prepare(
        mut self,
        mail: Mailbox,
        count: usize,
    ) -> Result<(Self, Vec<ClientBundle>), Error> {
        self.check_count(count)?;
        renew(&mut self.rng);
        mail.send(Prepare { count: count as u32 }).await;
        let mut bundles: Vec<_> = (0..count).map(|_| self.empty_bundle()).collect();
        self.send_queries(&mut bundles, &mail).await?;
        // A party sends what it has for all blocks before it waits: three round trips.
        let (conversions, messages) = self.receive_answers(&bundles, &mail).await?;
        send_all(messages, &mail).await;
        self.receive_corrections(&mut bundles, conversions, &mail).await?;
        self.choose_labels(&mut bundles, &mail).await;
        if !self.keeps_shares {
            bundles.iter_mut().for_each(|bundle| bundle.tensors = Vec::new());
        }
        for (block, plan) in self.plan.activations().iter().enumerate() {
            for bundle in &mut bundles {
                match (plan, &mut bundle.activations[block]) {
                    (ActivationPlan::Garbled(plan), ClientActivation::Garbled(evaluation)) => {
                        evaluation.receive_tables(plan, mail.of(block)).await?;
                    }
                }
            }
        }
        Ok((self, bundles))
    }

    fn empty_bundle(&mut self) -> ClientBundle {
        let name = self.session.bundle(&self.link, self.prepared);
        let hash_key = self.session.hash_key(self.prepared);
        self.prepared += 1;
        let plan = *self.plan.name();
        ClientBundle { plan, name, hash_key, masks: vec![], tensors: vec![], activations: vec![] }
    }

    /// Draws r for the image and every activation's output, and sends what the linear maps read of
    /// them, encrypted under each map's own key.
    async fn send_queries(
        &mut self,
        bundles: &mut [ClientBundle],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let plan = self.plan.clone();
        for (map, (linear, term)) in plan.linear().iter().zip(&plan.places.terms).enumerate() {
            let ring = plan.places.ring(term.node);
            for bundle in &mut *bundles {
                self.draw(bundle, term.node);
                let mut read = bundle.tensors[term.input].clone();
                ring.reduce_all(&mut read);
                match linear {
                    LinearPlan::Coefficient(linear) => {
                        let key = self.keys.of(map);
                        linear.send_query(&read, key, mail.of(map), &mut self.rng).await?;
                    }
                }
            }
        }
        bundles.iter_mut().for_each(|bundle| self.draw(bundle, plan.places.tensors.len()));
        for bundle in bundles {
            // Masks were drawn in the order of the nodes.
            let sources = (0..plan.activations().len()).map(|i| plan.places.source(i));
            bundle.masks = sources
                .zip(plan.masks())
                .map(|(source, (_, bits))| Mask::of(&bundle.tensors[source], bits))
                .collect();
        }
        Ok(())
    }

    /// The client's shares of the tensors below number `end`, as far as they do not depend on a
    /// linear map; the others stay empty.
    fn draw(&mut self, bundle: &mut ClientBundle, end: usize) {
        let plan = &self.plan;
        for number in bundle.tensors.len()..end {
            let tensor = plan.places.tensors[number];
            let node = number.checked_sub(1).map(|i| &plan.card().nodes[i]);
            let share = match node {
                None | Some(Node::Activation(_)) => {
                    let mask = Mask::random(tensor.shape.len(), tensor.ring_bits, &mut self.rng);
                    mask.values().to_vec()
                }
                Some(node) if known(node, &bundle.tensors) && node.is_local() => {
                    plan.places.local(node, number, &bundle.tensors)
                }
                Some(_) => Vec::new(),
            };
            bundle.tensors.push(Zeroizing::new(share));
        }
    }

    /// Decrypts the client's halves of every block's sums and makes the transfers of their guard
    /// bits: what is converted, block after block and bundle after bundle, and the messages.
    async fn receive_answers(
        &mut self,
        bundles: &[ClientBundle],
        mail: &Mailbox,
    ) -> Result<(Vec<Conversion>, Vec<Guard>), Error> {
        let kind = self.plan.settings().hash;
        let mut gates: Vec<Gates> = bundles.iter().map(|bundle| bundle.gates(kind)).collect();
        let (mut conversions, mut messages) = (Vec::new(), Vec::new());
        for (block, plan) in self.plan.coefficient().enumerate() {
            for gates in &mut gates {
                let half = plan.receive_half(self.keys.of(block), mail.of(block)).await?;
                let numbers = gates.take(half.len() as u64);
                let (conversion, message) = half.transfer(self.evaluator.transfers(), numbers);
                conversions.push(conversion);
                messages.push(Guard(message));
            }
        }
        Ok((conversions, messages))
    }

    /// Corrects the client's shares of every block's sums.
    async fn receive_corrections(
        &mut self,
        bundles: &mut [ClientBundle],
        conversions: Vec<Conversion>,
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let (kind, plan) = (self.plan.settings().hash, self.plan.clone());
        let mut conversions = conversions.into_iter();
        for (map, (linear, term)) in plan.coefficient().zip(&plan.places.terms).enumerate() {
            for (bundle, conversion) in bundles.iter_mut().zip(conversions.by_ref()) {
                let gates = bundle.gates(kind);
                let sums = linear.receive_shares(conversion, gates.hash(), mail.of(map)).await?;
                let share = &mut bundle.tensors[term.node];
                share.resize(sums.len(), 0);
                plan.places.ring(term.node).add_all(share, &sums);
            }
        }
        for bundle in &mut *bundles {
            for (i, node) in plan.card().nodes.iter().enumerate() {
                if bundle.tensors[i + 1].is_empty() {
                    *bundle.tensors[i + 1] = plan.places.local(node, i + 1, &bundle.tensors);
                }
            }
        }
        Ok(())
    }

    /// Chooses the labels of the client's shares of every activation's sums.
    async fn choose_labels(&mut self, bundles: &mut [ClientBundle], mail: &Mailbox) {
        let plan = self.plan.clone();
        for (index, activation) in plan.activations().iter().enumerate() {
            let read = plan.places.read_by(plan.card(), index);
            for bundle in &mut *bundles {
                let mut sums = bundle.tensors[read].clone();
                Ring::new(activation.ring_bits()).reduce_all(&mut sums);
                bundle.activations.push(match activation {
                    ActivationPlan::Garbled(plan) => {
                        ClientActivation::Garbled(match plan.delivery() {
                            Delivery::Ahead => {
                                self.evaluator.choose(plan, &sums, mail.of(index)).await
                            }
                            Delivery::Streamed => Evaluation::streamed(sums),
                        })
                    }
                });
            }
        }
    }

    /// Checks that an image can be classified with a bundle.
    ///
    /// # Errors
    /// [`Misuse`] if the image has another size, or the bundle belongs to another network.
    pub fn check(&self, bundle: &ClientBundle, image: &[u8]) -> Result<(), Misuse> {
        if bundle.plan != *self.plan.name() {
            return Err(Misuse::OtherNetwork);
        }
        Misuse::check_values("the image", image, self.plan.card().input.len())
    }

    /// Classifies one image, whose pixels come in the order of the card's input shape. The bundle
    /// may come from another session with the same server and network.
    ///
    /// What is sent, and in which order, does not depend on the result: not even on
    /// [`PeerFault::Class`] and [`PeerFault::Ranking`], after which the party goes on.
    pub fn online(
        mut self,
        bundle: ClientBundle,
        image: &[u8],
    ) -> Exchange<'static, (Self, Result<Outcome, PeerFault>, Leftover)> {
        let x = Zeroizing::new(image.to_vec());
        Exchange::new(|mail| async move {
            self.check(&bundle, &x)?;
            let (result, left) = self.classify(bundle, &x, &mail).await?;
            let card = self.plan.card();
            let outcome = Outcome::read(&card.head, card.classes.len(), &result);
            Ok((self, outcome, left))
        })
    }

    async fn classify(
        &mut self,
        bundle: ClientBundle,
        image: &[u8],
        mail: &Mailbox,
    ) -> Result<(Zeroizing<Vec<u32>>, Leftover), Error> {
        mail.send(Begin { bundle: bundle.name }).await;
        let plan = Arc::clone(&self.plan);
        let mut gates = bundle.gates(self.plan.settings().hash);
        self.plan.skip_guard_bits(&mut gates);
        let mut left = Vec::with_capacity(bundle.activations.len());
        let mut masks = bundle.masks.into_iter().zip(plan.masks());
        let mut activations = bundle.activations.into_iter();
        // What goes out before a level: the image, or what the level before it yielded.
        let image = image.iter().map(|&pixel| pixel.into()).collect();
        let mut ready: Vec<Zeroizing<Vec<u32>>> = vec![Zeroizing::new(image)];
        for level in &plan.places.levels {
            for (mut x, (mask, (_, ring_bits))) in ready.drain(..).zip(masks.by_ref()) {
                mask.hide(&mut x);
                mail.send(Masked::new(&x, ring_bits)).await;
            }
            for (index, activation) in level.clone().zip(activations.by_ref()) {
                match (&plan.activations()[index], activation) {
                    (ActivationPlan::Garbled(plan), ClientActivation::Garbled(evaluation)) => {
                        let (evaluator, mail) = (&mut self.evaluator, mail.of(index));
                        let evaluated = evaluation.evaluate(plan, evaluator, &mut gates, mail);
                        let (result, spent) = evaluated.await?;
                        ready.push(Zeroizing::new(result));
                        left.push(spent);
                    }
                }
            }
        }
        let result = ready.pop().expect("the head is the last level");
        Ok((result, Leftover { _evaluations: left }))
    }

    /// The farewell to send.
    pub fn close(self) -> Message {
        Bye.into_message()
    }
}

/// Whether the client has its shares of all that a node reads.
fn known(node: &Node, tensors: &[Zeroizing<Vec<u32>>]) -> bool {
    node.inputs().all(|tensor| !tensors[tensor].is_empty())
}

/// Sends messages that no answer was waited for with.
async fn send_all(messages: Vec<impl Payload>, mail: &Mailbox) {
    for message in messages {
        mail.send(message).await;
    }
}
