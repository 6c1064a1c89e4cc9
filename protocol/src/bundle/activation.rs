//! What an activation's engine leaves each party between the phases.

use crate::activation::garbled::{Evaluation, Garbling};
use crate::plan::ActivationPlan;

/// What the client keeps of one activation; used once.
pub(crate) enum ClientActivation {
    Garbled(Evaluation),
}

/// What the server keeps of one activation; used once.
pub(crate) enum ServerActivation {
    Garbled(Garbling),
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

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Garbled(evaluation) => evaluation.encode(out),
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
            ActivationPlan::Garbled(plan) => Garbling::encoded_len(plan),
        }
    }

    pub(crate) fn encode(&self, plan: &ActivationPlan, out: &mut Vec<u8>) {
        match (self, plan) {
            (Self::Garbled(garbling), ActivationPlan::Garbled(plan)) => garbling.encode(plan, out),
        }
    }

    /// Reads what is left by the engine of `plan`; None if there is no such thing.
    pub(crate) fn decode(plan: &ActivationPlan, bytes: &mut &[u8]) -> Option<Self> {
        match plan {
            ActivationPlan::Garbled(plan) => Garbling::decode(plan, bytes).map(Self::Garbled),
        }
    }
}
