//! The bits of sent coefficients above their digits: as a rule only padding has any, and only results at
//! the edge of a map read it.

use super::convolution::Tile;
use crate::linear::packing::{Packing, Run};
use crate::model::{Extent, LinearMap, Padding, Shape, Window};

/// Which results of a tile read a coefficient whose top k bits are sent: rows and columns of outputs.
pub(super) enum Readers {
    /// So few that their sums take less time than a convolution of the whole tile; may be none.
    Few(Vec<[u32; 2]>),
    /// Taken for all of them.
    All,
}

impl Readers {
    /// Those of a tile whose map has no padding of its own; `seen` has the inputs that the tiles before hold.
    pub(super) fn new(packing: &Packing, tile: usize, map: &LinearMap, seen: &[bool]) -> Self {
        let (reads, step) = (packing.reads(tile), packing.step());
        let shape = reads.shape();
        // All channels are alike.
        let mut whole = vec![false; shape.height * shape.width];
        reads.for_each(|Run { index, len, input, .. }| {
            let again = |k: usize| input.is_none_or(|first| seen[first + k * step]);
            for k in (0..len).filter(|k| index + k * step < shape.height * shape.width) {
                whole[index + k * step] |= again(k);
            }
        });
        let window = Kernel::of(map);
        let [height, width] = window.outputs(shape);
        let reads = |&[y, x]: &[u32; 2]| {
            let first = window.first([y, x], shape);
            window.taps(shape).any(|tap| whole[first + tap])
        };
        let outputs = (0..height as u32).flat_map(|y| (0..width as u32).map(move |x| [y, x]));
        let few: Vec<_> = outputs.filter(reads).collect();
        if 2 * few.len() > height * width { Self::All } else { Self::Few(few) }
    }

    /// For how many results what they read is gathered.
    pub(super) fn few(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::All => 0,
        }
    }
}

/// Kernel, stride and holes of a map without padding.
struct Kernel {
    kernel: Extent,
    stride: Extent,
    dilation: Extent,
}

impl Kernel {
    fn of(map: &LinearMap) -> Self {
        match map {
            LinearMap::Dense { .. } => {
                let [kernel, stride, dilation] = [Extent::square(1); 3];
                Self { kernel, stride, dilation }
            }
            LinearMap::Convolution(map) => {
                let Window { kernel, stride, .. } = map.window;
                Self { kernel, stride, dilation: map.dilation }
            }
        }
    }

    /// Rows and columns of outputs.
    fn outputs(&self, shape: Shape) -> [usize; 2] {
        let Self { kernel, stride, dilation } = self;
        [
            (shape.height - (kernel.height - 1) * dilation.height - 1) / stride.height + 1,
            (shape.width - (kernel.width - 1) * dilation.width - 1) / stride.width + 1,
        ]
    }

    /// The cell of a map that the first tap of an output reads.
    fn first(&self, [y, x]: [u32; 2], shape: Shape) -> usize {
        y as usize * self.stride.height * shape.width + x as usize * self.stride.width
    }

    /// How far the others are from it.
    fn taps(&self, shape: Shape) -> impl Iterator<Item = usize> {
        let Self { kernel, dilation, .. } = *self;
        let row = move |u: usize| u * dilation.height * shape.width;
        (0..kernel.height)
            .flat_map(move |u| (0..kernel.width).map(move |v| row(u) + v * dilation.width))
    }
}

impl Tile<'_> {
    /// Adds 2^`shift` times the products of the map with `tops` to the sums of the results that read any,
    /// all other tops being 0.
    pub(super) fn add_tops(&self, tops: &[u32], readers: &Readers, shift: u32, sums: &mut [u64]) {
        let Readers::Few(readers) = readers else {
            let products = self.wrapping(tops);
            sums.iter_mut().zip(products).for_each(|(sum, product)| {
                *sum = sum.wrapping_add(u64::from(product) << shift);
            });
            return;
        };
        if readers.is_empty() {
            return;
        }
        let Shape { channels, height, width } = self.shape;
        let window = Kernel::of(self.map);
        let firsts: Vec<usize> = readers.iter().map(|&at| window.first(at, self.shape)).collect();
        let taps: Vec<usize> = window.taps(self.shape).collect();
        // What each tap of each channel reads for each of them, as a channel of a row of results.
        let mut read = Vec::with_capacity(channels * taps.len() * firsts.len());
        for map in tops.chunks_exact(height * width) {
            for tap in &taps {
                read.extend(firsts.iter().map(|first| map[first + tap]));
            }
        }
        let shape = Shape::new(channels * taps.len(), 1, firsts.len());
        let (outputs, groups) = self.channels();
        let point = Window::new(Extent::square(1), Extent::square(1), Padding::uniform(0));
        let point = LinearMap::grouped(outputs, point, groups);
        let products =
            Tile { map: &point, shape, weights: self.weights, outputs: outputs * firsts.len() };
        let products = products.wrapping(&read);
        let [_, columns] = window.outputs(self.shape);
        let results = sums.len() / outputs;
        for (sums, products) in
            sums.chunks_exact_mut(results).zip(products.chunks_exact(firsts.len()))
        {
            for (&[y, x], &product) in readers.iter().zip(products) {
                let sum = &mut sums[y as usize * columns + x as usize];
                *sum = sum.wrapping_add(u64::from(product) << shift);
            }
        }
    }

    /// Outputs and groups of the map.
    fn channels(&self) -> (usize, usize) {
        match *self.map {
            LinearMap::Dense { outputs } => (outputs, 1),
            LinearMap::Convolution(map) => (map.outputs, map.groups),
        }
    }
}
