//! Operators that apply a function to every value.

use super::attributes::Attributes;
use super::fault::NodeFault;
use super::lower::{Fault, Lowering};
use super::proto::Node;
use crate::FloatFunction;

impl Lowering<'_> {
    /// The function of a node; `None` if it is none that import knows.
    pub(super) fn function(&mut self, node: &Node) -> Result<Option<FloatFunction>, Fault> {
        let attributes = Attributes::of(node);
        Ok(Some(match &node.op_type[..] {
            "Relu" => FloatFunction::RELU,
            "Clip" => self.clip(node)?,
            "Min" | "Max" => return self.bound(node).map(Some),
            "LeakyRelu" => leaky(vec![attributes.float("alpha", 0.01)])?,
            "PRelu" => {
                let slopes = self.floats(node, 1, "slopes")?;
                leaky(slopes.as_floats().unwrap_or_default().to_vec())?
            }
            "ThresholdedRelu" if attributes.float("alpha", 1.0) == 0.0 => FloatFunction::RELU,
            "HardSwish" => FloatFunction::HardSwish,
            "Swish" if attributes.float("alpha", 1.0) == 1.0 => FloatFunction::Silu,
            "Gelu" if matches!(attributes.text("approximate"), b"" | b"none") => {
                FloatFunction::Gelu
            }
            "Gelu" => FloatFunction::GeluTanh,
            "Sigmoid" => FloatFunction::Sigmoid,
            "Tanh" => FloatFunction::Tanh,
            _ => return Ok(None),
        }))
    }

    fn clip(&mut self, node: &Node) -> Result<FloatFunction, Fault> {
        let attributes = Attributes::of(node);
        let mut bound = |i: usize, name: &'static str, free: f32| -> Result<f32, Fault> {
            if self.varies(node, i) {
                return Err(NodeFault::Missing(name).into());
            }
            match self.constant(node, i)? {
                Some(constant) => match constant.scalar() {
                    Some(value) => Ok(value as f32),
                    None => Err(NodeFault::Missing(name).into()),
                },
                None => Ok(attributes.float_if_given(name).unwrap_or(free)),
            }
        };
        let least = bound(1, "min", f32::NEG_INFINITY)?;
        clamp(least, bound(2, "max", f32::INFINITY)?)
    }

    /// A Min or Max with a constant.
    fn bound(&mut self, node: &Node) -> Result<FloatFunction, Fault> {
        let (mut least, mut most) = (f32::NEG_INFINITY, f32::INFINITY);
        for i in 1..node.input.len() {
            let value = self.constant(node, i)?.and_then(|constant| constant.scalar());
            let value = value.ok_or(NodeFault::Unsupported(
                "the larger or smaller of two tensors; only with one constant, the tensor first"
                    .into(),
            ))?;
            match &node.op_type[..] {
                "Max" => least = least.max(value as f32),
                _ => most = most.min(value as f32),
            }
        }
        clamp(least, most)
    }
}

fn clamp(least: f32, most: f32) -> Result<FloatFunction, Fault> {
    // The largest number there is stands for no bound.
    let least = if least <= f32::MIN { f32::NEG_INFINITY } else { least };
    let most = if most >= f32::MAX { f32::INFINITY } else { most };
    match least < most {
        true => Ok(FloatFunction::Clamp { least, most }),
        false => Err(NodeFault::Unsupported(format!(
            "bounds of {least} and {most}, which leave nothing"
        ))
        .into()),
    }
}

fn leaky(slopes: Vec<f32>) -> Result<FloatFunction, Fault> {
    match !slopes.is_empty() && slopes.iter().all(|slope| (0.0..=1.0).contains(slope)) {
        true => Ok(FloatFunction::Leaky { slopes }),
        false => Err(NodeFault::Unsupported("slopes that are not 0 to 1".into()).into()),
    }
}
