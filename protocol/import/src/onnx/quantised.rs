//! Files that are quantised already (QuantizeLinear and DequantizeLinear around each tensor): the
//! network in floating point that they stand for, with the ranges that they state.

use super::attributes::Attributes;
use super::constant::{Constant, Values, position};
use super::fold::broadcast_places;
use super::graph::Constants;
use super::proto::{Attribute, Node, data_type};

/// Values along the axis that the node names, one for all or one each.
fn along(x: &Constant, values: &Constant, attributes: &Attributes<'_>) -> Option<Vec<usize>> {
    let axis = position(attributes.int("axis", 1), x.dims.len().max(1))?;
    let mut dims = vec![1; x.dims.len()];
    match values.len() {
        1 => {}
        len if x.dims.get(axis) == Some(&len) => dims[axis] = len,
        _ => return None,
    }
    broadcast_places(&dims, &x.dims)
}

/// What DequantizeLinear makes of a constant: (x − zero)·scale.
pub(super) fn dequantise(
    x: &Constant,
    scale: &Constant,
    zero: Option<&Constant>,
    attributes: &Attributes<'_>,
) -> Option<Constant> {
    let scales = along(x, scale, attributes)?;
    let none = Constant::ints(vec![0]);
    let zero = zero.unwrap_or(&none);
    let zeros = along(x, zero, attributes)?;
    let value = |i: usize| ((x.at(i) - zero.at(zeros[i])) * scale.at(scales[i])) as f32;
    let values = Values::Floats((0..x.len()).map(value).collect());
    Some(Constant { dims: x.dims.clone(), values })
}

/// What stands for a DequantizeLinear of a QuantizeLinear: bounds, those of its integers.
#[derive(PartialEq)]
pub(super) struct Stated {
    pub(super) least: f32,
    pub(super) most: f32,
}

impl Stated {
    /// Of a node with one scale and one zero point.
    pub(super) fn read(node: &Node, constants: &mut Constants<'_>) -> Option<Self> {
        let scale = constants.scalar(node.input.get(1)?)?;
        let name = node.input.get(2).filter(|name| !name.is_empty());
        let (zero, signed) = match name {
            None => (0.0, false),
            Some(name) => (constants.scalar(name)?, constants.is_of(name, data_type::INT8)),
        };
        let (low, high) = if signed { (-128.0, 127.0) } else { (0.0, 255.0) };
        let (least, most) = ((low - zero) * scale, (high - zero) * scale);
        (scale > 0.0 && least <= 0.0 && most >= 0.0)
            .then_some(Self { least: least as f32, most: most as f32 })
    }

    /// As the attributes of a Clip.
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        let attribute = |name: &str, f| Attribute { name: name.into(), f, ..Attribute::default() };
        vec![attribute("min", self.least), attribute("max", self.most)]
    }

    /// Whether a node keeps exactly these bounds.
    pub(super) fn is_kept_by(&self, node: &Node) -> bool {
        let attributes = Attributes::of(node);
        node.op_type == "Clip"
            && attributes.float_if_given("min") == Some(self.least)
            && attributes.float_if_given("max") == Some(self.most)
    }
}

/// Whether results of the operator are among the values that it reads.
pub(super) fn keeps_values(operator: &str) -> bool {
    matches!(
        operator,
        "MaxPool"
            | "GlobalMaxPool"
            | "Reshape"
            | "Flatten"
            | "Squeeze"
            | "Unsqueeze"
            | "Transpose"
            | "Identity"
    )
}
