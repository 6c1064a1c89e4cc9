//! What an activation's engine leaves each party between the phases.

use crate::activation::Delivery;
use crate::activation::garbled::{Evaluation, Garbling};
use crate::activation::masks::{NodePreparation, PreparedNode, Side};
use crate::plan::ActivationPlan;

/// What the client keeps of one activation; used once.
pub(crate) enum ClientActivation {
    Garbled(Evaluation),
    /// While the offline phase lasts.
    Preparing(NodePreparation),
    Masks(PreparedNode),
}

/// What the server keeps of one activation; used once.
pub(crate) enum ServerActivation {
    Garbled(Garbling),
    /// Nothing: it is garbled when it is used.
    Streamed,
    /// While the offline phase lasts.
    Preparing(NodePreparation),
    Masks(PreparedNode),
}

/// Bundles are made, and read, by their plan.
const OF_PLAN: &str = "what waits for the online phase is of the engine that the plan names";

impl ClientActivation {
    /// The activation by masks that is being prepared.
    pub(crate) fn preparing(&mut self) -> &mut NodePreparation {
        match self {
            Self::Preparing(preparation) => preparation,
            _ => unreachable!("{OF_PLAN}"),
        }
    }

    /// After the offline phase.
    pub(crate) fn finish(self, plan: &ActivationPlan) -> Self {
        match (self, plan) {
            (Self::Preparing(preparation), ActivationPlan::Masks(plan)) => {
                Self::Masks(preparation.finish(plan, Side::Client))
            }
            (prepared, _) => prepared,
        }
    }

    /// Bytes of memory that wait for the online phase.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Garbled(evaluation) => evaluation.bytes(),
            Self::Preparing(_) => 0,
            Self::Masks(prepared) => prepared.bytes(),
        }
    }

    /// Bytes of the encoding.
    pub(crate) fn encoded_len(plan: &ActivationPlan) -> usize {
        match plan {
            ActivationPlan::Garbled(plan) => Evaluation::encoded_len(plan),
            ActivationPlan::Masks(plan) => PreparedNode::encoded_len(plan, Side::Client),
        }
    }

    pub(crate) fn encode(&mut self, plan: &ActivationPlan, out: &mut Vec<u8>) {
        match (self, plan) {
            (Self::Garbled(evaluation), ActivationPlan::Garbled(plan)) => {
                evaluation.encode(plan, out);
            }
            (Self::Masks(prepared), ActivationPlan::Masks(plan)) => prepared.encode(plan, out),
            _ => unreachable!("{OF_PLAN}"),
        }
    }

    /// Reads what is left by the engine of `plan`; None if there is no such thing.
    pub(crate) fn decode(plan: &ActivationPlan, bytes: &mut &[u8]) -> Option<Self> {
        match plan {
            ActivationPlan::Garbled(plan) => Evaluation::decode(plan, bytes).map(Self::Garbled),
            ActivationPlan::Masks(plan) => {
                PreparedNode::decode(plan, Side::Client, bytes).map(Self::Masks)
            }
        }
    }
}

impl ServerActivation {
    /// The activation by masks that is being prepared.
    pub(crate) fn preparing(&mut self) -> &mut NodePreparation {
        match self {
            Self::Preparing(preparation) => preparation,
            _ => unreachable!("{OF_PLAN}"),
        }
    }

    /// After the offline phase.
    pub(crate) fn finish(self, plan: &ActivationPlan) -> Self {
        match (self, plan) {
            (Self::Preparing(preparation), ActivationPlan::Masks(plan)) => {
                Self::Masks(preparation.finish(plan, Side::Server))
            }
            (prepared, _) => prepared,
        }
    }

    /// Bytes of the encoding.
    pub(crate) fn encoded_len(plan: &ActivationPlan) -> usize {
        match plan {
            ActivationPlan::Garbled(plan) => match plan.delivery() {
                Delivery::Ahead => Garbling::encoded_len(plan),
                Delivery::Streamed => 0,
            },
            ActivationPlan::Masks(plan) => PreparedNode::encoded_len(plan, Side::Server),
        }
    }

    pub(crate) fn encode(&mut self, plan: &ActivationPlan, out: &mut Vec<u8>) {
        match (self, plan) {
            (Self::Garbled(garbling), ActivationPlan::Garbled(plan)) => garbling.encode(plan, out),
            (Self::Streamed, _) => {}
            (Self::Masks(prepared), ActivationPlan::Masks(plan)) => prepared.encode(plan, out),
            _ => unreachable!("{OF_PLAN}"),
        }
    }

    /// Reads what is left by the engine of `plan`; None if there is no such thing.
    pub(crate) fn decode(plan: &ActivationPlan, bytes: &mut &[u8]) -> Option<Self> {
        match plan {
            ActivationPlan::Garbled(plan) => match plan.delivery() {
                Delivery::Ahead => Garbling::decode(plan, bytes).map(Self::Garbled),
                Delivery::Streamed => Some(Self::Streamed),
            },
            ActivationPlan::Masks(plan) => {
                PreparedNode::decode(plan, Side::Server, bytes).map(Self::Masks)
            }
        }
    }
}
