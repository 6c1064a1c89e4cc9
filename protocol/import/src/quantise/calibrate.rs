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

/// What was seen of an activation: 0 is always within.
#[derive(Clone, Debug, Default)]
struct Seen {
    least: f32,
    most: f32,
    samples: Vec<f32>,
}

impl Seen {
    fn of(values: &[f32], samples: bool) -> Self {
        let mut seen = Self::default();
        for &v in values {
            (seen.least, seen.most) = (seen.least.min(v), seen.most.max(v));
        }
        if samples {
            let step = values.len().div_ceil(SAMPLES).max(1);
            seen.samples = values.iter().copied().step_by(step).collect();
        }
        seen
    }

    fn join(&mut self, other: Self) {
        (self.least, self.most) = (self.least.min(other.least), self.most.max(other.most));
        self.samples.extend(other.samples);
    }

    fn range(mut self, calibration: Calibration) -> (f64, f64) {
        let (least, most) = (f64::from(self.least), f64::from(self.most));
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

/// The range of every tensor that an activation yields on `images`; (0, 0) for others.
pub(super) fn ranges(
    network: &FloatNetwork,
    images: &[Vec<u8>],
    calibration: Calibration,
) -> Result<Vec<(f64, f64)>, Error> {
    let samples = calibration != Calibration::Max;
    let of_image = |image: &Vec<u8>| -> Result<Vec<Seen>, Error> {
        let mut seen = vec![Seen::default(); network.nodes.len() + 1];
        network.visit(image, |tensor, values| {
            if matches!(network.nodes[tensor - 1], FloatNode::Activation(_)) {
                seen[tensor] = Seen::of(values, samples);
            }
        })?;
        Ok(seen)
    };
    let join = |mut a: Vec<Seen>, b: Vec<Seen>| {
        a.iter_mut().zip(b).for_each(|(a, b)| a.join(b));
        Ok(a)
    };
    let seen = images.par_iter().map(of_image).try_reduce_with(join);
    let seen = seen.unwrap_or(Err(Error::NoImages))?;
    Ok(seen.into_iter().map(|seen| seen.range(calibration)).collect())
}
