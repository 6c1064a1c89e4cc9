//! Random graphs, privately, against the plaintext networks: every tensor, bit for bit, and every
//! byte and round trip as planned.

use gazelle_model::{Head, Network};
use gazelle_protocol::session::{NetworkPlan, Settings};
use gazelle_tests::{parties, random};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 4096, ..ProptestConfig::with_cases(24) })]

    /// Branches, several readers, sums of maps, bias maps, concatenations and shuffles.
    #[test]
    fn graphs_are_exact(recipe in random::graphs()) {
        let (network, image) = recipe.build();
        let (mut card, blocks) = network.into_parts();
        if card.head.head != Head::Values {
            card.head.head = Head::Class;
        }
        let plan = NetworkPlan::new(card.clone(), &Settings::default());
        if let Err(error) = plan {
            let error = error.to_string();
            prop_assert!(error.contains("does not compute"), "{error}");
            return Err(TestCaseError::reject(error));
        }
        let network = Network::try_new(card, blocks).expect("the head reads no more");
        parties::check(&network, &[image]);
    }
}
