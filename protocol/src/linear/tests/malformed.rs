use super::*;
use crate::error::Misuse;

#[test]
fn malformed_messages_are_rejected() {
    let mut rng = rng(1);
    let mut layer = Layer::dense(20, 3, &mut rng);
    layer.map.sum_bits = 20;
    let plan = layer.plan();
    let (secret, public) = SecretKey::generate(plan.parameters(), &mut rng);
    let weights = plan.prepare(&layer.weights).unwrap();
    let query = plan.encrypt(&[7; 20], &secret, &mut rng).unwrap();
    let (answer, _) = plan.apply(&query, &weights, &public, &mut rng).unwrap();

    let longer = |bytes: &[u8]| [bytes, &[0]].concat();
    let not_canonical = [&query[..16], &[0xff; 8], &query[24..]].concat();
    for bad in [&[][..], &query[..31], &query[..query.len() - 1], &longer(&query), &not_canonical] {
        assert!(plan.apply(bad, &weights, &public, &mut rng).is_err());
    }
    for bad in [&[][..], &answer[..answer.len() - 1], &longer(&answer)] {
        assert!(plan.decrypt(bad, &secret).is_err());
    }
}

#[test]
fn callers_mistakes_are_errors() {
    let mut rng = rng(2);
    let layer = Layer::dense(20, 3, &mut rng);
    let plan = layer.plan();
    let (secret, _) = SecretKey::generate(plan.parameters(), &mut rng);
    assert!(matches!(plan.encrypt(&[0; 19], &secret, &mut rng), Err(Misuse::Values { .. })));
    assert!(matches!(plan.prepare(&[0; 61]), Err(Misuse::Values { .. })));
    assert!(matches!(plan.prepare(&[128; 60]), Err(Misuse::Weights(_))));
    assert!(matches!(plan.prepare(&[i16::MIN; 60]), Err(Misuse::Weights(_))));
    // Each weight is in range, a row's sum is beyond what ℓ allows.
    let small = Map { sum_bits: 14, ..layer.map };
    let plan = CoefficientPlan::choose_term(&small, &Link::LAN).unwrap();
    assert!(matches!(plan.prepare(&[127; 60]), Err(Misuse::Weights(_))));
}

/// A 3×3 kernel with holes.
fn dilated(outputs: usize, dilation: usize) -> LinearMap {
    let window = Window::new(Extent::square(3), Extent::square(1), Padding::NONE);
    let dilation = Extent::square(dilation);
    LinearMap::Convolution(Convolution { outputs, window, dilation, groups: 1 })
}

#[test]
fn impossible_layers_are_refused() {
    let layer = Layer::dense(20, 3, &mut rng(3));
    let map = Shape { channels: 4, height: 5, width: 5 };
    let huge = usize::MAX / 2;
    for (linear, input) in [
        (LinearMap::Dense { outputs: 0 }, Shape::flat(4)),
        (LinearMap::Dense { outputs: huge }, Shape::flat(huge)),
        (LinearMap::Dense { outputs: 1 }, Shape { channels: huge, height: huge, width: huge }),
        (LinearMap::Dense { outputs: 1 }, Shape::flat(0)),
        (convolution(4, 6, 1, 0, 1), map),
        (convolution(4, 0, 1, 0, 1), map),
        (convolution(4, 3, 0, 0, 1), map),
        (convolution(4, 3, 1, 0, 3), map),
        (convolution(6, 3, 1, 0, 4), map),
        (convolution(4, 3, 1, 0, 0), map),
        (convolution(huge, 3, 1, 0, 1), map),
        (convolution(4, 3, 1, huge, 1), map),
        (dilated(4, 0), map),
        (dilated(4, 3), map),
        (dilated(4, huge), map),
        (convolution(4, 3, 1, 0, 1), Shape { height: huge, ..map }),
    ] {
        let map = Map { linear, input, ..layer.map };
        assert!(matches!(CoefficientPlan::choose_term(&map, &Link::LAN), Err(Misuse::Layer(_))));
    }
    for (weight_bits, sum_bits) in [(1, 20), (17, 20), (8, 0), (8, 32)] {
        let map = Map { weight_bits, sum_bits, ..layer.map };
        assert!(matches!(CoefficientPlan::choose_term(&map, &Link::LAN), Err(Misuse::Layer(_))));
    }
}

#[test]
fn sums_of_windows_wrap_and_skip_padding() {
    let one = Extent { height: 2, width: 2 };
    let padding = Padding { top: 1, ..Padding::default() };
    let window = Window { kernel: one, stride: one, padding };
    let input = Shape { channels: 1, height: 3, width: 4 };
    let x: Vec<u32> = (10..22).collect();
    assert_eq!(clear::pooled(&window, input), Some(Shape { channels: 1, height: 2, width: 2 }));
    assert_eq!(
        clear::sum_pool(&window, input, &x, 8),
        [10 + 11, 12 + 13, 14 + 15 + 18 + 19, 16 + 17 + 20 + 21]
    );
    assert_eq!(clear::sum_pool(&window, input, &x, 4), [5, 9, 2, 10]);
}
