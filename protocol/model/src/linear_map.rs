//! The geometry of a linear map; its weights are the server's secret.

use serde::{Deserialize, Serialize};

use crate::{Extent, MAX_PADDED, Padding, Shape, Window};

/// The geometry of a linear map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinearMap {
    /// A convolution.
    Convolution(Convolution),
    /// A matrix–vector product with the flattened input. Weights are `outputs × inputs`, row-major.
    Dense {
        /// Output values.
        outputs: usize,
    },
}

/// A convolution (cross-correlation, as neural networks call it). Weights are
/// `outputs × (channels / groups) × kernel.height × kernel.width`, row-major.
///
/// With g = ⌊o·groups / outputs⌋ the group of output channel o, D = channels / groups, stride
/// (s, t), dilation (d, e), and x zero outside of its map:
///
/// ```text
/// y[o, i, j] = Σ_{c, u, v} w[o, c, u, v] · x[g·D + c, s·i + d·u − top, t·j + e·v − left]
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Convolution {
    /// Output channels.
    pub outputs: usize,
    /// Size of the kernel, the step between output positions, and the zeros around each map.
    pub window: Window,
    /// Rows and columns from one kernel cell to the next: 1 for a kernel without holes.
    pub dilation: Extent,
    /// Channel groups; divides input and output channels. As many as channels: depthwise.
    pub groups: usize,
}

impl LinearMap {
    /// A convolution without groups or holes.
    pub const fn convolution(outputs: usize, window: Window) -> Self {
        Self::grouped(outputs, window, 1)
    }

    /// A convolution of channel groups without holes; as many groups as channels make it depthwise.
    pub const fn grouped(outputs: usize, window: Window, groups: usize) -> Self {
        Self::Convolution(Convolution { outputs, window, dilation: Extent::square(1), groups })
    }

    /// A matrix–vector product.
    pub const fn dense(outputs: usize) -> Self {
        Self::Dense { outputs }
    }

    /// The shape of the result on a tensor of shape `input`; `None` if the map does not fit it or a
    /// size is over a cap.
    pub fn output(&self, input: Shape) -> Option<Shape> {
        match self {
            Self::Dense { outputs } => Shape::flat(*outputs).checked(),
            Self::Convolution(convolution) => convolution.output(input),
        }
    }

    /// How many weights feed one output channel, for a map that fits: at most 2^20 channels of 2^24
    /// cells.
    pub fn row_len(&self, input: Shape) -> u64 {
        match self {
            Self::Dense { .. } => input.len() as u64,
            Self::Convolution(Convolution { window, groups, .. }) => {
                (input.channels / groups) as u64 * window.kernel.cells() as u64
            }
        }
    }
}

impl Convolution {
    /// The window that covers what a dilated kernel reaches; `None` if a size is 0 or too large.
    pub fn reach(&self) -> Option<Window> {
        let reach =
            |taps: usize, step: usize| taps.checked_sub(1)?.checked_mul(step)?.checked_add(1);
        let Self { window, dilation, .. } = self;
        let kernel = window.kernel;
        let rows = reach(kernel.height, dilation.height)?;
        let columns = reach(kernel.width, dilation.width)?;
        let steps = dilation.height > 0 && dilation.width > 0;
        steps.then_some(Window { kernel: Extent::new(rows, columns), ..*window })
    }

    fn output(&self, input: Shape) -> Option<Shape> {
        let divides = |n: usize| self.groups != 0 && n.is_multiple_of(self.groups);
        let Shape { height, width, .. } = self.reach()?.slide(input)?;
        let fits = divides(input.channels) && divides(self.outputs);
        let Padding { top, left, bottom, right } = self.window.padding;
        // At most 2^14 rows and columns and 2^20 channels.
        let padded = (input.height + top + bottom) as u64 * (input.width + left + right) as u64;
        let fits = fits && padded * input.channels as u64 <= MAX_PADDED;
        Shape::new(self.outputs, height, width).checked().filter(|_| fits)
    }
}
