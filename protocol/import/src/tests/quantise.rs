//! Quantisation: the integer network follows the one in floating point, whatever its scales.

use crate::{
    Error, Exact, FloatActivation, FloatFunction, FloatHead, FloatLinear, FloatNetwork, FloatNode,
    FloatTerm, Quantiser, quantise, zoo,
};
use gazelle_model::{
    Activation, Block, Extent, LinearMap, ModelError, Node, Padding, Shape, Term, Trace, Window,
};

/// A network of the zoo whose weights are multiplied by `scales`, one for each linear node, so that
/// the same integers stand for other reals.
fn nodes(name: &str, scales: &[f32]) -> (Shape, Vec<FloatNode>) {
    let (card, blocks) = zoo::network(name).unwrap().into_parts();
    let (mut product, mut i) = (1.0, 0);
    let float = |node: &Node| match node {
        Node::Linear(node) => {
            let (block, scale): (&Block, f32) = (&blocks[i], scales[i]);
            product *= scale;
            let weights = block.weights.iter().map(|&w| f32::from(w) * scale).collect();
            let Term { input, map } = node.terms[0];
            let bias = block.bias.iter().map(|&b| b as f32 * product).collect();
            i += 1;
            let terms = vec![FloatTerm { input, map, weights }];
            FloatNode::Linear(FloatLinear { node: format!("linear {}", i - 1), terms, bias })
        }
        Node::Activation(node) => {
            let (input, max_pool, function) = (node.input, node.max_pool, FloatFunction::RELU);
            FloatNode::Activation(FloatActivation { input, function, max_pool })
        }
        Node::SumPool(pool) => FloatNode::SumPool(*pool),
        _ => panic!("the zoo's networks are chains"),
    };
    (card.input, card.nodes.iter().map(float).collect())
}

fn float(name: &str, scales: &[f32]) -> FloatNetwork {
    let (input, nodes) = nodes(name, scales);
    FloatNetwork::try_new(name, input, nodes, FloatHead::Class).unwrap()
}

fn images(shape: Shape) -> Vec<Vec<u8>> {
    let pixel = |i: usize, seed: usize| (i * (2 * seed + 151) / 4) as u8;
    (0..8).map(|seed| (0..shape.len()).map(|i| pixel(i, seed)).collect()).collect()
}

/// The angle's cosine: 1 for logits that differ by a scale.
fn cosine(float: &[f32], trace: &Trace) -> f64 {
    let pairs = || float.iter().zip(trace.logits()).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let norm = |square: f64| square.sqrt();
    let dot: f64 = pairs().map(|(a, b)| a * b).sum();
    dot / norm(pairs().map(|(a, _)| a * a).sum()) / norm(pairs().map(|(_, b)| b * b).sum())
}

#[test]
fn logits_keep_their_direction_at_any_scale() {
    for (name, scales) in
        [("a", &[1e-6, 3e4, 1.0][..]), ("c", &[0.004, 0.07, 5.0]), ("d", &[1.0, 1e-9, 1e9, 1e-3])]
    {
        let float = float(name, scales);
        let images = images(float.input());
        let network = quantise(&float, &images, 8).unwrap();
        for image in &images {
            let expected = float.forward(image).unwrap();
            let cosine = cosine(&expected, &network.forward(image).unwrap());
            assert!(cosine > 0.995, "{name}: {cosine}");
        }
    }
}

#[test]
fn rings_shrink_with_the_weights() {
    let float = float("c", &[1.0; 3]);
    let images = images(float.input());
    let rings = |bits| {
        let network = quantise(&float, &images, bits).unwrap();
        let chain = network.card().chain().unwrap();
        chain.blocks.iter().map(|block| block.ring_bits()).collect::<Vec<_>>()
    };
    assert!(rings(5).iter().zip(rings(8)).all(|(narrow, wide)| narrow + 2 <= wide));
}

#[test]
fn weights_use_their_bits() {
    let float = float("d", &[1.0, 0.5, 3.0, 1.0]);
    for bits in 2..=16 {
        let network = quantise(&float, &images(float.input()), bits).unwrap();
        for block in network.blocks() {
            let most = block.weights.iter().map(|w| w.unsigned_abs()).max().unwrap();
            assert!(most < 1 << (bits - 1) && most >= 1 << (bits - 2), "{bits} bits: {most}");
        }
    }
}

#[test]
fn what_cannot_be_quantised_is_refused() {
    let float = float("c", &[1.0; 3]);
    let images = images(float.input());
    let fault = |float: &FloatNetwork, images: &[Vec<u8>], bits| {
        quantise(float, images, bits).err().unwrap()
    };
    assert_eq!(fault(&float, &[], 8), Error::NoImages);
    assert!(matches!(fault(&float, &[vec![0; 10]], 8), Error::Model(ModelError::ImageLen { .. })));
    assert!(matches!(fault(&float, &images, 17), Error::Model(ModelError::Card(_))));
    for bits in [7, 16] {
        let quantiser = Quantiser { activation_bits: Some(bits), ..Quantiser::default() };
        let fault = quantiser.run(&float, &images).err();
        assert!(matches!(fault, Some(Error::Model(ModelError::Card(_)))), "{fault:?}");
    }

    let changed = |change: fn(&mut FloatLinear), index: usize| {
        let (input, mut nodes) = nodes("c", &[1.0; 3]);
        let linear = nodes.iter_mut().filter_map(|node| match node {
            FloatNode::Linear(linear) => Some(linear),
            _ => None,
        });
        change(linear.into_iter().nth(index).unwrap());
        FloatNetwork::try_new("c", input, nodes, FloatHead::Class)
    };
    // A layer that gives nothing is as good as another.
    let dead = changed(|linear| linear.bias.fill(-1e9), 1).unwrap();
    assert!(quantise(&dead, &images, 8).is_ok());
    let zero = changed(|linear| linear.terms[0].weights.fill(0.0), 1).unwrap();
    assert!(quantise(&zero, &images, 8).is_ok());
    let outlier = changed(|linear| linear.terms[0].weights[0] = -1e9, 0).unwrap();
    assert!(matches!(fault(&outlier, &images, 8), Error::Quantise { .. }));
    let broken = changed(|linear| linear.terms[0].weights[5] = f32::NAN, 2);
    assert_eq!(broken.err(), Some(Error::NotFinite { node: "linear 2".into() }));
}

/// A bound in the network is one in the integers: the range never goes beyond it.
#[test]
fn an_upper_bound_is_kept() {
    let float = float("c", &[1.0; 3]);
    let images = images(float.input());
    let (input, mut nodes) = nodes("c", &[1.0; 3]);
    let bounded = nodes.iter_mut().find_map(|node| match node {
        FloatNode::Activation(activation) => Some(&mut activation.function),
        _ => None,
    });
    *bounded.unwrap() = FloatFunction::Clamp { least: 0.0, most: 1000.0 };
    let bounded = FloatNetwork::try_new("c", input, nodes, FloatHead::Class).unwrap();
    let network = quantise(&bounded, &images, 8).unwrap();
    let chain = network.card().chain().unwrap();
    let Activation::Relu { shift, .. } = chain.blocks[0].activation else { panic!() };
    // The weights are integers whose step is at least the least one's.
    assert!(shift <= 3, "{shift}");
    for image in &images {
        let expected = bounded.forward(image).unwrap();
        let cosine = cosine(&expected, &network.forward(image).unwrap());
        assert!(cosine > 0.995, "{cosine}");
    }
}

/// 258 × 258 weights of 1: with 127 for each of them sums would not fit in 31 bits.
#[test]
fn weights_leave_room_for_their_sums() {
    let dense = |input, outputs, inputs: usize| {
        let terms = vec![FloatTerm {
            input,
            map: LinearMap::dense(outputs),
            weights: vec![1.0; outputs * inputs],
        }];
        FloatNode::Linear(FloatLinear { node: "wide".into(), terms, bias: vec![0.0; outputs] })
    };
    let side = 258 * 258;
    let nodes = vec![dense(0, 2, side)];
    let float =
        FloatNetwork::try_new("wide", Shape::new(1, 258, 258), nodes, FloatHead::Class).unwrap();
    let images = [vec![255; side]];
    let network = quantise(&float, &images, 8).unwrap();
    assert!(network.blocks()[0].weights.iter().all(|w| (123..=124).contains(w)));
    assert_eq!(network.card().head.sum_bits, 31);
}

/// A depthwise network whose channels differ by a hundred cannot do with 8 bits, one shift and one
/// unit: more are chosen, and integers say what reals say on 5 images of 6.
#[test]
fn bits_are_chosen_where_eight_do_not_do() {
    let window = Window::new(Extent::square(3), Extent::square(1), Padding::uniform(1));
    let value = |i: usize| ((i * 7919 % 1000) as f32 - 500.0) / 500.0;
    let linear = |input, map, weights: Vec<f32>, outputs| {
        let terms = vec![FloatTerm { input, map, weights }];
        FloatNode::Linear(FloatLinear { node: "map".into(), terms, bias: vec![0.1; outputs] })
    };
    let relu = |input| {
        let function = FloatFunction::RELU;
        FloatNode::Activation(FloatActivation { input, function, max_pool: None })
    };
    let scale = |c: usize| 10f32.powi(c as i32 % 3);
    let wide = (0..72).map(|i| value(i) * scale(i / 9) / 255.0).collect();
    let deep = (0..72).map(|i| value(i + 99) / scale(i / 9)).collect();
    let nodes = vec![
        linear(0, LinearMap::convolution(8, window), wide, 8),
        relu(1),
        linear(2, LinearMap::grouped(8, window, 8), deep, 8),
        relu(3),
        linear(4, LinearMap::dense(6), (0..6 * 288).map(|i| value(3 * i + 1)).collect(), 6),
    ];
    let float =
        FloatNetwork::try_new("deep", Shape::new(1, 6, 6), nodes, FloatHead::Class).unwrap();
    let image = |s: usize| (0..36).map(|i| (i * (2 * s + 37) % 251) as u8).collect();
    let images: Vec<Vec<u8>> = (0..60).map(image).collect();
    let chosen = Quantiser::default().run(&float, &images).unwrap();
    let more = chosen.choices.iter().any(|choice| choice.by_channel || choice.weight_bits > 8);
    assert!(more || chosen.units_by_channel);
    assert!(chosen.agreeing >= 50, "{}", chosen.agreeing);
}

/// A deep network of random weights, which makes noise of every rounding: results of 8 bits do not do,
/// and wider ones are chosen; with bits that are given, the card has these.
#[test]
fn results_get_bits_where_eight_do_not_do() {
    let random = |i: usize| (i.wrapping_mul(0x9E37_79B9) >> 7 & 0xFFFF) as f32 / 32768.0 - 1.0;
    let (depth, side) = (20, 24);
    let mut nodes = Vec::new();
    for layer in 0..depth {
        let (inputs, gain) = if layer == 0 { (36, 0.01) } else { (side, 2.4) };
        let outputs = if layer + 1 == depth { 8 } else { side };
        let weight = |i: usize| gain * random(i + 977 * layer) / (inputs as f32).sqrt();
        let weights = (0..inputs * outputs).map(weight).collect();
        let terms = vec![FloatTerm { input: nodes.len(), map: LinearMap::dense(outputs), weights }];
        let bias = (0..outputs).map(|i| 0.1 * random(i + 5 * layer)).collect();
        nodes.push(FloatNode::Linear(FloatLinear { node: "map".into(), terms, bias }));
        if layer + 1 < depth {
            let function = FloatFunction::RELU;
            let input = nodes.len();
            nodes.push(FloatNode::Activation(FloatActivation { input, function, max_pool: None }));
        }
    }
    let image = |s: usize| (0..36).map(|i| (random(i + 37 * s) * 127.0 + 128.0) as u8).collect();
    let images: Vec<Vec<u8>> = (0..60).map(image).collect();
    let network = |centre: Vec<f32>| {
        let mut nodes = nodes.clone();
        let Some(FloatNode::Linear(last)) = nodes.last_mut() else { panic!() };
        last.bias.iter_mut().zip(centre).for_each(|(bias, mean)| *bias -= mean);
        FloatNetwork::try_new("deep", Shape::new(1, 6, 6), nodes, FloatHead::Class).unwrap()
    };
    let raw = network(vec![0.0; 8]);
    let mut means = vec![0.0; 8];
    for image in &images {
        means.iter_mut().zip(raw.forward(image).unwrap()).for_each(|(mean, y)| *mean += y / 60.0);
    }
    let float = network(means);
    let run = |activation_bits| {
        let quantiser = Quantiser { activation_bits, ..Quantiser::default() };
        quantiser.run(&float, &images).unwrap()
    };
    let [narrow, chosen, twelve] = [Some(8), None, Some(12)].map(run);
    let bits = |chosen: &crate::Quantised| -> Vec<u32> {
        chosen.choices.iter().filter_map(|choice| choice.activation).map(|a| a.bits).collect()
    };
    assert_eq!((bits(&narrow), bits(&twelve)), (vec![8; depth - 1], vec![12; depth - 1]));
    assert!(bits(&chosen).iter().any(|&bits| bits > 8), "{:?}", bits(&chosen));
    assert!(chosen.signal_to_noise > narrow.signal_to_noise + 3.0);
    assert!(chosen.agreeing > narrow.agreeing, "{} {}", chosen.agreeing, narrow.agreeing);
    for node in &twelve.network.card().nodes {
        let Node::Activation(activation) = node else { continue };
        assert_eq!(activation.function, gazelle_model::Function::clip(4095));
    }
}

/// Two layers whose channels differ by sixty: with one unit for all channels the small ones, which
/// decide, have hardly a step.
#[test]
fn small_channels_get_units_of_their_own() {
    let value = |i: usize| ((i * 7919 % 1000) as f32 - 500.0) / 500.0;
    let linear = |input, weights: Vec<f32>, bias: Vec<f32>| {
        let terms = vec![FloatTerm { input, map: LinearMap::dense(bias.len()), weights }];
        FloatNode::Linear(FloatLinear { node: "map".into(), terms, bias })
    };
    let function = FloatFunction::RELU;
    let relu = FloatNode::Activation(FloatActivation { input: 1, function, max_pool: None });
    let scale = |c: usize| if c < 2 { 60.0 } else { 1.0 };
    let network = |bias: Vec<f32>| {
        let first = (0..12 * 36).map(|i| value(i) * scale(i / 36) / 255.0).collect();
        let last = (0..6 * 12).map(|i| value(i + 99) / scale(i % 12).powi(2)).collect();
        let nodes = vec![linear(0, first, vec![0.1; 12]), relu.clone(), linear(2, last, bias)];
        FloatNetwork::try_new("small", Shape::new(1, 6, 6), nodes, FloatHead::Class).unwrap()
    };
    let image =
        |s: usize| (0..36).map(|i| ((i + 3) * (2 * s + 37) * (s + 5) % 251) as u8).collect();
    let images: Vec<Vec<u8>> = (0..60).map(image).collect();
    // Centred, so that labels differ.
    let raw = network(vec![0.0; 6]);
    let mut means = vec![0.0; 6];
    for image in &images {
        means.iter_mut().zip(raw.forward(image).unwrap()).for_each(|(mean, y)| *mean -= y / 60.0);
    }
    let quantiser = Quantiser { weight_bits: Some(10), ..Quantiser::default() };
    let chosen = quantiser.run(&network(means), &images).unwrap();
    let closeness = chosen.signal_to_noise;
    assert!(chosen.units_by_channel && closeness > 30.0, "{closeness} dB");
    assert!(chosen.agreeing >= 57, "{}", chosen.agreeing);
}

/// Biases are corrected until integers have the means of reals, up to rounding.
#[test]
fn means_are_kept() {
    let float = float("c", &[1.0; 3]);
    let pixel = |i: usize, seed: usize| (i * (2 * seed + 151) / 4) as u8;
    let image = |seed| (0..float.input().len()).map(|i| pixel(i, seed)).collect();
    let images: Vec<Vec<u8>> = (0..20).map(image).collect();
    let quantiser = Quantiser { weight_bits: Some(4), ..Quantiser::default() };
    let network = quantiser.run(&float, &images).unwrap().network;
    // Integers stand for reals times one factor: that of the largest mean gives all others.
    let mut means = [(0.0, 0.0); 10];
    for image in &images {
        let (reals, trace) = (float.forward(image).unwrap(), network.forward(image).unwrap());
        for ((mean, real), integer) in means.iter_mut().zip(reals).zip(trace.logits()) {
            *mean = (mean.0 + f64::from(real) / 20.0, mean.1 + f64::from(*integer) / 20.0);
        }
    }
    let largest = means.iter().max_by(|a, b| a.0.abs().total_cmp(&b.0.abs())).unwrap();
    let factor = largest.1 / largest.0;
    for (real, integer) in &means {
        assert!((real * factor - integer).abs() <= 1.5, "{real} {integer} {factor}");
    }
}

/// Floating point computes integer networks bit for bit, in f32 as in f64.
#[test]
fn exact_evaluation_is_that_of_the_model() {
    for (name, scales) in [("a", &[1.0; 3][..]), ("c", &[1.0; 3]), ("d", &[1.0; 4])] {
        let float = float(name, scales);
        let images = images(float.input());
        for bits in [4, 8, 12] {
            let network = quantise(&float, &images, bits).unwrap();
            let exact = Exact::new(&network).unwrap();
            for image in &images {
                let trace = network.forward(image).unwrap();
                assert_eq!(exact.logits(image).unwrap(), trace.logits(), "{name}, {bits}");
                assert_eq!(exact.result(image).unwrap(), trace.result);
            }
            let fault = ModelError::ImageLen { expected: float.input().len(), got: 3 };
            assert_eq!(exact.logits(&[0; 3]), Err(fault.into()));
        }
    }
}

/// One weight of a few that is far off does not hide behind the mean that it makes.
#[test]
fn an_outlier_of_a_small_layer_is_told() {
    let outlier = |largest: f32| {
        let mut weights: Vec<f32> = (0..18).map(|i| (i % 7) as f32 - 3.0).collect();
        weights[4] = largest;
        let window = Window::new(Extent::square(3), Extent::square(1), Padding::NONE);
        let terms = vec![FloatTerm { input: 0, map: LinearMap::convolution(2, window), weights }];
        let node = FloatLinear { node: "small".into(), terms, bias: vec![0.0; 2] };
        let (input, nodes) = (Shape::new(1, 3, 3), vec![FloatNode::Linear(node)]);
        let network = FloatNetwork::try_new("small", input, nodes, FloatHead::Class).unwrap();
        Quantiser::default().run(&network, &images(input)).unwrap().choices[0].outlier
    };
    assert!(outlier(3.0) < 5.0 && outlier(1e6) > 1e5);
}
