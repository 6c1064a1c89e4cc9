//! Graphs: what each node needs, every fault of a card, and rings.

use alloc::{vec, vec::Vec};

use crate::{
    ActivationNode, Bias, Block, Card, CardFault, Colours, Extent, Function, Head, HeadNode,
    Interval, LinearMap, LinearNode, MAX_INPUTS, MAX_MAPS, MAX_NODES, ModelError, Network, Node,
    Normalisation, Padding, PixelUnit, Place, Preprocessing, Reach, Resize, Scaled, Select, Shape,
    Shift, SumPool, Term, Upsample, Window,
};

fn kernel(side: usize, pad: usize) -> Window {
    Window::new(Extent::square(side), Extent::square(1), Padding::uniform(pad))
}

fn linear(input: usize, map: LinearMap) -> Node {
    let terms = vec![Term { input, map }];
    Node::Linear(LinearNode { terms, bias: Bias::Channel, weight_bits: 8 })
}

fn activation(input: usize, sum_bits: u32, function: Function) -> Node {
    let (shift, max_pool) = (Shift::Tensor(4), None);
    Node::Activation(ActivationNode { input, sum_bits, function, shift, max_pool })
}

/// An image of 3×6×6 through a residual block, and every local node.
fn card() -> Card {
    let map = |outputs| LinearMap::convolution(outputs, kernel(3, 1));
    let nodes = vec![
        linear(0, map(4)),                 // 1: 4×6×6
        activation(1, 20, Function::RELU), // 2
        linear(2, map(4)),                 // 3
        Node::Sum(vec![Scaled { input: 3, factor: 1 }, Scaled { input: 2, factor: -64 }]), // 4
        activation(4, 21, Function::SIGNED), // 5
        Node::Concat(vec![5, 2]),          // 6: 8×6×6
        Node::Select(Select { input: 6, channels: vec![7, 0, 0] }), // 7: 3×6×6
        Node::SumPool(SumPool {
            input: 7,
            window: Window::new(Extent::square(3), Extent::square(2), Padding::uniform(1)),
            counted: Padding::NONE,
        }), // 8: 3×3×3
        Node::Upsample(Upsample { input: 8, factor: Extent::new(1, 2) }), // 9: 3×3×6
        linear(9, LinearMap::dense(5)),    // 10
    ];
    Card {
        name: "graph".into(),
        input: Shape::new(3, 6, 6),
        preprocessing: Preprocessing::default(),
        nodes,
        head: HeadNode { input: 10, sum_bits: 26, head: Head::Class },
        classes: (0..5).map(|i| alloc::format!("{i}")).collect(),
    }
}

fn blocks() -> Vec<Block> {
    vec![
        Block { weights: vec![3; 108], bias: vec![0; 4] },
        Block { weights: vec![-2; 144], bias: vec![8; 4] },
        Block { weights: vec![1; 270], bias: vec![-9; 5] },
    ]
}

#[test]
fn shapes_rings_and_ranges() {
    let tensors = card().tensors().unwrap();
    let rings: Vec<_> = tensors.iter().map(|tensor| tensor.ring_bits).collect();
    // The ReLU's tensor is read by a map into 22 bits and, through local nodes, by the head's 27.
    assert_eq!(rings, [21, 21, 27, 22, 22, 27, 27, 27, 27, 27, 27]);
    let shapes: Vec<_> = tensors[6..].iter().map(|tensor| tensor.shape).collect();
    let shape = Shape::new;
    let expected = [shape(8, 6, 6), shape(3, 6, 6), shape(3, 3, 3), shape(3, 3, 6), Shape::flat(5)];
    assert_eq!(shapes, expected);
    let range = |least, most| Some(Interval { least, most });
    assert_eq!((tensors[0].range, tensors[2].range), (range(0, 255), range(0, 255)));
    assert_eq!((tensors[1].range, tensors[4].range), (None, None));
    assert_eq!((tensors[5].range, tensors[6].range), (range(-128, 127), range(-128, 255)));
    // Windows of 2 or 3 rows and columns: a divisor of 36.
    assert_eq!(tensors[9].range, range(-128 * 36, 255 * 36));
}

#[test]
fn a_window_that_counts_fewer_cells_weighs_them_more() {
    let Node::SumPool(pool) = card().nodes[7].clone() else { panic!() };
    let divisor = |pool: &SumPool| pool.divisor(Shape::new(1, 6, 6));
    assert_eq!(divisor(&pool), Some(36));
    assert_eq!(divisor(&SumPool { counted: pool.window.padding, ..pool }), Some(9));
    let beyond = Padding { left: 2, ..Padding::NONE };
    assert_eq!(divisor(&SumPool { counted: beyond, ..pool }), None);
    let ones = vec![1u32; 36];
    let sums = crate::clear::local(&Node::SumPool(pool), |_| (Shape::new(1, 6, 6), &ones));
    assert_eq!(sums, [36; 9], "the average of ones is 1 everywhere");
}

type Spoil = fn(&mut Card);

/// Each change makes a card that is refused, as it is and on the wire.
fn are_found(faults: &[(&str, Spoil)]) {
    assert_eq!(card().check(), Ok(()));
    for (name, spoil) in faults {
        let mut card = card();
        spoil(&mut card);
        assert!(card.check().is_err(), "{name}");
        let bytes = postcard::to_allocvec(&(2u8, card)).unwrap();
        assert!(Card::from_bytes(&bytes).is_err(), "{name} on the wire");
    }
}

#[test]
fn every_fault_of_the_wiring_is_found() {
    are_found(&[
        ("forward reference", |c| c.nodes[1] = activation(2, 20, Function::RELU)),
        ("head of nothing", |c| c.head.input = 11),
        ("unread", |c| c.head.input = 9),
        ("many nodes", |c| {
            let select = |input| Node::Select(Select { input, channels: vec![0] });
            c.nodes.extend((10..=MAX_NODES).map(select));
            c.head.input = c.nodes.len();
        }),
        ("many inputs", |c| c.nodes[5] = Node::Concat([vec![5; MAX_INPUTS], vec![2]].concat())),
        ("many linear maps", |c| {
            let Node::Linear(node) = &c.nodes[0] else { panic!() };
            let many = LinearNode { terms: vec![node.terms[0]; MAX_INPUTS], ..node.clone() };
            let inputs = vec![Scaled { input: 1, factor: 1 }];
            let sum = |(i, _)| Scaled { input: i + 1, factor: 1 };
            let many = vec![Node::Linear(many); MAX_MAPS / MAX_INPUTS + 1];
            let sum = Node::Sum(many.iter().enumerate().map(sum).chain(inputs).collect());
            c.nodes = many.into_iter().chain([sum]).collect();
            c.head.input = c.nodes.len();
        }),
        ("no inputs", |c| c.nodes[5] = Node::Concat(vec![])),
        ("consecutive maps", |c| c.nodes[2] = linear(1, LinearMap::dense(2))),
        ("consecutive through a sum", |c| c.nodes[9] = linear(4, LinearMap::dense(5))),
        ("another shape in a sum", |c| {
            c.nodes[3] =
                Node::Sum(vec![Scaled { input: 3, factor: 1 }, Scaled { input: 0, factor: 1 }]);
        }),
        ("factor 0", |c| c.nodes[3] = Node::Sum(vec![Scaled { input: 3, factor: 0 }])),
        ("a channel that is none", |c| {
            c.nodes[6] = Node::Select(Select { input: 6, channels: vec![8] });
        }),
        ("no channel", |c| c.nodes[6] = Node::Select(Select { input: 6, channels: vec![] })),
        ("upsampled by 0", |c| {
            c.nodes[8] = Node::Upsample(Upsample { input: 8, factor: Extent::new(0, 2) });
        }),
        ("upsampled over the cap", |c| {
            c.nodes[8] = Node::Upsample(Upsample { input: 8, factor: Extent::new(4096, 2) });
        }),
    ]);
}

#[test]
fn every_fault_of_a_map_is_found() {
    are_found(&[
        ("counted beyond the padding", |c| {
            let Node::SumPool(pool) = &mut c.nodes[7] else { panic!() };
            pool.counted = Padding::uniform(2);
        }),
        ("dilation 0", |c| {
            let Node::Linear(node) = &mut c.nodes[0] else { panic!() };
            let LinearMap::Convolution(map) = &mut node.terms[0].map else { panic!() };
            map.dilation = Extent::new(1, 0);
        }),
        ("dilation over the map", |c| {
            let Node::Linear(node) = &mut c.nodes[0] else { panic!() };
            let LinearMap::Convolution(map) = &mut node.terms[0].map else { panic!() };
            map.dilation = Extent::new(4, 1);
        }),
        ("padding over the cap", |c| {
            c.nodes[0] = linear(0, LinearMap::convolution(4, kernel(4096, 4095)));
        }),
        ("terms of other shapes", |c| {
            let Node::Linear(node) = &mut c.nodes[0] else { panic!() };
            node.terms.push(Term { input: 0, map: LinearMap::dense(4) });
        }),
    ]);
}

#[test]
fn every_fault_of_a_function_is_found() {
    are_found(&[
        ("shifts for other channels", |c| {
            let Node::Activation(node) = &mut c.nodes[1] else { panic!() };
            node.shift = Shift::Channels(vec![1; 3]);
        }),
        ("a channel's shift over the sums", |c| {
            let Node::Activation(node) = &mut c.nodes[1] else { panic!() };
            node.shift = Shift::Channels(vec![1, 1, 13, 1]);
        }),
        ("clamp without 0", |c| {
            c.nodes[1] = activation(1, 20, Function::Clamp { least: 1, most: 9 });
        }),
        ("clamp of 16 bits", |c| {
            c.nodes[1] = activation(1, 20, Function::Clamp { least: -16_384, most: 16_384 });
        }),
        ("a shift that leaves a clamp of 10 bits only 9", |c| {
            c.nodes[1] = activation(1, 20, Function::Clamp { least: -512, most: 511 });
            let Node::Activation(node) = &mut c.nodes[1] else { panic!() };
            node.shift = Shift::Tensor(11);
        }),
        ("a slope over 1", |c| {
            let (slopes, slope_shift) = (vec![5], 2);
            let function = Function::Leaky { slopes, slope_shift, least: -9, most: 9 };
            c.nodes[1] = activation(1, 20, function);
        }),
        ("a table of 31", |c| {
            c.nodes[1] = activation(1, 20, Function::Odd { table: vec![0; 31], centre: 0 });
        }),
        ("a table below the point", |c| {
            let function = Function::ReluMinusTable { table: vec![0; 32], step: -5 };
            c.nodes[1] = activation(1, 20, function);
        }),
        ("pooling behind a table", |c| {
            let Node::Activation(node) = &mut c.nodes[1] else { panic!() };
            node.function = Function::Odd { table: vec![0; 32], centre: 0 };
            node.max_pool = Some(kernel(1, 0));
        }),
        ("pooled values over their ring", |c| c.head.sum_bits = 13),
        ("six of five", |c| c.head.head = Head::Top(6)),
        ("thresholds for other values", |c| c.head.head = Head::Thresholds(vec![0; 4])),
    ]);
}

#[test]
fn heads_and_preprocessing_fit() {
    let check = |change: &dyn Fn(&mut Card)| {
        let mut card = card();
        change(&mut card);
        card.check()
    };
    let head = |head: Head| check(&|c| c.head.head = head.clone());
    assert_eq!(head(Head::Confidence([1, 5, 5])), Ok(()));
    assert_eq!(head(Head::Confidence([1, 5, 4])), Err(CardFault::Results { values: 5 }));
    assert_eq!(head(Head::Top(0)), Err(CardFault::Results { values: 5 }));
    assert_eq!(check(&|c| c.head.sum_bits = 32), Err(CardFault::HeadBits { bits: 32 }));
    let prepared = |p: Preprocessing| check(&|c| c.preprocessing = p.clone());
    let normal = |mean, std: &[u32]| Preprocessing {
        normalisation: Some(Normalisation { unit: PixelUnit::Full, mean, std: std.into() }),
        resize: Resize::ShortSide(6),
        colours: Colours::Bgr,
    };
    assert_eq!(prepared(normal(vec![1; 3], &[1; 3])), Ok(()));
    let fault = |part| Err(CardFault::Preprocessing { part });
    assert_eq!(prepared(normal(vec![1; 3], &[1, 0, 1])), fault("normalisation"));
    assert_eq!(prepared(normal(vec![1; 2], &[1; 3])), fault("normalisation"));
    let resize = |resize| Preprocessing { resize, ..Preprocessing::default() };
    assert_eq!(prepared(resize(Resize::ShortSide(5))), fault("resizing"));
    let grey = Preprocessing { colours: Colours::Grey, ..Preprocessing::default() };
    assert_eq!(prepared(grey), fault("colours"));
}

#[test]
fn a_card_of_another_version_is_told() {
    let mut bytes = card().to_bytes().unwrap();
    bytes[0] = 3;
    assert_eq!(Card::from_bytes(&bytes), Err(CardFault::Version { got: 3, expected: 2 }));
}

#[test]
fn every_reader_bounds_what_the_weights_allow() {
    let network = Network::try_new(card(), blocks()).ok().unwrap();
    let file = network.to_bytes().unwrap();
    assert!(Network::from_bytes(&file).ok() == Some(network));
    let fault = |change: fn(&mut Card, &mut Vec<Block>)| {
        let (mut card, mut blocks) = (card(), blocks());
        change(&mut card, &mut blocks);
        Network::try_new(card, blocks).err().unwrap()
    };
    let sum = |place, reach, bits| ModelError::Sum(Reach { place, reach, bits });
    // Below 0 −36 · 2 · 255 + 8 − 64 · 255 = −34 672; above, the ring's 255, to which the clamp adds
    // 128 · 2^4.
    let bits = fault(|c, _| c.nodes[4] = activation(4, 15, Function::SIGNED));
    assert_eq!(bits, sum(Place::Node(5), 34_672, 15));
    let bits = fault(|c, _| {
        let parts = vec![Scaled { input: 3, factor: 1 }, Scaled { input: 2, factor: 64 }];
        c.nodes[3] = Node::Sum(parts);
        c.nodes[4] = activation(4, 14, Function::SIGNED);
    });
    assert_eq!(bits, sum(Place::Node(5), 255 + 64 * 255 + 2048, 14));
    let threshold = fault(|c, _| c.head.head = Head::Thresholds(vec![0, 0, i32::MIN, 0, 0]));
    // 54 · 36 · 255 − 9.
    assert_eq!(threshold, sum(Place::Head, 495_711 + (1 << 31), 26));
    let maps = fault(|c, b| {
        let Node::Linear(node) = &mut c.nodes[9] else { panic!() };
        node.bias = Bias::Map;
        b[2].bias[1] = i32::MIN;
    });
    // −54 · 36 · 128.
    assert_eq!(maps, sum(Place::Head, 248_832 + (1 << 31), 26));
}

#[test]
fn the_least_sum_bits_are_the_least() {
    let network = Network::with_least_sum_bits(card(), blocks()).ok().unwrap();
    let bits = |network: &Network| -> Vec<u32> {
        let nodes = network.card().nodes.iter();
        nodes
            .filter_map(|node| match node {
                Node::Activation(node) => Some(node.sum_bits),
                _ => None,
            })
            .chain([network.card().head.sum_bits])
            .collect()
    };
    // 27 · 3 · 255 = 20 655; 34 672; 495 711.
    assert_eq!(bits(&network), [15, 16, 19]);
}

/// −1 − y stands for a negative y in a table: −1 is as large as 0.
#[test]
fn functions_at_the_edges_of_their_steps() {
    let table: Vec<u8> = (0..32).collect();
    let odd = Function::Odd { table: table.clone(), centre: 100 };
    let at = |function: &Function, sums: &[i32]| -> Vec<i32> {
        sums.iter().map(|&y| function.apply(y, 0, 2)).collect()
    };
    let sums = [-1000, -9, -5, -4, -1, 0, 3, 4, 127, 128, 1000];
    assert_eq!(at(&odd, &sums), [69, 98, 99, 100, 100, 100, 100, 101, 131, 131, 131]);
    let bump = Function::ReluMinusTable { table, step: -1 };
    assert_eq!(at(&bump, &sums), [-31, -4, -2, -1, 0, 0, -1, -1, 0, 1, 219]);
    let leaky = Function::Leaky { slopes: vec![1], slope_shift: 2, least: -20, most: 50 };
    assert_eq!(at(&leaky, &sums), [-20, -1, -1, -1, -1, 0, 0, 1, 31, 32, 50]);
    assert_eq!(at(&Function::SIGNED, &sums), [-128, -3, -2, -1, -1, 0, 0, 1, 31, 32, 127]);
    assert_eq!(at(&Function::clip(6), &sums), [0, 0, 0, 0, 0, 0, 0, 1, 6, 6, 6]);
}

#[test]
fn heads_tell_what_they_say_and_ties_go_to_the_lower_index() {
    let y = [3, -7, 9, 9, 0];
    assert_eq!(Head::Class.apply(&y), [2]);
    assert_eq!(Head::Top(4).apply(&y), [2, 3, 0, 4]);
    assert_eq!(Head::Thresholds(vec![3, -6, 10, 9, 0]).apply(&y), [1, 0, 0, 1, 1]);
    assert_eq!(Head::Confidence([0, 1, 2]).apply(&y), [2, 1]);
    assert_eq!(Head::Confidence([1, 6, 7]).apply(&[i32::MIN, 0, 6]), [2, 2]);
    assert_eq!(Head::Values.apply(&y), y);
}

#[test]
fn copies_and_selections() {
    let (x, shape) = ([1, 2, 3, 4], Shape::new(2, 1, 2));
    let local = |node: Node| crate::clear::local(&node, |_| (shape, &x));
    let copies = local(Node::Upsample(Upsample { input: 0, factor: Extent::new(2, 3) }));
    assert_eq!(copies[..12], [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
    assert_eq!(
        local(Node::Select(Select { input: 0, channels: vec![1, 1, 0] })),
        [3, 4, 3, 4, 1, 2]
    );
    let half = |factor| Scaled { input: 0, factor };
    assert_eq!(local(Node::Sum(vec![half(-3), half(1)])), x.map(|x: u32| (x * 2).wrapping_neg()));
}

/// Bytes that differ from a card's in a few places are refused or are another card's, and never a
/// panic: sizes are checked before they are multiplied.
#[test]
fn changed_bytes_are_refused_or_another_card() {
    let card = card().to_bytes().unwrap();
    let mut state = 1u64;
    let mut next = |below: usize| {
        // Knuth's linear congruential generator; its high bits are good enough here.
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let mut read = 0;
    for _ in 0..100_000 {
        let mut bytes = card.clone();
        for _ in 0..=next(3) {
            let at = 1 + next(bytes.len() - 1);
            match next(4) {
                0 => bytes[at] = next(256) as u8,
                1 => bytes[at] ^= 1 << next(8),
                // The largest sizes there are.
                2 => drop(bytes.splice(at..=at, [0xff, 0xff, 0xff, 0xff, next(128) as u8])),
                _ => drop(bytes.splice(at..=at, [0x80 | next(128) as u8, next(64) as u8 + 1])),
            }
        }
        if let Ok(other) = Card::from_bytes(&bytes) {
            assert_eq!(other.to_bytes().as_deref(), Ok(&bytes[..]));
            let tensors = other.tensors().unwrap();
            assert!(tensors.iter().all(|tensor| (9..=32).contains(&tensor.ring_bits)));
            read += 1;
        }
    }
    assert!(read > 1000, "{read} cards");
}
