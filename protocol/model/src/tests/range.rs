//! The range of a linear node's sums, against every image at the ends of the pixels' range.

use alloc::{vec, vec::Vec};

use crate::{
    Bias, Block, Card, Convolution, Extent, Head, HeadNode, Interval, LinearMap, LinearNode,
    Network, Node, Padding, Preprocessing, Shape, Term, Window,
};

/// Numbers from −`most` to `most`, the same for the same seed.
fn numbers(seed: u64, most: i32) -> impl FnMut() -> i32 {
    let mut state = seed.wrapping_mul(2) + 1;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i32 % (2 * most + 1) - most
    }
}

/// Each value of `inputs` at either end of its tensor's range, in all combinations.
fn corners(inputs: &[(usize, Interval)]) -> Vec<Vec<i64>> {
    let ends = inputs.iter().flat_map(|&(len, range)| vec![[range.least, range.most]; len]);
    let ends: Vec<_> = ends.collect();
    let corner = |at: usize| ends.iter().enumerate().map(|(i, ends)| ends[at >> i & 1]).collect();
    (0..1 << ends.len()).map(corner).collect()
}

/// Two dense maps into one sum, of values of one sign and of both.
#[test]
fn the_range_of_sums_is_that_of_all_corners() {
    let ranges = [Interval { least: 0, most: 255 }, Interval { least: -128, most: 127 }];
    let shapes = [Shape::flat(5), Shape::flat(4)];
    let term = |input| Term { input, map: LinearMap::dense(3) };
    let node = LinearNode { terms: vec![term(0), term(1)], bias: Bias::Channel, weight_bits: 8 };
    let tensor = |i: usize| crate::Tensor { shape: shapes[i], ring_bits: 32, range: None };
    let tensors = [tensor(0), tensor(1)];
    for seed in 0..50 {
        let mut draw = numbers(seed, 127);
        let weights: Vec<i16> = (0..27).map(|_| draw() as i16).collect();
        let bias: Vec<i32> = (0..3).map(|_| draw() * 300).collect();
        let sum = |x: &[i64], o: usize| -> i64 {
            let rows = weights[5 * o..][..5].iter().chain(&weights[15 + 4 * o..][..4]);
            i64::from(bias[o]) + rows.zip(x).map(|(&w, x)| i64::from(w) * x).sum::<i64>()
        };
        // What it reads must fit as well.
        let (mut least, mut most) = (-128, 255);
        for x in corners(&[(5, ranges[0]), (4, ranges[1])]) {
            for o in 0..3 {
                (least, most) = (least.min(sum(&x, o)), most.max(sum(&x, o)));
            }
        }
        let block = Block { weights, bias };
        assert_eq!(block.range(&node, &tensors, &ranges), Interval { least, most });
    }
}

/// A padded convolution with a bias for each place, and the images that bring each of its sums to an
/// end: none leaves the range, and the farthest needs all of the head's bits.
#[test]
fn no_image_leaves_the_range_and_some_reach_its_ends() {
    let kernel = Window::new(Extent::square(3), Extent::square(1), Padding::uniform(1));
    let (shape, outputs) = (Shape::new(2, 3, 3), 3);
    let convolution = LinearMap::Convolution(Convolution {
        outputs,
        window: kernel,
        dilation: Extent::square(1),
        groups: 1,
    });
    for seed in 0..20 {
        let mut draw = numbers(seed, 127);
        let terms = vec![Term { input: 0, map: convolution }];
        let card = Card {
            name: "range".into(),
            input: shape,
            preprocessing: Preprocessing::default(),
            nodes: vec![Node::Linear(LinearNode { terms, bias: Bias::Map, weight_bits: 8 })],
            head: HeadNode { input: 1, sum_bits: 31, head: Head::Values },
            classes: (0..27).map(|i| alloc::format!("{i}")).collect(),
        };
        let weights: Vec<i16> = (0..54).map(|_| draw() as i16).collect();
        let block = Block { weights: weights.clone(), bias: (0..27).map(|_| draw()).collect() };
        let network = Network::with_least_sum_bits(card, vec![block]).ok().unwrap();
        let (mut least, mut most) = (0, 0);
        for o in 0..outputs {
            for end in [-1, 1] {
                // The middle place reads the whole image.
                let image = weights[18 * o..][..18].iter();
                let image = image.map(|&w| if i32::from(w) * end > 0 { 255 } else { 0 });
                let trace = network.forward(&image.collect::<Vec<u8>>()).unwrap();
                let values = trace.logits();
                least = values.iter().copied().fold(least, i32::min);
                most = values.iter().copied().fold(most, i32::max);
            }
        }
        let tensors = network.card().tensors().unwrap();
        let Node::Linear(node) = &network.card().nodes[0] else { panic!() };
        let range = network.blocks()[0].range(node, &tensors, &[Interval::PIXEL]);
        let (below, above) = (i64::from(least) - range.least, range.most - i64::from(most));
        // The largest bias of a channel may be at another place than the middle.
        assert!((0..=254).contains(&below) && (0..=254).contains(&above), "{below} {above}");
        let farthest = range.reach();
        let bits = network.card().head.sum_bits;
        assert!(farthest >> bits == 0 && farthest >> (bits - 1) == 1, "{farthest} {bits}");
    }
}
