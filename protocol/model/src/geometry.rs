//! Shapes, and the one geometry of everything that slides over a map: kernels of convolutions and
//! pooling windows.

use core::fmt;
use core::ops::Range;

use serde::{Deserialize, Serialize};

/// The most rows, columns, steps or padding, of a map, kernel or window.
pub const MAX_SIDE: usize = 4096;
/// The most channels or dense outputs.
pub const MAX_CHANNELS: usize = 1 << 20;
/// The most values of a tensor.
pub const MAX_TENSOR: usize = 1 << 24;

/// The shape of a tensor: `channels × height × width`, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Feature maps.
    pub channels: usize,
    /// Rows of a map.
    pub height: usize,
    /// Columns of a map.
    pub width: usize,
}

impl Shape {
    /// `channels × height × width`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// The shape of a flat vector of `len` values.
    pub const fn flat(len: usize) -> Self {
        Self::new(len, 1, 1)
    }

    /// How many values a tensor of this shape has.
    pub const fn len(&self) -> usize {
        self.channels * self.map_len()
    }

    /// Whether the tensor has no values.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many cells a map has.
    pub const fn map_len(&self) -> usize {
        self.height * self.width
    }

    /// Rows and columns of a map.
    pub const fn extent(&self) -> Extent {
        Extent::new(self.height, self.width)
    }

    /// The shape itself, if no size is 0 or over its cap.
    pub fn checked(self) -> Option<Self> {
        let channels = (1..=MAX_CHANNELS).contains(&self.channels);
        let len = self.channels.checked_mul(self.extent().checked()?.cells())?;
        (channels && len <= MAX_TENSOR).then_some(self)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// Rows and columns of a kernel, a window or a stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Extent {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Extent {
    /// `height` rows, `width` columns.
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// As many rows as columns.
    pub const fn square(side: usize) -> Self {
        Self::new(side, side)
    }

    /// Rows times columns.
    pub const fn cells(&self) -> usize {
        self.height * self.width
    }

    /// The extent itself, if neither side is 0 or over its cap.
    fn checked(self) -> Option<Self> {
        let side = |side| (1..=MAX_SIDE).contains(&side);
        (side(self.height) && side(self.width)).then_some(self)
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.height, self.width)
    }
}

/// Rows and columns added around a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// No padding.
    pub const NONE: Self = Self::uniform(0);

    /// `size` on every side.
    pub const fn uniform(size: usize) -> Self {
        Self { top: size, left: size, bottom: size, right: size }
    }

    /// What keeps a map's size under a kernel with stride 1; of an odd rest, the larger half comes
    /// after the map.
    pub const fn same(kernel: Extent) -> Self {
        let (rows, columns) = (kernel.height.saturating_sub(1), kernel.width.saturating_sub(1));
        let (top, left) = (rows / 2, columns / 2);
        Self { top, left, bottom: rows - top, right: columns - left }
    }

    /// Whether nothing is added.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// A sliding window over each map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Size of the window.
    pub kernel: Extent,
    /// Step between windows.
    pub stride: Extent,
    /// Added around the map; a padded cell is 0 for a sum and absent for a maximum.
    pub padding: Padding,
}

impl Window {
    /// A window of size `kernel` with steps of `stride`.
    pub const fn new(kernel: Extent, stride: Extent, padding: Padding) -> Self {
        Self { kernel, stride, padding }
    }

    /// Windows side by side, without padding.
    pub const fn tiling(kernel: Extent) -> Self {
        Self::new(kernel, kernel, Padding::NONE)
    }

    /// The window's rows and its columns on maps of `input`; `None` if it does not fit, if a size
    /// is 0, or if one is over [`MAX_TENSOR`].
    pub fn axes(&self, input: Shape) -> Option<[Axis; 2]> {
        let Self { kernel, stride, padding } = *self;
        let Padding { top, left, bottom, right } = padding;
        Some([
            Axis::new(input.height, [top, bottom], kernel.height, stride.height)?,
            Axis::new(input.width, [left, right], kernel.width, stride.width)?,
        ])
    }

    /// The shape after sliding the window over `input`; `None` if it does not fit or a size is over
    /// its cap.
    pub fn slide(&self, input: Shape) -> Option<Shape> {
        let Padding { top, left, bottom, right } = self.padding;
        let padding = [top, left, bottom, right].iter().all(|&side| side <= MAX_SIDE);
        self.kernel.checked().and(self.stride.checked()).filter(|_| padding)?;
        let [rows, columns] = self.axes(input)?;
        Shape::new(input.channels, rows.output, columns.output).checked()
    }

    /// As [`Window::slide`]; `None` also if a window may lie in the padding alone, where a pooling
    /// has nothing to pool.
    pub fn pool(&self, input: Shape) -> Option<Shape> {
        let Self { kernel, padding, .. } = self;
        let rows = padding.top.max(padding.bottom) < kernel.height;
        let columns = padding.left.max(padding.right) < kernel.width;
        if rows && columns { self.slide(input) } else { None }
    }
}

/// One dimension of a sliding window: its rows, or its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Cells of the map.
    pub input: usize,
    /// Cells added before the first.
    pub before: usize,
    /// Cells added after the last.
    pub after: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Cells between windows.
    pub stride: usize,
    /// Windows.
    pub output: usize,
}

impl Axis {
    /// One cell under one tap.
    pub const UNIT: Self = Self { input: 1, before: 0, after: 0, kernel: 1, stride: 1, output: 1 };

    fn new(input: usize, padding: [usize; 2], kernel: usize, stride: usize) -> Option<Self> {
        let [before, after] = padding;
        let large = [input, before, after, kernel, stride].iter().any(|&size| size > MAX_TENSOR);
        if large || input == 0 || kernel == 0 || stride == 0 {
            return None;
        }
        let output = (before + input + after).checked_sub(kernel)? / stride + 1;
        Some(Self { input, before, after, kernel, stride, output })
    }

    /// The cells of the map under window `i`: none where it lies in the padding alone.
    pub fn cells(&self, i: usize) -> Range<usize> {
        let start = i * self.stride;
        let end = (start + self.kernel).saturating_sub(self.before).min(self.input);
        start.saturating_sub(self.before).min(end)..end
    }

    /// The tap of window `i` that meets the first of [`Axis::cells`].
    pub fn first_tap(&self, i: usize) -> usize {
        self.before.saturating_sub(i * self.stride)
    }
}
