//! From floating point to integers.
//!
//! A tensor's integers stand for so many units. Integer sums stand for y·S; an activation's exact
//! right shift by f leaves integers whose unit is s = 2^f / S, with the range of its values on the
//! calibration images in 256 steps, 0 among them:
//!
//! ```text
//! w' = round(w·s_in·2^f / s),   b' = round(b·2^f / s) + 2^(f−1)
//! ```
//!
//! f is the largest shift that leaves |w'| below 2^(bits − 1), for all channels or for each; 2^(f−1)
//! makes the shift round to the nearest. (Jacob et al., "Quantization and Training of Neural
//! Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, with the multiplier folded
//! into the weights.) Where a tensor with unit s_skip is added to the sums, s is stretched until the
//! factor m = s_skip·2^f / s is whole. A concatenation keeps the unit of each of its channels, which
//! the weights that read it take in.

mod build;
mod calibrate;
mod function;
mod scale;

use rayon::prelude::*;

use gazelle_model::Network;

pub use calibrate::Calibration;

use crate::{Error, FloatHead, FloatNetwork, FloatNode};
use build::{Setting, build, is_grouped};

/// Images on which labels are compared, at most.
const COMPARED: usize = 100;
/// The share of labels at which the choice ends.
const ENOUGH: f64 = 0.99;
/// How often the bits of the worst layers are raised.
const ROUNDS: usize = 6;
/// The bits that a choice begins with, and the most that it takes.
const BITS: [u32; 2] = [8, 12];
/// The least bits that a choice falls back to where sums are too wide.
const LEAST_BITS: u32 = 4;

/// How a network becomes integers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiser {
    /// Bits of every weight, 2 to 12; without them, chosen for each layer.
    pub weight_bits: Option<u32>,
    /// How ranges are chosen.
    pub calibration: Calibration,
}

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
}

/// The integer network with weights of `weight_bits` bits (2 to 12) and one shift for each layer
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
    let ranges = calibrate::ranges(network, images, Calibration::Max)?;
    let settings = vec![Setting { weight_bits, by_channel: false }; linear_nodes(network).count()];
    check_bits(weight_bits)?;
    Ok(build(network, &ranges, &settings)?.0)
}

fn check_bits(bits: u32) -> Result<(), Error> {
    match (2..=12).contains(&bits) {
        true => Ok(()),
        false => Err(gazelle_model::CardFault::Bits { node: 1, what: "weight", bits }.into()),
    }
}

fn linear_nodes(network: &FloatNetwork) -> impl Iterator<Item = &crate::FloatLinear> {
    network.nodes.iter().filter_map(|node| match node {
        FloatNode::Linear(linear) => Some(linear),
        _ => None,
    })
}

impl Quantiser {
    /// The integer network: where the bits are not given, the worst layers get more of them, or a
    /// shift for each channel, until the results on the images are those in floating point.
    ///
    /// # Errors
    ///
    /// Those of [`quantise`].
    pub fn run(&self, network: &FloatNetwork, images: &[Vec<u8>]) -> Result<Quantised, Error> {
        let ranges = calibrate::ranges(network, images, self.calibration)?;
        let compared = images.len().min(COMPARED);
        let some: Vec<&Vec<u8>> =
            (0..compared).map(|i| &images[i * images.len() / compared]).collect();
        let expected: Vec<Vec<i32>> =
            some.par_iter().map(|image| network.result(image)).collect::<Result<_, _>>()?;
        let start = self.weight_bits.unwrap_or(BITS[0]);
        check_bits(start)?;
        let linear: Vec<_> = linear_nodes(network).collect();
        let mut settings = vec![Setting { weight_bits: start, by_channel: false }; linear.len()];
        let mut best: Option<Quantised> = None;
        for _ in 0..=ROUNDS {
            let (integer, noise) = match (build(network, &ranges, &settings), &best) {
                (Ok(built), _) => built,
                // More bits than the sums have room for: what was found before stands.
                (Err(_), Some(_)) => break,
                (Err(error), None) if self.weight_bits.is_some() => return Err(error),
                (Err(error), None) => other_bits(network, &ranges, &mut settings, error)?,
            };
            let agreeing = agreeing(&integer, &some, &expected, network.head())?;
            if best.as_ref().is_none_or(|best| agreeing > best.agreeing) {
                let choice =
                    |((setting, linear), &noise): ((&Setting, &&crate::FloatLinear), &f64)| {
                        Choice {
                            node: linear.node.clone(),
                            weight_bits: setting.weight_bits,
                            by_channel: setting.by_channel,
                            signal_to_noise: noise,
                        }
                    };
                let choices = settings.iter().zip(&linear).zip(&noise).map(choice).collect();
                best = Some(Quantised { network: integer, choices, agreeing, compared });
            }
            let enough = agreeing as f64 >= ENOUGH * compared as f64;
            if enough || self.weight_bits.is_some() || !raise(&mut settings, &linear, &noise) {
                break;
            }
        }
        best.ok_or(Error::NoImages)
    }
}

/// The network with other bits, where 8 are too few for the weights or too many for the sums.
fn other_bits(
    network: &FloatNetwork,
    ranges: &[(f64, f64)],
    settings: &mut [Setting],
    error: Error,
) -> Result<(Network, Vec<f64>), Error> {
    let [first, most] = BITS;
    for bits in (first + 1..=most).chain((LEAST_BITS..first).rev()) {
        settings.iter_mut().for_each(|setting| setting.weight_bits = bits);
        if let Ok(built) = build(network, ranges, settings) {
            return Ok(built);
        }
    }
    Err(error)
}

/// Gives more to the half of the layers whose weights are the noisiest; whether any could get more.
fn raise(settings: &mut [Setting], linear: &[&crate::FloatLinear], noise: &[f64]) -> bool {
    let mut order: Vec<usize> =
        (0..settings.len()).filter(|&i| settings[i].weight_bits < BITS[1]).collect();
    order.sort_by(|&a, &b| noise[a].total_cmp(&noise[b]));
    order.truncate(order.len().div_ceil(2));
    for &i in &order {
        if is_grouped(linear[i]) && !settings[i].by_channel {
            settings[i].by_channel = true;
        } else {
            settings[i].weight_bits = (settings[i].weight_bits + 2).min(BITS[1]);
        }
    }
    !order.is_empty()
}

/// How many images give the same result.
fn agreeing(
    network: &Network,
    images: &[&Vec<u8>],
    expected: &[Vec<i32>],
    head: FloatHead,
) -> Result<usize, Error> {
    let same = |(image, expected): (&&Vec<u8>, &Vec<i32>)| -> Result<usize, Error> {
        let result = network.forward(image)?.result;
        let equal = match head {
            FloatHead::Top(_) => result.first() == expected.first(),
            _ => result == *expected,
        };
        Ok(equal.into())
    };
    images.par_iter().zip(expected).map(same).sum()
}
