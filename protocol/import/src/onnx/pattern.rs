//! Activations and poolings that are spelled out in pieces, recognised before anything is lowered.

use std::collections::HashMap;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::attributes::Attributes;
use super::fault::OnnxFault;
use super::graph::{Constants, Source, makers, ordered};
use super::proto::{Attribute, Node};

/// Puts one node in the place of each group that computes a known activation or pooling.
pub(super) fn recognise(source: &mut Source<'_>) -> Result<(), OnnxFault> {
    let makers = makers(&source.nodes);
    for i in 0..source.nodes.len() {
        let mut group =
            Group { nodes: &source.nodes, makers: &makers, constants: &mut source.constants };
        if let Some((operator, input, attribute)) = group.found(i) {
            let node = &mut source.nodes[i];
            node.op_type = operator.into();
            node.input = vec![input];
            node.attribute = attribute;
        }
    }
    source.nodes = ordered(&source.nodes, &source.output)?;
    Ok(())
}

pub(super) struct Group<'a, 'b> {
    nodes: &'a [Node],
    makers: &'a HashMap<String, usize>,
    pub(super) constants: &'a mut Constants<'b>,
}

/// The operator that is put in, what it reads, and its attributes.
pub(super) type Found = (&'static str, String, Vec<Attribute>);

impl Group<'_, '_> {
    /// The node that yields a tensor.
    pub(super) fn maker(&self, name: &str) -> Option<&Node> {
        self.makers.get(name).map(|&i| &self.nodes[i])
    }

    /// The tensor and the constant of an operator of two, in either order.
    fn with_constant(&mut self, node: &Node) -> Option<(String, f64)> {
        let [a, b] = &node.input[..] else { return None };
        match (self.constants.scalar(a), self.constants.scalar(b)) {
            (None, Some(value)) => Some((a.clone(), value)),
            (Some(value), None) if node.op_type != "Div" && node.op_type != "Sub" => {
                Some((b.clone(), value))
            }
            _ => None,
        }
    }

    fn found(&mut self, i: usize) -> Option<Found> {
        let node = self.nodes[i].clone();
        match &node.op_type[..] {
            "Mul" => self.product(&node),
            "Where" => self.threshold(&node),
            "Max" => self.leaky(&node),
            "Div" => self.adaptive_pooling(&node),
            _ => None,
        }
    }

    fn product(&mut self, node: &Node) -> Option<Found> {
        let [a, b] = &node.input[..] else { return None };
        for (x, gate) in [(a, b), (b, a)] {
            if let Some(found) = self.gated(x, gate) {
                return Some((found, x.clone(), vec![]));
            }
        }
        self.gelu(node)
    }

    /// The operator that is x times `gate`, a function of x.
    fn gated(&mut self, x: &str, gate: &str) -> Option<&'static str> {
        let maker = self.maker(gate)?.clone();
        let reads_x = maker.input.first().is_some_and(|name| name == x);
        match &maker.op_type[..] {
            "Sigmoid" if reads_x => Some("Swish"),
            "Tanh" => {
                let inner = self.maker(maker.input.first()?)?;
                let reads_x = inner.input.first().is_some_and(|name| name == x);
                (inner.op_type == "Softplus" && reads_x).then_some("Mish")
            }
            "HardSigmoid" if reads_x => {
                let attributes = Attributes::of(&maker);
                let (alpha, beta) = (attributes.float("alpha", 0.2), attributes.float("beta", 0.5));
                ((alpha - 1.0 / 6.0).abs() < 1e-4 && beta == 0.5).then_some("HardSwish")
            }
            "Clip" | "Min" => self.relu6_of_more(&maker, x).then_some("HardSwish6"),
            "Div" | "Mul" => {
                let (inner, by) = self.with_constant(&maker)?;
                let sixth = if maker.op_type == "Div" { 1.0 / by } else { by };
                let clip = self.maker(&inner)?.clone();
                ((sixth - 1.0 / 6.0).abs() < 1e-4 && self.relu6_of_more(&clip, x))
                    .then_some("HardSwish")
            }
            _ => None,
        }
    }

    /// Whether `node` is min(max(x + 3, 0), 6).
    fn relu6_of_more(&mut self, node: &Node, x: &str) -> bool {
        let inner = match &node.op_type[..] {
            "Clip" => {
                let attributes = Attributes::of(node);
                let mut bound = |i: usize, name: &str| {
                    let input = node.input.get(i).and_then(|name| self.constants.scalar(name));
                    input.or(attributes.float_if_given(name).map(f64::from))
                };
                let bounds = (bound(1, "min"), bound(2, "max"));
                if bounds != (Some(0.0), Some(6.0)) {
                    return false;
                }
                node.input.first().cloned()
            }
            "Min" => match self.with_constant(node) {
                Some((inner, 6.0)) => match self.maker(&inner) {
                    Some(relu) if relu.op_type == "Relu" => relu.input.first().cloned(),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        let Some(add) = inner.and_then(|inner| self.maker(&inner).cloned()) else { return false };
        add.op_type == "Add" && self.with_constant(&add) == Some((x.into(), 3.0))
    }

    /// x·(1 + erf(x/√2))/2 with the half at either place.
    fn gelu(&mut self, node: &Node) -> Option<Found> {
        if let Some((inner, 0.5)) = self.with_constant(node) {
            let product = self.maker(&inner).filter(|n| n.op_type == "Mul")?.clone();
            let [a, b] = &product.input[..] else { return None };
            let pair = [(a, b), (b, a)];
            return pair.into_iter().find_map(|(x, gate)| self.one_and_odd(x, gate));
        }
        let [a, b] = &node.input[..] else { return None };
        for (half, gate) in [(a, b), (b, a)] {
            let Some(maker) = self.maker(half).filter(|n| n.op_type == "Mul").cloned() else {
                continue;
            };
            let Some((x, 0.5)) = self.with_constant(&maker) else { continue };
            if let Some(found) = self.one_and_odd(&x, gate) {
                return Some(found);
            }
        }
        None
    }

    /// GELU of x, if `gate` is 1 + erf(x/√2), or by tanh.
    fn one_and_odd(&mut self, x: &str, gate: &str) -> Option<Found> {
        let add = self.maker(gate).filter(|n| n.op_type == "Add")?.clone();
        let (odd, 1.0) = self.with_constant(&add)? else { return None };
        let odd = self.maker(&odd)?.clone();
        let inner = self.maker(odd.input.first()?)?.clone();
        let (inside, by) = self.with_constant(&inner)?;
        let by = if inner.op_type == "Div" { 1.0 / by } else { by };
        let near = |value: f64| (by - value).abs() < 1e-4;
        match &odd.op_type[..] {
            "Erf" if inside == x && near(FRAC_1_SQRT_2) => Some(("Gelu", x.into(), vec![])),
            "Tanh" if near(FRAC_2_SQRT_PI * FRAC_1_SQRT_2) && self.cubic(&inside, x) => {
                let (name, s) = ("approximate".into(), b"tanh".to_vec());
                Some(("Gelu", x.into(), vec![Attribute { name, s, ..Attribute::default() }]))
            }
            _ => None,
        }
    }

    /// Whether a tensor is x + 0.044715·x³.
    fn cubic(&mut self, name: &str, x: &str) -> bool {
        let Some(sum) = self.maker(name).filter(|n| n.op_type == "Add").cloned() else {
            return false;
        };
        let Some(scaled) = sum.input.iter().find(|input| *input != x) else { return false };
        let Some(scaled) = self.maker(scaled).filter(|n| n.op_type == "Mul").cloned() else {
            return false;
        };
        let Some((cube, by)) = self.with_constant(&scaled) else { return false };
        let Some(cube) = self.maker(&cube).cloned() else { return false };
        let cubed = match &cube.op_type[..] {
            "Pow" => self.with_constant(&cube) == Some((x.into(), 3.0)),
            "Mul" => {
                let other = cube.input.iter().find(|input| *input != x);
                let square = other.and_then(|name| self.maker(name));
                let squared = square
                    .is_some_and(|n| n.op_type == "Mul" && n.input.iter().all(|input| input == x));
                squared && cube.input.iter().any(|input| input == x)
            }
            _ => false,
        };
        cubed && (by - 0.044715).abs() < 1e-5 && sum.input.iter().any(|input| input == x)
    }

    /// Where(x ≤ 0, 0, x) and Where(x > 0, x, 0).
    fn threshold(&mut self, node: &Node) -> Option<Found> {
        let [mask, yes, no] = &node.input[..] else { return None };
        let compare = self.maker(mask)?.clone();
        let (x, 0.0) = self.with_constant(&compare)? else { return None };
        if compare.input.first() != Some(&x) {
            return None;
        }
        let (kept, zero) = match &compare.op_type[..] {
            "LessOrEqual" | "Less" => (no, yes),
            "Greater" | "GreaterOrEqual" => (yes, no),
            _ => return None,
        };
        (*kept == x && self.constants.scalar(zero) == Some(0.0)).then(|| ("Relu", x, vec![]))
    }

    /// max(x, a·x) for 0 ≤ a < 1.
    fn leaky(&mut self, node: &Node) -> Option<Found> {
        let [a, b] = &node.input[..] else { return None };
        for (x, scaled) in [(a, b), (b, a)] {
            let Some(maker) = self.maker(scaled).filter(|n| n.op_type == "Mul").cloned() else {
                continue;
            };
            if let Some((inner, slope)) = self.with_constant(&maker)
                && inner == *x
                && (0.0..1.0).contains(&slope)
            {
                let alpha =
                    Attribute { name: "alpha".into(), f: slope as f32, ..Attribute::default() };
                return Some(("LeakyRelu", x.clone(), vec![alpha]));
            }
        }
        None
    }
}
