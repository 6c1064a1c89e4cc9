//! The networks of GAZELLE's evaluation.

use gazelle_model::{LinearMap, Network, Shape, Window};

use super::graph::{Graph, Value, convolution, square};

/// Network `d` with `width` times its maps and `width` times its hidden dense values: for measuring
/// how costs grow.
///
/// # Panics
/// If `width` is 0 or makes a tensor that is larger than a card may have.
pub fn wide(width: usize) -> Network {
    let name = if width == 1 { "d".into() } else { format!("d×{width}") };
    let grow = |net: &mut Graph, image| d(net, image, width);
    Graph::network(&name, Shape::new(1, 28, 28), grow).expect("the shapes fit")
}

pub(super) fn a(net: &mut Graph, image: Value) -> Value {
    dense(net, image, &[128, 128, 10])
}

pub(super) fn c(net: &mut Graph, image: Value) -> Value {
    let x = net.map(image, convolution(5, 5, 2));
    let x = net.relu(x);
    dense(net, x, &[100, 10])
}

pub(super) fn d(net: &mut Graph, image: Value, width: usize) -> Value {
    let mut x = image;
    for _ in 0..2 {
        x = net.map(x, LinearMap::convolution(16 * width, square(5, 1, 0)));
        x = net.relu_max(x, halves());
    }
    dense(net, x, &[100 * width, 10])
}

pub(super) fn cifar10(net: &mut Graph, image: Value) -> Value {
    let mut x = image;
    for (outputs, kernel, pooled) in [
        (64, 3, false),
        (64, 3, false),
        (64, 3, true),
        (64, 3, false),
        (64, 3, true),
        (64, 1, false),
        (16, 1, false),
    ] {
        if pooled {
            x = net.sum_pool(x, halves());
        }
        x = net.map(x, convolution(outputs, kernel, 1));
        x = net.relu(x);
    }
    dense(net, x, &[10])
}

/// Dense layers, with ReLU between them.
fn dense(net: &mut Graph, mut x: Value, outputs: &[usize]) -> Value {
    for (i, &outputs) in outputs.iter().enumerate() {
        if i > 0 {
            x = net.relu(x);
        }
        x = net.map(x, LinearMap::dense(outputs));
    }
    x
}

/// Windows of 2×2 side by side.
fn halves() -> Window {
    square(2, 2, 0)
}
