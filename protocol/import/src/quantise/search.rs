//! Integer networks, compared with the one in floating point.

use std::cell::Cell;

use gazelle_model::{Head, Network};
use rayon::prelude::*;

use super::build::{Built, build};
use super::calibrate::Observed;
use super::correct::correct;
use super::settings::{Noise, Settings, WEIGHT_BITS};
use super::{COMPARED, ENOUGH, Step, Watch, shares};
use crate::{Error, FloatNetwork};

/// How much closer a network must come to be worth its bits, in dB.
const GAIN: f64 = 1.0;

/// The closeness in dB from which it tells good units from bad.
const TELLING: f64 = 6.0;
/// The closeness in dB that stands for agreement where few images are compared.
const ENOUGH_CLOSENESS: f64 = 30.0;

/// What candidates are measured against.
pub(super) struct Search<'a> {
    network: &'a FloatNetwork,
    images: Vec<&'a Vec<u8>>,
    observed: Observed,
    /// The results in floating point.
    pub(super) expected: Vec<Vec<i32>>,
    watch: &'a Watch<'a>,
    /// How many candidates there were.
    tried: Cell<usize>,
}

/// An integer network and how close it comes.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) network: Network,
    pub(super) settings: Settings,
    pub(super) noise: Noise,
    /// The tensor of the activation that reads each linear node's sums.
    pub(super) readers: Vec<Option<usize>>,
    /// Images with the result in floating point.
    pub(super) agreeing: usize,
    /// The signal-to-noise ratio of the values that the head reads in dB.
    pub(super) closeness: f64,
    /// The share of images with the result in floating point, were each met with each one's noise.
    pub(super) likely: f64,
    /// Whether each channel has a unit of its own.
    pub(super) units_by_channel: bool,
}

impl Candidate {
    /// Whether it is worth more bits than `other` has.
    pub(super) fn better(&self, other: &Self) -> bool {
        self.closeness > other.closeness + GAIN
            || self.likely > other.likely && self.closeness > other.closeness
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(
        network: &'a FloatNetwork,
        images: &'a [Vec<u8>],
        observed: Observed,
        watch: &'a Watch<'a>,
    ) -> Self {
        let images = observed.compared.iter().map(|&i| &images[i]).collect();
        let expected = observed.logits.iter().map(|y| network.decide(y)).collect();
        Self { network, images, observed, expected, watch, tried: Cell::new(0) }
    }

    /// The first candidate; with more bits than the given ones, unless these are fixed, where they are
    /// too few for the weights.
    pub(super) fn begin(&self, settings: &mut Settings, fixed: bool) -> Result<Candidate, Error> {
        let fault = match self.closest(settings) {
            Err(fault) if !fixed => fault,
            result => return result,
        };
        let [first, most] = WEIGHT_BITS;
        for bits in first + 1..=most {
            settings.linear.iter_mut().for_each(|setting| setting.weight_bits = bits);
            if let Ok(candidate) = self.closest(settings) {
                return Ok(candidate);
            }
        }
        Err(fault)
    }

    /// With more bits than the best so far: with its units, unless what it gives is mostly noise, which
    /// does not tell the better ones.
    pub(super) fn next(&self, settings: &Settings, best: &Candidate) -> Result<Candidate, Error> {
        match best.closeness < TELLING {
            true => self.closest(settings),
            false => self.candidate(settings, best.units_by_channel),
        }
    }

    /// With one unit for each tensor, or one for each channel where that is closer.
    fn closest(&self, settings: &Settings) -> Result<Candidate, Error> {
        let whole = self.candidate(settings, false);
        if whole.as_ref().is_ok_and(|whole| self.enough(whole)) {
            return whole;
        }
        match (whole, self.candidate(settings, true)) {
            (Ok(whole), Ok(shares)) if shares.closeness > whole.closeness => Ok(shares),
            (Err(_), Ok(shares)) => Ok(shares),
            (whole, _) => whole,
        }
    }

    /// Whether hardly an image will get another result; few images do not show that alone.
    pub(super) fn enough(&self, candidate: &Candidate) -> bool {
        candidate.likely >= ENOUGH
            && (self.expected.len() >= COMPARED || candidate.closeness >= ENOUGH_CLOSENESS)
    }

    /// With these settings.
    pub(super) fn candidate(
        &self,
        settings: &Settings,
        units_by_channel: bool,
    ) -> Result<Candidate, Error> {
        let Observed { ranges, judges, means, logits, .. } = &self.observed;
        let shares = match units_by_channel {
            true => shares::shares(self.network, ranges, settings),
            false => shares::whole(self.network),
        };
        let Built { network, noise, readers, meanings } =
            build(self.network, &self.observed, &shares, settings)?;
        self.tried.set(self.tried.get() + 1);
        let step = Step::Trying(self.tried.get());
        let watch = |done: usize, of: usize| (self.watch)(step, done, of);
        let (network, values) = correct(network, &meanings, means, &self.images, watch)?;
        let head = &network.card().head.head;
        // Of several classes, the first one counts.
        let counted = |mut result: Vec<i32>| {
            result.truncate(if matches!(head, Head::Top(_)) { 1 } else { result.len() });
            result
        };
        let same = |(y, expected): (&Vec<i32>, &Vec<i32>)| {
            counted(head.apply(y)) == counted(expected.clone())
        };
        let agreeing = values.iter().zip(&self.expected).filter(|&pair| same(pair)).count();
        let of_judges: Vec<_> = judges.iter().map(|&i| (&values[i], &logits[i])).collect();
        let noise_of_values = noise_of(&of_judges);
        let likely = likely(|y| counted(self.network.decide(y)), &noise_of_values, logits);
        let closeness = closeness(&values.iter().zip(logits).collect::<Vec<_>>());
        Ok(Candidate {
            network,
            settings: settings.clone(),
            noise,
            readers,
            agreeing,
            closeness,
            likely,
            units_by_channel,
        })
    }
}

/// What the head reads for an image, in integers and in reals.
type Values<'a> = (&'a Vec<i32>, &'a Vec<f32>);

/// The signal-to-noise ratio in dB of integers that stand for multiples of reals; of each value, its
/// mean over the images is left out.
fn closeness(values: &[Values<'_>]) -> f64 {
    let integers = values.iter().map(|(y, _)| y.iter().map(|&y| f64::from(y)).collect());
    let reals = values.iter().map(|(_, y)| y.iter().map(|&y| f64::from(y)).collect());
    let (x, y) = (centred(integers.collect()), centred(reals.collect()));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (xx, yy, xy) = (dot(&x, &x), dot(&y, &y), dot(&x, &y));
    // The squared cosine of the angle between them: 1 if they are multiples, and 0 where one follows
    // the image and the other does not.
    let cosine = match (xx > 0.0, yy > 0.0) {
        (true, true) => xy * xy / (xx * yy),
        (constant, other) => f64::from(u8::from(constant == other)),
    };
    (cosine.max(1e-12) / (1.0 - cosine).max(1e-12)).log10() * 10.0
}

/// What integers have beside the reals that they stand for.
fn noise_of(values: &[Values<'_>]) -> Vec<Vec<f32>> {
    let unit = unit(values);
    let noise = |&(integers, reals): &Values<'_>| -> Vec<f32> {
        let of = |(&y, &real): (&i32, &f32)| (f64::from(y) * unit - f64::from(real)) as f32;
        integers.iter().zip(reals).map(of).collect()
    };
    values.iter().map(noise).collect()
}

/// The share of images that keep the result in floating point when the noise of any image is added to
/// their values: what other images will do, less by chance than how many of so few agree.
fn likely<T: PartialEq>(
    decide: impl Fn(&[f32]) -> T + Sync,
    noise: &[Vec<f32>],
    reals: &[Vec<f32>],
) -> f64 {
    let keep = |real: &Vec<f32>| {
        let expected = decide(real);
        let noisy = |noise: &Vec<f32>| real.iter().zip(noise).map(|(y, n)| y + n).collect();
        let noisy = noise.iter().map(|noise| -> Vec<f32> { noisy(noise) });
        noisy.filter(|noisy| decide(noisy) == expected).count()
    };
    let kept: usize = reals.par_iter().map(keep).sum();
    kept as f64 / (reals.len() * noise.len()).max(1) as f64
}

/// What an integer stands for.
fn unit(values: &[Values<'_>]) -> f64 {
    let pairs = || values.iter().flat_map(|(integers, reals)| integers.iter().zip(*reals));
    let products: f64 = pairs().map(|(&y, &real)| f64::from(y) * f64::from(real)).sum();
    let squares: f64 = pairs().map(|(&y, _)| f64::from(y) * f64::from(y)).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}

fn centred(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let count = rows.len();
    let len = rows.first().map_or(0, Vec::len);
    for i in (0..len).filter(|_| count > 1) {
        let mean = rows.iter().map(|row| row[i]).sum::<f64>() / count as f64;
        rows.iter_mut().for_each(|row| row[i] -= mean);
    }
    rows.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{Values, closeness, likely, noise_of};

    fn zip<'a>(integers: &'a [Vec<i32>], reals: &'a [Vec<f32>]) -> Vec<Values<'a>> {
        integers.iter().zip(reals).collect()
    }

    /// The second image is decided by 0.1 and meets noise of −0.004 and of 0.2.
    #[test]
    fn what_is_likely_is_counted_over_all_noise() {
        let reals = [vec![10.0, 0.0], vec![0.1, 0.0]];
        let first = |y: &[f32]| y[0] > y[1];
        let noise = |integers: &[Vec<i32>]| noise_of(&zip(integers, &reals));
        assert_eq!(likely(first, &noise(&[vec![100, 0], vec![1, 2]]), &reals), 0.75);
        assert_eq!(likely(first, &noise(&[vec![100, 0], vec![1, 0]]), &reals), 1.0);
    }

    #[test]
    fn constants_are_not_close_to_what_varies() {
        let (constant, varying) = ([vec![7, -1], vec![7, -1]], [vec![1, 2], vec![-3, 5]]);
        let reals =
            |rows: &[Vec<i32>; 2]| rows.clone().map(|y| y.iter().map(|&y| y as f32).collect());
        let of = |integers, of_reals| closeness(&zip(integers, &reals(of_reals)));
        assert_eq!(of(&constant, &varying), -120.0);
        assert_eq!(of(&varying, &constant), -120.0);
        assert!(of(&varying, &varying) > 100.0);
        assert!(of(&constant, &constant) > 100.0);
    }
}
