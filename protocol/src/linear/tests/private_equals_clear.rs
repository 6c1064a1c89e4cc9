use proptest::prelude::*;

use super::*;
use crate::he::Parameters;

/// The definition of a convolution, cell by cell.
fn naive(layer: &Layer, x: &[u32]) -> Vec<u32> {
    let conv = geometry::Convolution::new(&layer.map.linear, layer.map.input).unwrap();
    let (rows, columns) = (&conv.rows, &conv.columns);
    let cell = |channel: usize, i: usize, j: usize| {
        let (i, j) = (i.checked_sub(rows.before)?, j.checked_sub(columns.before)?);
        let inside = i < rows.input && j < columns.input;
        inside.then(|| x[(channel * rows.input + i) * columns.input + j])
    };
    let mut out = Vec::new();
    for output in 0..conv.outputs {
        let first = output / conv.group_outputs() * conv.group_channels;
        for i in 0..rows.output {
            for j in 0..columns.output {
                let mut sum = i64::from(layer.bias[output]);
                for c in 0..conv.group_channels {
                    for u in 0..rows.kernel {
                        for v in 0..columns.kernel {
                            let row = i * rows.stride + u * rows.dilation;
                            let column = j * columns.stride + v * columns.dilation;
                            let value = cell(first + c, row, column);
                            let index = (output * conv.group_channels + c) * rows.kernel + u;
                            let weight = layer.weights[index * columns.kernel + v];
                            sum += i64::from(weight) * i64::from(value.unwrap_or(0));
                        }
                    }
                }
                out.push(sum as u32 & (u32::MAX >> (31 - layer.map.sum_bits)));
            }
        }
    }
    out
}

pub(super) fn layers() -> impl Strategy<Value = (LinearMap, Shape, u32)> {
    let extent =
        |max: usize| (1..=max, 1..=max).prop_map(|(height, width)| Extent { height, width });
    let padding = [0..=3usize, 0..=3, 0..=3, 0..=3]
        .prop_map(|[top, left, bottom, right]| Padding { top, left, bottom, right });
    let sizes = (1..=4usize, 1..=17usize, 1..=17usize, 1..=40usize, 1..=40usize);
    let dilation = prop_oneof![2 => Just(Extent::square(1)), 1 => extent(4)];
    let conv = (extent(7), extent(3), padding, dilation, sizes).prop_map(
        |(kernel, stride, padding, dilation, (groups, inputs, outputs, height, width))| {
            let (outputs, window) = (outputs * groups, Window::new(kernel, stride, padding));
            let map = Convolution { outputs, window, dilation, groups };
            (LinearMap::Convolution(map), Shape { channels: inputs * groups, height, width })
        },
    );
    let dense = (1..=300usize, 1..=70usize)
        .prop_map(|(inputs, outputs)| (LinearMap::Dense { outputs }, Shape::flat(inputs)));
    (prop_oneof![4 => conv, 1 => dense], 2..=8u32)
        .prop_map(|((linear, input), bits)| (linear, input, bits))
        .prop_filter("no output fits", |(linear, input, _)| {
            clear::output_shape(*linear, *input).is_some()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn clear_layers_equal_their_definition((linear, input, bits) in layers(), seed: u64) {
        let mut rng = rng(seed);
        let layer = Layer::random(linear, input, bits, &mut rng);
        let x = layer.random_values(input.len(), &mut rng);
        prop_assert_eq!(layer.clear(&x, &layer.bias), naive(&layer, &x));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_result_has_one_coefficient_of_its_own((linear, input, bits) in layers(), seed: u64) {
        let layer = Layer::random(linear, input, bits, &mut rng(seed));
        let plan = layer.plan();
        let mut seen = vec![false; plan.output_len()];
        for index in 0..plan.cost().answers {
            let (mut positions, places): (Vec<usize>, Vec<usize>) = plan.packing.results(index).unzip();
            prop_assert!(positions.iter().all(|&p| p < plan.parameters().n()));
            positions.sort_unstable();
            positions.dedup();
            prop_assert_eq!(positions.len(), places.len());
            places.into_iter().for_each(|place| seen[place] = true);
        }
        prop_assert!(seen.into_iter().all(|seen| seen));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn homomorphic_equals_clear_on_random_layers((linear, input, bits) in layers(), seed: u64) {
        let mut rng = rng(seed);
        let layer = Layer::random(linear, input, bits, &mut rng);
        let plan = layer.plan();
        let keys = SecretKey::generate(plan.parameters(), &mut rng);
        check(&layer, &plan, (&keys.0, &keys.1), &mut rng);
    }
}

/// Weights of 16 bits, as far as 31 bits hold the sums: drawn, and all of them the largest.
#[test]
fn homomorphic_equals_clear_with_the_widest_weights() {
    let mut rng = rng(16);
    for layer in [
        Layer::random(
            convolution(12, 3, 1, 1, 12),
            Shape { channels: 12, height: 9, width: 9 },
            16,
            &mut rng,
        ),
        Layer::random(convolution(7, 5, 1, 2, 1), Shape::new(6, 8, 8), 16, &mut rng),
        Layer::random(LinearMap::Dense { outputs: 40 }, Shape::flat(250), 16, &mut rng),
    ] {
        for sign in [0, 1, -1] {
            let mut layer =
                Layer { weights: layer.weights.clone(), bias: layer.bias.clone(), ..layer };
            if sign != 0 {
                layer.weights.fill(sign * i16::MAX);
                layer.map.sum_bits = 31;
            }
            let plan = layer.plan();
            let keys = SecretKey::generate(plan.parameters(), &mut rng);
            check(&layer, &plan, (&keys.0, &keys.1), &mut rng);
        }
    }
}

#[test]
fn every_alternative_layout_computes_the_same() {
    let mut rng = rng(1);
    for layer in [
        Layer::conv((6, 4), 12, (3, 1, 1), &mut rng),
        Layer::conv((3, 5), 13, (5, 2, 2), &mut rng),
        Layer::dense(100, 30, &mut rng),
        Layer::random(
            convolution(8, 3, 1, 1, 8),
            Shape { channels: 8, height: 9, width: 9 },
            8,
            &mut rng,
        ),
    ] {
        let plans = CoefficientPlan::alternatives_of(&layer.map, &Link::LAN).unwrap();
        let sets: Vec<_> = Parameters::ladder().collect();
        let used = |set| plans.iter().any(|plan| plan.parameters() == set);
        assert!(sets.iter().filter(|set| used(*set)).count() > 3);
        for plan in &plans {
            let keys = SecretKey::generate(plan.parameters(), &mut rng);
            check(&layer, plan, (&keys.0, &keys.1), &mut rng);
        }
    }
}

#[test]
fn maps_larger_than_a_polynomial_are_tiled() {
    let mut rng = rng(2);
    for (linear, input) in [
        (convolution(2, 3, 1, 1, 1), Shape { channels: 2, height: 70, width: 75 }),
        (convolution(1, 5, 3, 2, 1), Shape { channels: 1, height: 230, width: 210 }),
        (convolution(1, 3, 1, 0, 1), Shape { channels: 1, height: 4, width: 5000 }),
    ] {
        let layer = Layer::random(linear, input, 6, &mut rng);
        let plan = layer.plan();
        assert!(plan.packing.tiles() > 1);
        let keys = SecretKey::generate(plan.parameters(), &mut rng);
        check(&layer, &plan, (&keys.0, &keys.1), &mut rng);
    }
}

#[test]
fn wider_rings_take_larger_parameters() {
    let mut rng = rng(3);
    let mut last = 0.0;
    for sum_bits in [17, 20, 23, 27, 30, 31] {
        let mut layer = Layer::dense(300, 7, &mut rng);
        layer.weights.iter_mut().for_each(|w| *w = w.signum());
        layer.map.sum_bits = sum_bits;
        let plan = layer.plan();
        assert!(plan.parameters().q() >= last);
        last = plan.parameters().q();
        let keys = SecretKey::generate(plan.parameters(), &mut rng);
        check(&layer, &plan, (&keys.0, &keys.1), &mut rng);
    }
}

#[test]
fn extreme_weights_and_masks_are_exact() {
    let mut rng = rng(9);
    for weights in [[127, 127], [-127, -127], [127, -127]] {
        for mut layer in
            [Layer::conv((8, 5), 10, (3, 1, 1), &mut rng), Layer::dense(400, 20, &mut rng)]
        {
            layer.fill(weights);
            let plan = layer.plan();
            let (secret, public) = SecretKey::generate(plan.parameters(), &mut rng);
            let weights = plan.prepare(&layer.weights).unwrap();
            let top = u32::MAX >> (32 - plan.ring_bits());
            for value in [0, 1, top / 2, top / 2 + 1, top] {
                let mask = vec![value; plan.input_len()];
                let query = plan.encrypt(&mask, &secret, &mut rng).unwrap();
                let (answer, server) = plan.apply(&query, &weights, &public, &mut rng).unwrap();
                let client = plan.decrypt(&answer, &secret).unwrap();
                let result = join(&client, &server, plan.ring_bits());
                assert_eq!(result, layer.clear(&mask, &vec![0; layer.bias.len()]));
            }
        }
    }
}

#[test]
fn huge_layers_are_planned_at_once() {
    let mut layer = Layer::dense(20, 3, &mut rng(10));
    layer.map.sum_bits = 24;
    for (linear, input) in [
        (LinearMap::Dense { outputs: 16 }, Shape::flat(1 << 24)),
        (LinearMap::Dense { outputs: 1 << 20 }, Shape::flat(256)),
        (convolution(1, 1, 1, 0, 1), Shape { channels: 1, height: 4096, width: 4096 }),
        (convolution(64, 7, 2, 3, 1), Shape { channels: 3, height: 224, width: 224 }),
        (convolution(1 << 12, 3, 1, 1, 1 << 12), Shape { channels: 1 << 12, height: 8, width: 8 }),
    ] {
        let map = Map { linear, input, ..layer.map };
        CoefficientPlan::choose_term(&map, &Link::WAN).unwrap();
    }
}

#[test]
fn a_session_has_a_key_pair_for_each_block() {
    let mut rng = rng(6);
    let layers = [31, 24, 31].map(|sum_bits| {
        let mut layer = Layer::dense(300, 7, &mut rng);
        layer.map.sum_bits = sum_bits;
        layer
    });
    let plans: Vec<_> = layers.iter().map(Layer::plan).collect();
    let (client, message) = ClientKeys::generate(&plans, &mut rng);
    assert_eq!(message.len(), ServerKeys::encoded_len(&plans));
    assert!(ServerKeys::from_bytes(&plans, &message[1..]).is_err());
    let server = ServerKeys::from_bytes(&plans, &message).unwrap();
    assert_eq!(plans[0].parameters(), plans[2].parameters());
    assert_ne!(server.of(0).as_bytes(), server.of(2).as_bytes());
    assert_ne!(client.of(0).limb(0), client.of(2).limb(0));
    for (block, (layer, plan)) in layers.iter().zip(&plans).enumerate() {
        check(layer, plan, (client.of(block), server.of(block)), &mut rng);
    }
}

#[test]
fn batches_and_weights_beyond_the_memory_cap_change_nothing() {
    let blinding = || rng(8);
    let mut rng = rng(7);
    let layer = Layer::conv((4, 9), 40, (3, 1, 1), &mut rng);
    let plan = layer.plan();
    let (secret, public) = SecretKey::generate(plan.parameters(), &mut rng);
    let queries: Vec<Vec<u8>> = (0..3)
        .map(|_| {
            let mask = layer.random_values(plan.input_len(), &mut rng);
            plan.encrypt(&mask, &secret, &mut rng).unwrap()
        })
        .collect();
    let cached = plan.prepare(&layer.weights).unwrap();
    let run = |encoded: &EncodedWeights, rng: &mut ChaCha20Rng| {
        let one = |query: &Vec<u8>| plan.apply(query, encoded, &public, rng).unwrap().0;
        queries.iter().map(one).collect::<Vec<_>>()
    };
    let expected = run(&cached, &mut blinding());
    let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
    for memory in [0, cached.bytes() / 2, cached.bytes()] {
        let encoded = plan.prepare_within(&layer.weights, memory).unwrap();
        assert!(encoded.bytes() <= memory + 2 * layer.weights.len());
        let batch = plan.apply_batch(&queries, &encoded, &public, &mut blinding()).unwrap();
        let messages: Vec<_> = batch.into_iter().map(|(message, _)| message).collect();
        assert_eq!(messages, expected);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let layer = Layer::conv((4, 6), 20, (3, 1, 1), &mut rng(4));
    let plan = layer.plan();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut rng = rng(5);
            let (secret, public) = SecretKey::generate(plan.parameters(), &mut rng);
            let mask = layer.random_values(plan.input_len(), &mut rng);
            let query = plan.encrypt(&mask, &secret, &mut rng).unwrap();
            let weights = plan.prepare(&layer.weights).unwrap();
            let (answer, _) = plan.apply(&query, &weights, &public, &mut rng).unwrap();
            (query, answer)
        })
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(8));
}
