//! ONNX files as PyTorch and others export them, as a network in floating point.

mod adaptive;
mod advice;
mod arithmetic;
mod attributes;
mod bends;
mod build;
mod channels;
mod constant;
mod elementwise;
mod fault;
mod fold;
mod functions;
mod graph;
mod input;
mod integer_operators;
mod linear;
mod lower;
mod pattern;
mod pooling;
mod proto;
mod quantised;
mod reduce;
mod side_file;
mod slice;
mod tail;
#[cfg(test)]
mod tests;
mod value;
mod view;
mod windows;

use std::path::PathBuf;

use prost::Message;

pub use fault::{NodeFault, OnnxFault};

use gazelle_model::{Colours, MAX_SIDE, Normalisation, PixelUnit, Preprocessing, Resize, Shape};

use crate::{Error, FloatNetwork};
use side_file::SideFiles;
use value::{Made, Value};

/// The most bytes of an ONNX file.
pub const MAX_ONNX_BYTES: usize = 1 << 30;

/// The largest mean or deviation of pixels from 0 to 1 that is believed.
const FULL: f64 = 8.0;

/// What the network that was exported expects of an image, and what the file does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageOptions {
    /// The image's shape, for a network that reads a flat vector or leaves sizes open.
    pub shape: Option<Shape>,
    /// Subtracted from the pixel in its unit, for all channels or one each; 0 if empty.
    pub mean: Vec<f64>,
    /// Divides the difference, for all channels or one each; 1 if empty.
    pub std: Vec<f64>,
    /// The classes' names; numbers if empty.
    pub classes: Vec<String>,
    /// Which output counts, for a network that has several.
    pub output: Option<String>,
    /// What a pixel is divided by before the mean is subtracted.
    pub unit: PixelUnit,
    /// From a picture's size to the image's.
    pub resize: Resize,
    /// What the image's channels are.
    pub colours: Colours,
    /// The folder of files with weights that lie beside the model.
    pub folder: Option<PathBuf>,
}

/// Reads an ONNX network that was trained on (pixel/unit − mean)/std.
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
    let side = SideFiles { folder: options.folder.as_deref() };
    // Computed constants are as many as a file of that length may ask for, and few beside: a value for
    // each byte, as weights of 8 bits have.
    let budget = bytes.len().clamp(1 << 20, constant::MAX_VALUES);
    // Weights and biases are hardly more; a few maps of biases may be large where the file is small.
    let room = (2 * bytes.len()).clamp(1 << 25, gazelle_model::MAX_WEIGHTS);
    let mut source = graph::Source::read(&graph, options.output.as_deref(), side, budget)?;
    let tail = tail::cut(&mut source)?;
    quantised::undo(&mut source);
    pattern::recognise(&mut source)?;
    let (batch, input, view) = input::image(source.input, options.shape)?;
    let (scale, shift) = options.pixel(input.channels).map_err(interface)?;
    let pixels = Value::made(Made { tensor: 0, scale, shift }, input).with_view(view);
    let (mut build, value) = lower::lower(source, pixels, batch, room)?;
    let (output, scale, head) = tail.finish(&mut build, value)?;
    let (nodes, output) = needed(build.nodes, output);
    let mut network = FloatNetwork::try_new(name, input, nodes, head)?;
    (network.output, network.output_scale) = (output, scale as f32);
    network.preprocessing = options.preprocessing(input.channels);
    let outputs = network.shapes[output].len();
    options.check(input, outputs).map_err(interface)?;
    network.classes = options.class_names(outputs);
    Ok(network)
}

/// The nodes that the output needs, numbered anew.
fn needed(nodes: Vec<crate::FloatNode>, output: usize) -> (Vec<crate::FloatNode>, usize) {
    let mut read = vec![false; nodes.len() + 1];
    read[output] = true;
    for (i, node) in nodes.iter().enumerate().rev() {
        if read[i + 1] {
            node.inputs().into_iter().for_each(|input| read[input] = true);
        }
    }
    let (mut numbers, mut kept) = (vec![0; nodes.len() + 1], Vec::new());
    for (i, mut node) in nodes.into_iter().enumerate().filter(|(i, _)| read[i + 1]) {
        node.renumber(&numbers);
        kept.push(node);
        numbers[i + 1] = kept.len();
    }
    (kept, numbers[output])
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
        let unit = match self.unit {
            PixelUnit::Full if mean.iter().chain(&std).any(|v| v.abs() > FULL) => {
                return Err(
                    "mean and std are of pixels from 0 to 255, and pixels are read as 0 to 1; \
                            say what training read with `--pixels 255`"
                        .into(),
                );
            }
            PixelUnit::Full => 255.0,
            PixelUnit::Step => 1.0,
        };
        let scale = std.iter().map(|s| 1.0 / (unit * s)).collect();
        Ok((scale, mean.iter().zip(&std).map(|(m, s)| -m / s).collect()))
    }

    /// Checks that a picture can become an image of shape `input`, and that the names are those of
    /// `outputs` values.
    fn check(&self, input: Shape, outputs: usize) -> Result<(), String> {
        let Shape { channels, height, width } = input;
        let least = height.max(width);
        match self.resize {
            Resize::ShortSide(side) if usize::from(side) < least => Err(format!(
                "`--resize {side}` makes pictures smaller than the image of {width}×{height}; give \
                 at least {least}, or `--resize stretch`"
            )),
            Resize::ShortSide(side) if usize::from(side) > MAX_SIDE => {
                Err(format!("`--resize {side}` is more than {MAX_SIDE}, the most"))
            }
            _ => Ok(()),
        }?;
        match (self.colours, channels) {
            (Colours::Grey, 2..) => Err(format!(
                "`--colours grey` is of one channel and the network reads {channels}; leave it out, \
                 or give rgb or bgr"
            )),
            (Colours::Rgb | Colours::Bgr, _) if channels != 3 => Err(format!(
                "`--colours rgb` and `bgr` are of 3 channels and the network reads {channels}; leave \
                 it out"
            )),
            _ => Ok(()),
        }?;
        self.check_classes(outputs)
    }

    fn check_classes(&self, outputs: usize) -> Result<(), String> {
        let names = &self.classes;
        if let Some((_, twice)) = names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)) {
            return Err(format!(
                "the class name `{twice}` is given twice; give each a name of its own"
            ));
        }
        match (names.len(), outputs) {
            (2, 1) => Err(format!(
                "the network gives one value, whether an image is of one class; name that class \
                 alone, as in `--classes {}`, if that is the one of values from 0 up",
                names[1]
            )),
            (0, _) => Ok(()),
            (given, _) if given == outputs => Ok(()),
            (given, _) => {
                Err(format!("{given} class names for {outputs} outputs; give one for each"))
            }
        }
    }

    /// What the card says of pictures; of pixels only what was stated.
    fn preprocessing(&self, channels: usize) -> Preprocessing {
        let stated = self.unit != PixelUnit::Full || !(self.mean.is_empty() && self.std.is_empty());
        let normalisation = stated.then(|| {
            let each = |values: &[f64], default: f64| -> Vec<f64> {
                let one = values.first().copied().unwrap_or(default);
                (0..channels).map(|c| values.get(c).copied().unwrap_or(one) * 65536.0).collect()
            };
            let (mean, std) = (each(&self.mean, 0.0), each(&self.std, 1.0));
            Normalisation {
                unit: self.unit,
                mean: mean.iter().map(|m| m.round() as i32).collect(),
                std: std.iter().map(|s| s.round().max(1.0) as u32).collect(),
            }
        });
        Preprocessing { resize: self.resize, colours: self.colours, normalisation }
    }

    /// The names, or numbers for as many outputs.
    fn class_names(&self, outputs: usize) -> Vec<String> {
        match self.classes.is_empty() {
            false => self.classes.clone(),
            true => (0..outputs).map(|i| format!("class {i}")).collect(),
        }
    }
}
