//! The ranges that activations have on images.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::correct::LEAST_IMAGES;
use super::moments::{Covariance, Moments, Plan};
use super::{Step, Watch};
use crate::{Error, FloatActivation, FloatFunction, FloatNetwork, FloatNode};

/// Values of an activation that are kept of each image.
const SAMPLES: usize = 256;

/// How the range of an activation is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Calibration {
    /// All values that were seen.
    #[default]
    Max,
    /// That share of the values, in percent; the largest are cut.
    Percentile(f64),
    /// The range with the least mean squared error in 8 bits.
    MeanSquaredError,
}

/// How far ranges go beyond the farthest extreme of the calibration images, in terms of the way to it
/// from the mean of the images' extremes. A hundred images of an exponential tail leave one image in
/// 100,000 beyond that, and networks have thousands of channels.
const BEYOND: f64 = 1.5;

/// The values of an activation: 0 is always within.
#[derive(Clone, Debug, Default)]
pub(super) struct Range {
    /// The least and the most of all channels.
    pub(super) all: (f64, f64),
    /// The same on other images; what calibration cuts is cut here too.
    pub(super) beyond: (f64, f64),
    /// The least and the most of each channel on other images.
    pub(super) channels: Vec<(f64, f64)>,
    /// The variance of each channel's values.
    pub(super) variances: Vec<f64>,
}

/// What a network in floating point does with the calibration images.
pub(super) struct Observed {
    /// The range of every tensor that an activation yields; empty for others.
    pub(super) ranges: Vec<Range>,
    /// The images on which integers are compared, by number.
    pub(super) compared: Vec<usize>,
    /// Those of them, by their place among these, whose noise tells how many images keep their results:
    /// covariances are not measured on them, since rounding fits the images that they are of.
    pub(super) judges: Vec<usize>,
    /// The mean of every channel of every tensor on these.
    pub(super) means: Vec<Vec<f64>>,
    /// The values that the head reads for these.
    pub(super) logits: Vec<Vec<f32>>,
    /// How the values that linear maps read go together.
    moments: (Plan, Vec<Moments>),
}

impl Observed {
    /// The covariance of what the kernels of a group of a linear node's term read, if it was measured.
    pub(super) fn covariance(
        &self,
        [node, term]: [usize; 2],
        group: usize,
        units: &[f64],
    ) -> Option<Covariance> {
        let (plan, moments) = &self.moments;
        let index = plan.terms.get(node)?.get(term).copied()??;
        Some(moments[index].covariance(&plan.measured[index], group, units))
    }
}

/// What was seen of an activation.
#[derive(Clone, Debug, Default)]
struct Seen {
    channels: Vec<(f32, f32)>,
    /// The least and the most of each channel, added up over the images.
    extremes: Vec<(f64, f64)>,
    /// The means of each channel's values and of their squares, added up over the images.
    moments: Vec<[f64; 2]>,
    images: usize,
    samples: Vec<f32>,
}

impl Seen {
    fn of(values: &[f32], channels: usize, samples: bool) -> Self {
        let bounds = |map: &[f32]| {
            map.iter().fold((0f32, 0f32), |(least, most), &v| (least.min(v), most.max(v)))
        };
        let moments = |map: &[f32]| {
            // In lanes that the compiler keeps in registers: a map has at most 2^24 values.
            let (mut sum, mut square) = ([0f32; 16], [0f32; 16]);
            let mut moments = [0f64; 2];
            for part in map.chunks(1 << 10) {
                for lanes in part.chunks(16) {
                    for (i, v) in lanes.iter().enumerate() {
                        sum[i] += v;
                        square[i] += v * v;
                    }
                }
                for (moment, lanes) in moments.iter_mut().zip([&mut sum, &mut square]) {
                    *moment += lanes.iter().map(|&v| f64::from(v)).sum::<f64>();
                    lanes.fill(0.0);
                }
            }
            moments.map(|sum| sum / map.len() as f64)
        };
        let maps = || values.chunks_exact(values.len() / channels);
        let channels: Vec<(f32, f32)> = maps().map(bounds).collect();
        let mut seen = Self {
            extremes: channels.iter().map(|&(low, high)| (low.into(), high.into())).collect(),
            channels,
            moments: maps().map(moments).collect(),
            images: 1,
            samples: Vec::new(),
        };
        if samples {
            let step = values.len().div_ceil(SAMPLES).max(1);
            seen.samples = values.iter().copied().step_by(step).collect();
        }
        seen
    }

    fn join(&mut self, other: Self) {
        for (own, other) in self.channels.iter_mut().zip(other.channels) {
            *own = (own.0.min(other.0), own.1.max(other.1));
        }
        for (own, other) in self.extremes.iter_mut().zip(other.extremes) {
            *own = (own.0 + other.0, own.1 + other.1);
        }
        for (own, other) in self.moments.iter_mut().zip(other.moments) {
            *own = [own[0] + other[0], own[1] + other[1]];
        }
        self.images += other.images;
        self.samples.extend(other.samples);
    }

    fn range(mut self, calibration: Calibration, bounds: (f64, f64)) -> Range {
        let join = |all: (f64, f64), one: &(f64, f64)| (all.0.min(one.0), all.1.max(one.1));
        let seen = self.channels.iter().map(|&(low, high)| (low.into(), high.into()));
        let (least, most) = seen.fold((0.0, 0.0), |all, one| join(all, &one));
        let all = self.cut(least, most, calibration);
        let images = self.images.max(1) as f64;
        let beyond = |(&(low, high), sum): (&(f32, f32), &(f64, f64))| {
            let far = |extreme: f32, sum: f64| {
                let extreme = f64::from(extreme);
                extreme + BEYOND * (extreme - sum / images)
            };
            (far(low, sum.0), far(high, sum.1))
        };
        let mut channels: Vec<(f64, f64)> =
            self.channels.iter().zip(&self.extremes).map(beyond).collect();
        let (low, high) = match calibration {
            Calibration::Max => bounds,
            _ => all,
        };
        channels.iter_mut().for_each(|one| *one = (one.0.max(low), one.1.min(high)));
        let variance = |[sum, square]: &[f64; 2]| {
            let mean = sum / images;
            (square / images - mean * mean).max(0.0)
        };
        let variances = self.moments.iter().map(variance).collect();
        Range { all, beyond: channels.iter().fold((0.0, 0.0), join), channels, variances }
    }

    /// The range that is kept of `least` to `most`.
    fn cut(&mut self, least: f64, most: f64, calibration: Calibration) -> (f64, f64) {
        match calibration {
            Calibration::Max => (least, most),
            Calibration::Percentile(percent) => {
                self.samples.sort_by(f32::total_cmp);
                let last = self.samples.len().saturating_sub(1);
                let at = |share: f64| self.samples.get((last as f64 * share) as usize);
                let cut = (1.0 - percent / 100.0).clamp(0.0, 0.5);
                let (low, high) = (at(cut), at(1.0 - cut));
                let low = low.map_or(least, |&v| f64::from(v).min(0.0));
                (low, high.map_or(most, |&v| f64::from(v).max(0.0)))
            }
            Calibration::MeanSquaredError => {
                let error = |share: f64| {
                    let (low, high) = (least * share, most * share);
                    let unit = ((high - low) / 255.0).max(f64::MIN_POSITIVE);
                    let of = |&v: &f32| {
                        let v = f64::from(v);
                        ((v.clamp(low, high) / unit).round() * unit - v).powi(2)
                    };
                    self.samples.iter().map(of).sum::<f64>()
                };
                let shares = (0..=20).map(|i| 1.0 - f64::from(i) * 0.035);
                let best = shares.min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap_or(1.0);
                (least * best, most * best)
            }
        }
    }
}

/// What images show.
struct Sight {
    seen: Vec<Seen>,
    /// The sums of the means of every channel of every linear map's tensor, of images that are
    /// compared.
    sums: Vec<Vec<f64>>,
    /// The last values of the images that are compared, with their numbers.
    logits: Vec<(usize, Vec<f32>)>,
    moments: Vec<Moments>,
}

impl Sight {
    fn join(mut self, other: Self) -> Self {
        self.seen.iter_mut().zip(other.seen).for_each(|(own, other)| own.join(other));
        for (own, other) in self.sums.iter_mut().zip(other.sums) {
            own.resize(own.len().max(other.len()), 0.0);
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        }
        self.logits.extend(other.logits);
        self.moments.iter_mut().zip(other.moments).for_each(|(own, other)| own.join(other));
        self
    }
}

/// Evaluates all images once, and compares at most `compared` of them, evenly from first to last.
pub(super) fn observe(
    network: &FloatNetwork,
    images: &[Vec<u8>],
    calibration: Calibration,
    compared: usize,
    watch: &Watch<'_>,
) -> Result<Observed, Error> {
    let count = images.len().min(compared);
    let compared: Vec<usize> = (0..count).map(|i| i * images.len() / count).collect();
    let samples = calibration != Calibration::Max;
    let done = AtomicUsize::new(0);
    // Covariances leave means out, which biases make good where they are corrected.
    let corrected = count >= LEAST_IMAGES;
    let plan = if corrected { Plan::new(network, images.len()) } else { Plan::default() };
    let judges: Vec<usize> = (0..count).filter(|at| !corrected || at % 2 == 1).collect();
    let of_image = |(i, image): (usize, &Vec<u8>)| {
        let use_of_image = match compared.binary_search(&i) {
            Err(_) => Use::Measured,
            Ok(at) if judges.binary_search(&at).is_ok() => Use::Judge,
            Ok(_) => Use::Both,
        };
        let sight = look(network, image, samples, [i, images.len()], use_of_image, &plan);
        watch(Step::Measuring, done.fetch_add(1, Ordering::Relaxed) + 1, images.len());
        sight
    };
    let sight = images.par_iter().enumerate().map(of_image);
    let sight = sight.try_reduce_with(|a, b| Ok(a.join(b))).unwrap_or(Err(Error::NoImages))?;
    let Sight { seen, sums: mut means, mut logits, moments } = sight;
    means.iter_mut().flatten().for_each(|sum| *sum /= count as f64);
    logits.sort_by_key(|(i, _)| *i);
    let range = |(tensor, seen): (usize, Seen)| seen.range(calibration, bounds(network, tensor));
    Ok(Observed {
        ranges: seen.into_iter().enumerate().map(range).collect(),
        compared,
        judges,
        means,
        logits: logits.into_iter().map(|(_, y)| y).collect(),
        moments: (plan, moments),
    })
}

/// What no value of a tensor leaves.
fn bounds(network: &FloatNetwork, tensor: usize) -> (f64, f64) {
    match tensor.checked_sub(1).map(|i| &network.nodes[i]) {
        Some(FloatNode::Activation(FloatActivation {
            function: FloatFunction::Clamp { least, most },
            ..
        })) => ((*least).into(), (*most).into()),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    }
}

/// What an image is for, besides the ranges of activations.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    /// Covariances.
    Measured,
    /// Integers are compared on it, and it tells how close they come.
    Judge,
    /// Covariances, and integers are compared on it.
    Both,
}

/// What one image shows; means and last values only of one that is compared. `at` is its number and how
/// many there are.
fn look(
    network: &FloatNetwork,
    image: &[u8],
    samples: bool,
    at: [usize; 2],
    use_of_image: Use,
    plan: &Plan,
) -> Result<Sight, Error> {
    let mut seen = vec![Seen::default(); network.nodes.len() + 1];
    let mut sums = vec![Vec::new(); network.nodes.len() + 1];
    let mut moments = vec![Moments::default(); plan.measured.len()];
    let (measured, compared) = (use_of_image != Use::Judge, use_of_image != Use::Measured);
    let logits = network.visit(image, |tensor, values| {
        let shape = network.shapes[tensor];
        if measured {
            plan.look(tensor, values, at, &mut moments);
        }
        match network.nodes[tensor - 1] {
            FloatNode::Activation(_) => {
                seen[tensor] = Seen::of(values, shape.channels, samples);
            }
            FloatNode::Linear(_) if compared => {
                let mean =
                    |map: &[f32]| map.iter().map(|&v| f64::from(v)).sum::<f64>() / map.len() as f64;
                sums[tensor] = values.chunks_exact(shape.map_len()).map(mean).collect();
            }
            _ => {}
        }
    })?;
    if measured {
        let pixels: Vec<f32> = image.iter().map(|&pixel| pixel.into()).collect();
        plan.look(0, &pixels, at, &mut moments);
    }
    let logits = compared.then_some((at[0], logits)).into_iter().collect();
    Ok(Sight { seen, sums, logits, moments })
}

#[cfg(test)]
mod tests {
    use gazelle_model::{LinearMap, Shape};

    use super::{Calibration, observe};
    use crate::{FloatHead, FloatLinear, FloatNetwork, FloatNode, FloatTerm};

    /// 40 images, half of which are compared: every other one of these is black, and judges.
    #[test]
    fn covariances_are_not_measured_on_judges() {
        let map = LinearMap::dense(1);
        let terms = vec![FloatTerm { input: 0, map, weights: vec![1.0; 2] }];
        let linear = FloatLinear { node: "map".into(), terms, bias: vec![0.0] };
        let nodes = vec![FloatNode::Linear(linear)];
        let network =
            FloatNetwork::try_new("judges", Shape::flat(2), nodes, FloatHead::Thresholds).unwrap();
        let image = |i: usize| if i % 4 == 2 { vec![0; 2] } else { vec![100 + i as u8; 2] };
        let images: Vec<Vec<u8>> = (0..40).map(image).collect();
        let observed = observe(&network, &images, Calibration::Max, 20, &|_, _, _| ()).unwrap();
        assert_eq!(observed.compared, (0..20).map(|i| 2 * i).collect::<Vec<_>>());
        assert_eq!(observed.judges, (0..10).map(|i| 2 * i + 1).collect::<Vec<_>>());
        let covariance = observed.covariance([0, 0], 0, &[1.0; 2]).unwrap();
        let others: Vec<f64> = (0..40).filter(|i| i % 4 != 2).map(|i| 100.0 + i as f64).collect();
        let mean = others.iter().sum::<f64>() / 30.0;
        let variance = others.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 30.0;
        let got = f64::from(covariance.channels[0]);
        assert!((got / variance - 1.0).abs() < 1e-3, "{got} {variance}");
        // Of few images, all judge.
        let few = observe(&network, &images, Calibration::Max, 15, &|_, _, _| ()).unwrap();
        assert_eq!(few.judges, (0..15).collect::<Vec<_>>());
    }
}
