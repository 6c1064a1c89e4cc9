//! Networks of today: residual, inverted residual, fire modules.

use gazelle_model::LinearMap;

use super::graph::{Graph, Value, convolution, square};

pub(super) fn resnet20(net: &mut Graph, image: Value) -> Value {
    let x = net.map(image, convolution(16, 3, 1));
    let x = net.relu(x);
    let x = stages(net, x, basic, &[(16, 3), (32, 3), (64, 3)]);
    average(net, x, 10)
}

pub(super) fn resnet18_small(net: &mut Graph, image: Value) -> Value {
    let x = net.map(image, convolution(64, 3, 1));
    let x = net.relu(x);
    let x = stages(net, x, basic, &RESNET18);
    average(net, x, 10)
}

pub(super) fn resnet18(net: &mut Graph, image: Value) -> Value {
    let x = photo_stem(net, image);
    let x = stages(net, x, basic, &RESNET18);
    average(net, x, 1000)
}

pub(super) fn resnet50(net: &mut Graph, image: Value) -> Value {
    let x = photo_stem(net, image);
    let x = stages(net, x, bottleneck, &[(64, 3), (128, 4), (256, 6), (512, 3)]);
    average(net, x, 1000)
}

const RESNET18: [(usize, usize); 4] = [(64, 2), (128, 2), (256, 2), (512, 2)];

/// A block of a residual network: its input, its width and its stride.
type Residual = fn(&mut Graph, Value, usize, usize) -> Value;

fn photo_stem(net: &mut Graph, image: Value) -> Value {
    let x = net.map(image, convolution(64, 7, 2));
    net.relu_max(x, square(3, 2, 1))
}

/// Stages of so many blocks of such a width; all but the first begin with stride 2.
fn stages(net: &mut Graph, mut x: Value, block: Residual, widths: &[(usize, usize)]) -> Value {
    for (stage, &(width, count)) in widths.iter().enumerate() {
        for i in 0..count {
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            x = block(net, x, width, stride);
        }
    }
    x
}

/// Two convolutions of 3×3.
fn basic(net: &mut Graph, x: Value, width: usize, stride: usize) -> Value {
    let inner = net.map(x, convolution(width, 3, stride));
    let inner = net.relu(inner);
    around(net, inner, convolution(width, 3, 1), x, stride)
}

/// Convolutions of 1×1, 3×3 and, four times as wide, 1×1.
fn bottleneck(net: &mut Graph, x: Value, width: usize, stride: usize) -> Value {
    let inner = net.map(x, convolution(width, 1, 1));
    let inner = net.relu(inner);
    let inner = net.map(inner, convolution(width, 3, stride));
    let inner = net.relu(inner);
    around(net, inner, convolution(4 * width, 1, 1), x, stride)
}

/// A block's `last` map with the connection around the block: its input as it is, or a projection
/// where the shape changes.
fn around(net: &mut Graph, inner: Value, last: LinearMap, x: Value, stride: usize) -> Value {
    let shape = last.output(inner.shape).expect("the map fits");
    let sums = if shape == x.shape {
        let sums = net.map(inner, last);
        net.residual(sums, x)
    } else {
        net.linear(&[(inner, last), (x, convolution(shape.channels, 1, stride))])
    };
    net.relu(sums)
}

/// The average of each map, and a dense layer.
fn average(net: &mut Graph, x: Value, classes: usize) -> Value {
    let x = net.global_pool(x);
    net.map(x, LinearMap::dense(classes))
}

pub(super) fn mobilenet(net: &mut Graph, image: Value) -> Value {
    let x = net.map(image, convolution(16, 3, 1));
    let mut x = net.relu(x);
    for (outputs, stride) in [(24, 2), (24, 1), (32, 2), (32, 1)] {
        x = inverted_residual(net, x, outputs, stride);
    }
    let x = net.map(x, convolution(128, 1, 1));
    let x = net.relu(x);
    average(net, x, 10)
}

/// Three times as wide, depthwise, and narrow again without an activation.
fn inverted_residual(net: &mut Graph, x: Value, outputs: usize, stride: usize) -> Value {
    let wide = 3 * x.shape.channels;
    let inner = net.map(x, convolution(wide, 1, 1));
    let inner = net.relu(inner);
    let inner = net.map(inner, LinearMap::grouped(wide, square(3, stride, 1), wide));
    let inner = net.relu(inner);
    let mut sums = net.map(inner, convolution(outputs, 1, 1));
    if sums.shape == x.shape {
        sums = net.residual(sums, x);
    }
    net.signed(sums)
}

pub(super) fn squeezenet(net: &mut Graph, image: Value) -> Value {
    let x = net.map(image, LinearMap::convolution(64, square(3, 2, 0)));
    let mut x = net.relu_max(x, square(3, 2, 0));
    for (squeezed, expanded, pooled) in [
        (16, 64, false),
        (16, 64, true),
        (32, 128, false),
        (32, 128, true),
        (48, 192, false),
        (48, 192, false),
        (64, 256, false),
        (64, 256, false),
    ] {
        x = fire(net, x, squeezed, expanded, pooled);
    }
    let x = net.map(x, convolution(1000, 1, 1));
    let x = net.relu(x);
    net.global_pool(x)
}

/// A fire module: to few maps, then to many by 1×1 and 3×3 side by side, pooled before they meet.
fn fire(net: &mut Graph, x: Value, squeezed: usize, expanded: usize, pooled: bool) -> Value {
    let x = net.map(x, convolution(squeezed, 1, 1));
    let x = net.relu(x);
    let parts = [1, 3].map(|kernel| {
        let sums = net.map(x, convolution(expanded, kernel, 1));
        if pooled { net.relu_max(sums, square(3, 2, 0)) } else { net.relu(sums) }
    });
    net.concat(&parts)
}
