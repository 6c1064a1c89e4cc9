//! Addition, multiplication and their like: with constants, which are folded, or of several tensors.

use super::attributes::Attributes;
use super::constant::Constant;
use super::fault::NodeFault;
use super::fold::broadcast_places;
use super::graph;
use super::lower::{Fault, Lowering};
use super::proto::Node;
use super::value::{Body, Value, gathered};
use crate::FloatFunction;

impl Lowering<'_> {
    pub(super) fn arithmetic(&mut self, node: &Node) -> Result<Value, Fault> {
        let varying: Vec<usize> = (0..node.input.len()).filter(|&i| self.varies(node, i)).collect();
        let operator = &node.op_type[..];
        match (&varying[..], operator) {
            ([_], "Neg") => {
                let value = self.take(node, 0)?;
                self.affine(&graph::name(node), value, &[-1.0], &[0.0])
            }
            ([i], _) => self.with_constants(node, *i),
            (all, "Add" | "Sum") => self.sum(node, all),
            ([a, b], "Sub") => {
                let (x, y) = (self.take(node, *a)?, self.take(node, *b)?);
                let name = graph::name(node);
                let y = self.affine(&name, y, &[-1.0], &[0.0])?;
                self.plus(&name, x, y)
            }
            (_, "Mul") => Err(NodeFault::Structure(
                "multiplies two tensors that both depend on the image, as squeeze-and-excitation \
                 does; use a network without it, such as EfficientNet-Lite or RegNet-X"
                    .into(),
            )
            .into()),
            _ => Err(NodeFault::Structure("divides by what depends on the image".into()).into()),
        }
    }

    fn sum(&mut self, node: &Node, inputs: &[usize]) -> Result<Value, Fault> {
        let name = graph::name(node);
        let mut all = None;
        for &i in inputs {
            let value = self.take(node, i)?;
            all = Some(match all {
                None => value,
                Some(sum) => self.plus(&name, sum, value)?,
            });
        }
        let all = all.ok_or(NodeFault::Missing("input"))?;
        for i in (0..node.input.len()).filter(|i| !inputs.contains(i)) {
            if self.constant(node, i)?.is_some_and(|c| (0..c.len()).any(|i| c.at(i) != 0.0)) {
                return Err(
                    NodeFault::Unsupported("a constant beside several tensors".into()).into()
                );
            }
        }
        Ok(all)
    }

    /// The sum of two tensors of one shape.
    fn plus(&mut self, name: &str, a: Value, b: Value) -> Result<Value, Fault> {
        let (a, roles) = self.layout(name, a)?;
        let (b, others) = self.layout(name, b)?;
        let (a, b) = (self.build.unpadded(name, a)?, self.build.unpadded(name, b)?);
        if a.shape != b.shape || roles != others {
            return Err(NodeFault::Shape(format!(
                "adds tensors of {:?} and {:?}; only tensors of one shape",
                a.view.dims(),
                b.view.dims()
            ))
            .into());
        }
        let (shape, view) = (a.shape, a.view.clone());
        let (mut sum, other) = (self.build.open(name, a)?, self.build.open(name, b)?);
        sum.terms.extend(other.terms);
        sum.skips.extend(other.skips);
        let biases = sum.bias.len().max(other.bias.len());
        let [x, y] = [&sum.bias, &other.bias].map(|bias| super::value::spread(bias, biases));
        sum.bias = x.iter().zip(y).map(|(a, b)| a + b).collect();
        sum.node = name.into();
        Ok(Value::new(Body::Open(sum), shape).with_view(view))
    }

    fn with_constants(&mut self, node: &Node, i: usize) -> Result<Value, Fault> {
        let name = graph::name(node);
        let mut value = self.take(node, i)?;
        for j in (0..node.input.len()).filter(|&j| j != i) {
            let Some(constant) = self.constant(node, j)? else { continue };
            let values = per_value(&value, &constant)?;
            let (one, zero) = (vec![1.0], vec![0.0]);
            let negated = |v: Vec<f64>| v.iter().map(|v| -v).collect::<Vec<_>>();
            let (scale, shift) = match (&node.op_type[..], i == 0) {
                ("Add" | "Sum", _) => (one, values),
                ("Sub", true) => (one, negated(values)),
                ("Sub", false) => (vec![-1.0], values),
                ("Mul", _) => (values, zero),
                ("Div", true) => (values.iter().map(|v| v.recip()).collect(), zero),
                _ => {
                    return Err(
                        NodeFault::Unsupported("a constant divided by the tensor".into()).into()
                    );
                }
            };
            value = self.affine(&name, value, &scale, &shift)?;
        }
        Ok(value)
    }

    pub(super) fn batch_normalization(&mut self, node: &Node) -> Result<Value, Fault> {
        let attributes = Attributes::of(node);
        // Before opset 14 the further outputs tell that statistics are those of the batch.
        let outputs = node.output.iter().filter(|name| !name.is_empty()).count();
        if attributes.int("training_mode", 0) != 0 || outputs > 1 {
            return Err(NodeFault::Unsupported(
                "training mode; call model.eval() before the export".into(),
            )
            .into());
        }
        let mut parameters = Vec::with_capacity(4);
        for (i, what) in [(1, "scale"), (2, "bias"), (3, "mean"), (4, "variance")] {
            parameters.push(self.floats(node, i, what)?);
        }
        let value = self.take(node, 0)?;
        let channels = value.view.dims().get(1).copied().unwrap_or(1);
        if parameters.iter().any(|p| p.len() != channels) {
            let what = format!("its parameters are not {channels} values");
            return Err(NodeFault::Shape(what).into());
        }
        let epsilon = f64::from(attributes.float("epsilon", 1e-5));
        let [gain, offset, mean, variance] = [0, 1, 2, 3].map(|i| &parameters[i]);
        let scale: Vec<f64> =
            (0..channels).map(|c| gain.at(c) / (variance.at(c) + epsilon).sqrt()).collect();
        let shift = (0..channels).map(|c| offset.at(c) - mean.at(c) * scale[c]);
        // One value for each step along axis 1.
        let column = |values: Vec<f64>| {
            let mut dims = vec![1; value.view.rank()];
            if let Some(axis) = dims.get_mut(1) {
                *axis = channels;
            }
            values_of(&value, &dims, &values)
        };
        let (scale, shift) = (column(scale.clone())?, column(shift.collect())?);
        self.affine(&graph::name(node), value, &scale, &shift)
    }

    /// scale·x + shift, folded into what comes before or after.
    pub(super) fn affine(
        &mut self,
        name: &str,
        value: Value,
        scale: &[f64],
        shift: &[f64],
    ) -> Result<Value, Fault> {
        if scale.iter().chain(shift).any(|v| !v.is_finite()) {
            return Err(NodeFault::Unsupported(
                "a constant that is infinite or not a number".into(),
            )
            .into());
        }
        let mut value = match value.padding.is_none() || shift.iter().all(|&s| s == 0.0) {
            true => value,
            false => self.build.unpadded(name, value)?,
        };
        if let Body::Open(open) = &mut value.body {
            if self.build.affine(name, open, scale, shift)? {
                return Ok(value);
            }
            value = self.build.seal(name, value)?;
        }
        if let Body::Made(made) = &mut value.body {
            made.affine(scale, shift);
            let channels = self.build.shapes[made.tensor].channels;
            made.scale = gathered(std::mem::take(&mut made.scale), channels);
            made.shift = gathered(std::mem::take(&mut made.shift), channels);
            self.build.hold(made.scale.len() + made.shift.len())?;
        }
        Ok(value)
    }

    /// min(max(alpha·x + beta, 0), 1).
    pub(super) fn hard_sigmoid(&mut self, node: &Node) -> Result<Value, Fault> {
        let (attributes, name) = (Attributes::of(node), graph::name(node));
        let (alpha, beta) = (attributes.float("alpha", 0.2), attributes.float("beta", 0.5));
        let value = self.take(node, 0)?;
        let value = self.affine(&name, value, &[alpha.into()], &[beta.into()])?;
        Ok(self.build.activate(&name, value, FloatFunction::Clamp { least: 0.0, most: 1.0 })?)
    }

    /// x·min(max(x + 3, 0), 6).
    pub(super) fn hard_swish_6(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let value = self.take(node, 0)?;
        let value = self.build.activate(&name, value, FloatFunction::HardSwish)?;
        self.affine(&name, value, &[6.0], &[0.0])
    }
}

/// A constant's value for each of the tensor's values, one alone, or one for each channel.
fn per_value(value: &Value, constant: &Constant) -> Result<Vec<f64>, NodeFault> {
    let values: Vec<f64> = (0..constant.len()).map(|i| constant.at(i)).collect();
    values_of(value, &constant.dims, &values)
}

fn values_of(value: &Value, dims: &[usize], values: &[f64]) -> Result<Vec<f64>, NodeFault> {
    if let [one] = values {
        return Ok(vec![*one]);
    }
    if !value.padding.is_none() {
        return Err(NodeFault::Unsupported("a constant of many values behind a padding".into()));
    }
    let own = value.view.dims();
    let places = broadcast_places(dims, &own).ok_or_else(|| {
        NodeFault::Shape(format!("a constant of shape {dims:?} beside a tensor of {own:?}"))
    })?;
    let mut placed = vec![0.0; places.len()];
    for (at, from) in value.view.order().into_iter().zip(places) {
        placed[at] = values[from as usize];
    }
    Ok(gathered(placed, value.shape.channels))
}
