//! Graphs, privately, against the plaintext networks: every tensor and what the client learns, bit
//! for bit, and every byte and round trip as planned.

use gazelle_protocol::session::{NetworkPlan, Settings};
use gazelle_tests::{parties, random};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 4096, ..ProptestConfig::with_cases(128) })]

    /// Branches, several readers, sums of maps, bias maps, concatenations and shuffles, shifts and
    /// slopes for each channel, and every head.
    #[test]
    fn graphs_are_exact(recipe in random::graphs()) {
        let (network, image) = recipe.build();
        let plan = NetworkPlan::new(network.card().clone(), &Settings::default());
        if let Err(error) = plan {
            let error = error.to_string();
            prop_assert!(error.contains("does not compute"), "{error}");
            return Err(TestCaseError::reject(error));
        }
        parties::check(&network, &[image]);
    }
}
