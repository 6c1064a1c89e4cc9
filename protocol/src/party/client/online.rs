//! The client's online phase: images, each classified with a bundle.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::ClientParty;
use crate::activation::garbled::{Evaluator, Spent};
use crate::activation::masks::{NodeEvaluation, NodePlan};
use crate::bundle::{ClientActivation, ClientBundle, Gates};
use crate::error::{Error, Misuse, PeerFault};
use crate::exchange::{BlockMail, Exchange, Mailbox};
use crate::linear::Mask;
use crate::party::Outcome;
use crate::party::masks::{self, Evaluating};
use crate::plan::{ActivationPlan, NetworkPlan};
use crate::wire::{Begin, MaskOnline, Masked};

/// What images came to, each an outcome or a fault of the peer's that the session survives.
type Outcomes = Vec<Result<Outcome, PeerFault>>;

/// What is left of inferences. To wipe so much memory and give it back takes a while, so it is
/// dropped when nobody waits.
pub struct Leftover {
    _evaluations: Vec<Spent>,
}

impl ClientParty {
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
        self,
        bundle: ClientBundle,
        image: &[u8],
    ) -> Exchange<'static, (Self, Result<Outcome, PeerFault>, Leftover)> {
        let inference = (bundle, Zeroizing::new(image.to_vec()));
        Exchange::new(|mail| async move {
            let (party, mut outcomes, left) = self.classify(vec![inference], &mail).await?;
            Ok((party, outcomes.pop().expect("one of one image"), left))
        })
    }

    /// Classifies several images, at most [`NetworkPlan::most_together`], which go through the network
    /// together and share the round trips. The outcomes come in their order; otherwise as
    /// [`ClientParty::online`].
    pub fn online_together(
        self,
        inferences: Vec<(ClientBundle, Zeroizing<Vec<u8>>)>,
    ) -> Exchange<'static, (Self, Outcomes, Leftover)> {
        Exchange::new(|mail| async move { self.classify(inferences, &mail).await })
    }

    async fn classify(
        mut self,
        inferences: Vec<(ClientBundle, Zeroizing<Vec<u8>>)>,
        mail: &Mailbox,
    ) -> Result<(Self, Outcomes, Leftover), Error> {
        if !(1..=self.plan.most_together()).contains(&inferences.len()) {
            return Err(Misuse::Images(inferences.len()).into());
        }
        inferences.iter().try_for_each(|(bundle, image)| self.check(bundle, image))?;
        let bundles = inferences.iter().map(|(bundle, _)| bundle.name).collect();
        mail.send(Begin { bundles }).await;
        let plan = Arc::clone(&self.plan);
        let mut images: Vec<Inference<'_>> = inferences
            .into_iter()
            .map(|(bundle, image)| Inference::new(&plan, bundle, &image))
            .collect();
        let ring_bits: Vec<u32> = plan.masks().map(|(_, bits)| bits).collect();
        // What goes out before a level: the image, or what the level before it yielded.
        let mut sources = 0..1;
        for level in &plan.places.levels {
            for image in &mut images {
                for (yielded, &bits) in image.ready.drain(..).zip(&ring_bits[sources.clone()]) {
                    yielded.send(bits, mail).await;
                }
            }
            for image in &mut images {
                for index in level.clone() {
                    image
                        .begin(&plan.activations()[index], &mut self.evaluator, mail.of(index))
                        .await?;
                }
            }
            let by_masks = images.iter_mut().flat_map(|image| image.by_masks(level.start));
            masks::exchange(by_masks.collect(), 1, mail).await?;
            sources = level.start + 1..level.end + 1;
        }
        let card = plan.card();
        let mut left = Leftover { _evaluations: Vec::new() };
        let outcomes = images.into_iter().map(|mut image| {
            left._evaluations.append(&mut image.left);
            let Some(Yield::Result(result, _)) = image.ready.pop() else {
                unreachable!("the head is the last level, and garbled")
            };
            Outcome::read(&card.head, card.classes.len(), &result)
        });
        let outcomes = outcomes.collect();
        Ok((self, outcomes, left))
    }
}

/// An image on its way through the network.
struct Inference<'a> {
    gates: Gates,
    masks: std::vec::IntoIter<Mask>,
    activations: std::vec::IntoIter<ClientActivation>,
    /// The image, or what the level before yielded.
    ready: Vec<Yield<'a>>,
    left: Vec<Spent>,
}

impl<'a> Inference<'a> {
    /// Its activations by masks of a level that begins with number `first`.
    fn by_masks(&mut self, first: usize) -> impl Iterator<Item = Evaluating<'_>> {
        self.ready.iter_mut().enumerate().filter_map(move |(i, yielded)| match yielded {
            Yield::Masks(plan, evaluation) => Some((first + i, *plan, evaluation)),
            _ => None,
        })
    }

    fn new(plan: &NetworkPlan, bundle: ClientBundle, image: &[u8]) -> Self {
        let mut gates = bundle.gates(plan.settings().hash);
        plan.skip_guard_bits(&mut gates);
        let (mut masks, activations) = (bundle.masks.into_iter(), bundle.activations.into_iter());
        let image = Zeroizing::new(image.iter().map(|&pixel| pixel.into()).collect());
        let ready = vec![Yield::Result(image, masks.next())];
        Self { gates, masks, activations, ready, left: Vec::new() }
    }

    /// Takes the next activation as far as the server's first message gets it.
    async fn begin(
        &mut self,
        plan: &'a ActivationPlan,
        evaluator: &mut Evaluator,
        mail: BlockMail<'_>,
    ) -> Result<(), Error> {
        let mask = self.masks.next();
        let activation = self.activations.next().expect("a bundle has all activations");
        self.ready.push(match (plan, activation) {
            (ActivationPlan::Garbled(plan), ClientActivation::Garbled(evaluation)) => {
                let evaluated = evaluation.evaluate(plan, evaluator, &mut self.gates, mail);
                let (result, spent) = evaluated.await?;
                self.left.push(spent);
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
        Ok(())
    }
}

/// What the client has of an activation (or the image) before the next level.
enum Yield<'a> {
    /// A result, and what masks it for the server; nothing masks the head's.
    Result(Zeroizing<Vec<u32>>, Option<Mask>),
    /// An activation by masks, whose last message gives the server the result less the mask.
    Masks(&'a NodePlan, NodeEvaluation),
}

impl Yield<'_> {
    /// Sends it, masked.
    async fn send(self, ring_bits: u32, mail: &Mailbox) {
        match self {
            Self::Result(mut x, mask) => {
                mask.expect("what is sent has a mask").hide(&mut x);
                mail.send(Masked::new(&x, ring_bits)).await;
            }
            Self::Masks(plan, mut evaluation) => {
                let last = plan.online_messages() - 1;
                mail.send(MaskOnline(evaluation.send(plan, last))).await;
            }
        }
    }
}
