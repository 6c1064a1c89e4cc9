//! Files that are quantised already: the network in floating point that they stand for, with the
//! ranges that they state for activations (QuantizeLinear and DequantizeLinear around each tensor).

use std::collections::HashMap;

use super::attributes::Attributes;
use super::constant::{Constant, Values, position};
use super::graph::{Constants, Source, makers};
use super::proto::{Attribute, Node, data_type};

/// Which of `values`, one for all or one for each step along the axis that the node names, is that of
/// value number i of `x`.
fn along(
    x: &Constant,
    values: &Constant,
    attributes: &Attributes<'_>,
) -> Option<impl Fn(usize) -> usize> {
    let (mut inner, count) = (1, values.len());
    if count != 1 {
        let axis = position(attributes.int("axis", 1), x.dims.len())?;
        inner = Some(x.dims[axis + 1..].iter().product()).filter(|_| x.dims[axis] == count)?;
    }
    Some(move |i: usize| i / inner % count)
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
    let value = |i: usize| ((x.at(i) - zero.at(zeros(i))) * scale.at(scales(i))) as f32;
    let values = Values::Floats((0..x.len()).map(value).collect());
    Some(Constant { dims: x.dims.clone(), values })
}

/// Puts bounds in the place of each QuantizeLinear all of whose readers undo it, and nothing in the
/// place of these.
pub(super) fn undo(source: &mut Source<'_>) {
    let mut readers: HashMap<String, Vec<usize>> = HashMap::new();
    for (i, node) in source.nodes.iter().enumerate() {
        node.input.iter().for_each(|name| readers.entry(name.clone()).or_default().push(i));
    }
    let makers = makers(&source.nodes);
    for i in 0..source.nodes.len() {
        if source.nodes[i].op_type != "QuantizeLinear" {
            continue;
        }
        let Some(unit) = Unit::read(&source.nodes[i], &mut source.constants) else { continue };
        let Some(bounds) = unit.bounds(&source.nodes[i], &source.constants) else { continue };
        let Some(ends) = undone(source, &readers, i, &unit) else { continue };
        for end in ends {
            replace(&mut source.nodes[end], "Identity", vec![]);
        }
        let mut maker = makers.get(&source.nodes[i].input[0]).map(|&m| &source.nodes[m]);
        while let Some(next) = maker.filter(|node| keeps_values(&node.op_type)) {
            maker = next.input.first().and_then(|x| makers.get(x)).map(|&m| &source.nodes[m]);
        }
        let (operator, attribute) = match maker {
            Some(maker) if !bounds.are_kept_by(maker) => ("Clip", bounds.attributes()),
            // An image has bounds of its own.
            _ => ("Identity", vec![]),
        };
        replace(&mut source.nodes[i], operator, attribute);
    }
}

/// The nodes that give real values again, if every way on from node `i` leads over nodes that keep
/// values to one, or to the network's output.
fn undone(
    source: &mut Source<'_>,
    readers: &HashMap<String, Vec<usize>>,
    i: usize,
    unit: &Unit,
) -> Option<Vec<usize>> {
    let (mut ends, mut open) = (Vec::new(), vec![i]);
    while let Some(at) = open.pop() {
        for name in source.nodes[at].output.clone() {
            for &reader in readers.get(&name).map_or(&[][..], Vec::as_slice) {
                let node = &source.nodes[reader];
                if node.input.first() != Some(&name) {
                    return None;
                }
                match &node.op_type[..] {
                    "DequantizeLinear" => {
                        let same = Unit::read(node, &mut source.constants)? == *unit;
                        ends.push(Some(reader).filter(|_| same)?);
                    }
                    other if keeps_values(other) => open.push(reader),
                    _ => return None,
                }
            }
        }
    }
    Some(ends)
}

fn replace(node: &mut Node, operator: &str, attribute: Vec<Attribute>) {
    node.op_type = operator.into();
    node.input.truncate(1);
    node.attribute = attribute;
}

/// The one scale and the one zero point of a node.
#[derive(PartialEq)]
struct Unit {
    scale: f64,
    zero: f64,
}

impl Unit {
    fn read(node: &Node, constants: &mut Constants<'_>) -> Option<Self> {
        let scale = constants.scalar(node.input.get(1)?)?;
        let zero = match node.input.get(2).filter(|name| !name.is_empty()) {
            None => 0.0,
            Some(name) => constants.scalar(name)?,
        };
        Some(Self { scale, zero })
    }

    /// What the integers that the node makes stand for at most and at least.
    fn bounds(&self, node: &Node, constants: &Constants<'_>) -> Option<Bounds> {
        let kind = match node.input.get(2).filter(|name| !name.is_empty()) {
            None => Attributes::of(node).int("output_dtype", 0),
            Some(name) => constants.kind(name)?.into(),
        };
        let (low, high): (i32, i32) = match i32::try_from(kind).ok()? {
            0 | data_type::UINT8 => (0, 255),
            data_type::INT8 => (-128, 127),
            data_type::UINT16 => (0, 65535),
            data_type::INT16 => (-32768, 32767),
            _ => return None,
        };
        let [least, most] = [low, high].map(|x| ((f64::from(x) - self.zero) * self.scale) as f32);
        (self.scale > 0.0 && least <= 0.0 && most >= 0.0).then_some(Bounds { least, most })
    }
}

/// The bounds of a tensor's values.
struct Bounds {
    least: f32,
    most: f32,
}

impl Bounds {
    /// As the attributes of a Clip.
    fn attributes(&self) -> Vec<Attribute> {
        let attribute = |name: &str, f| Attribute { name: name.into(), f, ..Attribute::default() };
        vec![attribute("min", self.least), attribute("max", self.most)]
    }

    /// Whether a node keeps exactly these bounds.
    fn are_kept_by(&self, node: &Node) -> bool {
        let attributes = Attributes::of(node);
        node.op_type == "Clip"
            && attributes.float_if_given("min") == Some(self.least)
            && attributes.float_if_given("max") == Some(self.most)
    }
}

/// Whether results of the operator are among the values that it reads first.
fn keeps_values(operator: &str) -> bool {
    matches!(
        operator,
        "MaxPool"
            | "GlobalMaxPool"
            | "Reshape"
            | "Flatten"
            | "Squeeze"
            | "Unsqueeze"
            | "Transpose"
            | "Slice"
            | "Split"
            | "Gather"
            | "Identity"
    )
}
