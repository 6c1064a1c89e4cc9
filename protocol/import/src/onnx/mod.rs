//! ONNX files as PyTorch and others export them, as a network in floating point.

mod advice;
mod arithmetic;
mod attributes;
mod build;
mod channels;
mod constant;
mod fault;
mod fold;
mod functions;
mod graph;
mod linear;
mod lower;
mod pattern;
mod pooling;
mod proto;
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

use gazelle_model::{Preprocessing, Shape};

use crate::{Error, FloatNetwork};
use proto::data_type;
use side_file::SideFiles;
use value::{Made, Value};
use view::{Role, View};

/// The most bytes of an ONNX file.
pub const MAX_ONNX_BYTES: usize = 1 << 30;

/// What the network that was exported expects of an image, and what the file does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageOptions {
    /// The image's shape, for a network that reads a flat vector or leaves sizes open.
    pub shape: Option<Shape>,
    /// Subtracted from pixel/255, for all channels or one each; 0 if empty.
    pub mean: Vec<f64>,
    /// Divides the difference, for all channels or one each; 1 if empty.
    pub std: Vec<f64>,
    /// The classes' names; numbers if empty.
    pub classes: Vec<String>,
    /// Which output counts, for a network that has several.
    pub output: Option<String>,
    /// The folder of files with weights that lie beside the model.
    pub folder: Option<PathBuf>,
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
    let side = SideFiles { folder: options.folder.as_deref() };
    // Computed constants are as many as a file of that length may ask for, and few beside.
    let budget = (bytes.len() * 2).clamp(1 << 20, constant::MAX_VALUES);
    let mut source = graph::Source::read(&graph, options.output.as_deref(), side, budget)?;
    let tail = tail::cut(&mut source)?;
    pattern::recognise(&mut source)?;
    let (batch, input, view) = image(source.input, options.shape)?;
    let (scale, shift) = options.pixel(input.channels).map_err(interface)?;
    let pixels = Value::made(Made { tensor: 0, scale, shift }, input).with_view(view);
    let (mut build, value) = lower::lower(source, pixels, batch)?;
    let (output, scale, head) = tail.finish(&mut build, value)?;
    let (nodes, output) = needed(build.nodes, output);
    let mut network = FloatNetwork::try_new(name, input, nodes, head)?;
    (network.output, network.output_scale) = (output, scale as f32);
    network.preprocessing = Preprocessing::default();
    let outputs = network.shapes[output].len();
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

/// The images in a batch, the shape of one, and how the file counts its values. `stated` is for a
/// file that reads a flat vector or leaves sizes open.
fn image(
    input: &proto::ValueInfo,
    stated: Option<Shape>,
) -> Result<(usize, Shape, View), OnnxFault> {
    let fault = |what: String| OnnxFault::Interface(format!("the input `{}` {what}", input.name));
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| fault("is not a tensor".into()))?;
    let floats = [data_type::FLOAT, data_type::FLOAT16, data_type::DOUBLE, data_type::BFLOAT16];
    if !floats.contains(&tensor.elem_type) {
        return Err(fault("is not in floating point; export the network in that".into()));
    }
    let dims: Vec<i64> =
        tensor.shape.iter().flat_map(|shape| shape.dim.iter().map(|d| d.dim_value)).collect();
    let batch = dims.first().map_or(1, |&d| d.clamp(1, 1 << 20) as usize);
    let size = |d: i64| usize::try_from(d).ok().filter(|d| (1..=1 << 24).contains(d));
    let sizes: Option<Vec<usize>> = dims.iter().skip(1).map(|&d| size(d)).collect();
    let nhwc = [Role::Unit, Role::Height, Role::Width, Role::Channels];
    let (shape, view) = match (sizes.as_deref(), stated) {
        (Some(&[len]), Some(shape)) if shape.checked().is_some() && shape.len() == len => {
            (shape, View::vector(len))
        }
        (Some(&[len]), Some(shape)) => {
            let what = format!("has {len} values, and an image of {shape} has another number");
            return Err(fault(what));
        }
        (Some(&[len]), None) => {
            let what = format!(
                "is a flat vector of {len} values; state the image's shape (`--shape \
                 CHANNELS,HEIGHT,WIDTH`)"
            );
            return Err(fault(what));
        }
        (Some(&[a, b, c]), stated) => {
            let (first, last) = (Shape::new(a, b, c), Shape::new(c, a, b));
            // Pictures have few channels: rows come first where the last size alone is so small.
            let channels_last = match stated {
                Some(shape) if shape == first => false,
                Some(shape) if shape == last => true,
                Some(shape) => {
                    return Err(fault(format!("is an image of {first}, not {shape}")));
                }
                None => c <= 4 && a > 4,
            };
            if channels_last {
                (last, View::of_roles(&nhwc, last))
            } else {
                (first, View::map(first))
            }
        }
        (None, Some(shape)) if dims.len() == 4 => {
            let fits = |order: [usize; 3]| {
                dims[1..].iter().zip(order).all(|(&d, size)| d <= 0 || d as u64 == size as u64)
            };
            let Shape { channels, height, width } = shape;
            if fits([channels, height, width]) {
                (shape, View::map(shape))
            } else if fits([height, width, channels]) {
                (shape, View::of_roles(&nhwc, shape))
            } else {
                return Err(fault(format!("has the shape {dims:?}, which {shape} does not fit")));
            }
        }
        (None, None) if dims.len() == 4 => {
            return Err(fault(format!(
                "leaves sizes open ({dims:?}); state them with `--shape CHANNELS,HEIGHT,WIDTH`"
            )));
        }
        _ => {
            return Err(fault(format!(
                "has the shape {dims:?}; it must be batch × channels × height × width"
            )));
        }
    };
    match shape.checked() {
        Some(shape) => Ok((batch, shape, view)),
        None => Err(fault(format!("of shape {dims:?} is too large"))),
    }
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

    /// The names, or numbers for as many outputs.
    fn class_names(&self, outputs: usize) -> Vec<String> {
        match self.classes.is_empty() {
            false => self.classes.clone(),
            true => (0..outputs).map(|i| format!("class {i}")).collect(),
        }
    }
}
