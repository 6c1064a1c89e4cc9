//! The ranges that activations have on images.

use rayon::prelude::*;

use crate::{Error, FloatNetwork, FloatNode};

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

/// The values of an activation: 0 is always within.
#[derive(Clone, Debug, Default)]
pub(super) struct Range {
    /// The least and the most of all channels.
    pub(super) all: (f64, f64),
    /// The least and the most of each channel.
    pub(super) channels: Vec<(f64, f64)>,
}

/// What a network in floating point does with the calibration images.
pub(super) struct Observed {
    /// The range of every tensor that an activation yields; empty for others.
    pub(super) ranges: Vec<Range>,
    /// The images on which integers are compared, by number.
    pub(super) compared: Vec<usize>,
    /// The mean of every channel of every tensor on these.
    pub(super) means: Vec<Vec<f64>>,
    /// The values that the head reads for these.
    pub(super) logits: Vec<Vec<f32>>,
}

/// What was seen of an activation.
#[derive(Clone, Debug, Default)]
struct Seen {
    channels: Vec<(f32, f32)>,
    samples: Vec<f32>,
}

impl Seen {
    fn of(values: &[f32], channels: usize, samples: bool) -> Self {
        let bounds = |map: &[f32]| {
            map.iter().fold((0f32, 0f32), |(least, most), &v| (least.min(v), most.max(v)))
        };
        let maps = values.chunks_exact(values.len() / channels);
        let mut seen = Self { channels: maps.map(bounds).collect(), samples: Vec::new() };
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
        self.samples.extend(other.samples);
    }

    fn range(mut self, calibration: Calibration) -> Range {
        let channels = self.channels.iter().map(|&(low, high)| (low.into(), high.into()));
        let channels: Vec<(f64, f64)> = channels.collect();
        let join = |all: (f64, f64), one: &(f64, f64)| (all.0.min(one.0), all.1.max(one.1));
        let (least, most) = channels.iter().fold((0.0, 0.0), join);
        let all = self.cut(least, most, calibration);
        let within = |&(low, high): &(f64, f64)| (low.max(all.0), high.min(all.1));
        Range { all, channels: channels.iter().map(within).collect() }
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

/// What was seen on images: of every tensor, the sums of every channel, the last values.
type Sight = (Vec<Seen>, Vec<Vec<f64>>, Vec<(usize, Vec<f32>)>);

/// Evaluates all images once, and compares at most `compared` of them, evenly from first to last.
pub(super) fn observe(
    network: &FloatNetwork,
    images: &[Vec<u8>],
    calibration: Calibration,
    compared: usize,
) -> Result<Observed, Error> {
    let count = images.len().min(compared);
    let compared: Vec<usize> = (0..count).map(|i| i * images.len() / count).collect();
    let of_image = |(i, image): (usize, &Vec<u8>)| {
        look(network, image, calibration != Calibration::Max, compared.binary_search(&i).is_ok())
            .map(|(seen, sums, logits)| (seen, sums, logits.map(|y| (i, y)).into_iter().collect()))
    };
    let join = |mut a: Sight, b: Sight| {
        a.0.iter_mut().zip(b.0).for_each(|(a, b)| a.join(b));
        for (a, b) in a.1.iter_mut().zip(b.1) {
            a.resize(a.len().max(b.len()), 0.0);
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        }
        a.2.extend(b.2);
        Ok(a)
    };
    let sight: Option<Result<Sight, Error>> =
        images.par_iter().enumerate().map(of_image).try_reduce_with(join);
    let (seen, mut means, mut logits) = sight.unwrap_or(Err(Error::NoImages))?;
    means.iter_mut().flatten().for_each(|sum| *sum /= count as f64);
    logits.sort_by_key(|(i, _)| *i);
    Ok(Observed {
        ranges: seen.into_iter().map(|seen| seen.range(calibration)).collect(),
        compared,
        means,
        logits: logits.into_iter().map(|(_, y)| y).collect(),
    })
}

/// What one image shows; means and values only of one that is compared.
#[expect(clippy::type_complexity)]
fn look(
    network: &FloatNetwork,
    image: &[u8],
    samples: bool,
    compared: bool,
) -> Result<(Vec<Seen>, Vec<Vec<f64>>, Option<Vec<f32>>), Error> {
    let mut seen = vec![Seen::default(); network.nodes.len() + 1];
    let mut means = vec![Vec::new(); network.nodes.len() + 1];
    let logits = network.visit(image, |tensor, values| {
        let shape = network.shapes[tensor];
        if matches!(network.nodes[tensor - 1], FloatNode::Activation(_)) {
            seen[tensor] = Seen::of(values, shape.channels, samples);
        }
        if compared && matches!(network.nodes[tensor - 1], FloatNode::Linear(_)) {
            let mean =
                |map: &[f32]| map.iter().map(|&v| f64::from(v)).sum::<f64>() / map.len() as f64;
            means[tensor] = values.chunks_exact(shape.map_len()).map(mean).collect();
        }
    })?;
    Ok((seen, means, compared.then_some(logits)))
}
