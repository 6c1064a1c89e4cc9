//! ONNX files as PyTorch and others export them, as a network in floating point.

mod assemble;
mod attributes;
mod constant;
mod fault;
mod graph;
mod operator;
mod proto;
mod reshape;
#[cfg(test)]
mod tests;
mod windows;

use prost::Message;

pub use fault::{NodeFault, OnnxFault};

use gazelle_model::{self as model, CardFault, Shape};

use crate::{Error, FloatNetwork};

/// The most bytes of an ONNX file.
pub const MAX_ONNX_BYTES: usize = 1 << 30;

/// What the network that was exported expects of an image, and what the file does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageOptions {
    /// The image's shape, for a network that reads a flat vector.
    pub shape: Option<Shape>,
    /// Subtracted from pixel/255, for all channels or one each; 0 if empty.
    pub mean: Vec<f64>,
    /// Divides the difference, for all channels or one each; 1 if empty.
    pub std: Vec<f64>,
    /// The classes' names; numbers if empty.
    pub classes: Vec<String>,
}

/// Reads an ONNX network that was trained on (pixel/255 − mean)/std.
///
/// # Errors
///
/// [`Error::Onnx`] names the node, its operator and what to change.
pub fn read(name: &str, bytes: &[u8], options: &ImageOptions) -> Result<FloatNetwork, Error> {
    let interface = |what: String| Error::from(OnnxFault::Interface(what));
    let model = proto::Model::decode(bytes).map_err(|e| OnnxFault::Encoding(e.to_string()))?;
    let versions =
        model.opset_import.iter().filter(|set| matches!(&set.domain[..], "" | "ai.onnx"));
    if let Some(old) = versions.map(|set| set.version).find(|&version| version < 7) {
        return Err(interface(format!(
            "the file uses version {old} of ONNX's operators; export it again with `opset_version=17`"
        )));
    }
    let graph = model.graph.ok_or(OnnxFault::Encoding("it holds no graph".into()))?;
    let chain = graph::follow(&graph)?;
    let image = match (chain.input.flat, options.shape) {
        (false, None) => chain.input.shape,
        (flat, Some(shape)) if flat || shape == chain.input.shape => shape,
        (_, Some(shape)) => {
            return Err(interface(format!(
                "the network reads images of {}, not {shape}",
                chain.input.shape
            )));
        }
        (_, None) => {
            return Err(interface(format!(
                "the network reads a flat vector of {} values; state the image's shape",
                chain.input.shape.len()
            )));
        }
    };
    if image.checked().is_none() || image.len() != chain.input.shape.len() {
        return Err(interface(format!(
            "an image of {image} does not have the {} values that the network reads",
            chain.input.shape.len()
        )));
    }
    let (scale, shift) = options.pixel(image.channels).map_err(interface)?;
    let assemble::Blocks { cards, blocks } = assemble::assemble(&chain, image, scale, shift)?;
    let mut card =
        model::Chain { name: name.into(), input: image, blocks: cards, classes: Vec::new() };
    card.classes = options.class_names(&card)?;
    FloatNetwork::try_new(card, blocks)
}

impl ImageOptions {
    /// Scale and shift of a pixel, one per channel.
    fn pixel(&self, channels: usize) -> Result<(Vec<f64>, Vec<f64>), String> {
        let spread = |what: &str, values: &[f64], default: f64| match values {
            [] => Ok(vec![default; channels]),
            [one] => Ok(vec![*one; channels]),
            all if all.len() == channels => Ok(all.to_vec()),
            all => Err(format!("{} values of {what} for {channels} channels", all.len())),
        };
        let (mean, std) = (spread("mean", &self.mean, 0.0)?, spread("std", &self.std, 1.0)?);
        if !std.iter().all(|&s| s.is_finite() && s > 0.0) || !mean.iter().all(|m| m.is_finite()) {
            return Err("mean and std must be numbers, std above 0".into());
        }
        let scale = std.iter().map(|s| 1.0 / (255.0 * s)).collect();
        Ok((scale, mean.iter().zip(&std).map(|(m, s)| -m / s).collect()))
    }

    /// The names, or numbers for as many outputs as the last block has.
    fn class_names(&self, card: &model::Chain) -> Result<Vec<String>, CardFault> {
        if !self.classes.is_empty() {
            return Ok(self.classes.clone());
        }
        let outputs = card.outputs()?;
        Ok((0..outputs).map(|i| format!("class {i}")).collect())
    }
}
