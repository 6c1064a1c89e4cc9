//! Resizing in integers, so that every client sees the same pixels.

use std::ops::Range;

use gazelle_model::{Resize, Shape};

/// How a map of `input` pixels along an axis becomes `scaled` pixels, of which some are kept.
struct Axis {
    input: usize,
    scaled: usize,
    kept: Range<usize>,
}

/// A map of `width` × `height` pixels, resized to `shape`.
///
/// A pixel is the mean of those under a triangle around its centre, which reaches one pixel of the
/// coarser of both maps to either side: linear interpolation where the picture grows, its
/// antialiased form where it shrinks. First along rows, then along columns, each rounded to the
/// nearest integer, halves upwards.
pub(super) fn resize(
    resize: Resize,
    map: &[u8],
    [width, height]: [usize; 2],
    shape: Shape,
) -> Vec<u8> {
    let [columns, rows] = axes(resize, [width, height], shape);
    let mut wide = Vec::with_capacity(height * columns.kept.len());
    let taps: Vec<Taps> = columns.kept.clone().map(|i| Taps::new(&columns, i)).collect();
    for row in map.chunks_exact(width) {
        wide.extend(taps.iter().map(|taps| taps.mean(|x| row[x])));
    }
    let len = columns.kept.len();
    let mut resized = Vec::with_capacity(rows.kept.len() * len);
    for i in rows.kept.clone() {
        let taps = Taps::new(&rows, i);
        resized.extend((0..len).map(|x| taps.mean(|y| wide[y * len + x])));
    }
    resized
}

fn axes(resize: Resize, size: [usize; 2], shape: Shape) -> [Axis; 2] {
    let wanted = [shape.width, shape.height];
    let short = size[0].min(size[1]);
    [0, 1].map(|i| {
        let (input, kept) = (size[i], wanted[i]);
        let scaled = match resize {
            // The long side is rounded down.
            Resize::ShortSide(side) => input * usize::from(side) / short,
            Resize::Exact | Resize::Stretch => kept,
        };
        // Half of what goes over, rounded to an even number where it is no whole one.
        let over = scaled - kept;
        let first = over / 2 + over % 2 * (over / 2 % 2);
        Axis { input, scaled, kept: first..first + kept }
    })
}

/// The pixels under the triangle of one resized pixel, with their weights.
struct Taps {
    first: usize,
    weights: Vec<u64>,
    total: u64,
}

impl Taps {
    /// In units of half a pixel over `scaled`: pixel x has its centre at (2x + 1)·scaled, the resized
    /// pixel i at (2i + 1)·input.
    fn new(axis: &Axis, i: usize) -> Self {
        let centre = (2 * i + 1) * axis.input;
        let reach = 2 * axis.input.max(axis.scaled);
        let first = centre.saturating_sub(reach) / (2 * axis.scaled);
        let weight = |x: usize| reach.saturating_sub(((2 * x + 1) * axis.scaled).abs_diff(centre));
        let last = ((centre + reach) / (2 * axis.scaled) + 1).min(axis.input);
        let weights: Vec<u64> = (first..last).map(|x| weight(x) as u64).collect();
        let total = weights.iter().sum();
        Self { first, weights, total }
    }

    /// At most 2^14 weights of at most 2^29, each times a pixel: 64 bits hold the sum.
    fn mean(&self, pixel: impl Fn(usize) -> u8) -> u8 {
        let weighted = self.weights.iter().enumerate();
        let sum: u64 = weighted.map(|(i, w)| w * u64::from(pixel(self.first + i))).sum();
        ((sum + self.total / 2) / self.total) as u8
    }
}
