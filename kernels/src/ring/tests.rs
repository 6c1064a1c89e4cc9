//! Every backend against the definition.

use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn words(len: usize, seed: u64) -> Vec<u32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 32) as u32
        })
        .collect()
}

fn weights(len: usize, seed: u64) -> Vec<i16> {
    words(len, seed).into_iter().map(|w| w as i16).collect()
}

fn naive_gemm([m, k, n]: [usize; 3], a: &[i16], b: &[u32], c: &mut [u32]) {
    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
        for t in 0..k {
            let product = (a[i * k + t] as u32).wrapping_mul(b[t * n + j]);
            c[i * n + j] = c[i * n + j].wrapping_add(product);
        }
    }
}

fn naive_convolution(g: Convolution, weights: &[i16], input: &[u32], output: &mut [u32]) {
    let ([channels, height, width], [h, w]) = (g.input, g.kernel);
    let [rows, columns] = g.output();
    let depth = channels / g.groups;
    for (at, y) in output.iter_mut().enumerate() {
        let (o, i, j) = (at / (rows * columns), at / columns % rows, at % columns);
        let group = o / (g.outputs / g.groups);
        for (cell, &weight) in weights[o * depth * h * w..][..depth * h * w].iter().enumerate() {
            let (c, u, v) = (cell / (h * w), cell / w % h, cell % w);
            let row = (g.stride[0] * i + g.dilation[0] * u)
                .checked_sub(g.padding[0])
                .filter(|&r| r < height);
            let column = (g.stride[1] * j + g.dilation[1] * v)
                .checked_sub(g.padding[1])
                .filter(|&c| c < width);
            if let (Some(row), Some(column)) = (row, column) {
                let x = input[((group * depth + c) * height + row) * width + column];
                *y = y.wrapping_add(x.wrapping_mul(weight as u32));
            }
        }
    }
}

fn check_gemm(shape @ [m, _, n]: [usize; 3], a: &[i16], b: &[u32]) {
    let start = words(m * n, 3);
    let mut expected = start.clone();
    naive_gemm(shape, a, b, &mut expected);
    for backend in VectorBackend::available() {
        let mut c = start.clone();
        gemm(backend, shape, a, b, &mut c);
        assert!(c == expected, "{}, {shape:?}", backend.name());
        if n == 1 {
            let mut y = start.clone();
            matvec(backend, a, b, &mut y);
            assert!(y == expected, "matvec, {}, {shape:?}", backend.name());
        }
    }
    if n == 1 {
        let narrow: Vec<_> = b.iter().map(|&x| x as i16).collect();
        let wide: Vec<_> = narrow.iter().map(|&x| x as u32).collect();
        let mut expected = start.clone();
        naive_gemm(shape, a, &wide, &mut expected);
        for backend in VectorBackend::available() {
            let mut y = start.clone();
            matvec_narrow(backend, a, &narrow, &mut y);
            assert!(y == expected, "narrow matvec, {}, {shape:?}", backend.name());
        }
    }
}

/// Every tail of a vector, every remainder of the rows.
#[test]
fn products_of_every_size() {
    for m in (0..=9).chain([16, 23]) {
        for n in (0..=34).chain([47, 48, 63, 64, 65]) {
            for k in [0, 1, 2, 7] {
                check_gemm([m, k, n], &weights(m * k, 1), &words(k * n, 2));
            }
        }
        for k in (0..=35).chain([63, 64, 65, 100]) {
            check_gemm([m, k, 1], &weights(m * k, 1), &words(k, 2));
        }
    }
}

#[test]
fn products_of_extreme_values() {
    let shape @ [m, k, n] = [9, 130, 35];
    for w in [0, 1, -1, i16::MIN, i16::MAX] {
        for x in [0, 1, u32::MAX, 1 << 31, (1 << 31) - 1, 0x7fff, 0x8000, 0x7fff_8000] {
            check_gemm(shape, &vec![w; m * k], &vec![x; k * n]);
            check_gemm([m, k, 1], &vec![w; m * k], &vec![x; k]);
        }
    }
}

fn check_convolution(geometry: Convolution) {
    let [height, width] = geometry.output();
    let maps = geometry.outputs * height * width;
    let weights = weights(geometry.outputs * geometry.depth(), 5);
    let input = words(geometry.input.iter().product(), 6);
    let mut expected = words(maps, 7);
    naive_convolution(geometry, &weights, &input, &mut expected);
    for backend in VectorBackend::available() {
        let mut output = words(maps, 7);
        convolve(backend, geometry, &weights, &input, &mut output);
        assert!(output == expected, "{}, {geometry:?}", backend.name());

        // The same, one output channel at a time.
        let mut output = words(maps, 7);
        let prepared = Prepared::new(geometry, &input);
        for (o, map) in output.chunks_exact_mut(height * width).enumerate() {
            let depth = geometry.depth();
            prepared.convolve(backend, &weights[o * depth..][..depth], o, map);
        }
        assert!(output == expected, "by channel, {}, {geometry:?}", backend.name());
    }
    let values = input.iter().map(|&x| x as i16).collect();
    check_narrow(geometry, &weights, values);
}

fn check_narrow(geometry: Convolution, weights: &[i16], input: Vec<i16>) {
    let [height, width] = geometry.output();
    let start = words(geometry.outputs * height * width, 8);
    let wide: Vec<_> = input.iter().map(|&x| x as u32).collect();
    let mut expected = start.clone();
    naive_convolution(geometry, weights, &wide, &mut expected);
    for backend in VectorBackend::available() {
        let mut output = start.clone();
        Prepared::narrow(geometry, &input).convolve(backend, weights, 0, &mut output);
        assert!(output == expected, "narrow, {}, {geometry:?}", backend.name());
    }
}

/// Products of halves at the edges of their range, whose sums pass 2^31, in channels that share their
/// words and one that does not.
#[test]
fn convolutions_of_extreme_values() {
    let geometry = Convolution {
        input: [5, 9, 11],
        outputs: 11,
        kernel: [3; 2],
        stride: [1; 2],
        dilation: [1; 2],
        padding: [1; 4],
        groups: 1,
    };
    let len = geometry.input.iter().product();
    for w in [-1, 1, i16::MIN, i16::MAX] {
        let weights = vec![w; geometry.outputs * geometry.depth()];
        for x in [0, -1, i16::MIN, i16::MAX] {
            check_narrow(geometry, &weights, vec![x; len]);
        }
        for x in [0x7fff, 0x8000, 0xffff, 0x7fff_7fff, 0x7fff_8000, 0x8000_8000, u32::MAX] {
            let start = words(geometry.outputs * 99, 9);
            let mut expected = start.clone();
            naive_convolution(geometry, &weights, &vec![x; len], &mut expected);
            for backend in VectorBackend::available() {
                let mut output = start.clone();
                convolve(backend, geometry, &weights, &vec![x; len], &mut output);
                assert!(output == expected, "{}, {w}, {x:#x}", backend.name());
            }
        }
    }
}

proptest! {
    #[test]
    fn convolutions_of_any_geometry(
        (groups, depth, per_group) in (1usize..4, 1usize..12, 1usize..12),
        (height, width) in (1usize..20, 1usize..20),
        kernel in [1usize..8, 1usize..8],
        stride in [1usize..4, 1usize..4],
        dilation in [1usize..4, 1usize..4],
        padding in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
    ) {
        let [top, left, bottom, right] = padding;
        let reach = |i: usize| (kernel[i] - 1) * dilation[i] + 1;
        prop_assume!(height + top + bottom >= reach(0) && width + left + right >= reach(1));
        check_convolution(Convolution {
            input: [groups * depth, height, width],
            outputs: groups * per_group,
            kernel,
            stride,
            dilation,
            padding,
            groups,
        });
    }
}

#[test]
#[should_panic = "every view lies inside the input"]
fn views_outside_the_input_are_refused() {
    let view = |offset| View { offset, low: 0, high: None };
    let views = Views { planes: &[&[0; 10]], views: &[view(0), view(3)], len: 8 };
    views.multiply(VectorBackend::best(), 1, &[1], &mut [0; 8]);
}
