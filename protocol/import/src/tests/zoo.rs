//! The zoo's networks: their shapes, ring widths and liveliness.

use crate::zoo;
use gazelle_model::{Activation, Network};

fn network(name: &str) -> Network {
    zoo::network(name).expect("a name of the zoo")
}

fn relus(network: &Network) -> usize {
    let layers = network.card().chain().unwrap().layers().unwrap();
    layers[..layers.len() - 1].iter().map(|layer| layer.sums.len()).sum()
}

#[test]
fn every_name_has_a_network() {
    assert!(zoo::NAMES.iter().all(|name| network(name).card().name == *name));
    assert!(zoo::network("e").is_none());
}

#[test]
fn shapes_are_the_papers() {
    assert_eq!(zoo::NAMES.map(|name| relus(&network(name))), [256, 1080, 1080, 10_340, 173_056]);
    let rows = |name| {
        let layers = network(name).card().chain().unwrap().layers().unwrap();
        layers.iter().map(|layer| layer.row_len()).collect::<Vec<_>>()
    };
    assert_eq!(rows("c"), [25, 980, 100]);
    assert_eq!(rows("d"), [25, 400, 256, 100]);
    assert_eq!(rows("cifar10"), [27, 576, 576, 576, 576, 64, 64, 1024]);
}

/// Neither dead nor saturated: that is what makes shifts and ring widths realistic.
#[test]
fn activations_use_their_range() {
    for name in ["a", "c", "d"] {
        let network = network(name);
        let image: Vec<u8> = (0..network.card().input.len()).map(|i| (i * 151) as u8).collect();
        let trace = network.forward(&image).unwrap();
        let chain = network.card().chain().unwrap();
        for (step, card) in trace.steps(&chain).zip(&chain.blocks) {
            let Activation::Relu { shift, .. } = card.activation else { continue };
            let saturated = step.output.iter().filter(|&&x| x == 255).count();
            assert!(saturated * 20 < step.output.len(), "{name}: {saturated} of 255");
            let live = step.output.iter().filter(|&&x| x > 16).count();
            assert!(live * 5 > step.output.len(), "{name}: {live} alive");
            assert!((17..=25).contains(&card.ring_bits()) && (5..=12).contains(&shift), "{name}");
        }
    }
}
