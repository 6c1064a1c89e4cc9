//! What a plan's numbers say about security: computed, so that no text can promise more.

use gazelle_garble::HashKind;

use super::{ActivationPlan, NetworkPlan};
use crate::he::Parameters;
use crate::he::hint::HintParameters;
use crate::ot::transfers::Source;

/// The entropy of Δ, one bit of which is 1 always.
const DELTA_BITS: f64 = 127.0;

/// Labels that one key of the garbling's default hash meets at most.
const LABELS_PER_KEY: f64 = 128.0;

/// What an attack costs at least, and what chance alone gives at most, for a number of inferences of
/// one session. All numbers are logarithms to the base 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Security {
    /// Evaluations of AES that break the garbling's hash: `docs/garbling.md` has the bounds.
    pub hash_work: f64,
    /// Steps of Pollard's rho method that break the base transfers and the frames' key, in a group of
    /// order 2^252.
    pub group_work: f64,
    /// Operations that break the encryption under any of the [`parameters`](Security::parameters), by
    /// the guidelines that every set is held to.
    pub lattice_work: f64,
    /// The parameter sets of the linear maps, and of those by hints.
    pub parameters: Vec<Parameters>,
    /// See [`Security::parameters`].
    pub hint_parameters: Vec<HintParameters>,
    /// Operations on bits that solve the learning parity with noise of silent transfers by the cheapest
    /// attack that `docs/lpn.py` knows of. `None` if every transfer comes from the extension.
    pub parity_work: Option<f64>,
    /// Chance that any result is wrong.
    pub wrong: f64,
    /// Chance that the garbling's hash fails without any work: that two hashes under one key have the
    /// same input.
    pub hash_collision: f64,
    /// Chance that the one frame of a session that was changed on the way passes for an honest one.
    /// The first one that does not ends the session.
    pub forgery: f64,
    /// Chance that a client that deviates in the OT extension guesses Δ.
    pub delta_guess: f64,
}

impl NetworkPlan {
    /// The security of a session of so many inferences.
    pub fn security(&self, inferences: u64) -> Security {
        let count = (inferences.max(1) as f64).log2();
        let hashes = count + (self.hashes() as f64).log2();
        let (hash_work, hash_collision) = match self.settings.hash {
            HashKind::Mitccrh => (
                DELTA_BITS - (2.0 * LABELS_PER_KEY).log2(),
                (LABELS_PER_KEY - 1.0).log2() + hashes - DELTA_BITS,
            ),
            HashKind::MitccrhStrict => (DELTA_BITS - 1.0, f64::NEG_INFINITY),
            HashKind::FixedKey => (DELTA_BITS - 1.0 - hashes, f64::NEG_INFINITY),
        };
        let mut parameters: Vec<Parameters> = Vec::new();
        for plan in self.coefficient() {
            if !parameters.contains(plan.parameters()) {
                parameters.push(plan.parameters().clone());
            }
        }
        let mut hint_parameters: Vec<HintParameters> = Vec::new();
        for layer in self.hint_layers() {
            if !hint_parameters.contains(&layer.format.parameters) {
                hint_parameters.push(layer.format.parameters);
            }
        }
        Security {
            hash_work,
            group_work: 126.0,
            lattice_work: 128.0,
            parameters,
            hint_parameters,
            parity_work: self.parity_work(),
            wrong: self.failure_log2() + count,
            hash_collision,
            forgery: ((self.longest_frame() / 16 + 2) as f64).log2() - 128.0,
            delta_guess: -DELTA_BITS,
        }
    }

    /// At most how many hashes the garbler of an inference computes: both labels of every gate number,
    /// and of every transfer that converts a half.
    fn hashes(&self) -> u64 {
        let gates = self.activations.iter().map(|plan| match plan {
            ActivationPlan::Garbled(plan) => plan.chunks().map(|chunk| chunk.gates()).sum(),
            // Their transfers' keys are hashed under a key each, whatever the garbling's hash is.
            ActivationPlan::Masks(_) => 0,
        });
        let halves = self.linear.iter().map(|plan| plan.output_len() as u64);
        2 * gates.chain(halves).sum::<u64>()
    }

    /// Of the weaker set that transfers come from.
    fn parity_work(&self) -> Option<f64> {
        let work = |source: &Source| match source {
            Source::SoftSpoken(_) => None,
            Source::Silent(set) => Some(set.work()),
        };
        self.sources().iter().filter_map(work).reduce(f64::min)
    }

    /// At least the bytes of the longest frame.
    fn longest_frame(&self) -> u64 {
        // No frame is longer than all that goes one way in a block.
        let refill = self.longest_refill() as u64;
        let costs = self.costs().into_iter();
        let blocks = costs.flat_map(|c| [c.offline_up, c.offline_down, c.online_up, c.online_down]);
        blocks.chain([refill]).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ot::silent::LpnSet;
    use crate::plan::TransferSource;
    use crate::session::Settings;
    use gazelle_import::zoo;

    fn security(hash: HashKind, inferences: u64) -> Security {
        let card = zoo::network("d").unwrap().card().clone();
        let settings = Settings { hash, ..Settings::default() };
        NetworkPlan::new(card, &settings).unwrap().security(inferences)
    }

    #[test]
    fn work_is_what_the_documents_say() {
        assert_eq!(security(HashKind::Mitccrh, 1).hash_work, 119.0);
        assert_eq!(security(HashKind::Mitccrh, 1 << 20).hash_work, 119.0);
        assert_eq!(security(HashKind::MitccrhStrict, 1).hash_work, 126.0);
        let fixed = |inferences| security(HashKind::FixedKey, inferences).hash_work;
        assert!((fixed(1) - fixed(1 << 20) - 20.0).abs() < 1e-9);
        assert!((95.0..110.0).contains(&fixed(1)), "{}", fixed(1));
    }

    #[test]
    fn silent_transfers_rest_on_learning_parity_with_noise() {
        let work = |transfers| {
            let card = zoo::network("d").unwrap().card().clone();
            let settings = Settings { transfers, ..Settings::default() };
            NetworkPlan::new(card, &settings).unwrap().security(1).parity_work
        };
        assert_eq!(work(TransferSource::SoftSpoken), None);
        assert_eq!(work(TransferSource::Silent(LpnSet::K17)), Some(160.0));
    }

    #[test]
    fn chances_grow_with_the_inferences() {
        let [one, many] = [1, 1 << 20].map(|count| security(HashKind::Mitccrh, count));
        for (one, many) in [(one.wrong, many.wrong), (one.hash_collision, many.hash_collision)] {
            assert!((many - one - 20.0).abs() < 1e-9, "{one} {many}");
        }
        assert!(one.wrong < -60.0 && one.hash_collision < -95.0, "{one:?}");
        assert!(one.forgery < -100.0 && one.forgery == many.forgery, "{one:?}");
    }
}
