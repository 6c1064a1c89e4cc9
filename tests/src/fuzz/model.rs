//! Cards, model files and ONNX files.

use sha2::{Digest, Sha256};

use gazelle_import::{FloatNode, onnx, quantise};
use gazelle_model::{Card, LinearMap, Network, Node, Padding, Shape};
use gazelle_protocol::session::{NetworkPlan, Settings};

/// Multiplications that a target may spend on evaluating a network.
const PRODUCTS: u64 = 1 << 20;

/// A card that parses is written as it was read, every tensor finds its place, and the network is
/// planned or refused, as a client does with the card of a server that it does not trust.
pub fn card_wire(data: &[u8]) {
    if let Ok(card) = Card::from_bytes(data) {
        assert_eq!(card.to_bytes().as_deref(), Ok(data));
        let tensors = card.tensors().expect("a card is checked when it is read");
        assert_eq!(tensors.len(), card.nodes.len() + 1);
        assert!(tensors.iter().all(|tensor| (9..=32).contains(&tensor.ring_bits)));
        let blocks = card.chain().map(|chain| chain.blocks.len());
        if let Ok(plan) = NetworkPlan::new(card, &Settings::default()) {
            // Of another graph there is no saying from the outside.
            assert_eq!(plan.costs().len(), blocks.unwrap_or(plan.costs().len()));
        }
    }
}

/// A model file that parses is written as it was read, and its network can be evaluated. The
/// checksum of damaged files is mended, so that a fuzzer gets past it.
pub fn model_file(data: &[u8]) {
    let mended = data.len().checked_sub(32).map(|len| {
        let body = &data[..len];
        [body, &Sha256::digest(body)].concat()
    });
    for file in [data].into_iter().chain(mended.as_deref()) {
        whole_file(file);
    }
}

fn whole_file(file: &[u8]) {
    if let Ok(network) = Network::from_bytes(file) {
        assert_eq!(network.to_bytes().as_deref(), Ok(file));
        if is_small(network.card()) {
            let image = vec![255; network.card().input.len()];
            let trace = network.forward(&image).expect("the image has the card's size");
            let (card, values) = (network.card(), trace.logits().len());
            assert_eq!(values, card.classes.len());
            assert_eq!(trace.result.len(), card.head.head.results(values));
            let places = card.tensors().expect("a network's card is checked");
            for (values, place) in trace.tensors.iter().zip(places) {
                let fits = |v: &i32| v.unsigned_abs() >> (place.ring_bits - 1) == 0;
                assert!(values.len() == place.shape.len() && values.iter().all(fits));
            }
        }
    }
}

/// An ONNX file that parses is a network that can be evaluated; it is quantised or refused.
pub fn onnx_import(data: &[u8]) {
    let Ok(float) = onnx::read("fuzzed", data, &onnx::ImageOptions::default()) else { return };
    let work: u64 = float.nodes().iter().zip(&float.shapes()[1..]).map(float_work).sum();
    if float.shapes().iter().map(|shape| shape.len() as u64).sum::<u64>() + work <= PRODUCTS {
        let image: Vec<u8> = (0..float.input().len()).map(|i| (i * 37) as u8).collect();
        let outputs = float.forward(&image).expect("the image has the network's size");
        assert_eq!(outputs.len(), float.classes().len());
        if let Ok(network) = quantise(&float, std::slice::from_ref(&image), 8) {
            network.forward(&image).expect("quantising keeps the image's size");
        }
    }
}

/// Multiplications of a node that yields a tensor of a shape.
fn float_work((node, output): (&FloatNode, &Shape)) -> u64 {
    let cells = match node {
        FloatNode::Linear(linear) => {
            linear.terms.iter().map(|t| t.weights.len() / output.channels).sum::<usize>()
        }
        FloatNode::Activation(node) => node.max_pool.map_or(1, |window| window.kernel.cells()),
        FloatNode::SumPool(pool) => pool.window.kernel.cells(),
        _ => 1,
    };
    (cells as u64).saturating_mul(output.len() as u64)
}

/// Whether evaluating takes few multiplications and little memory.
fn is_small(card: &Card) -> bool {
    let tensors = card.tensors().expect("a network's card is checked");
    let terms = card.nodes.iter().flat_map(|node| match node {
        Node::Linear(node) => &node.terms[..],
        _ => &[],
    });
    let work = terms.map(|term| {
        let input = tensors[term.input].shape;
        let outputs = term.map.output(input).expect("a checked map fits").len() as u64;
        let padded = match &term.map {
            LinearMap::Dense { .. } => 0,
            LinearMap::Convolution(map) => {
                let Padding { top, left, bottom, right } = map.window.padding;
                let map = (input.height + top + bottom) * (input.width + left + right);
                (input.channels * map) as u64
            }
        };
        (outputs * term.map.row_len(input)).saturating_add(padded)
    });
    // Overlapping windows read more than the tensors hold.
    let windows = card.nodes.iter().zip(&tensors[1..]).map(|(node, output)| {
        let window = match node {
            Node::SumPool(pool) => Some(pool.window),
            Node::Activation(activation) => activation.max_pool,
            _ => None,
        };
        window.map_or(0, |window| window.kernel.cells() as u64 * output.shape.len() as u64)
    });
    let values = tensors.iter().map(|tensor| tensor.shape.len() as u64);
    values.chain(work).chain(windows).fold(0, u64::saturating_add) <= PRODUCTS
}
