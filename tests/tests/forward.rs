//! The network's own evaluation against the naive reference network.

use gazelle_model::Card;
use gazelle_tests::{naive, random};
use proptest::prelude::*;

fn widen<T: Copy + Into<i64>>(values: &[T]) -> Vec<i64> {
    values.iter().map(|&v| v.into()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn forward_equals_the_naive_network(recipe in random::networks()) {
        let (network, image) = recipe.build();
        let card = network.card();
        prop_assert_eq!(&Card::from_bytes(&card.to_bytes().unwrap()).unwrap(), card);
        let trace = network.forward(&image).unwrap();
        let expected = naive::forward(&network, &image);
        prop_assert_eq!(trace.steps.len(), expected.len());
        for (step, expected) in trace.steps.iter().zip(&expected) {
            prop_assert_eq!(widen(&step.pooled), expected.input.clone());
            prop_assert_eq!(widen(&step.sums), expected.sums.clone());
            prop_assert!(step.output.is_empty() || widen(&step.output) == expected.output);
        }
        let logits = expected.last().unwrap().sums.clone();
        let largest = logits.iter().max().unwrap();
        prop_assert_eq!(trace.label(), logits.iter().position(|y| y == largest).unwrap());
    }
}
