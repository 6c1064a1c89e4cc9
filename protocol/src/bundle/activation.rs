//! What an activation's engine leaves each party between the phases.

use crate::activation::Delivery;
use crate::activation::garbled::{Evaluation, Garbling};
use crate::plan::ActivationPlan;

/// What the client keeps of one activation; used once.
pub(crate) enum ClientActivation {
    Garbled(Evaluation),
}

/// What the server keeps of one activation; used once.
pub(crate) enum ServerActivation {
    Garbled(Garbling),
    /// Nothing: it is garbled when it is used.
    Streamed,
}

impl ClientActivation {
    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Garbled(evaluation) => evaluation.bytes(),
        }
    }

    /// Bytes of the encoding.
    pub(crate) fn encoded_len(plan: &ActivationPlan) -> usize {
        match plan {
            ActivationPlan::Garbled(plan) => Evaluation::encoded_len(plan),
        }
    }

    pub(crate) fn encode(&self, plan: &ActivationPlan, out: &mut Vec<u8>) {
        match (self, plan) {
            (Self::Garbled(evaluation), ActivationPlan::Garbled(plan)) => {
                evaluation.encode(plan, out);
            }
        }
    }

    /// Reads what is left by the engine of `plan`; None if there is no such thing.
    pub(crate) fn decode(plan: &ActivationPlan, bytes: &mut &[u8]) -> Option<Self> {
        match plan {
            ActivationPlan::Garbled(plan) => Evaluation::decode(plan, bytes).map(Self::Garbled),
        }
    }
}

impl ServerActivation {
    /// Bytes of the encoding.
    pub(crate) fn encoded_len(plan: &ActivationPlan) -> usize {
        match plan {
            ActivationPlan::Garbled(plan) => match plan.delivery() {
                Delivery::Ahead => Garbling::encoded_len(plan),
                Delivery::Streamed => 0,
            },
        }
    }

    pub(crate) fn encode(&self, plan: &ActivationPlan, out: &mut Vec<u8>) {
        match (self, plan) {
            (Self::Garbled(garbling), ActivationPlan::Garbled(plan)) => garbling.encode(plan, out),
            (Self::Streamed, _) => {}
        }
    }

    /// Reads what is left by the engine of `plan`; None if there is no such thing.
    pub(crate) fn decode(plan: &ActivationPlan, bytes: &mut &[u8]) -> Option<Self> {
        match plan {
            ActivationPlan::Garbled(plan) => match plan.delivery() {
                Delivery::Ahead => Garbling::decode(plan, bytes).map(Self::Garbled),
                Delivery::Streamed => Some(Self::Streamed),
            },
        }
    }
}
