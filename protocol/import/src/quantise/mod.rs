//! From floating point to integers.
//!
//! A tensor's integers stand for so many units. Integer sums stand for y·S; an activation's exact
//! right shift by f leaves integers whose unit is s = 2^f / S, with the range of its values on the
//! calibration images in 2^c steps, 0 among them:
//!
//! ```text
//! w' = round(w·s_in·2^f / s),   b' = round(b·2^f / s) + 2^(f−1)
//! ```
//!
//! f is the largest shift that leaves |w'| below 2^(bits − 1) and sums within 31 bits, for all channels
//! or for each; 2^(f−1) makes the shift round to the nearest. (Jacob et al., "Quantization and Training of Neural
//! Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, with the multiplier folded
//! into the weights.) Where a tensor with unit s_skip is added to the sums, s is stretched until the
//! factor m = s_skip·2^f / s is whole. A concatenation keeps the unit of each of its channels, which
//! the weights that read it take in.
//!
//! Where that comes closer to floating point, each channel has a unit of its own (`shares`). Biases
//! are corrected until every channel's mean is that in floating point (`correct`).

mod build;
mod calibrate;
mod correct;
mod function;
mod moments;
mod round;
mod scale;
mod search;
mod settings;
mod shares;

use std::ops::RangeInclusive;

use gazelle_model::Network;

pub use calibrate::Calibration;

use crate::{Error, FloatNetwork, FloatNode};
use build::build;
use search::{Candidate, Search};
use settings::{Free, MOST_RING_BITS, Pace, RESULT_BITS, Settings, WEIGHT_BITS};

/// Images on which integers are compared with reals, at most.
const COMPARED: usize = 100;
/// And at least, however long an image takes.
const LEAST_COMPARED: usize = 16;
/// The products of one comparison that more images than the least are taken for.
const PRODUCTS: u64 = 1 << 35;
/// The share of images likely to keep their results at which the choice ends.
const ENOUGH: f64 = 0.98;

/// The fewest bits of a weight.
const LEAST_BITS: u32 = 2;
/// The share below which bits are raised in steps of twice the size.
const FAR: f64 = 0.85;

/// How many choices in a row may come no closer.
const VAIN: usize = 2;

/// How a network becomes integers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiser {
    /// Bits of every weight, 2 to 16; without them, chosen for each layer.
    pub weight_bits: Option<u32>,
    /// Bits of every activation's results, 8 to 15; without them, chosen for each layer.
    pub activation_bits: Option<u32>,
    /// How ranges are chosen.
    pub calibration: Calibration,
}

/// A step of what takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Evaluating the images in floating point.
    Measuring,
    /// Evaluating choice number so-and-so in integers, node by node.
    Trying(usize),
}

/// Is told of a step how many of its images or nodes are done, and how many there are; by several
/// threads at once.
pub type Watch<'a> = dyn Fn(Step, usize, usize) + Sync + 'a;

/// An integer network and how it was chosen.
pub struct Quantised {
    /// The network.
    pub network: Network,
    /// One for each linear node.
    pub choices: Vec<Choice>,
    /// Images whose result is that in floating point, of those that were compared.
    pub agreeing: usize,
    /// Images that were compared.
    pub compared: usize,
    /// The ratio of signal to noise, in dB, of the values that the head reads on these.
    pub signal_to_noise: f64,
    /// Whether each channel of an activation has a unit of its own.
    pub units_by_channel: bool,
}

/// What was chosen for a linear node.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The node.
    pub node: String,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// Whether each channel has a shift of its own.
    pub by_channel: bool,
    /// The weights' ratio of signal to noise in dB, a mean over the output channels.
    pub signal_to_noise: f64,
    /// What was chosen for the activation that reads the sums; none before the head.
    pub activation: Option<ActivationChoice>,
    /// The largest weight in terms of the root of the others' mean square: about 5 where weights are
    /// normally distributed. Much more is an outlier, beside which the others have few steps.
    pub outlier: f64,
}

/// What was chosen for the results of an activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationChoice {
    /// Their bits.
    pub bits: u32,
    /// The ratio of signal to noise in dB, the noise being what rounding adds.
    pub signal_to_noise: f64,
}

/// The integer network with weights of `weight_bits` bits (2 to 16) and one shift for each layer
/// that comes closest to `network` on images like these.
///
/// # Errors
///
/// [`Error::NoImages`] without images, [`gazelle_model::ModelError::ImageLen`] for one of another
/// size, [`Error::Quantise`] for a layer whose range cannot be brought to integers,
/// [`gazelle_model::ModelError::Sum`] if a layer's sums need more than 31 bits.
pub fn quantise(
    network: &FloatNetwork,
    images: &[Vec<u8>],
    weight_bits: u32,
) -> Result<Network, Error> {
    check_bits("weight", weight_bits, LEAST_BITS..=WEIGHT_BITS[1])?;
    let observed = calibrate::observe(network, images, Calibration::Max, 0, &|_, _, _| ())?;
    let settings = Settings::new(network, weight_bits, RESULT_BITS[0]);
    Ok(build(network, &observed, &shares::whole(network), &settings)?.network)
}

fn check_bits(what: &'static str, bits: u32, allowed: RangeInclusive<u32>) -> Result<(), Error> {
    match allowed.contains(&bits) {
        true => Ok(()),
        false => Err(gazelle_model::CardFault::Bits { node: 1, what, bits }.into()),
    }
}

fn linear_nodes(network: &FloatNetwork) -> impl Iterator<Item = &crate::FloatLinear> {
    network.nodes.iter().filter_map(|node| match node {
        FloatNode::Linear(linear) => Some(linear),
        _ => None,
    })
}

/// The largest weight over the root of the mean square, the largest hundredth left out of the mean: in
/// a small layer an outlier would hide itself.
fn outlier(linear: &crate::FloatLinear) -> f64 {
    let weights = linear.terms.iter().flat_map(|term| &term.weights);
    let mut squares: Vec<f64> = weights.map(|&w| f64::from(w) * f64::from(w)).collect();
    let most = squares.iter().copied().fold(0.0, f64::max);
    let usual = squares.len() - squares.len().div_ceil(100);
    let usual = match usual {
        0 => &mut [][..],
        _ => squares.select_nth_unstable_by(usual, f64::total_cmp).0,
    };
    let mean = usual.iter().sum::<f64>() / usual.len().max(1) as f64;
    if mean > 0.0 { (most / mean).sqrt() } else { 0.0 }
}

/// On how many images integers are compared with reals.
fn compared(network: &FloatNetwork) -> usize {
    let products = |linear: &crate::FloatLinear| -> u64 {
        let own = |term: &crate::FloatTerm| {
            let input = network.shapes[term.input];
            let output = term.map.output(input).map_or(0, |shape| shape.len());
            term.map.row_len(input) * output as u64
        };
        linear.terms.iter().map(own).sum()
    };
    let products: u64 = linear_nodes(network).map(products).sum();
    usize::try_from(PRODUCTS / products.max(1)).unwrap_or(COMPARED).clamp(LEAST_COMPARED, COMPARED)
}

impl Quantiser {
    /// The integer network. Where the bits are not given, what suffers most from rounding gets more
    /// of them, weights and results of activations alike, or a shift for each channel, as long as the
    /// results on the images come closer to those in floating point.
    ///
    /// # Errors
    ///
    /// Those of [`quantise`].
    pub fn run(&self, network: &FloatNetwork, images: &[Vec<u8>]) -> Result<Quantised, Error> {
        self.run_watched(network, images, &|_, _, _| ())
    }

    /// As [`Quantiser::run`]; tells `watch` how far it is.
    ///
    /// # Errors
    ///
    /// Those of [`quantise`].
    pub fn run_watched(
        &self,
        network: &FloatNetwork,
        images: &[Vec<u8>],
        watch: &Watch<'_>,
    ) -> Result<Quantised, Error> {
        let weight_bits = self.weight_bits.unwrap_or(WEIGHT_BITS[0]);
        let result_bits = self.activation_bits.unwrap_or(RESULT_BITS[0]);
        check_bits("weight", weight_bits, LEAST_BITS..=WEIGHT_BITS[1])?;
        check_bits("result", result_bits, RESULT_BITS[0]..=RESULT_BITS[1])?;
        let (calibration, compared) = (self.calibration, compared(network));
        let observed = calibrate::observe(network, images, calibration, compared, watch)?;
        let search = Search::new(network, images, observed, watch);
        let settings = Settings::new(network, weight_bits, result_bits);
        let best = self.search(&search, network, settings)?;
        Ok(Quantised {
            choices: choices(network, &best),
            network: best.network,
            agreeing: best.agreeing,
            compared: search.expected.len(),
            signal_to_noise: best.closeness,
            units_by_channel: best.units_by_channel,
        })
    }

    fn search(
        &self,
        search: &Search<'_>,
        network: &FloatNetwork,
        mut settings: Settings,
    ) -> Result<Candidate, Error> {
        let free =
            Free { weights: self.weight_bits.is_none(), results: self.activation_bits.is_none() };
        let mut tried = search.begin(&mut settings, !free.weights)?;
        let (mut best, mut vain) = (tried.clone(), 0);
        while !search.enough(&best) && vain < VAIN {
            let Some(next) = next(search, network, &tried, &best, free) else { break };
            tried = next;
            vain += 1;
            if tried.better(&best) {
                (best, vain) = (tried.clone(), 0);
            }
        }
        Ok(best)
    }
}

/// With more bits than `tried` has, if the sums have room for them.
fn next(
    search: &Search<'_>,
    network: &FloatNetwork,
    tried: &Candidate,
    best: &Candidate,
    free: Free,
) -> Option<Candidate> {
    // Where weights get too large beside results of more bits, less of the rings is filled.
    (MOST_RING_BITS - 2..=MOST_RING_BITS).rev().find_map(|ring_bits| {
        let mut settings = tried.settings.clone();
        let pace = Pace { ring_bits, hurry: tried.likely < FAR };
        let raised = settings.raise(network, &tried.network, &tried.noise, free, pace);
        raised.then(|| search.next(&settings, best).ok()).flatten()
    })
}

fn choices(network: &FloatNetwork, best: &Candidate) -> Vec<Choice> {
    let Candidate { settings, noise, readers, .. } = best;
    let choice = |(n, linear): (usize, &crate::FloatLinear)| Choice {
        node: linear.node.clone(),
        weight_bits: settings.linear[n].weight_bits,
        by_channel: settings.linear[n].by_channel,
        signal_to_noise: noise.weights[n],
        activation: readers[n].map(|tensor| ActivationChoice {
            bits: settings.results[tensor],
            signal_to_noise: noise.results[tensor],
        }),
        outlier: outlier(linear),
    };
    linear_nodes(network).enumerate().map(choice).collect()
}
