//! The model file: what is written is read, and nothing else is.

use sha2::{Digest, Sha256};

use super::chain::{blocks, card};
use crate::{ModelError, Network, Node};

fn network() -> Network {
    Network::try_new(card(), blocks()).ok().unwrap()
}

fn fault(bytes: &[u8]) -> ModelError {
    Network::from_bytes(bytes).err().expect("a fault")
}

#[test]
fn narrow_and_wide_weights_come_back() {
    let network = network();
    let narrow = network.to_bytes().unwrap();
    assert!(Network::from_bytes(&narrow).ok() == Some(network.clone()));
    let (mut card, mut blocks) = network.into_parts();
    let Node::Linear(last) = &mut card.nodes[3] else { panic!() };
    last.weight_bits = 12;
    blocks[1].weights[3] = -2047;
    card.head.sum_bits = 24;
    let network = Network::try_new(card, blocks).ok().unwrap();
    let wide = network.to_bytes().unwrap();
    assert_eq!(wide.len(), narrow.len() + 48);
    assert!(Network::from_bytes(&wide).ok() == Some(network));
}

#[test]
fn every_cut_and_every_flip_is_refused() {
    let bytes = network().to_bytes().unwrap();
    for i in 0..bytes.len() {
        assert!(Network::from_bytes(&bytes[..i]).is_err(), "cut at {i}");
        let mut flipped = bytes.clone();
        flipped[i] ^= 1 << (i % 8);
        assert!(Network::from_bytes(&flipped).is_err(), "flip at {i}");
    }
}

#[test]
fn faults_are_told_apart() {
    let bytes = network().to_bytes().unwrap();
    let edit = |at: usize, value: u8| {
        let mut edited = bytes.clone();
        edited[at] = value;
        edited
    };
    assert_eq!(fault(b"GIF89a"), ModelError::NotAModel);
    assert_eq!(fault(&bytes[..9]), ModelError::Truncated);
    assert_eq!(fault(&edit(8, 1)), ModelError::Version { got: 1, expected: 2 });
    assert!(matches!(fault(&edit(15, 0xff)), ModelError::Card(_)));
    let (expected, got) = (bytes.len(), bytes.len() - 1);
    assert_eq!(fault(&bytes[..got]), ModelError::FileLength { expected, got });
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(fault(&longer), ModelError::FileLength { expected, got: expected + 1 });
    assert_eq!(fault(&edit(bytes.len() - 40, 1)), ModelError::Checksum);
}

#[test]
fn a_file_whose_weights_break_its_card_is_refused() {
    let mut bytes = network().to_bytes().unwrap();
    // The last weight of the last block, before three biases and the checksum.
    let at = bytes.len() - 32 - 3 * 4 - 1;
    assert_eq!(bytes[at] as i8, -127);
    bytes[at] = 0x80;
    let body = bytes.len() - 32;
    let checksum = Sha256::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&checksum);
    assert!(matches!(fault(&bytes), ModelError::Weight { block: 1, value: -128, .. }));
}

#[test]
fn a_network_that_breaks_its_card_is_none() {
    let (card, mut blocks) = network().into_parts();
    blocks[0].weights[0] = 128;
    let fault = Network::try_new(card, blocks).err();
    assert!(matches!(fault, Some(ModelError::Weight { block: 0, value: 128, .. })));
}
