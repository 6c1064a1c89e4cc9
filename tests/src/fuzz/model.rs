//! Cards, model files and ONNX files.

use sha2::{Digest, Sha256};

use gazelle_import::{onnx, quantise};
use gazelle_model::{Card, Network};
use gazelle_protocol::session::{NetworkPlan, Settings};

/// Multiplications that a target may spend on evaluating a network.
const PRODUCTS: u64 = 1 << 20;

/// A card that parses is written as it was read, every block finds its place, and the network is
/// planned or refused, as a client does with the card of a server that it does not trust.
pub fn card_wire(data: &[u8]) {
    if let Ok(card) = Card::from_bytes(data) {
        assert_eq!(card.to_bytes().as_deref(), Ok(data));
        let layers = card.layers().expect("a card is checked when it is read");
        assert_eq!(layers.len(), card.blocks.len());
        if let Ok(plan) = NetworkPlan::new(card, &Settings::default()) {
            assert_eq!(plan.costs().len(), layers.len());
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
            assert_eq!(trace.logits().len(), network.card().classes.len());
        }
    }
}

/// An ONNX file that parses is a network that can be evaluated; it is quantised or refused.
pub fn onnx_import(data: &[u8]) {
    let Ok(float) = onnx::read("fuzzed", data, &onnx::ImageOptions::default()) else { return };
    let card = float.card();
    if is_small(card) {
        let image: Vec<u8> = (0..card.input.len()).map(|i| (i * 37) as u8).collect();
        let outputs = float.forward(&image).expect("the image has the card's size");
        assert_eq!(outputs.last().map(Vec::len), Some(card.classes.len()));
        if let Ok(network) = quantise(&float, std::slice::from_ref(&image), 8) {
            network.forward(&image).expect("quantising keeps the image's size");
        }
    }
}

fn is_small(card: &Card) -> bool {
    let layers = card.layers().expect("a network's card is checked");
    let tensors = layers.iter().map(|layer| layer.input.len() as u64);
    let products = layers.iter().map(|layer| layer.products());
    tensors.chain(products).try_fold(0, u64::checked_add).is_some_and(|n| n <= PRODUCTS)
}
