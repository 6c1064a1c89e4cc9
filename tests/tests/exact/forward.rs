//! The network's own evaluation against the naive reference network.

use gazelle_model::{Card, Network};
use gazelle_tests::{naive, random};
use proptest::prelude::*;

fn widen(values: &[i32]) -> Vec<i64> {
    values.iter().map(|&v| v.into()).collect()
}

/// Both encodings come back, and every tensor is that of the definitions.
fn check(network: &Network, image: &[u8]) -> Result<(), TestCaseError> {
    let card = network.card();
    prop_assert_eq!(&Card::from_bytes(&card.to_bytes().unwrap()).unwrap(), card);
    prop_assert!(Network::from_bytes(&network.to_bytes().unwrap()).ok().as_ref() == Some(network));
    let trace = network.forward(image).unwrap();
    let expected = naive::forward(network, image);
    prop_assert_eq!(trace.tensors.len(), expected.tensors.len());
    for (i, (values, expected)) in trace.tensors.iter().zip(&expected.tensors).enumerate() {
        prop_assert_eq!(&widen(values), expected, "tensor {} of {:?}", i, card);
    }
    prop_assert_eq!(&widen(&trace.result), &expected.result);
    let logits = &expected.tensors[card.head.input];
    let largest = logits.iter().max().unwrap();
    prop_assert_eq!(trace.label(), logits.iter().position(|y| y == largest).unwrap());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn forward_equals_the_naive_network(recipe in random::networks()) {
        let (network, image) = recipe.build();
        check(&network, &image)?;
        let card = network.card();
        let back = card.chain().expect("random networks are chains").to_card();
        prop_assert_eq!(back.as_ref(), Ok(card));
    }

    #[test]
    fn forward_equals_the_naive_graph(recipe in random::graphs()) {
        let (network, image) = recipe.build();
        check(&network, &image)?;
    }
}
