//! How the values that a linear map reads go together: what its rounding errors leave in its sums.

use gazelle_model::{LinearMap, Shape};
use ndarray::ArrayView2;
use ndarray::linalg::general_mat_mul;
use rayon::prelude::*;

use crate::FloatNetwork;

/// Places of a tensor that are looked at, for each channel of a group and besides.
const PLACES: [usize; 2] = [4, 1024];
/// How many channels there may be for each place of all images: of more, covariances shrink to next to
/// nothing, see [`Moments::covariance`].
const MOST_CHANNELS: usize = 32;
/// Channels whose neighbouring values are compared, at most.
const COMPARED_CHANNELS: usize = 16;
/// The numbers that are kept of a network in all, at least; or so many for each weight.
const KEPT: [usize; 2] = [1 << 23, 8];

/// What is measured of the tensor that one term of a linear node reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    tensor: usize,
    /// Channels, rows and columns; of a dense map one place.
    shape: Shape,
    /// Channels that one output channel reads.
    depth: usize,
    /// Rows and columns that a kernel spans, and from one of its cells to the next.
    kernel: [usize; 2],
    dilation: [usize; 2],
}

/// What is measured of a network, and for each linear node's terms which of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) measured: Vec<Measured>,
    /// None where it would take too much memory, or images tell too little.
    pub(super) terms: Vec<Vec<Option<usize>>>,
}

impl Plan {
    /// For so many images.
    pub(super) fn new(network: &FloatNetwork, images: usize) -> Self {
        let linear = || super::linear_nodes(network);
        let weights: usize = linear().flat_map(|l| &l.terms).map(|term| term.weights.len()).sum();
        let mut room = KEPT[0].max(KEPT[1].saturating_mul(weights));
        let mut measured = Vec::new();
        let mut of_term = |term: &crate::FloatTerm| {
            let own = Measured::of(network.shapes[term.input], &term.map, term.input);
            if own.depth / MOST_CHANNELS > images * own.places(images) {
                return None;
            }
            measured.iter().position(|other| *other == own).or_else(|| {
                room = room.checked_sub(own.kept()?)?;
                measured.push(own);
                Some(measured.len() - 1)
            })
        };
        let terms = linear().map(|linear| linear.terms.iter().map(&mut of_term).collect());
        Self { terms: terms.collect(), measured }
    }

    /// What `values` of a tensor of image number `image` of `images` show.
    pub(super) fn look(
        &self,
        tensor: usize,
        values: &[f32],
        [image, images]: [usize; 2],
        seen: &mut [Moments],
    ) {
        for (measured, seen) in self.measured.iter().zip(seen) {
            if measured.tensor == tensor {
                *seen = Moments::of(measured, values, image, images);
            }
        }
    }
}

impl Measured {
    fn of(shape: Shape, map: &LinearMap, tensor: usize) -> Self {
        match map {
            LinearMap::Dense { .. } => {
                let (shape, depth) = (Shape::flat(shape.len()), shape.len());
                Self { tensor, shape, depth, kernel: [1; 2], dilation: [1; 2] }
            }
            LinearMap::Convolution(map) => {
                let (kernel, dilation) = (map.window.kernel, map.dilation);
                Self {
                    tensor,
                    shape,
                    depth: shape.channels / map.groups,
                    kernel: [kernel.height, kernel.width],
                    dilation: [dilation.height, dilation.width],
                }
            }
        }
    }

    /// How many places of one of so many images are looked at.
    fn places(&self, images: usize) -> usize {
        let wanted = PLACES[0] * self.depth + PLACES[1];
        wanted.div_ceil(images).clamp(1, self.shape.map_len())
    }

    /// Numbers that are kept.
    fn kept(&self) -> Option<usize> {
        let lags = lags(self.kernel).len();
        self.shape.channels.checked_mul(self.depth)?.checked_add(lags * COMPARED_CHANNELS)
    }
}

/// The steps down and to the side between two cells of a kernel, one of each pair of opposite ones.
fn lags([height, width]: [usize; 2]) -> Vec<[isize; 2]> {
    let (height, width) = (height as isize, width as isize);
    let all = (0..height).flat_map(|y| (1 - width..width).map(move |x| [y, x]));
    all.filter(|&[y, x]| y > 0 || x >= 0).collect()
}

/// Sums over images of what a term reads.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments {
    places: f64,
    /// Of each channel.
    sums: Vec<f64>,
    /// Of the products of every two channels of a group, `groups × depth × depth`.
    products: Vec<f32>,
    /// Of some channels, and of each of their [`lags`]: sums of both values and of their products, and
    /// how many pairs there were.
    lags: Vec<[f64; 4]>,
}

impl Moments {
    /// Of one image's values, number `image` of `images`.
    pub(super) fn of(measured: &Measured, values: &[f32], image: usize, images: usize) -> Self {
        let Measured { shape, depth, .. } = *measured;
        let (channels, len) = (shape.channels, shape.map_len());
        let step = len / measured.places(images);
        let at: Vec<usize> = (image % step..len).step_by(step).collect();
        let mut sums = vec![0f64; channels];
        let mut products = vec![0f32; channels * depth];
        let mut rows = vec![0f32; depth * at.len()];
        for (group, products) in products.chunks_exact_mut(depth * depth).enumerate() {
            for (i, row) in rows.chunks_exact_mut(at.len()).enumerate() {
                let map = &values[(group * depth + i) * len..][..len];
                row.iter_mut().zip(&at).for_each(|(x, &at)| *x = map[at]);
                sums[group * depth + i] = row.iter().map(|&x| f64::from(x)).sum();
            }
            let rows = ArrayView2::from_shape((depth, at.len()), &rows).expect("filled");
            let products = ndarray::ArrayViewMut2::from_shape((depth, depth), products);
            general_mat_mul(1.0, &rows, &rows.t(), 0.0, &mut products.expect("a group's"));
        }
        Self { places: at.len() as f64, sums, products, lags: of_lags(measured, values) }
    }

    pub(super) fn join(&mut self, other: Self) {
        if self.sums.is_empty() {
            *self = other;
            return;
        }
        self.places += other.places;
        self.sums.iter_mut().zip(other.sums).for_each(|(own, other)| *own += other);
        self.products.iter_mut().zip(other.products).for_each(|(own, other)| *own += other);
        for (own, other) in self.lags.iter_mut().zip(other.lags) {
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        }
    }

    /// The covariances of what the kernels of `group` read, each channel in its unit. What few
    /// places do not tell is taken to be nothing: the covariances of different channels shrink towards
    /// 0 by depth / (depth + places).
    pub(super) fn covariance(
        &self,
        measured: &Measured,
        group: usize,
        units: &[f64],
    ) -> Covariance {
        let depth = measured.depth;
        let sums = &self.sums[group * depth..][..depth];
        let products = &self.products[group * depth * depth..][..depth * depth];
        let kept = self.places / (self.places + depth as f64);
        let mut channels = vec![0f32; depth * depth];
        let rows = channels.par_chunks_mut(depth).zip(products.par_chunks(depth)).enumerate();
        rows.for_each(|(i, (row, products))| {
            for (j, (to, &product)) in row.iter_mut().zip(products).enumerate() {
                let covariance = f64::from(product) / self.places
                    - sums[i] / self.places * (sums[j] / self.places);
                let shrunk = if i == j { covariance.max(0.0) } else { covariance * kept };
                *to = (shrunk / (units[i] * units[j])) as f32;
            }
        });
        Covariance { depth, channels, cells: self.cells(measured) }
    }

    /// The correlations of the cells of a kernel, a mean over channels.
    fn cells(&self, measured: &Measured) -> Vec<f32> {
        let lags = lags(measured.kernel);
        let mut covariances = vec![0f64; lags.len()];
        for of_channel in self.lags.chunks_exact(lags.len()) {
            for (covariance, [a, b, product, count]) in covariances.iter_mut().zip(of_channel) {
                *covariance += (product - a * b / count.max(1.0)) / count.max(1.0);
            }
        }
        let [height, width] = measured.kernel.map(|side| side as isize);
        let of = |y: isize, x: isize| {
            let lag = if y < 0 || y == 0 && x < 0 { [-y, -x] } else { [y, x] };
            let at = if y == 0 { x.abs() } else { lag[0] * (2 * width - 1) + lag[1] };
            covariances[at as usize]
        };
        let variance = covariances.first().copied().unwrap_or(0.0);
        let cells = || (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let pairs = cells().flat_map(|a| cells().map(move |b| (b.0 - a.0, b.1 - a.1)));
        let correlation = |(y, x)| match (variance > 0.0, (y, x)) {
            (true, _) => of(y, x) / variance,
            (false, lag) => f64::from(u8::from(lag == (0, 0))),
        };
        pairs.map(|lag| correlation(lag) as f32).collect()
    }
}

fn of_lags(measured: &Measured, values: &[f32]) -> Vec<[f64; 4]> {
    let Measured { shape, kernel, dilation, .. } = *measured;
    let lags = lags(kernel);
    let step = shape.channels.div_ceil(COMPARED_CHANNELS);
    let maps = values.chunks_exact(shape.map_len()).step_by(step);
    let mut all = Vec::new();
    for map in maps {
        for lag in &lags {
            let [down, aside] = [lag[0] * dilation[0] as isize, lag[1] * dilation[1] as isize];
            all.push(of_lag(map, shape, down as usize, aside));
        }
    }
    all
}

/// Sums over all pairs of values that are so many rows and columns apart.
fn of_lag(map: &[f32], shape: Shape, down: usize, aside: isize) -> [f64; 4] {
    let mut sums = [0f64; 4];
    let away = aside.unsigned_abs();
    if down >= shape.height || away >= shape.width {
        return sums;
    }
    let rows = || map.chunks_exact(shape.width);
    for (upper, lower) in rows().zip(rows().skip(down)) {
        let (left, right) = (..shape.width - away, away..);
        let (a, b) = match aside >= 0 {
            true => (&upper[left], &lower[right]),
            false => (&upper[right], &lower[left]),
        };
        let mut of_row = [0f32; 3];
        for (&a, &b) in a.iter().zip(b) {
            of_row = [of_row[0] + a, of_row[1] + b, of_row[2] + a * b];
        }
        sums.iter_mut().zip(of_row).for_each(|(sum, of_row)| *sum += f64::from(of_row));
        sums[3] += a.len() as f64;
    }
    sums
}

/// The covariance of the values that a row of weights reads: that of two channels times the correlation
/// of two cells of the kernel.
pub(super) struct Covariance {
    pub(super) depth: usize,
    /// `depth × depth`.
    pub(super) channels: Vec<f32>,
    /// `cells × cells`.
    pub(super) cells: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use gazelle_model::{LinearMap, Shape};

    use super::{Measured, Moments, Plan};
    use crate::{FloatHead, FloatLinear, FloatNetwork, FloatNode, FloatTerm};

    /// A dense map reads one place of each image.
    #[test]
    fn many_channels_of_few_places_are_not_measured() {
        let terms = vec![FloatTerm { input: 0, map: LinearMap::dense(1), weights: vec![1.0; 544] }];
        let linear = FloatLinear { node: "map".into(), terms, bias: vec![0.0] };
        let nodes = vec![FloatNode::Linear(linear)];
        let network =
            FloatNetwork::try_new("dense", Shape::flat(544), nodes, FloatHead::Thresholds);
        let network = network.unwrap();
        assert_eq!(Plan::new(&network, 16).terms, [[None]]);
        assert_eq!(Plan::new(&network, 17).terms, [[Some(0)]]);
    }

    /// Against the definitions, over all places of two images.
    #[test]
    fn covariances_are_those_of_the_values() {
        let shape = Shape::new(4, 5, 6);
        let measured = Measured { tensor: 0, shape, depth: 2, kernel: [2, 3], dilation: [2, 1] };
        let value = |i: usize, s: usize| ((i * 7919 + s * 104_729) % 1009) as f32 / 100.0;
        let images: Vec<Vec<f32>> =
            (0..2).map(|s| (0..shape.len()).map(|i| value(i, s)).collect()).collect();
        let mut moments = Moments::default();
        for (i, image) in images.iter().enumerate() {
            moments.join(Moments::of(&measured, image, i, 2));
        }
        let maps = |c: usize| images.iter().flat_map(move |image| &image[c * 30..][..30]);
        let mean = |c: usize| maps(c).map(|&x| f64::from(x)).sum::<f64>() / 60.0;
        let of = |a: usize, b: usize| {
            let products = maps(a).zip(maps(b)).map(|(&x, &y)| f64::from(x) * f64::from(y));
            products.sum::<f64>() / 60.0 - mean(a) * mean(b)
        };
        let covariance = moments.covariance(&measured, 1, &[2.0, 0.5]);
        let kept = 60.0 / 62.0;
        let expected =
            [of(2, 2) / 4.0, of(2, 3) * kept, of(3, 2) * kept, of(3, 3) / 0.25].map(|x| x as f32);
        for (got, expected) in covariance.channels.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-3 * expected.abs().max(1.0), "{got} {expected}");
        }
        assert_eq!(covariance.cells.len(), 36);
        for i in 0..6 {
            assert!((covariance.cells[7 * i] - 1.0).abs() < 1e-6);
            (0..6).for_each(|j| {
                assert_eq!(covariance.cells[6 * i + j], covariance.cells[6 * j + i]);
            });
        }
    }

    /// A ramp along the columns: its values two rows apart are the same, and those of neighbouring
    /// columns nearly.
    #[test]
    fn cells_of_smooth_maps_go_together() {
        let shape = Shape::new(1, 16, 16);
        let measured = Measured { tensor: 0, shape, depth: 1, kernel: [3, 3], dilation: [1, 1] };
        let values: Vec<f32> = (0..256).map(|i| (i % 16) as f32).collect();
        let moments = Moments::of(&measured, &values, 0, 1);
        let cells = moments.covariance(&measured, 0, &[1.0]).cells;
        // Rows of cells: (0, 0), (0, 1), (0, 2), (1, 0), …
        assert!((cells[6] - 1.0).abs() < 1e-4, "{cells:?}");
        assert!(cells[1] > 0.8 && cells[1] < 1.0 && cells[2] < cells[1], "{cells:?}");
        // Noise, of which no two cells go together.
        let noise = |i: usize| ((i * 7919 + i * i * 104_729) % 1009) as f32;
        let values: Vec<f32> = (0..256).map(noise).collect();
        let cells = Moments::of(&measured, &values, 0, 1).covariance(&measured, 0, &[1.0]).cells;
        assert!(cells[1].abs() < 0.3 && cells[3].abs() < 0.3, "{cells:?}");
    }
}
