//! The client: it has the image and learns the class.

use std::sync::Arc;

use rand::rngs::ChaCha20Rng;
use zeroize::Zeroizing;

use super::name::{Opening, SessionName};
use super::transfers::Transfers;
use super::{MAX_BUNDLES, Outcome, renew};
use crate::activation::Delivery;
use crate::activation::garbled::{self, Evaluator, EvaluatorSetup, Spent};
use crate::activation::masks::{Evaluation, MasksPlan, Preparation};
use crate::bundle::{ClientActivation, ClientBundle, Gates};
use crate::error::{Error, Misuse, PeerFault};
use crate::exchange::{Exchange, FrameKeys, Mailbox};
use crate::linear::guard::Conversion;
use crate::linear::{ClientKeys, Mask};
use crate::model::{Node, Ring};
use crate::ot::{self, LinkKey};
use crate::plan::{ActivationPlan, LinearPlan, NetworkPlan, Terms};
use crate::wire::{
    Announcement, Begin, Bye, ClientSetUp, Corrections, Expected, Greeting, Guard, MaskOffline,
    MaskOnline, MaskSetUp, MaskTransfers, Masked, Message, Payload, Prepare, ServerSetUp,
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
    /// For activations by masks, if there are any.
    transfers: Option<Transfers>,
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
        let (field, plan) = (plan.settings().field, Arc::new(plan));
        let offer = match plan.uses_masks() {
            true => Some(mail.receive::<MaskSetUp>(ot::base::OFFER_LEN).await?),
            false => None,
        };
        mail.send(Corrections(corrections)).await;
        let transfers = match offer {
            Some(offer) => {
                let name = session.as_bytes();
                Some(Transfers::of_client(field, name, offer, &mail, &mut rng).await?)
            }
            None => None,
        };
        Ok(Self {
            rng,
            session,
            link,
            terms,
            plan,
            keys,
            evaluator,
            transfers,
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
        self.begin_activations(&mut bundles, &mail).await?;
        if !self.keeps_shares {
            bundles.iter_mut().for_each(|bundle| bundle.tensors = Vec::new());
        }
        for (block, plan) in self.plan.activations().iter().enumerate() {
            for bundle in &mut bundles {
                match (plan, &mut bundle.activations[block]) {
                    (ActivationPlan::Garbled(plan), ClientActivation::Garbled(evaluation)) => {
                        evaluation.receive_tables(plan, mail.of(block)).await?;
                    }
                    (ActivationPlan::Masks(plan), preparing) => {
                        let MaskOffline(bytes) =
                            mail.of(block).receive(plan.offline_len(1)).await?;
                        preparing.preparing().receive(plan, 1, &bytes)?;
                    }
                    _ => unreachable!("an evaluation for each garbled activation"),
                }
            }
        }
        self.prepare_masks(&mut bundles, &mail).await?;
        Ok((self, bundles))
    }

    /// The rest of the preparation of activations by masks: message after message of all of them.
    async fn prepare_masks(
        &self,
        bundles: &mut [ClientBundle],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        for index in 2..self.plan.mask_messages() {
            for (block, plan) in self.plan.masks_with(index) {
                for bundle in &mut *bundles {
                    let preparation = bundle.activations[block].preparing();
                    if index % 2 == 0 {
                        mail.send(MaskOffline(preparation.send(plan, index))).await;
                    } else {
                        let len = plan.offline_len(index);
                        let MaskOffline(bytes) = mail.of(block).receive(len).await?;
                        preparation.receive(plan, index, &bytes)?;
                    }
                }
            }
        }
        for bundle in bundles {
            let prepared = std::mem::take(&mut bundle.activations).into_iter();
            let prepared = prepared.zip(self.plan.activations());
            bundle.activations = prepared.map(|(a, plan)| a.finish(plan)).collect();
        }
        Ok(())
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
    ) -> Result<(Vec<Conversion>, Vec<Message>), Error> {
        let kind = self.plan.settings().hash;
        let mut gates: Vec<Gates> = bundles.iter().map(|bundle| bundle.gates(kind)).collect();
        let (mut conversions, mut messages) = (Vec::new(), Vec::new());
        for (block, plan) in self.plan.coefficient().enumerate() {
            for gates in &mut gates {
                let half = plan.receive_half(self.keys.of(block), mail.of(block)).await?;
                let numbers = gates.take(half.len() as u64);
                let (conversion, message) = half.transfer(self.evaluator.transfers(), numbers);
                conversions.push(conversion);
                messages.push(Guard(message).into_message());
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

    /// Begins the activations on the client's shares of their sums: chooses labels, and sends the
    /// first messages of masks. What the server requests for masks comes before anything is sent.
    async fn begin_activations(
        &mut self,
        bundles: &mut [ClientBundle],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let plan = self.plan.clone();
        let mut requested = self.take_requests(bundles, mail).await?.into_iter();
        for (index, activation) in plan.activations().iter().enumerate() {
            for bundle in &mut *bundles {
                let mail = mail.of(index);
                bundle.activations.push(match activation {
                    ActivationPlan::Garbled(garbled) => {
                        let sums = read_sums(&plan, index, bundle);
                        ClientActivation::Garbled(match garbled.delivery() {
                            Delivery::Ahead => self.evaluator.choose(garbled, &sums, mail).await,
                            Delivery::Streamed => garbled::Evaluation::streamed(sums),
                        })
                    }
                    ActivationPlan::Masks(masks) => {
                        let (mut preparation, request) = requested.next().expect("one for each");
                        mail.send(request).await;
                        mail.send(MaskOffline(preparation.send(masks, 0))).await;
                        ClientActivation::Preparing(preparation)
                    }
                });
            }
        }
        Ok(())
    }

    /// Takes the server's requests of transfers for activations by masks: what begins with each, and
    /// the client's own request.
    async fn take_requests(
        &mut self,
        bundles: &[ClientBundle],
        mail: &Mailbox,
    ) -> Result<Vec<(Preparation, MaskTransfers)>, Error> {
        let plan = self.plan.clone();
        let mut requested = Vec::new();
        for (index, activation) in plan.activations().iter().enumerate() {
            let ActivationPlan::Masks(masks) = activation else { continue };
            for bundle in bundles {
                let sums = read_sums(&plan, index, bundle);
                let transfers = self.transfers.as_mut().expect("set up for the plan");
                let (mail, rng) = (mail.of(index), &mut self.rng);
                requested.push(transfers.prepare_client(masks, &sums, mail, rng).await?);
            }
        }
        Ok(requested)
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
        let (mut masks, plans) = (bundle.masks.into_iter(), plan.activations());
        let mut ring_bits = plan.masks().map(|(_, bits)| bits);
        let mut activations = bundle.activations.into_iter();
        // What goes out before a level: the image, or what the level before it yielded.
        let image = image.iter().map(|&pixel| pixel.into()).collect();
        let mut ready = vec![Yield::Result(Zeroizing::new(image), masks.next())];
        for level in &plan.places.levels {
            for (yielded, ring_bits) in ready.drain(..).zip(ring_bits.by_ref()) {
                yielded.send(ring_bits, mail).await;
            }
            for (index, activation) in level.clone().zip(activations.by_ref()) {
                let (mail, mask) = (mail.of(index), masks.next());
                ready.push(match (&plans[index], activation) {
                    (ActivationPlan::Garbled(plan), ClientActivation::Garbled(evaluation)) => {
                        let evaluator = &mut self.evaluator;
                        let evaluated = evaluation.evaluate(plan, evaluator, &mut gates, mail);
                        let (result, spent) = evaluated.await?;
                        left.push(spent);
                        Yield::Result(Zeroizing::new(result), mask)
                    }
                    (ActivationPlan::Masks(plan), ClientActivation::Masks(prepared)) => {
                        let mask = mask.expect("a result by masks is read again");
                        let mut evaluation = prepared.evaluate(plan, mask.into_values());
                        let MaskOnline(bytes) = mail.receive(plan.online_len(0)).await?;
                        evaluation.receive(plan, 0, &bytes)?;
                        Yield::Masks(plan, evaluation)
                    }
                    _ => unreachable!("a bundle has the plan's engines"),
                });
            }
            Yield::exchange(&mut ready, level.start, mail).await?;
        }
        match ready.pop() {
            Some(Yield::Result(result, _)) => Ok((result, Leftover { _evaluations: left })),
            _ => unreachable!("the head is the last level, and garbled"),
        }
    }

    /// The farewell to send.
    pub fn close(self) -> Message {
        Bye.into_message()
    }
}

/// What the client has of an activation (or the image) before the next level.
enum Yield<'a> {
    /// A result, and what masks it for the server; nothing masks the head's.
    Result(Zeroizing<Vec<u32>>, Option<Mask>),
    /// An activation by masks, whose last message gives the server the result less the mask.
    Masks(&'a MasksPlan, Evaluation),
}

impl Yield<'_> {
    /// The messages between the first and the last of all activations of a level that are by masks.
    async fn exchange(level: &mut [Self], first: usize, mail: &Mailbox) -> Result<(), Error> {
        for yielded in &mut *level {
            if let Self::Masks(plan, evaluation) = yielded {
                mail.send(MaskOnline(evaluation.send(plan, 1))).await;
            }
        }
        for (index, yielded) in level.iter_mut().enumerate() {
            if let Self::Masks(plan, evaluation) = yielded {
                let len = plan.online_len(2);
                let MaskOnline(bytes) = mail.of(first + index).receive(len).await?;
                evaluation.receive(plan, 2, &bytes)?;
            }
        }
        Ok(())
    }

    /// Sends it, masked.
    async fn send(self, ring_bits: u32, mail: &Mailbox) {
        match self {
            Self::Result(mut x, mask) => {
                mask.expect("what is sent has a mask").hide(&mut x);
                mail.send(Masked::new(&x, ring_bits)).await;
            }
            Self::Masks(plan, mut evaluation) => {
                mail.send(MaskOnline(evaluation.send(plan, 3))).await;
            }
        }
    }
}

/// The client's share of what an activation reads, in the activation's ring.
fn read_sums(plan: &NetworkPlan, index: usize, bundle: &ClientBundle) -> Zeroizing<Vec<u32>> {
    let mut sums = bundle.tensors[plan.places.read_by(plan.card(), index)].clone();
    Ring::new(plan.activations()[index].ring_bits()).reduce_all(&mut sums);
    sums
}

/// Whether the client has its shares of all that a node reads.
fn known(node: &Node, tensors: &[Zeroizing<Vec<u32>>]) -> bool {
    node.inputs().all(|tensor| !tensors[tensor].is_empty())
}

/// Sends messages that no answer was waited for with.
async fn send_all(messages: Vec<Message>, mail: &Mailbox) {
    for message in messages {
        mail.send_message(message).await;
    }
}
