//! What a network ends in: probabilities, labels, or the values themselves.

use super::attributes::Attributes;
use super::build::Build;
use super::constant::{Constant, position};
use super::fault::{NodeFault, OnnxFault};
use super::graph::{Constants, Source, at};
use super::proto::Node;
use super::value::{Body, Value};
use crate::{FloatHead, FloatNode};
use gazelle_model::Padding;

/// The last steps, which keep the values' order and are the head's business.
pub(super) struct Tail {
    head: Option<FloatHead>,
    /// A step that works along the classes, and along which axis.
    along: Option<(Node, i64)>,
}

/// Takes the last steps off the graph.
pub(super) fn cut(source: &mut Source<'_>) -> Result<Tail, OnnxFault> {
    let mut tail = Tail { head: None, along: None };
    loop {
        let made = |node: &Node| node.output.contains(&source.output);
        let Some(last) = source.nodes.iter().rposition(made) else { return Ok(tail) };
        let node = source.nodes[last].clone();
        let attributes = Attributes::of(&node);
        let axis = |default| attributes.int("axis", default);
        match &node.op_type[..] {
            "Identity" => {}
            // Rounding and bounds keep the values' order.
            "QuantizeLinear" | "DequantizeLinear" if has_one_scale(&node, source) => {}
            // Labels are whole numbers of whatever type.
            "Cast" if tail.head.is_none() && tail.along.is_none() => {}
            "Softmax" | "LogSoftmax"
                if tail.along.as_ref().is_none_or(|(n, _)| n.op_type != "Sigmoid") =>
            {
                tail.along.get_or_insert((node.clone(), axis(-1)));
            }
            "ArgMax" if tail.head.is_none() => {
                tail.along = Some((node.clone(), axis(0)));
                tail.head = Some(FloatHead::Class);
            }
            "TopK" if tail.head.is_none() => {
                tail.along = Some((node.clone(), axis(-1)));
                tail.head = Some(FloatHead::Top(count(&node, &attributes, &mut source.constants)));
            }
            "Sigmoid" if tail.head.is_none() && tail.along.is_none() => {
                tail.along = Some((node.clone(), 1));
                tail.head = Some(FloatHead::Thresholds);
            }
            _ => return Ok(tail),
        }
        source.output.clone_from(node.input.first().unwrap_or(&String::new()));
        let used = super::graph::ordered(&source.nodes, &source.output)?;
        if used.is_empty() {
            return Err(at(&node, NodeFault::Structure("is all that there is".into())));
        }
        source.nodes = used;
    }
}

fn has_one_scale(node: &Node, source: &mut Source<'_>) -> bool {
    let scale = node.input.get(1).and_then(|name| source.constants.scalar(name));
    scale.is_some_and(|scale| scale > 0.0)
}

fn count(node: &Node, attributes: &Attributes<'_>, constants: &mut Constants<'_>) -> u32 {
    let input = node.input.get(1).and_then(|name| constants.find(name).ok().flatten());
    let count = input.as_ref().and_then(Constant::scalar).unwrap_or(attributes.int("k", 1) as f64);
    count.clamp(0.0, 1e6) as u32
}

impl Tail {
    /// The tensor that the head reads, and the head.
    pub(super) fn finish(
        self,
        build: &mut Build,
        value: Value,
    ) -> Result<(usize, f64, FloatHead), OnnxFault> {
        let dims = value.view.dims();
        let interface = |what: String| OnnxFault::Interface(what);
        if dims.iter().filter(|&&d| d > 1).count() > 1 {
            return Err(interface(format!(
                "the network ends in a tensor of {dims:?}; it must be one vector of class values for \
                 an image: pool or flatten the map, or choose another output"
            )));
        }
        let classes = dims.iter().product::<usize>();
        let place = dims.iter().position(|&d| d > 1);
        if let Some((node, axis)) = &self.along {
            let along = position(*axis, dims.len());
            let fits = node.op_type == "Sigmoid" || place.is_none_or(|p| along == Some(p));
            if !fits {
                let what = "an axis other than the classes'";
                return Err(at(node, NodeFault::Unsupported(what.into())));
            }
            if classes == 1 && node.op_type != "Sigmoid" {
                let what = "one value alone, of which it always tells the same; use a Sigmoid";
                return Err(at(node, NodeFault::Unsupported(what.into())));
            }
        }
        let head = match self.head {
            // A logit of at least 0 is a probability of at least one half.
            None | Some(FloatHead::Class) if classes == 1 => FloatHead::Thresholds,
            head => head.unwrap_or(FloatHead::Class),
        };
        let name = "output";
        let plain =
            |fault: NodeFault| OnnxFault::Interface(format!("the network's output: {fault}"));
        let (tensor, scale) = readable(build, name, value).map_err(plain)?;
        Ok((tensor, scale, head))
    }
}

/// A tensor of the graph that has the values' order and signs, and what it is multiplied by.
fn readable(build: &mut Build, name: &str, value: Value) -> Result<(usize, f64), NodeFault> {
    let value = build.unpadded(name, value)?;
    if value.view.order().iter().enumerate().any(|(i, &place)| i != place) {
        return Err(super::build::mixed());
    }
    let value = match &value.body {
        Body::Open(open) if open.pool.is_some() => build.seal(name, value)?,
        _ => value,
    };
    let open = match value.body {
        Body::Open(open) => open,
        Body::Made(made) => {
            // The channels of a concatenation, pooled or not, have units of their own.
            let mixed = made.tensor.checked_sub(1).is_none_or(|i| match build.nodes[i] {
                FloatNode::Concat(_) | FloatNode::Select(_) => true,
                FloatNode::Linear(_) | FloatNode::Sum(_) => false,
                _ => !build.has_one_unit(made.tensor),
            });
            match made.factor() {
                Some(factor) if made.is_plain() && !mixed => return Ok((made.tensor, factor)),
                _ => build.identity(name, &made, Padding::NONE)?,
            }
        }
    };
    Ok((build.sums(open)?, 1.0))
}
