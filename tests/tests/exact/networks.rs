//! The benchmark networks, privately, against the plaintext networks: every tensor, bit for bit.

use gazelle_import::zoo;
use gazelle_model::{Head, Network};
use gazelle_protocol::plan::ActivationEngine;
use gazelle_protocol::session::{NetworkPlan, Server, Settings};
use gazelle_tests::parties::{self, Conditions};
use gazelle_tests::{random, rng};
use proptest::prelude::*;
use rand::Rng;

fn network(name: &str) -> Network {
    zoo::network(name).expect("a benchmark network")
}

/// Ten images: all zero, all full, and random ones.
fn images(network: &Network) -> Vec<Vec<u8>> {
    let len = network.card().input.len();
    let mut images = vec![vec![0; len], vec![255; len]];
    images.extend((0..8).map(|seed| {
        let mut image = vec![0; len];
        rng(seed).fill_bytes(&mut image);
        image
    }));
    images
}

#[test]
fn dense_networks_are_exact() {
    for name in ["a", "c"] {
        let network = network(name);
        parties::check(&network, &images(&network));
    }
}

#[test]
fn network_d_is_exact() {
    let network = network("d");
    parties::check(&network, &images(&network));
}

#[test]
fn cifar10_is_exact() {
    let network = network("cifar10");
    parties::check(&network, &images(&network)[..4]);
}

/// ResNet-18 for images of 28×28, on one of them.
#[test]
fn resnet18_is_exact() {
    let network = network("resnet18-28");
    parties::check(&network, &images(&network)[2..3]);
}

/// Mixes of both engines, planned for links on which each has layers.
#[test]
fn mixes_are_exact() {
    for (name, link) in [
        ("c", "100mbit,15ms"),
        ("d", "100mbit,15ms"),
        ("cifar10", "100mbit,80ms"),
        ("resnet20", "20mbit/100mbit,150ms"),
        ("mobilenet", "100mbit,80ms"),
    ] {
        let network = network(name);
        let settings = Settings::for_link(link.parse().expect("a link"));
        let settings = settings.fitted(network.card()).expect("it can be computed");
        let plan = NetworkPlan::new(network.card().clone(), &settings).expect("as before");
        let (_head, layers) = plan.activations().split_last().expect("the head");
        for engine in [ActivationEngine::Garbled, ActivationEngine::Masks] {
            assert!(layers.iter().any(|layer| layer.engine() == engine), "{name}: no {engine:?}");
        }
        parties::check_with(&network, &images(&network)[2..3], &settings);
    }
}

/// The largest weights of either sign, against the largest image and one at random: sums at both ends
/// of their rings.
#[test]
fn extreme_weights_are_exact() {
    for name in ["c", "d", "cifar10"] {
        let (card, mut blocks) = network(name).into_parts();
        for block in &mut blocks {
            for (i, weight) in block.weights.iter_mut().enumerate() {
                *weight = if i / 7 % 2 == 0 { 127 } else { -127 };
            }
        }
        let mut signed = blocks.clone();
        signed.iter_mut().for_each(|block| block.weights.fill(127));
        let rising = Network::with_least_sum_bits(card.clone(), signed.clone()).unwrap();
        signed.iter_mut().for_each(|block| block.weights.fill(-127));
        let falling = Network::with_least_sum_bits(card.clone(), signed).unwrap();
        let mixed = Network::with_least_sum_bits(card, blocks).unwrap();
        for network in [rising, falling, mixed] {
            // The largest one takes a second for each image and pair of engines.
            let images = &images(&network)[1..];
            parties::check(&network, if name == "cifar10" { &images[..1] } else { &images[..2] });
        }
    }
}

/// The same randomness gives the same messages whatever the number of threads: both parties end
/// with the same shares.
#[test]
fn results_do_not_depend_on_threads() {
    let (mut card, blocks) = network("d").into_parts();
    card.head.head = Head::Values;
    let network = Network::try_new(card, blocks).unwrap();
    let image = &images(&network)[2];
    let server = Server::new(network.clone(), &Settings::default()).unwrap();
    let trace = network.forward(image).unwrap();
    let run = |threads| {
        let conditions = Conditions { seed: 3, threads, ..Conditions::default() };
        let inference = parties::classify(&server, image, conditions);
        parties::assert_equal(&network, &inference, &trace, image);
        inference
    };
    let one = run(1);
    for threads in [2, 8] {
        let other = run(threads);
        for (one, other) in [(&one.client, &other.client), (&one.server, &other.server)] {
            assert!(one.tensors == other.tensors, "{threads} threads");
        }
        assert_eq!(one.outcome, other.outcome);
        assert_eq!(one.statistics.offline.bytes_down, other.statistics.offline.bytes_down);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_networks_are_exact(recipe in random::networks()) {
        let (network, image) = recipe.build();
        parties::check(&network, &[image]);
    }
}
