//! Linear maps in floating point: those of the ring kernels, whatever the geometry.

use gazelle_model::{
    Bias, Block, Convolution, Extent, LinearMap, LinearNode, Padding, Shape, Term, Window, clear,
};

use crate::float::linear_map;

/// A value from −30 to 30 that looks random.
fn value(i: usize) -> i16 {
    (i.wrapping_mul(0x9E37_79B9) >> 9) as i16 % 31
}

fn agrees(map: Convolution, input: Shape) {
    let map = LinearMap::Convolution(map);
    let Some(output) = map.output(input) else { return };
    let weights = map.row_len(input) as usize * output.channels;
    let weights: Vec<i16> = (0..weights).map(value).collect();
    let x: Vec<i32> = (0..input.len()).map(|i| value(i + 77).into()).collect();
    let node =
        LinearNode { terms: vec![Term { input: 0, map }], bias: Bias::Channel, weight_bits: 8 };
    let block = Block { weights: weights.clone(), bias: vec![0; output.channels] };
    let ring: Vec<u32> = x.iter().map(|&x| x as u32).collect();
    let expected = clear::linear(&node, &block, |_| (input, &ring[..]));
    let weights: Vec<f32> = weights.into_iter().map(f32::from).collect();
    let x: Vec<f32> = x.into_iter().map(|x| x as f32).collect();
    let mut sums = vec![0.0; output.len()];
    linear_map(&map, input, &weights, &x, &mut sums);
    let sums: Vec<u32> = sums.into_iter().map(|y: f32| y as i32 as u32).collect();
    assert_eq!(sums, expected, "{map:?} on {input:?}");
}

#[test]
fn convolutions_are_those_of_the_ring() {
    let extents = [(1, 1), (1, 3), (3, 2)].map(|(height, width)| Extent { height, width });
    let steps = [(1, 1), (2, 1), (1, 3)].map(|(height, width)| Extent { height, width });
    let uneven = Padding { top: 0, left: 2, bottom: 1, right: 0 };
    for kernel in extents {
        for stride in steps {
            for padding in [Padding::uniform(0), Padding::uniform(1), uneven] {
                for dilation in [Extent::square(1), Extent { height: 2, width: 3 }] {
                    for (groups, outputs) in [(1, 3), (2, 6), (4, 4)] {
                        let window = Window { kernel, stride, padding };
                        let map = Convolution { outputs, window, dilation, groups };
                        agrees(map, Shape::new(4, 5, 7));
                        agrees(map, Shape::new(4, 1, 1));
                    }
                }
            }
        }
    }
}
