//! Graphs, privately, against the plaintext networks: every tensor and what the client learns, bit
//! for bit, and every byte and round trip as planned.

use gazelle_tests::{parties, random};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every node, function and head that a card can have.
    #[test]
    fn graphs_are_exact(recipe in random::graphs()) {
        let (network, image) = recipe.build();
        parties::check(&network, &[image]);
    }
}
