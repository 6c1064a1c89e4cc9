//! Activations that bend on one side otherwise than on the other: ELU, Mish and their like.

use std::f32::consts::LN_2;

use super::attributes::Attributes;
use super::build::Build;
use super::fault::NodeFault;
use super::graph;
use super::lower::{Fault, Lowering};
use super::proto::Node;
use super::value::{Made, Value};
use crate::{Bend, FloatActivation, FloatFunction, FloatNode};

impl Lowering<'_> {
    /// outer·b(inner·x) of a bend b.
    pub(super) fn bent(&mut self, node: &Node) -> Result<Value, Fault> {
        let (attributes, name) = (Attributes::of(node), graph::name(node));
        let default = if node.op_type == "Selu" { 1.673_263_2 } else { 1.0 };
        let alpha = attributes.float("alpha", default);
        if !alpha.is_finite() || alpha <= 0.0 {
            return Err(NodeFault::Unsupported(format!("alpha {alpha}; above 0")).into());
        }
        let (bend, inner, outer) = match &node.op_type[..] {
            "Elu" => (Bend::Elu { alpha }, 1.0, 1.0),
            "Selu" => (Bend::Elu { alpha }, 1.0, attributes.float("gamma", 1.050_701)),
            "Celu" => (Bend::Elu { alpha: 1.0 }, 1.0 / f64::from(alpha), alpha),
            "Mish" => (Bend::Mish, 1.0, 1.0),
            _ => (Bend::Softplus, 1.0, 1.0),
        };
        let value = self.take(node, 0)?;
        let value = self.affine(&name, value, &[inner], &[0.0])?;
        let value = self.build.bent(&name, value, bend)?;
        self.affine(&name, value, &[outer.into()], &[0.0])
    }
}

impl Build {
    /// The bend of `value`: two activations of the same sums, one for its even and one for its odd part,
    /// added.
    fn bent(&mut self, node: &str, value: Value, bend: Bend) -> Result<Value, NodeFault> {
        let view = value.view.clone();
        let open = self.open(node, value)?;
        let input = self.sums(open)?;
        let mut part = |function| {
            let activation = FloatActivation { input, function, max_pool: None };
            self.push(FloatNode::Activation(activation))
        };
        let mut tensor = part(FloatFunction::LessEvenPart(bend))?;
        if !bend.is_even() {
            let odd = part(FloatFunction::LessOddPart(bend))?;
            tensor = self.push(FloatNode::Sum(vec![(tensor, 1.0), (odd, 1.0)]))?;
        }
        let shift = if bend == Bend::Softplus { LN_2.into() } else { 0.0 };
        let made = Made { tensor, scale: vec![1.0], shift: vec![shift] };
        Ok(Value::made(made, self.shapes[tensor]).with_view(view))
    }
}
