//! Sliding windows, against every cell counted one by one.

use alloc::vec::Vec;

use crate::{Axis, Extent, Linear, MAX_SIDE, Padding, Shape, Window};

/// The cells of a map of `size` under window `i`, each with its tap.
fn naive(axis: &Axis, i: usize) -> Vec<(usize, usize)> {
    let tap = |u: usize| Some(((i * axis.stride + u).checked_sub(axis.before)?, u));
    (0..axis.kernel).filter_map(tap).filter(|(cell, _)| *cell < axis.input).collect()
}

#[test]
fn cells_and_taps_are_those_under_the_window() {
    for size in 1..=5 {
        for kernel in 1..=4 {
            for stride in 1..=3 {
                for (before, after) in [(0, 0), (1, 0), (0, 2), (2, 1), (5, 5)] {
                    let padding = Padding { top: before, bottom: after, ..Padding::NONE };
                    let window =
                        Window::new(Extent::new(kernel, 1), Extent::new(stride, 1), padding);
                    let Some([rows, columns]) = window.axes(Shape::new(1, size, 1)) else {
                        assert!(kernel > before + size + after);
                        continue;
                    };
                    assert_eq!(columns, Axis::UNIT);
                    assert!((rows.output - 1) * stride + kernel <= before + size + after);
                    assert!(rows.output * stride + kernel > before + size + after);
                    for i in 0..rows.output {
                        let pairs: Vec<_> = rows.cells(i).zip(rows.first_tap(i)..).collect();
                        assert_eq!(pairs, naive(&rows, i), "{rows:?}, window {i}");
                    }
                }
            }
        }
    }
}

#[test]
fn same_padding_keeps_the_map() {
    let input = Shape::new(3, 7, 9);
    for kernel in [Extent::square(1), Extent::square(3), Extent::new(4, 2), Extent::new(5, 6)] {
        let window = Window::new(kernel, Extent::square(1), Padding::same(kernel));
        assert_eq!(window.slide(input), Some(input), "{kernel}");
    }
    assert_eq!(Padding::same(Extent::square(3)), Padding::uniform(1));
    assert_eq!(Padding::same(Extent::new(1, 4)), Padding { left: 1, right: 2, ..Padding::NONE });
}

#[test]
fn nothing_slides_over_a_cap() {
    let input = Shape::new(1, 8, 8);
    let window = Window::tiling(Extent::square(2));
    assert_eq!(window.slide(input), Some(Shape::new(1, 4, 4)));
    for wrong in [
        Window { kernel: Extent::new(0, 2), ..window },
        Window { kernel: Extent::new(9, 2), ..window },
        Window { kernel: Extent::new(2, usize::MAX), ..window },
        Window { stride: Extent::new(2, 0), ..window },
        Window { stride: Extent::new(usize::MAX, 2), ..window },
        Window { padding: Padding { top: usize::MAX, ..Padding::NONE }, ..window },
        Window { padding: Padding::uniform(MAX_SIDE), ..window },
    ] {
        assert_eq!(wrong.slide(input), None, "{wrong:?}");
    }
    let outside = Window { padding: Padding { left: 2, ..Padding::NONE }, ..window };
    assert_eq!((outside.slide(input), outside.pool(input)), (Some(Shape::new(1, 4, 5)), None));
    for shape in [Shape::new(0, 8, 8), Shape::new(1 << 21, 8, 8), Shape::new(1, 8, MAX_SIDE + 1)] {
        assert_eq!(shape.checked(), None, "{shape}");
    }
    let huge = Shape::new(usize::MAX, 4096, 4096);
    assert_eq!(huge.checked(), None);
}

#[test]
fn linear_maps_have_the_shape_of_their_outputs() {
    let input = Shape::new(4, 5, 6);
    let window = Window::new(Extent::square(3), Extent::square(2), Padding::uniform(1));
    assert_eq!(Linear::convolution(7, window).output(input), Some(Shape::new(7, 3, 3)));
    assert_eq!(Linear::grouped(8, window, 4).output(input), Some(Shape::new(8, 3, 3)));
    for groups in [0, 3, 8] {
        assert_eq!(Linear::grouped(8, window, groups).output(input), None, "{groups}");
    }
    assert_eq!(Linear::Dense { outputs: 7 }.output(input), Some(Shape::flat(7)));
    assert_eq!(Linear::Dense { outputs: 0 }.output(input), None);
}
