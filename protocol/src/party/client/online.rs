//! The client's online phase: an image, classified with a bundle.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::ClientParty;
use crate::activation::garbled::Spent;
use crate::activation::masks::{NodeEvaluation, NodePlan};
use crate::bundle::{ClientActivation, ClientBundle};
use crate::error::{Error, Misuse, PeerFault};
use crate::exchange::{Exchange, Mailbox};
use crate::linear::Mask;
use crate::party::Outcome;
use crate::plan::ActivationPlan;
use crate::wire::{Begin, MaskOnline, Masked};

/// What is left of an inference. To wipe so much memory and give it back takes a while, so it is
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
}

/// What the client has of an activation (or the image) before the next level.
enum Yield<'a> {
    /// A result, and what masks it for the server; nothing masks the head's.
    Result(Zeroizing<Vec<u32>>, Option<Mask>),
    /// An activation by masks, whose last message gives the server the result less the mask.
    Masks(&'a NodePlan, NodeEvaluation),
}

impl Yield<'_> {
    /// The messages between the first and the last of all activations of a level that are by masks:
    /// message after message of those that have it.
    async fn exchange(level: &mut [Self], first: usize, mail: &Mailbox) -> Result<(), Error> {
        let messages = level.iter().map(Self::messages).max().unwrap_or(0);
        for index in 1..messages.saturating_sub(1) {
            for (number, yielded) in level.iter_mut().enumerate() {
                let Self::Masks(plan, evaluation) = yielded else { continue };
                if index + 1 >= plan.online_messages() {
                    continue;
                }
                if index % 2 == 1 {
                    mail.send(MaskOnline(evaluation.send(plan, index))).await;
                } else {
                    let len = plan.online_len(index);
                    let MaskOnline(bytes) = mail.of(first + number).receive(len).await?;
                    evaluation.receive(plan, index, &bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Messages of an activation by masks.
    fn messages(&self) -> usize {
        match self {
            Self::Result(..) => 0,
            Self::Masks(plan, _) => plan.online_messages(),
        }
    }

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
