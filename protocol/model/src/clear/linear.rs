//! Linear nodes, by the kernels of rings.

use alloc::vec::Vec;

use gazelle_kernels::VectorBackend;
use gazelle_kernels::ring;

use crate::{Bias, Block, Convolution, LinearMap, LinearNode, Padding, Shape, Window};

/// What the node yields, modulo 2^32; `read` gives the shape and the values of a tensor, reduced
/// modulo 2^32 too.
///
/// # Panics
///
/// If a tensor, the weights or the biases have not the lengths that a checked network's have.
pub fn linear<'a>(
    node: &LinearNode,
    block: &Block,
    read: impl Fn(usize) -> (Shape, &'a [u32]),
) -> Vec<u32> {
    let mut y: Vec<u32> = Vec::new();
    let mut weights = &block.weights[..];
    for term in &node.terms {
        let (input, x) = read(term.input);
        let output = term.map.output(input).expect("a checked map fits its input");
        if y.is_empty() {
            y = biases(node.bias, &block.bias, output);
        }
        let (own, rest) = weights.split_at(term.map.row_len(input) as usize * output.channels);
        let backend = VectorBackend::best();
        match &term.map {
            LinearMap::Dense { .. } => ring::matvec(backend, own, x, &mut y),
            LinearMap::Convolution(map) => {
                ring::convolve(backend, map.geometry(input), own, x, &mut y);
            }
        }
        weights = rest;
    }
    y
}

fn biases(kind: Bias, bias: &[i32], output: Shape) -> Vec<u32> {
    let copies = match kind {
        Bias::Channel => output.map_len(),
        Bias::Map => 1,
    };
    bias.iter().flat_map(|&b| core::iter::repeat_n(b as u32, copies)).collect()
}

impl Convolution {
    /// The same for the kernels.
    ///
    /// # Panics
    ///
    /// If the kernel does not fit maps of `input`.
    pub fn geometry(&self, input: Shape) -> ring::Convolution {
        let Window { kernel, stride, padding } = self.window;
        let Padding { top, left, bottom, right } = padding;
        // A step over the map's end is cut: the kernels lay the map out by its steps.
        let step = |padded: usize, taps: usize, dilation: usize, stride: usize| {
            stride.min(padded - (taps - 1) * dilation)
        };
        let (height, width) = (input.height + top + bottom, input.width + left + right);
        ring::Convolution {
            input: [input.channels, input.height, input.width],
            outputs: self.outputs,
            kernel: [kernel.height, kernel.width],
            stride: [
                step(height, kernel.height, self.dilation.height, stride.height),
                step(width, kernel.width, self.dilation.width, stride.width),
            ],
            dilation: [self.dilation.height, self.dilation.width],
            padding: [top, left, bottom, right],
            groups: self.groups,
        }
    }
}
