//! The zoo's networks: their shapes, ring widths and liveliness.

use crate::zoo;
use gazelle_model::{Function, Network, Node};

fn network(name: &str) -> Network {
    zoo::network(name).expect("a name of the zoo")
}

/// How many sums activations read, and how many multiplications linear maps take.
fn counts(network: &Network) -> (usize, u64) {
    let (card, tensors) = (network.card(), network.card().tensors().unwrap());
    let mut counts = (0, 0);
    for (i, node) in card.nodes.iter().enumerate() {
        match node {
            Node::Activation(activation) => counts.0 += tensors[activation.input].shape.len(),
            Node::Linear(linear) => {
                let rows = linear.terms.iter().map(|t| t.map.row_len(tensors[t.input].shape));
                counts.1 += rows.sum::<u64>() * tensors[i + 1].shape.len() as u64;
            }
            _ => {}
        }
    }
    counts
}

#[test]
fn every_name_has_a_network() {
    assert!(zoo::NAMES.iter().all(|name| network(name).card().name == *name));
    assert!(zoo::network("e").is_none());
}

#[test]
fn shapes_are_the_papers() {
    let names = ["a", "b", "c", "d", "cifar10"];
    assert_eq!(names.map(|name| counts(&network(name)).0), [256, 1080, 1080, 10_340, 173_056]);
    let rows = |name| {
        let layers = network(name).card().chain().unwrap().layers().unwrap();
        layers.iter().map(|layer| layer.row_len()).collect::<Vec<_>>()
    };
    assert_eq!(rows("c"), [25, 980, 100]);
    assert_eq!(rows("d"), [25, 400, 256, 100]);
    assert_eq!(rows("cifar10"), [27, 576, 576, 576, 576, 64, 64, 1024]);
}

#[test]
fn networks_of_today_have_their_size() {
    let counts = |name| counts(&network(name));
    assert_eq!(counts("resnet20"), (144_256, 31_021_952));
    assert_eq!(counts("resnet18-28"), (434_176, 455_800_832));
    assert_eq!(counts("mobilenet"), (133_672, 2_858_568));
    assert_eq!(counts("squeezenet"), (2_589_352, 349_151_936));
    assert_eq!(counts("resnet18"), (2_308_096, 1_814_073_344));
    assert_eq!(counts("resnet50"), (9_608_704, 4_089_184_256));
}

/// Neither dead nor saturated: that is what makes shifts and ring widths realistic.
#[test]
fn activations_use_their_range() {
    for name in ["a", "c", "d", "resnet20", "mobilenet", "resnet18-28"] {
        let network = network(name);
        let image: Vec<u8> = (0..network.card().input.len()).map(|i| (i * 151) as u8).collect();
        let trace = network.forward(&image).unwrap();
        for (i, (node, output)) in network.card().nodes.iter().zip(&trace.tensors[1..]).enumerate()
        {
            let Node::Activation(activation) = node else { continue };
            let Function::Clamp { least, most } = activation.function else { panic!("a clamp") };
            let (least, most) = (i32::from(least), i32::from(most));
            let saturated = output.iter().filter(|&&x| x == most || x == least && x < 0).count();
            assert!(
                saturated * 20 < output.len(),
                "{name}: tensor {i}: {saturated} of {} at a bound",
                output.len()
            );
            let live = output.iter().filter(|&&x| x.abs() > 16).count();
            assert!(live * 5 > output.len(), "{name} {i}: {live} alive");
            let (bits, shift) = (activation.sum_bits, activation.shift.of(0));
            assert!((16..=25).contains(&bits) && (5..=13).contains(&shift), "{name}");
        }
    }
}
