//! Graphs, privately, against the plaintext networks: every tensor and what the client learns, bit
//! for bit, and every byte and round trip as planned.

use gazelle_model::{
    Bias, Extent, Function, Head, LinearMap, Network, Node, Padding, Scaled, Select, Shape, Shift,
    SumPool, Window,
};
use gazelle_protocol::Link;
use gazelle_protocol::ot::FieldBits;
use gazelle_protocol::plan::EngineChoice;
use gazelle_protocol::session::{NetworkPlan, Settings};
use gazelle_tests::graph::Graph;
use gazelle_tests::{parties, random, rng};
use proptest::prelude::*;
use rand::RngExt;
use std::time::Duration;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every node, function and head that a card can have.
    #[test]
    fn graphs_are_exact(recipe in random::graphs()) {
        let (network, image) = recipe.build();
        parties::check(&network, &[image]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Both engines in every order: whatever the plan for a link and the weight of the offline phase is.
    #[test]
    fn graphs_are_exact_with_both_engines(
        recipe in random::graphs(),
        rates in [1u64..1000, 1..1000],
        milliseconds in 0u64..4,
        offline_percent in 0u8..=100,
        field in prop::sample::select(&FieldBits::ALL[1..]),
    ) {
        let (network, image) = recipe.build();
        let [up, down] = rates.map(|megabits| 1_000_000 * megabits);
        let link = Link { up, down, round_trip: Duration::from_millis(milliseconds) };
        let settings = Settings { field, offline_percent, ..Settings::for_link(link) };
        parties::check_with(&network, &[image], &settings);
    }
}

const INPUT: Shape = Shape::new(2, 6, 6);

/// A convolution that keeps the size of maps.
fn convolution(outputs: usize, kernel: usize) -> LinearMap {
    let kernel = Extent::square(kernel);
    let window = Window::new(kernel, Extent::square(1), Padding::same(kernel));
    LinearMap::convolution(outputs, window)
}

fn dense(outputs: usize) -> LinearMap {
    LinearMap::dense(outputs)
}

/// Checks the network on random images and on the lightest.
fn check(network: &Network) {
    let mut rng = rng(5);
    let len = network.card().input.len();
    let image = (0..len).map(|_| rng.random()).collect();
    parties::check(network, &[image, vec![255; len]]);
}

/// Online round trips with each engine.
fn rounds(network: &Network) -> [u64; 2] {
    [EngineChoice::Garbled, EngineChoice::Masks].map(|activations| {
        let settings = Settings { activations, ..Settings::default() };
        let plan = NetworkPlan::new(network.card().clone(), &settings);
        plan.expect("a network that can be computed").online().rounds
    })
}

fn sum(inputs: &[(usize, i32)]) -> Node {
    Node::Sum(inputs.iter().map(|&(input, factor)| Scaled { input, factor }).collect())
}

#[test]
fn a_residual_block_with_its_input_added() {
    let mut graph = Graph::new(INPUT);
    let stem = graph.linear(&[(Graph::IMAGE, convolution(3, 3))]);
    let stem = graph.relu(stem, 6);
    let inner = graph.linear(&[(stem, convolution(3, 3))]);
    let inner = graph.relu(inner, 6);
    let sums = graph.linear(&[(inner, convolution(3, 3))]);
    let sums = graph.node(sum(&[(sums, 1), (stem, 47)]));
    let block = graph.relu(sums, 7);
    graph.linear(&[(block, dense(4))]);
    check(&graph.finish(Head::Class));
}

/// Results of more than 8 bits, through every kind of node.
#[test]
fn results_of_ten_to_fifteen_bits() {
    let mut graph = Graph::new(INPUT);
    let clip = Function::clip;
    let stem = graph.linear(&[(Graph::IMAGE, convolution(3, 3))]);
    let stem = graph.activation(stem, clip(1023), Shift::Tensor(3));
    let inner = graph.linear(&[(stem, convolution(3, 3))]);
    let signed = Function::Clamp { least: -700, most: 323 };
    let inner = graph.activation(inner, signed, Shift::Channels(vec![5, 6, 7]));
    let sums = graph.linear(&[(inner, convolution(3, 3))]);
    let sums = graph.node(sum(&[(sums, 1), (stem, 19)]));
    let block = graph.activation(sums, clip(32_767), Shift::Tensor(2));
    let joined = graph.node(Node::Concat(vec![block, inner]));
    let pooled = graph.node(Node::SumPool(SumPool::plain(
        joined,
        Window::new(Extent::square(2), Extent::square(2), Padding::default()),
    )));
    let last = graph.linear(&[(pooled, convolution(4, 1))]);
    let leaky = Function::Leaky { slopes: vec![3], slope_shift: 4, least: -16_384, most: 16_383 };
    let last = graph.activation(last, leaky, Shift::Tensor(6));
    graph.linear(&[(last, dense(5))]);
    check(&graph.finish(Head::Values));
}

#[test]
fn a_residual_block_with_a_projection() {
    let mut graph = Graph::new(INPUT);
    let stem = graph.linear(&[(Graph::IMAGE, convolution(3, 3))]);
    let stem = graph.relu(stem, 6);
    let halving = |kernel| {
        let kernel = Extent::square(kernel);
        LinearMap::convolution(5, Window::new(kernel, Extent::square(2), Padding::same(kernel)))
    };
    let inner = graph.linear(&[(stem, halving(3))]);
    let inner = graph.relu(inner, 6);
    let sums = graph.linear(&[(inner, convolution(5, 3)), (stem, halving(1))]);
    let block = graph.relu(sums, 7);
    graph.linear(&[(block, dense(4))]);
    check(&graph.finish(Head::Top(2)));
}

/// ShuffleNet's unit: half of the channels pass by, and the halves are interleaved.
#[test]
fn a_shuffle_of_channels() {
    let mut graph = Graph::new(INPUT);
    let stem = graph.linear(&[(Graph::IMAGE, convolution(4, 3))]);
    let stem = graph.relu(stem, 6);
    let mut half = |channels: [u32; 2]| {
        graph.node(Node::Select(Select { input: stem, channels: channels.to_vec() }))
    };
    let (left, right) = (half([0, 1]), half([2, 3]));
    let one = Window::new(Extent::square(3), Extent::square(1), Padding::uniform(1));
    let right = graph.linear(&[(right, LinearMap::grouped(2, one, 2))]);
    let right = graph.relu(right, 6);
    let both = graph.node(Node::Concat(vec![left, right]));
    let shuffled = graph.node(Node::Select(Select { input: both, channels: vec![0, 2, 1, 3] }));
    graph.linear(&[(shuffled, dense(4))]);
    check(&graph.finish(Head::Class));
}

/// A convolution that pads an image whose mean is not 0 has a bias for every output value.
#[test]
fn a_bias_map() {
    let mut graph = Graph::new(INPUT);
    let sums = graph.linear(&[(Graph::IMAGE, convolution(3, 3))]);
    let signed = graph.activation(sums, Function::SIGNED, Shift::Tensor(6));
    graph.linear(&[(signed, convolution(2, 3))]);
    let mut network = graph.finish(Head::Values);
    let values = network.forward(&[9; 72]).expect("an image").result;
    let (mut card, mut blocks) = network.into_parts();
    for (node, block) in card.nodes.iter_mut().step_by(2).zip(&mut blocks) {
        let Node::Linear(node) = node else { panic!("every second node is linear") };
        node.bias = Bias::Map;
        block.bias = (0..block.bias.len() as i32 * 36).map(|i| i * 37 % 1001 - 500).collect();
    }
    network = Network::with_least_sum_bits(card, blocks).expect("sums of at most 31 bits");
    assert_ne!(network.forward(&[9; 72]).expect("an image").result, values);
    check(&network);
}

#[test]
fn a_concatenation_of_two_activations_at_one_level() {
    let mut graph = Graph::new(INPUT);
    let mut branch = |outputs, kernel, shift| {
        let sums = graph.linear(&[(Graph::IMAGE, convolution(outputs, kernel))]);
        graph.relu(sums, shift)
    };
    let (squeeze, expand) = (branch(2, 1, 5), branch(3, 3, 6));
    let both = graph.node(Node::Concat(vec![squeeze, expand]));
    graph.linear(&[(both, dense(4))]);
    let network = graph.finish(Head::Class);
    // The two activations share their round trips.
    assert_eq!(rounds(&network), [2, 3]);
    check(&network);
}

#[test]
fn a_chain_of_two_activations_takes_a_round_trip_more() {
    let mut graph = Graph::new(INPUT);
    let sums = graph.linear(&[(Graph::IMAGE, convolution(2, 3))]);
    let first = graph.relu(sums, 6);
    let sums = graph.linear(&[(first, convolution(2, 3))]);
    let second = graph.relu(sums, 6);
    let sums = graph.node(sum(&[(first, 1), (second, -1)]));
    graph.linear(&[(sums, dense(4))]);
    let network = graph.finish(Head::Class);
    assert_eq!(rounds(&network), [3, 5]);
    check(&network);
}

/// Shifts and slopes of which some are alike, with windows of each channel's own sums.
#[test]
fn a_shift_and_a_slope_for_each_channel() {
    let mut graph = Graph::new(INPUT);
    let sums = graph.linear(&[(Graph::IMAGE, convolution(6, 3))]);
    let slopes = vec![64, 0, 64, 256, 3, 64];
    let function = Function::Leaky { slopes, slope_shift: 8, least: -128, most: 127 };
    let leaky = graph.activation(sums, function, Shift::Channels(vec![6, 3, 6, 0, 9, 5]));
    let sums = graph.linear(&[(leaky, convolution(4, 3))]);
    let shifts = Shift::Channels(vec![7, 2, 7, 12]);
    let signed = graph.activation(sums, Function::SIGNED, shifts);
    graph.linear(&[(signed, dense(3))]);
    check(&graph.finish(Head::Values));
}

/// As ELU and Mish are imported: two functions of the same sums, each from a table, added.
#[test]
fn an_even_and_an_odd_part() {
    let mut graph = Graph::new(INPUT);
    let sums = graph.linear(&[(Graph::IMAGE, convolution(3, 3))]);
    let table: Vec<u8> = (0..64).map(|i| 40 - 40 * (64 - i) / 65).collect();
    let even = Function::ReluMinusTable { table: table.clone(), step: 2 };
    let even = graph.activation(sums, even, Shift::Tensor(4));
    let odd = graph.activation(sums, Function::Odd { table, centre: 0 }, Shift::Tensor(6));
    let whole = graph.node(sum(&[(even, 1), (odd, 1)]));
    let pool = Window::new(Extent::square(2), Extent::square(2), Padding::default());
    let pooled = graph.node(Node::SumPool(SumPool::plain(whole, pool)));
    graph.linear(&[(pooled, dense(4))]);
    let network = graph.finish(Head::Values);
    // Where the sums are positive the parts' tables cancel.
    let trace = network.forward(&[200; 72]).expect("an image");
    let whole = trace.tensors[sums].iter().zip(&trace.tensors[whole]);
    assert!(whole.clone().any(|(y, _)| *y > 0) && whole.clone().any(|(y, _)| *y < 0));
    assert!(whole.into_iter().all(|(&y, &x)| y < 0 && x < 0 || x == (y >> 4).min(255)));
    check(&network);
}

/// Several findings, each for itself: the thresholds are values that the network has, and one more.
#[test]
fn thresholds_of_several_labels() {
    let build = |head| {
        let mut graph = Graph::new(INPUT);
        let sums = graph.linear(&[(Graph::IMAGE, convolution(2, 3))]);
        let relu = graph.relu(sums, 6);
        graph.linear(&[(relu, dense(6))]);
        graph.finish(head)
    };
    let image = vec![200; INPUT.len()];
    let values = build(Head::Values).forward(&image).expect("an image").result;
    let thresholds = values.iter().zip([0, 1, -1, 0, 1, 1000]).map(|(y, more)| y + more).collect();
    let network = build(Head::Thresholds(thresholds));
    let reached = network.forward(&image).expect("an image").result;
    assert_eq!(reached, [1, 0, 1, 1, 0, 0]);
    parties::check(&network, &[image]);
}

/// A lead at a bound reaches it; where there is none, the first class counts.
#[test]
fn confidence_and_rank_at_ties() {
    for (head, results) in [
        (Head::Class, [vec![1], vec![0]]),
        (Head::Top(3), [vec![1, 0, 2], vec![0, 1, 2]]),
        (Head::Confidence([0, 255, 256]), [vec![1, 2], vec![0, 1]]),
    ] {
        // Without a linear map: the head reads the pixels.
        let mut graph = Graph::new(Shape::flat(3));
        graph.node(Node::Select(Select { input: Graph::IMAGE, channels: vec![0, 1, 2] }));
        let network = graph.finish(head);
        let images = [vec![0, 255, 0], vec![7, 7, 7]];
        let plain = images.each_ref().map(|image| network.forward(image).expect("an image").result);
        assert_eq!(plain, results);
        parties::check(&network, &images);
    }
}
