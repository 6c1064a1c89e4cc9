//! From floating point to integers.
//!
//! A block's integer inputs stand for `x·s_in`, its integer sums for `y·s_out / 2^f`, so that the
//! exact right shift by f leaves activations that stand for `a·s_out`, with 255·s_out the largest
//! activation seen on the calibration images:
//!
//! ```text
//! w' = round(w·s_in·2^f / s_out),   b' = round(b·2^f / s_out) + 2^(f−1)
//! ```
//!
//! f is the largest shift that leaves |w'| below 2^(bits − 1); 2^(f−1) makes the shift round to the
//! nearest. (Jacob et al., "Quantization and Training of Neural Networks for Efficient
//! Integer-Arithmetic-Only Inference", CVPR 2018, with the multiplier folded into the weights.)

use rayon::prelude::*;

use gazelle_model::{ACTIVATION_MAX, Activation, Block, Network};

use crate::{Error, FloatBlock, FloatNetwork};

/// The most bits that a shift may drop: with 8 bits left, sums stay within 31 bits.
const MAX_SHIFT: i32 = 22;

/// The integer network with weights of `weight_bits` bits (2 to 12) that comes closest to `network`
/// on images like these.
///
/// # Errors
///
/// [`Error::NoImages`] without images, [`gazelle_model::ModelError::ImageLen`] for one of another size,
/// [`Error::Quantise`] for a layer whose range cannot be brought to integers,
/// [`gazelle_model::ModelError::Sum`] if a layer's sums need more than 31 bits.
pub fn quantise(
    network: &FloatNetwork,
    images: &[Vec<u8>],
    weight_bits: u32,
) -> Result<Network, Error> {
    let largest = largest_activations(network, images)?;
    let (mut card, mut blocks) = (network.card().clone(), Vec::new());
    let mut input_scale = 1.0;
    for ((card, block), largest) in card.blocks.iter_mut().zip(network.blocks()).zip(largest) {
        card.weight_bits = weight_bits;
        let largest_weight = f64::from((1 << (weight_bits - 1)) - 1);
        let weight = block.weights.iter().fold(0f64, |most, &w| most.max(f64::from(w).abs()));
        if let Activation::Relu { shift, .. } = &mut card.activation {
            let most = block.most.map_or(largest, |most| f64::from(most).min(largest));
            let output_scale = most / f64::from(ACTIVATION_MAX);
            *shift = choose_shift(block, weight * input_scale / output_scale, largest_weight)?;
            let scale = f64::from(1 << *shift) / output_scale;
            let rounding = (1 << *shift) >> 1;
            blocks.push(round(block, scale * input_scale, scale, rounding)?);
            input_scale = output_scale;
        } else {
            // Only the order of the last sums matters.
            let scale = if weight > 0.0 { largest_weight / weight } else { 1.0 };
            blocks.push(round(block, scale, scale / input_scale, 0)?);
        }
    }
    Ok(Network::with_least_sum_bits(card.to_card()?, blocks)?)
}

/// The largest output of every block on the images.
fn largest_activations(network: &FloatNetwork, images: &[Vec<u8>]) -> Result<Vec<f64>, Error> {
    let of_image = |image: &Vec<u8>| -> Result<Vec<f64>, Error> {
        let largest = |values: &Vec<f32>| values.iter().fold(0f64, |most, &v| most.max(v.into()));
        Ok(network.forward(image)?.iter().map(largest).collect())
    };
    let larger = |a: Vec<f64>, b: Vec<f64>| Ok(a.iter().zip(&b).map(|(a, b)| a.max(*b)).collect());
    images.par_iter().map(of_image).try_reduce_with(larger).unwrap_or(Err(Error::NoImages))
}

/// f for weights up to `weight` before the shift.
fn choose_shift(block: &FloatBlock, weight: f64, largest: f64) -> Result<u32, Error> {
    let fault = |what| Err(Error::Quantise { node: block.node.clone(), what });
    if !weight.is_finite() {
        return fault("its activations are 0 on every calibration image; give other images");
    }
    // floor: the largest power of two that keeps the weights in range.
    let shift = (largest / weight.max(f64::MIN_POSITIVE)).log2().floor();
    if shift < 0.0 {
        return fault("its weights are too large beside its activations; use more weight bits");
    }
    Ok(shift.min(f64::from(MAX_SHIFT)) as u32)
}

/// The integers.
fn round(
    block: &FloatBlock,
    weight_scale: f64,
    bias_scale: f64,
    rounding: i32,
) -> Result<Block, Error> {
    let bias = |&b: &f32| {
        let scaled = (f64::from(b) * bias_scale).round();
        (scaled.abs() < f64::from(1 << 30)).then(|| scaled as i32 + rounding)
    };
    let weight = |&w: &f32| (f64::from(w) * weight_scale).round() as i16;
    let what = "a bias is too large beside the activations; give other calibration images";
    let fault = || Error::Quantise { node: block.node.clone(), what };
    Ok(Block {
        weights: block.weights.iter().map(weight).collect(),
        bias: block.bias.iter().map(bias).collect::<Option<_>>().ok_or_else(fault)?,
    })
}
