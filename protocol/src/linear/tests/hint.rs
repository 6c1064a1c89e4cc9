//! The hint engine against the clear layer.

use proptest::prelude::*;

use super::private_equals_clear::layers;
use super::*;
use crate::error::PeerFault;
use crate::he::hint::{Exactness, Hint, HintSecret, Term};
use crate::linear::hint::{HintPlan, HintUse};

/// For clients with so many images.
fn clients(images: u16) -> HintUse {
    HintUse { link: Link::WAN, images, exactness: Exactness::Overwhelming }
}

/// One output for each polynomial.
fn often() -> HintUse {
    clients(u16::MAX)
}

/// The map's own hint.
fn hint(layer: &Layer, plan: &HintPlan, rng: &mut ChaCha20Rng) -> (Hint, HintSecret) {
    let weights = |_: usize, output: usize, input: usize, out: &mut Vec<Term>| {
        plan.weight_terms(&layer.weights, (output, input), out);
    };
    Hint::build(vec![plan.layer().clone()], &[7; 32], weights, rng).unwrap()
}

/// A mask that is encrypted, and the halves of both parties.
fn halves(
    layer: &Layer,
    plan: &HintPlan,
    mask: &mut [u32],
    rng: &mut ChaCha20Rng,
) -> (ClientHalf, ServerHalf) {
    let (hint, secret) = hint(layer, plan, rng);
    let (message, client) = plan.encrypt(mask, hint.layer(0), rng).unwrap();
    assert_eq!(message.len(), plan.cost().upload_bytes);
    (client, plan.apply(&message, &layer.weights, (&secret, 0)).unwrap())
}

/// The shares of M·x + bias add up to the plaintext's, whoever chose the mask, also if results are never wrong
/// and if several outputs share a polynomial. Returns how many at most.
fn check(layer: &Layer, rng: &mut ChaCha20Rng) -> usize {
    let always = HintUse { exactness: Exactness::Always, ..often() };
    let cases = [
        (false, often()),
        (true, often()),
        (true, always),
        (false, clients(1)),
        (true, clients(1)),
    ];
    let slots = cases.map(|(gives_mask, purpose)| {
        // The widest rings are exact with any coins for short rows alone.
        let Ok(plan) = HintPlan::choose(&layer.map, gives_mask, &purpose) else {
            assert_eq!(purpose.exactness, Exactness::Always);
            return 0;
        };
        plan.check_weights(&layer.weights).unwrap();
        let drawn = Mask::random(plan.input_len(), plan.ring_bits(), rng);
        let mut mask = drawn.values().to_vec();
        let (client, server) = halves(layer, &plan, &mut mask, rng);
        assert!(gives_mask || mask == drawn.values());
        let product = layer.clear(&mask, &vec![0; layer.bias.len()]);
        assert_eq!(join(&client, &server, plan.ring_bits()), product);

        let (client, share, _) = Transfers::new(rng).convert(client, server);
        let x = layer.random_values(plan.input_len(), rng);
        let mut hidden = x.clone();
        Mask::of(&mask, plan.ring_bits()).hide(&mut hidden);
        let mut server = layer.clear(&hidden, &layer.bias);
        share.add_to(&mut server);
        let top = u32::MAX >> (32 - plan.ring_bits());
        let sums = client.iter().zip(&server).map(|(&a, &b)| a.wrapping_add(b) & top);
        assert_eq!(sums.collect::<Vec<u32>>(), layer.clear(&x, &layer.bias));
        plan.slots()
    });
    slots.into_iter().max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Strides, groups, depthwise, holes, padding.
    #[test]
    fn hints_equal_clear_on_random_layers((linear, input, bits) in layers(), seed: u64) {
        let mut rng = rng(seed);
        let layer = Layer::random(linear, input, bits, &mut rng);
        check(&layer, &mut rng);
    }
}

#[test]
fn hints_of_tiled_maps_equal_clear() {
    let mut rng = rng(2);
    for (linear, input) in [
        (convolution(2, 3, 1, 1, 1), Shape { channels: 2, height: 70, width: 75 }),
        (convolution(1, 5, 3, 2, 1), Shape { channels: 1, height: 230, width: 210 }),
        (convolution(1, 3, 1, 0, 1), Shape { channels: 1, height: 4, width: 5000 }),
        (convolution(2, 1, 2, 0, 1), Shape { channels: 3, height: 130, width: 80 }),
        (convolution(4, 3, 2, 1, 4), Shape { channels: 4, height: 120, width: 120 }),
    ] {
        let layer = Layer::random(linear, input, 6, &mut rng);
        assert!(HintPlan::choose(&layer.map, true, &often()).unwrap().cost().tiles > 1);
        check(&layer, &mut rng);
    }
}

/// For a client with one image the hint is smaller; its message is larger, but not by more than that.
#[test]
fn outputs_share_polynomials_where_a_hint_serves_few_images() {
    let mut rng = rng(5);
    for (linear, input) in [
        (convolution(24, 3, 1, 1, 1), Shape { channels: 16, height: 14, width: 14 }),
        (convolution(32, 1, 1, 0, 1), Shape { channels: 24, height: 7, width: 7 }),
        (convolution(16, 3, 2, 1, 16), Shape { channels: 16, height: 15, width: 15 }),
        (convolution(8, 3, 1, 2, 1), Shape { channels: 3, height: 18, width: 20 }),
        (LinearMap::Dense { outputs: 100 }, Shape::flat(500)),
    ] {
        let layer = Layer::random(linear, input, 8, &mut rng);
        assert!(check(&layer, &mut rng) > 1, "{linear:?}");
        let [few, many] = [1, u16::MAX]
            .map(|images| *HintPlan::choose(&layer.map, true, &clients(images)).unwrap().cost());
        assert!(few.hint_bytes < many.hint_bytes && few.upload_bytes > many.upload_bytes);
        assert!(few.hint_bytes + few.upload_bytes < many.hint_bytes + many.upload_bytes);
    }
}

/// Rings of 9 to 32 bits: every parameter set, and digits of sums that 31 bits do not hold.
#[test]
fn hints_of_wide_and_narrow_rings_equal_clear() {
    let mut rng = rng(3);
    let mut sets = std::collections::BTreeSet::new();
    let narrow = [8, 12, 17, 20, 23, 25, 27, 28, 30, 31].map(|sum_bits| (sum_bits, 8, 300));
    for (sum_bits, weight_bits, inputs) in narrow.into_iter().chain([(31, 12, 2000), (31, 16, 300)])
    {
        let mut layer = Layer::dense(inputs, 7, &mut rng);
        let one = |w: &mut i16| *w = if sum_bits < 18 { 0 } else { w.signum() };
        layer.weights.iter_mut().for_each(one);
        layer.weights[5] = 1;
        (layer.map.sum_bits, layer.map.weight_bits) = (sum_bits, weight_bits);
        let plan = HintPlan::choose(&layer.map, true, &often()).unwrap();
        sets.insert(plan.layer().format.parameters.to_string());
        check(&layer, &mut rng);
    }
    assert_eq!(sets.len(), 3, "{sets:?}");
}

#[test]
fn hints_of_extreme_weights_and_masks_are_exact() {
    let mut rng = rng(9);
    const MOST: i16 = i16::MAX;
    let narrow = [[127, 127], [-127, -127], [127, -127]].map(|weights| (weights, 8));
    let wide = [[MOST, MOST], [-MOST, -MOST], [MOST, -MOST]].map(|weights| (weights, 16));
    for (weights, weight_bits) in narrow.into_iter().chain(wide) {
        let mut layer = Layer::conv((8, 5), 10, (3, 1, 1), &mut rng);
        layer.fill(weights);
        layer.map.weight_bits = weight_bits;
        let plan = HintPlan::choose(&layer.map, false, &often()).unwrap();
        let top = u32::MAX >> (32 - plan.ring_bits());
        for value in [0, 1, top / 2, top / 2 + 1, top] {
            let mut mask = vec![value; plan.input_len()];
            let (client, server) = halves(&layer, &plan, &mut mask, &mut rng);
            let product = layer.clear(&mask, &vec![0; layer.bias.len()]);
            assert_eq!(join(&client, &server, plan.ring_bits()), product);
        }
    }
}

/// Every length but the right one, and bits after the last value of a part.
#[test]
fn malformed_uploads_are_refused() {
    let mut rng = rng(4);
    let layers = (5..13).map(|size| {
        let layer = Layer::conv((3, 2), size, (3, 1, 1), &mut rng);
        let plan = HintPlan::choose(&layer.map, true, &often()).unwrap();
        (layer, plan)
    });
    // One whose message ends with bits to spare.
    let spare =
        |plan: &HintPlan| !(plan.cost().whole * plan.ring_bits() as usize).is_multiple_of(8);
    let (layer, plan) = layers.collect::<Vec<_>>().into_iter().find(|(_, p)| spare(p)).unwrap();
    let (hint, secret) = hint(&layer, &plan, &mut rng);
    let mut mask = vec![0; plan.input_len()];
    let (message, _) = plan.encrypt(&mut mask, hint.layer(0), &mut rng).unwrap();
    let apply = |message: &[u8]| plan.apply(message, &layer.weights, (&secret, 0)).map(|_| ());
    for bytes in [vec![], message[1..].to_vec(), [&message[..], &[0]].concat()] {
        assert!(matches!(apply(&bytes), Err(PeerFault::Length { .. })));
    }
    let mut padded = message.clone();
    *padded.last_mut().unwrap() |= 0x80;
    assert!(matches!(apply(&padded), Err(PeerFault::Padding { .. })));
    assert_eq!(apply(&message), Ok(()));
    assert!(plan.encrypt(&mut mask[1..], hint.layer(0), &mut rng).is_err());
    let mut heavy = layer.weights.clone();
    heavy[0] = 128;
    assert!(plan.check_weights(&heavy).is_err());
    assert!(plan.check_weights(&heavy[1..]).is_err());
}

#[test]
fn huge_maps_are_planned_for_hints() {
    let mut layer = Layer::dense(20, 3, &mut rng(10));
    layer.map.sum_bits = 24;
    for (linear, input) in [
        (LinearMap::Dense { outputs: 16 }, Shape::flat(1 << 24)),
        (convolution(1, 1, 1, 0, 1), Shape { channels: 1, height: 4096, width: 4096 }),
        (convolution(64, 7, 2, 3, 1), Shape { channels: 3, height: 224, width: 224 }),
    ] {
        let map = Map { linear, input, ..layer.map };
        HintPlan::choose(&map, true, &often()).unwrap();
    }
}
