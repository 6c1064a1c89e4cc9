//! One ONNX node as one step of a chain.

use std::collections::HashMap;

use super::attributes::Attributes;
use super::constant::{Constant, position, transpose};
use super::fault::NodeFault;
use super::proto::Node;
use super::windows::{self, WindowKind};
use gazelle_model::{Extent, Linear, Shape, Window};

/// The operators that [`read`] and the graph's walk know, for messages.
pub(super) const SUPPORTED: &str = "Conv, Gemm, MatMul, Relu, Clip from 0, MaxPool, \
     GlobalMaxPool, AveragePool, GlobalAveragePool, ReduceMean over the map, BatchNormalization, \
     Add, Sub, Mul and Div by constants, Flatten, Reshape and Squeeze to a vector, Dropout, \
     Identity, Cast, a final Softmax or LogSoftmax, and the constants that compute shapes";

/// A step of the network, in floating point.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// A convolution or a dense layer; weights in the layout of [`Linear`].
    Linear { linear: Linear, weights: Vec<f32>, bias: Vec<f32> },
    /// x·scale + shift, one of each per channel.
    Affine { scale: Vec<f32>, shift: Vec<f32> },
    /// min(max(x, 0), most).
    Relu { most: Option<f32> },
    /// The largest value under each window.
    MaxPool(Window),
    /// The mean under each window, padding counted as zeros.
    AveragePool(Window),
    /// The map becomes a vector.
    Flatten,
    /// The tensor stays what it is.
    Nothing,
    /// A map of class values to probabilities that keeps their order: must be the last.
    Softmax,
}

impl Step {
    /// How many numbers the step holds.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Linear { weights: a, bias: b, .. } | Self::Affine { scale: a, shift: b } => {
                a.len() + b.len()
            }
            _ => 0,
        }
    }
}

/// The tensor that a node reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) shape: Shape,
    /// Whether its rank is 2 (batch and values) and not 4 (batch, channels, rows, columns).
    pub(super) flat: bool,
}

/// A node in its place.
pub(super) struct Context<'a> {
    pub(super) node: &'a Node,
    pub(super) attributes: Attributes<'a>,
    pub(super) constants: &'a HashMap<String, Constant>,
    /// What the network's tensor is before the node.
    pub(super) tensor: Tensor,
    /// The size of the batch dimension in the file.
    pub(super) batch: i64,
}

/// The node's step and the tensor after it; `None` if the operator is not known.
pub(super) fn read(context: &Context<'_>) -> Option<Result<(Step, Tensor), NodeFault>> {
    Some(match &context.node.op_type[..] {
        "Conv" => context.convolution(),
        "Gemm" => context.gemm(),
        "MatMul" => context.matmul(),
        "Relu" => Ok((Step::Relu { most: None }, context.tensor)),
        "Clip" => context.clip(),
        "MaxPool" => context.pool(WindowKind::Max),
        "AveragePool" => context.pool(WindowKind::Average),
        "GlobalMaxPool" => context.global(Step::MaxPool, true),
        "GlobalAveragePool" => context.global(Step::AveragePool, true),
        "ReduceMean" => context.reduce_mean(),
        "BatchNormalization" => context.batch_normalization(),
        "Add" | "Sub" | "Mul" | "Div" => context.arithmetic(),
        "Flatten" => context.flatten(),
        "Reshape" => context.reshape(),
        "Squeeze" => context.squeeze(),
        "Dropout" | "Identity" => Ok((Step::Nothing, context.tensor)),
        "Cast" => context.cast(),
        "Softmax" | "LogSoftmax" => context.softmax(),
        _ => return None,
    })
}

impl Context<'_> {
    pub(super) fn constant(&self, index: usize) -> Option<&Constant> {
        self.constants.get(self.node.input.get(index)?)
    }

    fn floats(&self, index: usize, what: &'static str) -> Result<&[f32], NodeFault> {
        self.constant(index).and_then(Constant::as_floats).ok_or(NodeFault::Missing(what))
    }

    /// An input that may be left out.
    fn optional(&self, index: usize, what: &'static str) -> Result<Option<&Constant>, NodeFault> {
        match self.node.input.get(index).map(String::as_str) {
            None | Some("") => Ok(None),
            Some(_) => self.constant(index).map(Some).ok_or(NodeFault::Missing(what)),
        }
    }

    /// A matrix with its rows and columns.
    fn matrix(&self, index: usize) -> Result<(&[f32], usize, usize), NodeFault> {
        let constant = self.constant(index).ok_or(NodeFault::Missing("matrix of weights"))?;
        match (constant.as_floats(), &constant.dims[..]) {
            (Some(values @ [_, ..]), &[rows, columns]) => Ok((values, rows, columns)),
            _ => Err(NodeFault::Missing("matrix of weights")),
        }
    }

    pub(super) fn map(&self) -> Result<Shape, NodeFault> {
        match self.tensor.flat {
            false => Ok(self.tensor.shape),
            true => Err(NodeFault::Shape("works on a map, but a vector reaches it".into())),
        }
    }

    pub(super) fn vector(&self) -> Result<usize, NodeFault> {
        match self.tensor.flat {
            true => Ok(self.tensor.shape.len()),
            false => Err(NodeFault::Shape(
                "works on a vector, but a map reaches it; put a Flatten before it".into(),
            )),
        }
    }

    fn convolution(&self) -> Result<(Step, Tensor), NodeFault> {
        let input = self.map()?;
        let weights = self.constant(1).ok_or(NodeFault::Missing("weights"))?;
        let (Some(values @ [_, ..]), &[outputs, depth, height, width]) =
            (weights.as_floats(), &weights.dims[..])
        else {
            return Err(NodeFault::Unsupported(format!(
                "weights of shape {:?}: only convolutions over two dimensions",
                weights.dims
            )));
        };
        let groups = usize::try_from(self.attributes.int("group", 1)).unwrap_or(0);
        if groups == 0 || depth.checked_mul(groups) != Some(input.channels) || outputs % groups != 0
        {
            return Err(NodeFault::Shape(format!(
                "{outputs} outputs of {depth} channels in {groups} groups do not fit an input of \
                 {} channels",
                input.channels
            )));
        }
        let bias = match self.optional(2, "bias")? {
            None => vec![0.0; outputs],
            Some(_) => self.floats(2, "bias")?.to_vec(),
        };
        if bias.len() != outputs {
            return Err(NodeFault::Shape(format!("{} biases for {outputs} outputs", bias.len())));
        }
        let kernel = Extent { height, width };
        let window = windows::read(&self.attributes, Some(kernel), input, WindowKind::Convolution)?;
        let linear = Linear::grouped(outputs, window, groups);
        let shape = Shape { channels: outputs, ..windows::slide(&window, input)? };
        let step = Step::Linear { linear, weights: values.to_vec(), bias };
        Ok((step, Tensor { shape, flat: false }))
    }

    fn gemm(&self) -> Result<(Step, Tensor), NodeFault> {
        let inputs = self.vector()?;
        if self.attributes.int("transA", 0) != 0 {
            return Err(NodeFault::Unsupported("transA".into()));
        }
        let (alpha, beta) =
            (self.attributes.float("alpha", 1.0), self.attributes.float("beta", 1.0));
        let (values, rows, columns) = self.matrix(1)?;
        let mut weights = match self.attributes.int("transB", 0) {
            0 => transpose(values, rows, columns),
            _ => values.to_vec(),
        };
        weights.iter_mut().for_each(|w| *w *= alpha);
        let outputs = weights.len() / inputs.max(1);
        let bias = match self.optional(2, "bias")? {
            None => vec![0.0; outputs],
            Some(bias) => per_channel(bias, outputs, 2).ok_or(NodeFault::Missing("bias"))?,
        };
        let bias = bias.iter().map(|b| b * beta).collect();
        let expected = if self.attributes.int("transB", 0) == 0 { rows } else { columns };
        self.dense(inputs, expected, weights, bias)
    }

    fn matmul(&self) -> Result<(Step, Tensor), NodeFault> {
        let inputs = self.vector()?;
        let (values, rows, columns) = self.matrix(1)?;
        self.dense(inputs, rows, transpose(values, rows, columns), vec![0.0; columns])
    }

    fn dense(
        &self,
        inputs: usize,
        expected: usize,
        weights: Vec<f32>,
        bias: Vec<f32>,
    ) -> Result<(Step, Tensor), NodeFault> {
        let outputs = bias.len();
        if inputs != expected || outputs == 0 {
            return Err(NodeFault::Shape(format!(
                "its matrix takes {expected} values, but {inputs} reach it"
            )));
        }
        let step = Step::Linear { linear: Linear::Dense { outputs }, weights, bias };
        Ok((step, Tensor { shape: Shape::flat(outputs), flat: true }))
    }

    /// ReLU6 and its like.
    fn clip(&self) -> Result<(Step, Tensor), NodeFault> {
        let bound = |index, name| {
            let input = self.optional(index, name)?;
            let value = input.and_then(|c| c.as_floats().filter(|v| v.len() == 1).map(|v| v[0]));
            Ok(value.or_else(|| self.attributes.float_if_given(name)))
        };
        let (least, most) = (bound(1, "min")?, bound(2, "max")?);
        if least != Some(0.0) {
            return Err(NodeFault::Unsupported("a lower bound other than 0".into()));
        }
        match most {
            Some(most) if most.is_nan() || most <= 0.0 => {
                Err(NodeFault::Unsupported("an upper bound that is not above 0".into()))
            }
            most => {
                let most = most.filter(|&most| most < f32::MAX);
                Ok((Step::Relu { most }, self.tensor))
            }
        }
    }

    fn pool(&self, kind: WindowKind) -> Result<(Step, Tensor), NodeFault> {
        let input = self.map()?;
        let window = windows::read(&self.attributes, None, input, kind)?;
        let shape = windows::slide(&window, input)?;
        let step = match kind {
            WindowKind::Max => Step::MaxPool(window),
            _ => Step::AveragePool(window),
        };
        Ok((step, Tensor { shape, flat: false }))
    }

    /// A window that covers the map.
    fn global(
        &self,
        step: impl Fn(Window) -> Step,
        keep_rank: bool,
    ) -> Result<(Step, Tensor), NodeFault> {
        let input = self.map()?;
        let window = Window::tiling(input.extent());
        let shape = Shape { height: 1, width: 1, ..input };
        Ok((step(window), Tensor { shape, flat: !keep_rank }))
    }

    fn reduce_mean(&self) -> Result<(Step, Tensor), NodeFault> {
        self.map()?;
        let mut axes = match self.optional(1, "axes")? {
            Some(axes) => axes.as_ints(),
            None => self.attributes.ints("axes"),
        }
        .unwrap_or_default()
        .iter()
        .map(|&axis| position(axis, 4))
        .collect::<Vec<_>>();
        axes.sort_unstable();
        if axes != [Some(2), Some(3)] {
            return Err(NodeFault::Unsupported("a mean over other axes than 2 and 3".into()));
        }
        self.global(Step::AveragePool, self.attributes.int("keepdims", 1) != 0)
    }

    fn batch_normalization(&self) -> Result<(Step, Tensor), NodeFault> {
        if self.attributes.int("training_mode", 0) != 0 {
            return Err(NodeFault::Unsupported(
                "training mode; call model.eval() before the export".into(),
            ));
        }
        let gain = self.floats(1, "scale")?;
        let offset = self.floats(2, "bias")?;
        let (mean, variance) = (self.floats(3, "mean")?, self.floats(4, "variance")?);
        let channels = self.tensor.shape.channels;
        if [gain, offset, mean, variance].iter().any(|values| values.len() != channels) {
            return Err(NodeFault::Shape(format!("its parameters are not {channels} values")));
        }
        let epsilon = self.attributes.float("epsilon", 1e-5);
        let scale: Vec<f32> = gain
            .iter()
            .zip(variance)
            .map(|(&g, &v)| (f64::from(g) / (f64::from(v) + f64::from(epsilon)).sqrt()) as f32)
            .collect();
        let shift = (0..channels).map(|c| offset[c] - mean[c] * scale[c]).collect();
        Ok((Step::Affine { scale, shift }, self.tensor))
    }

    /// The tensor and a constant, one value per channel or one for all.
    fn arithmetic(&self) -> Result<(Step, Tensor), NodeFault> {
        let operator = &self.node.op_type[..];
        let (constant, first) = match (self.constant(0), self.constant(1)) {
            (None, Some(constant)) => (constant, false),
            (Some(constant), None) if operator != "Div" => (constant, true),
            (None, None) => {
                return Err(NodeFault::Unsupported(
                    "two tensors that both depend on the image: branches, such as residual \
                     connections, are not supported"
                        .into(),
                ));
            }
            _ => return Err(NodeFault::Unsupported("a constant divided by the tensor".into())),
        };
        let (channels, rank) = (self.tensor.shape.channels, if self.tensor.flat { 2 } else { 4 });
        let values = per_channel(constant, channels, rank).ok_or_else(|| {
            NodeFault::Unsupported(format!(
                "a constant of shape {:?}; only one value, or one per channel",
                constant.dims
            ))
        })?;
        let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
        let negated = |values: &[f32]| values.iter().map(|v| -v).collect();
        let (scale, shift) = match (operator, first) {
            ("Add", _) => (ones, values),
            ("Sub", false) => (ones, negated(&values)),
            ("Sub", true) => (negated(&ones), values),
            ("Mul", _) => (values, zeros),
            _ => (values.iter().map(|v| v.recip()).collect(), zeros),
        };
        Ok((Step::Affine { scale, shift }, self.tensor))
    }
}

/// One value per channel of a tensor of rank `rank`, as NumPy broadcasts; `None` if the constant
/// varies along another dimension.
fn per_channel(constant: &Constant, channels: usize, rank: usize) -> Option<Vec<f32>> {
    let values = constant.as_floats()?;
    if values.len() == 1 && constant.dims.len() <= rank {
        return Some(vec![values[0]; channels]);
    }
    // Dimensions align at the end; the channels are dimension 1.
    let axis = (constant.dims.len() + 1).checked_sub(rank)?;
    let fits = constant.dims.len() <= rank
        && constant.dims.get(axis) == Some(&channels)
        && values.len() == channels;
    fits.then(|| values.to_vec())
}
