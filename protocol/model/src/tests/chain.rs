//! Cards of chains: every fault is found, every size is capped, the encoding is the only one.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::{vec, vec::Vec};

use crate::{
    Activation, Bias, Block, BlockCard, Card, CardFault, CardHash, Chain, Extent, Function, Head,
    Linear, LinearMap, MAX_ACTIVATION_SUMS, MAX_CARD_BYTES, ModelError, Network, Node,
    NotACardHash, Padding, Place, Reach, Resize, Shape, Shift, Window,
};

fn window(size: usize) -> Window {
    Window::tiling(Extent::square(size))
}

/// Convolution 3×3 → 4 maps with max pooling, then a sum pooling before a dense layer.
pub(super) fn chain() -> Chain {
    let kernel = Window::new(Extent::square(3), Extent::square(1), Padding::uniform(1));
    let activation = Activation::Relu { shift: 7, max_pool: Some(window(2)) };
    let block =
        BlockCard { sum_bits: 20, ..BlockCard::new(Linear::grouped(4, kernel, 2), activation) };
    let last = BlockCard {
        sum_pool: Some(window(2)),
        linear: Linear::Dense { outputs: 3 },
        sum_bits: 21,
        activation: Activation::Argmax,
        ..block
    };
    Chain {
        name: "two blocks".into(),
        input: Shape { channels: 2, height: 8, width: 8 },
        blocks: vec![block, last],
        classes: ["a", "b", "c"].map(String::from).into(),
    }
}

pub(super) fn card() -> Card {
    chain().to_card().unwrap()
}

#[test]
fn a_chain_is_a_graph_and_back() {
    let card = card();
    assert_eq!(card.nodes.len(), 4);
    assert_eq!(card.chain().as_ref(), Some(&chain()));
    let mut shown = card;
    shown.head.head = Head::Values;
    assert_eq!(shown.chain().unwrap().blocks[1].activation, Activation::Logits);
}

/// What a chain cannot say makes another graph of the card.
#[test]
fn other_graphs_are_no_chains() {
    let others: [fn(&mut Card); 9] = [
        |c| c.head.head = Head::Top(2),
        |c| c.preprocessing.resize = Resize::Stretch,
        |c| {
            let Node::Linear(node) = &mut c.nodes[0] else { panic!() };
            node.bias = Bias::Map;
        },
        |c| {
            let Node::Linear(node) = &mut c.nodes[0] else { panic!() };
            let LinearMap::Convolution(map) = &mut node.terms[0].map else { panic!() };
            map.dilation = Extent::new(1, 2);
        },
        |c| {
            let Node::Linear(node) = &mut c.nodes[3] else { panic!() };
            node.terms.push(node.terms[0]);
        },
        |c| {
            let Node::Linear(node) = &mut c.nodes[3] else { panic!() };
            (node.terms[0].input, node.terms[0].map) = (3, LinearMap::dense(3));
            c.nodes[2] = Node::Concat(vec![2, 2]);
        },
        |c| {
            let Node::Activation(node) = &mut c.nodes[1] else { panic!() };
            node.function = Function::SIGNED;
        },
        |c| {
            let Node::Activation(node) = &mut c.nodes[1] else { panic!() };
            node.shift = Shift::Channels(vec![7; 4]);
        },
        |c| {
            let Node::SumPool(pool) = &mut c.nodes[2] else { panic!() };
            pool.window.padding = Padding::uniform(1);
        },
    ];
    for (i, change) in others.into_iter().enumerate() {
        let mut card = card();
        change(&mut card);
        assert_eq!(card.check(), Ok(()), "change {i}");
        assert_eq!(card.chain(), None, "change {i}");
    }
}

#[test]
fn shapes_and_ranges_of_every_layer() {
    let layers = chain().layers().unwrap();
    let shape = |channels, height, width| Shape { channels, height, width };
    assert_eq!(layers[0].pooled, shape(2, 8, 8));
    assert_eq!(layers[0].sums, shape(4, 8, 8));
    assert_eq!(layers[0].output, shape(4, 4, 4));
    assert_eq!((layers[0].pooled_max, layers[0].output_ring_bits), (255, 22));
    assert_eq!((layers[0].row_len(), layers[0].weights_len()), (9, 36));
    assert_eq!(layers[1].pooled, shape(4, 2, 2));
    assert_eq!((layers[1].sums, layers[1].output), (Shape::flat(3), Shape::flat(1)));
    assert_eq!((layers[1].pooled_max, layers[1].weights_len()), (1020, 48));
}

#[test]
fn every_fault_of_a_card_is_found() {
    type Spoil = fn(&mut Chain);
    let faults: [(&str, Spoil); 18] = [
        ("no name", |c| c.name.clear()),
        ("long name", |c| c.name = "x".repeat(257)),
        ("no blocks", |c| c.blocks.clear()),
        ("many blocks", |c| c.blocks = vec![c.blocks[0]; 257]),
        ("empty input", |c| c.input.height = 0),
        ("huge input", |c| c.input = Shape { channels: usize::MAX, height: 4096, width: 4096 }),
        ("weight bits", |c| c.blocks[0].weight_bits = 17),
        ("sum bits", |c| c.blocks[0].sum_bits = 32),
        ("pooled over the ring", |c| c.blocks[1].sum_bits = 9),
        ("shift", |c| c.blocks[0].activation = Activation::Relu { shift: 13, max_pool: None }),
        ("argmax inside", |c| c.blocks[0].activation = Activation::Argmax),
        ("relu last", |c| c.blocks[1].activation = c.blocks[0].activation),
        ("large window", |c| c.blocks[1].sum_pool = Some(window(5))),
        ("empty window", |c| c.blocks[1].sum_pool = Some(window(0))),
        ("padding as large as the window", |c| {
            let padding = Padding { top: 2, ..Padding::default() };
            c.blocks[1].sum_pool = Some(Window { padding, ..window(2) });
        }),
        ("huge output", |c| c.blocks[1].linear = Linear::Dense { outputs: usize::MAX }),
        ("classes", |c| drop(c.classes.pop())),
        ("class name", |c| c.classes[0].clear()),
    ];
    for (name, spoil) in faults {
        let mut chain = chain();
        spoil(&mut chain);
        assert!(chain.layers().is_err(), "{name}");
        let Ok(card) = chain.to_card() else { continue };
        let bytes = postcard::to_allocvec(&(2u8, card)).unwrap();
        assert!(Card::from_bytes(&bytes).is_err(), "{name} on the wire");
    }
}

/// A max pooling's windows overlap: a small card could ask for any number of comparisons.
#[test]
fn max_pooling_is_bounded() {
    let pooled = |side, kernel| {
        let mut card = chain();
        card.input = Shape { channels: 2, height: side, width: side };
        let max_pool = Some(Window { stride: Extent::square(1), ..window(kernel) });
        card.blocks[0].activation = Activation::Relu { shift: 0, max_pool };
        card.layers().map(drop)
    };
    assert_eq!(pooled(256, 255), Ok(()));
    let misfit = CardFault::Misfit { node: 2, part: "max pooling" };
    assert_eq!(pooled(300, 257), Err(misfit));
    let fault = pooled(300, 200).unwrap_err();
    let CardFault::Range { got: 1_632_160_000.., most, .. } = fault else { panic!("{fault}") };
    assert_eq!(most, MAX_ACTIVATION_SUMS as u64);
}

#[test]
fn groups_divide_the_channels() {
    for (spoiled, outputs, kernel) in
        [(0, 4, 3), (3, 3, 3), (2, 3, 3), (2, 4, 11), (2, 4, usize::MAX)]
    {
        let mut card = chain();
        if let Linear::Convolution { groups, outputs: o, kernel: k, .. } =
            &mut card.blocks[0].linear
        {
            (*groups, *o, *k) = (spoiled, outputs, Extent::square(kernel));
        }
        let misfit = CardFault::Misfit { node: 1, part: "linear map" };
        assert_eq!(card.layers(), Err(misfit), "{spoiled} {outputs} {kernel}");
    }
}

#[test]
fn the_encoding_is_canonical() {
    let card = card();
    let bytes = card.to_bytes().unwrap();
    assert_eq!(Card::from_bytes(&bytes).as_ref(), Ok(&card));
    for len in 0..bytes.len() {
        assert!(Card::from_bytes(&bytes[..len]).is_err());
    }
    assert_eq!(Card::from_bytes(&[&bytes[..], &[0]].concat()), Err(CardFault::Encoding));
    // The name's length, 10, as a number of two bytes.
    let long = [&bytes[..1], &[bytes[1] | 0x80, 0], &bytes[2..]].concat();
    assert_eq!(Card::from_bytes(&long), Err(CardFault::Encoding));
    assert_eq!(Card::from_bytes(&vec![0; MAX_CARD_BYTES + 1]), Err(CardFault::Encoding));
    // A name that claims to be longer than memory.
    assert!(Card::from_bytes(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_err());
}

#[test]
fn another_card_has_another_hash() {
    let mut other = card();
    assert_eq!(card().hash(), other.hash());
    other.head.sum_bits += 1;
    assert_ne!(card().hash(), other.hash());
}

#[test]
fn a_hash_is_64_digits() {
    let hash = card().hash().unwrap();
    let text = hash.to_string();
    assert_eq!((text.len(), text.parse()), (64, Ok(hash)));
    assert_eq!(text.to_uppercase().parse(), Ok(hash));
    for wrong in ["", &text[1..], &format!("{text}0"), &text.replacen(&text[..1], "g", 1)] {
        assert_eq!(wrong.parse::<CardHash>(), Err(NotACardHash(wrong.into())));
    }
}

pub(super) fn blocks() -> Vec<Block> {
    vec![
        Block { weights: vec![127; 36], bias: vec![0; 4] },
        Block { weights: vec![-127; 48], bias: vec![0; 3] },
    ]
}

#[test]
fn weights_are_those_that_the_card_promises() {
    assert!(Network::try_new(card(), blocks()).is_ok());
    let fault = |spoil: fn(&mut Vec<Block>)| {
        let mut blocks = blocks();
        spoil(&mut blocks);
        Network::try_new(card(), blocks).err().unwrap()
    };
    let count = |block, what, expected, got| ModelError::Count { block, what, expected, got };
    assert_eq!(fault(|b| drop(b.pop())), ModelError::Blocks { expected: 2, got: 1 });
    assert_eq!(fault(|b| b[1].weights.truncate(47)), count(1, "weights", 48, 47));
    assert_eq!(fault(|b| b[0].bias.push(0)), count(0, "biases", 4, 5));
    let weight = ModelError::Weight { block: 0, index: 7, value: -128, bits: 8 };
    // Blocks are counted as a reader counts them.
    assert_eq!(weight.to_string(), "weight 7 of block 1 is -128, too large for 8 bits");
    assert_eq!(fault(|b| b[0].weights[7] = -128), weight);
    // 9 · 127 · 255 = 291 465, and 2^20 − 1 at most.
    assert!(
        Network::try_new(card(), {
            let mut blocks = blocks();
            blocks[0].bias[2] = (1 << 20) - 1 - 291_465;
            blocks
        })
        .is_ok()
    );
    let sum = |place, reach, bits| ModelError::Sum(Reach { place, reach, bits });
    assert_eq!(fault(|b| b[0].bias[2] = (1 << 20) - 291_465), sum(Place::Node(2), 1 << 20, 20));
    assert_eq!(fault(|b| b[0].bias[2] = -(1 << 20)), sum(Place::Node(2), 1 << 20, 20));
    let reach = (1 << 31) + 16 * 127 * 1020;
    assert_eq!(fault(|b| b[1].bias[0] = i32::MIN), sum(Place::Head, reach, 21));
}

#[test]
fn an_image_of_another_size_is_refused() {
    let network = Network::try_new(card(), blocks()).ok().unwrap();
    let fault = network.forward(&[0; 127]).unwrap_err();
    assert_eq!(fault, ModelError::ImageLen { expected: 128, got: 127 });
    assert_eq!(network.forward(&[0; 128]).unwrap().label(), 0);
}
