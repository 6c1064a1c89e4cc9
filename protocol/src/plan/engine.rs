//! Engines: what computes a linear map or an activation on additive shares.
//!
//! An engine takes shares and gives shares, whatever happens in between. Offline the client's share
//! of what a node reads is known, online the server's:
//!
//! - of a linear map both parties get their share of the result offline, up to M·(x − r) + bias, which
//!   the server adds online;
//! - of an activation the server gets the result less the client's next mask online; of the head the
//!   client gets the result. Its ring is the low bits of the shares that it reads.
//!
//! In either phase an engine may send any number of messages each way. Both parties know them in
//! advance from its plan, which is a function of public facts alone, and so is the choice of the
//! engine. A plan's digest begins with its engine.

use super::Settings;
use crate::activation::Delivery;
use crate::activation::garbled::{self, GarbledPlan};
use crate::activation::masks::{self, NodePlan};
use crate::digest::PlanDigest;
use crate::he;
use crate::linear::hint::HintPlan;
use crate::linear::{self, CoefficientPlan, guard};
use crate::model::{ActivationNode, HeadNode, Tensor};
use crate::ot::FieldBits;
use crate::ot::transfers::Source;
use crate::wire::{FRAME_LEN, Masked, Traffic};

/// What computes a linear map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinearEngine {
    /// Homomorphic products of polynomials, tensors encoded in their coefficients:
    /// [`crate::linear`].
    Coefficient = 1,
    /// One-time messages against a hint that the server published: [`crate::linear::hint`].
    Hint = 2,
}

/// What computes an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationEngine {
    /// Garbled circuits, the server garbling: [`crate::activation::garbled`].
    Garbled = 1,
    /// Alternating masks: [`crate::activation::masks`].
    Masks = 2,
}

/// What an engine sends for one node in one inference, seen from the client; frames' headers and tags
/// included. Nodes that are ready at one time share their round trips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCost {
    /// Before the image is known.
    pub offline: Traffic,
    /// From the server's share on.
    pub online: Traffic,
}

/// A linear map, planned for its engine.
pub enum LinearPlan {
    /// For [`LinearEngine::Coefficient`].
    Coefficient(CoefficientPlan),
    /// For [`LinearEngine::Hint`].
    Hint(HintPlan),
}

/// An activation, planned for its engine.
pub enum ActivationPlan {
    /// For [`ActivationEngine::Garbled`].
    Garbled(GarbledPlan),
    /// For [`ActivationEngine::Masks`].
    Masks(Box<NodePlan>),
}

impl LinearEngine {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coefficient => "coefficient",
            Self::Hint => "hint",
        }
    }
}

impl ActivationEngine {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Garbled => "garbled",
            Self::Masks => "masks",
        }
    }
}

impl LinearPlan {
    /// The engine that it is for.
    pub fn engine(&self) -> LinearEngine {
        match self {
            Self::Coefficient(_) => LinearEngine::Coefficient,
            Self::Hint(_) => LinearEngine::Hint,
        }
    }

    /// The plan, if it is the coefficient engine's.
    pub fn coefficient(&self) -> Option<&CoefficientPlan> {
        match self {
            Self::Coefficient(plan) => Some(plan),
            Self::Hint(_) => None,
        }
    }

    /// The plan, if it is the hint engine's.
    pub fn hint(&self) -> Option<&HintPlan> {
        match self {
            Self::Hint(plan) => Some(plan),
            Self::Coefficient(_) => None,
        }
    }

    /// Whether the mask of what the map reads is what its message makes it.
    pub(super) fn gives_mask(&self) -> bool {
        self.hint().is_some_and(HintPlan::gives_mask)
    }

    /// Values that the map returns.
    pub fn output_len(&self) -> usize {
        match self {
            Self::Coefficient(plan) => plan.output_len(),
            Self::Hint(plan) => plan.output_len(),
        }
    }

    /// k: shares of the result live in Z_{2^k}.
    pub fn ring_bits(&self) -> u32 {
        match self {
            Self::Coefficient(plan) => plan.ring_bits(),
            Self::Hint(plan) => plan.ring_bits(),
        }
    }

    /// What the map costs, with an OT extension of `field` bits.
    pub fn cost(&self, field: FieldBits) -> EngineCost {
        let [sent, received] = self.message_lens();
        let answers = usize::from(received > 0);
        let offline = Traffic {
            sent: framed(sent + self.guard_len(field), 2),
            received: framed(received + self.corrections_len(), answers + 1),
            rounds: 1 + answers as u64,
        };
        EngineCost { offline, online: Traffic::default() }
    }

    /// Bytes of the client's message and of the server's, 0 if there is none, before the guard bits.
    pub(crate) fn message_lens(&self) -> [usize; 2] {
        match self {
            Self::Coefficient(plan) => {
                let linear::Cost { query_bytes, answer_bytes, .. } = *plan.cost();
                [query_bytes, answer_bytes]
            }
            Self::Hint(plan) => [plan.cost().upload_bytes, 0],
        }
    }

    /// Bytes of memory that it takes a client while an inference is prepared: its message, and for each half
    /// that becomes a share 8 bytes more than that and the label of its transfer.
    pub(crate) fn client_bytes(&self, field: FieldBits) -> usize {
        24 * self.output_len() + self.message_lens()[0] + self.guard_len(field)
    }

    /// Bytes of the client's message for the guard bits.
    pub(crate) fn guard_len(&self, field: FieldBits) -> usize {
        guard::transfer_len(self.output_len(), field)
    }

    /// Bytes of the server's corrections.
    pub(crate) fn corrections_len(&self) -> usize {
        guard::corrections_len(self.output_len(), self.ring_bits())
    }

    /// log2 of the probability that one result is wrong, at most.
    pub(crate) fn failure_log2(&self) -> i32 {
        match self {
            Self::Coefficient(_) => he::noise::FAILURE_LOG2,
            Self::Hint(_) => he::hint::noise::FAILURE_LOG2,
        }
    }

    pub(crate) fn digest(&self, digest: &mut PlanDigest, field: FieldBits) {
        digest.numbers(&[self.engine() as usize]);
        digest.numbers(&[self.guard_len(field), self.corrections_len()]);
        match self {
            Self::Coefficient(plan) => plan.digest(digest),
            Self::Hint(plan) => plan.digest(digest),
        }
    }
}

impl ActivationPlan {
    /// A node's plan by masks, with digits of at most `widest` bits; None if that engine does not
    /// compute it.
    pub(super) fn by_masks(
        node: &ActivationNode,
        input: Tensor,
        output: Tensor,
        sources: [Source; 2],
        widest: usize,
    ) -> Option<Self> {
        let plan = NodePlan::of_node(node, input, output, sources, widest)?;
        Some(Self::Masks(Box::new(plan)))
    }

    /// A node's plan by garbling.
    pub(super) fn garbled(
        node: &ActivationNode,
        input: Tensor,
        output: Tensor,
        settings: &Settings,
    ) -> Self {
        let plan = GarbledPlan::of_node(node, input, output);
        Self::Garbled(plan.with_delivery(settings.tables))
    }

    /// The plan of the head, which reads tensor `input`.
    pub(crate) fn of_head(head: &HeadNode, input: Tensor, settings: &Settings) -> Self {
        let plan = GarbledPlan::of_head(head, input);
        Self::Garbled(plan.with_delivery(settings.tables))
    }

    /// k, the bits of the ring that the shares of the sums are read in.
    pub(crate) fn ring_bits(&self) -> u32 {
        match self {
            Self::Garbled(plan) => plan.ring_bits(),
            Self::Masks(plan) => plan.ring_bits(),
        }
    }

    /// The engine that it is for.
    pub fn engine(&self) -> ActivationEngine {
        match self {
            Self::Garbled(_) => ActivationEngine::Garbled,
            Self::Masks(_) => ActivationEngine::Masks,
        }
    }

    /// Whether its garbled tables come online.
    pub(super) fn is_streamed(&self) -> bool {
        matches!(self, Self::Garbled(plan) if plan.delivery() == Delivery::Streamed)
    }

    /// Values of the result; 1 for a head that compares all.
    pub(crate) fn instances(&self) -> usize {
        match self {
            Self::Garbled(plan) => plan.instances(),
            Self::Masks(plan) => plan.instances(),
        }
    }

    /// AND gates.
    pub(crate) fn ands(&self, field: FieldBits) -> u64 {
        match self {
            Self::Garbled(plan) => plan.cost(field).ands,
            Self::Masks(_) => 0,
        }
    }

    /// What the client sends of its result, less the next mask; 0 for the head.
    pub(super) fn masked(&self) -> u64 {
        match self {
            Self::Garbled(plan) => {
                let masked = plan.share_bits().map(|bits| Masked::len(plan.instances(), bits));
                masked.map_or(0, |bytes| framed(bytes, 1))
            }
            Self::Masks(plan) => framed(plan.online_len(plan.online_messages() - 1), 1),
        }
    }

    /// What the activation costs, with an OT extension of `field` bits. Silent transfers are made for
    /// many activations at once: [`NetworkPlan::refill`](super::NetworkPlan::refill) has their cost.
    pub fn cost(&self, field: FieldBits) -> EngineCost {
        let plan = match self {
            Self::Garbled(plan) => plan,
            Self::Masks(plan) => return cost_of_masks(plan),
        };
        let cost = plan.cost(field);
        let tables = Traffic {
            sent: framed(cost.transfer_bytes, cost.chunks),
            received: framed(cost.table_bytes, cost.chunks),
            rounds: 1,
        };
        let labels = Traffic {
            sent: self.masked(),
            received: framed(cost.label_bytes, cost.chunks),
            rounds: 1,
        };
        match plan.delivery() {
            Delivery::Ahead => EngineCost { offline: tables, online: labels },
            Delivery::Streamed => {
                let online = Traffic {
                    sent: tables.sent + labels.sent,
                    received: tables.received + labels.received,
                    rounds: garbled::streamed_rounds(cost.chunks),
                };
                EngineCost { offline: Traffic::default(), online }
            }
        }
    }

    pub(crate) fn digest(&self, digest: &mut PlanDigest, field: FieldBits) {
        digest.numbers(&[self.engine() as usize]);
        match self {
            Self::Garbled(plan) => plan.digest(digest, field),
            Self::Masks(plan) => plan.digest(digest),
        }
    }
}

/// What an activation by masks costs, with its transfers unless they are silent.
fn cost_of_masks(plan: &NodePlan) -> EngineCost {
    let masks::Cost { offline, offline_messages, online, online_messages, .. } = plan.cost();
    // Whose choices they are, the client's or the server's, asks for transfers.
    let [up, down] = plan.request_lens();
    let requests = [down, up];
    let bytes = |party: usize| {
        let requests = &requests[party];
        let (bytes, frames) = (requests.iter().sum::<usize>(), requests.len());
        framed(offline[party] + bytes, offline_messages[party] + frames)
    };
    let rounds = offline_messages[1] as u64;
    let offline = Traffic { sent: bytes(0), received: bytes(1), rounds };
    let online = Traffic {
        sent: framed(online[0], online_messages[0]),
        received: framed(online[1], online_messages[1]),
        rounds: online_messages[0] as u64,
    };
    EngineCost { offline, online }
}

/// Bytes of so many frames around so many bytes of messages.
pub(super) fn framed(bytes: usize, frames: usize) -> u64 {
    (bytes + FRAME_LEN * frames) as u64
}

#[cfg(test)]
mod tests {
    use crate::model::Node;
    use crate::plan::{NetworkPlan, Settings};
    use gazelle_import::zoo;

    /// What both parties compute with each other has an engine; what each computes by itself has none.
    #[test]
    fn every_node_that_needs_messages_has_an_engine() {
        let card = zoo::network("d").unwrap().card().clone();
        let plan = NetworkPlan::new(card.clone(), &Settings::default()).unwrap();
        assert_eq!(plan.engine(0), None, "the image");
        for (i, node) in card.nodes.iter().enumerate() {
            let expected = match node {
                Node::Linear(_) => Some("coefficient"),
                Node::Activation(_) => Some("garbled"),
                _ => None,
            };
            assert_eq!(plan.engine(i + 1), expected, "tensor {}", i + 1);
        }
        assert_eq!(plan.engine(card.nodes.len() + 1), Some("garbled"), "the head");
    }
}
