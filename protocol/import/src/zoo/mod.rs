//! Networks with fixed random weights: what a benchmark needs when no trained model is at hand.
//!
//! Weights are bell-shaped integers of 8 bits, as training leaves them, so that ring widths and
//! shifts are those of trained networks.

mod convolutional;
mod graph;
mod paper;

use gazelle_model::{Network, Shape};
use graph::{Graph, Value};

pub use paper::wide;

/// The names that [`network`] knows.
pub const NAMES: [&str; 11] = [
    "a",
    "b",
    "c",
    "d",
    "cifar10",
    "resnet20",
    "resnet18-28",
    "mobilenet",
    "squeezenet",
    "resnet18",
    "resnet50",
];

/// The network called `name`, the same on every machine; `None` if there is none.
///
/// Of GAZELLE's evaluation, with the networks of MiniONN and CryptoNets that it compares with
/// (Juvekar, Vaikuntanathan and Chandrakasan, USENIX Security 2018, section 8); ReLU stands in
/// place of the square of A and B:
///
/// - `a`: 784–128–128–10
/// - `b`, `c`: convolution 5×5, stride 2, 1→5; 980–100–10
/// - `d`: convolution 5×5, 1→16; max 2×2; convolution 5×5, 16→16; max 2×2; 256–100–10
/// - `cifar10`: seven convolutions of 64 (the last of 16) maps, two average poolings, 1024–10:
///   173,056 activations
///
/// Of today, for grey images of 28×28 and 10 classes:
///
/// - `resnet20`: 16, 32 and 64 maps, with projections (He et al., CVPR 2016, section 4.2)
/// - `resnet18-28`: ResNet-18 with a stem of 3×3 and no pooling, as MedMNIST v2 measures it (Yang
///   et al., Scientific Data 10, 2023)
/// - `mobilenet`: four inverted residuals and their linear bottlenecks (Sandler et al., CVPR 2018)
///
/// and for colour images of 224×224 and 1000 classes:
///
/// - `squeezenet`: SqueezeNet 1.1 (Iandola et al., 2016)
/// - `resnet18`, `resnet50`: He et al., section 4.1
pub fn network(name: &str) -> Option<Network> {
    let (grey, photo) = (Shape::new(1, 28, 28), Shape::new(3, 224, 224));
    let (input, grow): (Shape, fn(&mut Graph, Value) -> Value) = match name {
        "a" => (grey, paper::a),
        "b" | "c" => (grey, paper::c),
        "d" => (grey, |net, image| paper::d(net, image, 1)),
        "cifar10" => (Shape::new(3, 32, 32), paper::cifar10),
        "resnet20" => (grey, convolutional::resnet20),
        "resnet18-28" => (grey, convolutional::resnet18_small),
        "mobilenet" => (grey, convolutional::mobilenet),
        "squeezenet" => (photo, convolutional::squeezenet),
        "resnet18" => (photo, convolutional::resnet18),
        "resnet50" => (photo, convolutional::resnet50),
        _ => return None,
    };
    Some(Graph::network(name, input, grow).expect("the shapes above fit"))
}
