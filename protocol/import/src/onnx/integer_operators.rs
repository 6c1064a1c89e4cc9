//! ONNX Runtime's operators on integers, written out as operators on the real numbers that the
//! integers stand for, between QuantizeLinear and DequantizeLinear.

use std::collections::HashSet;

use super::attributes::Attributes;
use super::proto::{Attribute, Node};

/// The nodes with every operator on integers that is known written out.
pub(super) fn written_out(nodes: &[Node]) -> Vec<Node> {
    let scaled = |node: &&Node| node.op_type == "DynamicQuantizeLinear";
    let measured = nodes.iter().filter(scaled).filter_map(|node| node.output.get(2)).collect();
    let mut writer = Writer { nodes: Vec::with_capacity(nodes.len()), measured };
    for node in nodes {
        if writer.write(node).is_none() {
            writer.nodes.push(node.clone());
        }
    }
    writer.nodes
}

struct Writer<'a> {
    nodes: Vec<Node>,
    /// The zero points that are measured on each image.
    measured: HashSet<&'a String>,
}

impl Writer<'_> {
    /// Appends what the node stands for; `None` if it is none of these operators.
    fn write(&mut self, node: &Node) -> Option<()> {
        let known = matches!(&node.domain[..], "" | "ai.onnx" | "com.microsoft");
        let real = node.op_type.strip_prefix("QLinear").unwrap_or(&node.op_type);
        match &node.op_type[..] {
            _ if !known => None,
            "QLinearConv" => {
                let weights = self.real(node, 3, 0)?;
                let inputs = [Some(self.real(node, 0, 1)?), Some(weights), self.bias(node, 8)];
                self.quantised(node, real, inputs.into_iter().flatten().collect(), 6)
            }
            "QLinearMatMul" | "QLinearAdd" | "QLinearMul" => {
                let inputs = vec![self.real(node, 0, 1)?, self.real(node, 3, 1)?];
                self.quantised(node, real, inputs, 6)
            }
            "QLinearConcat" => {
                let starts = (2..node.input.len()).step_by(3);
                let inputs = starts.map(|i| self.real(node, i, 1)).collect::<Option<_>>()?;
                self.quantised(node, real, inputs, 0)
            }
            "QLinearGlobalAveragePool"
            | "QLinearAveragePool"
            | "QLinearLeakyRelu"
            | "QLinearSigmoid"
            | "QLinearSoftmax"
            | "QLinearReduceMean"
                if Attributes::of(node).int("channels_last", 0) == 0 =>
            {
                let input = self.real(node, 0, 1)?;
                self.quantised(node, real, vec![input], 3)
            }
            "QGemm" => self.gemm(node),
            "DynamicQuantizeLinear" => self.measured(node),
            "ConvInteger" => self.product(node, "Conv", 0),
            "MatMulInteger" => self.product(node, "MatMul", 1),
            _ => None,
        }
    }

    fn push(&mut self, operator: &str, input: Vec<String>, output: String, of: &Node) -> String {
        let (name, op_type) = (super::graph::name(of), operator.into());
        let output = vec![output];
        self.nodes.push(Node { input, output, name, op_type, ..Node::default() });
        self.nodes[self.nodes.len() - 1].output[0].clone()
    }

    /// The real values of the integers, the scale and the zero point from input `i` on.
    fn real(&mut self, node: &Node, i: usize, axis: i64) -> Option<String> {
        let parts = node.input.get(i..(i + 3).min(node.input.len()))?.to_vec();
        let output = format!("{} of {}", parts.first()?, node.output.first()?);
        self.along(parts, format!("{output}, {i}"), axis, node)
    }

    fn along(&mut self, parts: Vec<String>, to: String, axis: i64, of: &Node) -> Option<String> {
        let name = self.push("DequantizeLinear", parts, to, of);
        let attribute = Attribute { name: "axis".into(), i: axis, ..Attribute::default() };
        self.nodes.last_mut()?.attribute.push(attribute);
        Some(name)
    }

    /// The real biases: their scale is the product of the others'.
    fn bias(&mut self, node: &Node, i: usize) -> Option<String> {
        let bias = node.input.get(i).filter(|name| !name.is_empty())?.clone();
        let [a, b] = [1, 4].map(|i| node.input[i].clone());
        let name = format!("{bias} of {}", node.output.first()?);
        let scale = self.push("Mul", vec![a, b], format!("{name}, scale"), node);
        self.along(vec![bias, scale], name, 0, node)
    }

    /// The operator on real values, and integers of the scale that input `unit` is.
    fn quantised(
        &mut self,
        node: &Node,
        operator: &str,
        inputs: Vec<String>,
        unit: usize,
    ) -> Option<()> {
        let output = node.output.first()?.clone();
        let scale = node.input.get(unit).filter(|name| !name.is_empty());
        let Some(scale) = scale.cloned() else {
            self.push(operator, inputs, output, node);
            self.nodes.last_mut()?.attribute.clone_from(&node.attribute);
            return Some(());
        };
        let result = self.push(operator, inputs, format!("{output}, real"), node);
        self.nodes.last_mut()?.attribute.clone_from(&node.attribute);
        let zero = node.input.get(unit + 1).cloned().unwrap_or_default();
        self.push("QuantizeLinear", vec![result, scale, zero], output, node);
        Some(())
    }

    /// alpha·(A·B + C), where C has the scale of the product.
    fn gemm(&mut self, node: &Node) -> Option<()> {
        let attributes = Attributes::of(node);
        let by_row = attributes.int("transB", 0) != 0;
        let (a, b) = (self.real(node, 0, 1)?, self.real(node, 3, i64::from(!by_row))?);
        let beta = attributes.float("alpha", 1.0);
        let inputs = [Some(a), Some(b), self.bias(node, 6)].into_iter().flatten().collect();
        let mut scaled = node.clone();
        scaled.attribute.push(Attribute { name: "beta".into(), f: beta, ..Attribute::default() });
        self.quantised(&scaled, "Gemm", inputs, 7)
    }

    /// Scales that are measured on each image round real values, and stand for them.
    fn measured(&mut self, node: &Node) -> Option<()> {
        let [y, scale, zero] = &node.output[..] else { return None };
        self.push("Identity", vec![node.input.first()?.clone()], y.clone(), node);
        let attribute =
            |name: &str| Attribute { name: name.into(), f: 1.0, ..Attribute::default() };
        for (output, kind) in [(scale, "value_float"), (zero, "value_int")] {
            self.push("Constant", vec![], output.clone(), node);
            self.nodes.last_mut()?.attribute.push(attribute(kind));
        }
        Some(())
    }

    /// A product of such values with integers less their zero point.
    fn product(&mut self, node: &Node, operator: &str, axis: i64) -> Option<()> {
        let [x, weights, zero, own @ ..] = &node.input[..] else { return None };
        if !self.measured.contains(zero) {
            return None;
        }
        let output = node.output.first()?.clone();
        let one = self.push("Constant", vec![], format!("{output}, one"), node);
        let value = Attribute { name: "value_float".into(), f: 1.0, ..Attribute::default() };
        self.nodes.last_mut()?.attribute.push(value);
        let parts = [&[weights.clone(), one], own].concat();
        let weights = self.along(parts, format!("{output}, weights"), axis, node)?;
        self.push(operator, vec![x.clone(), weights], output, node);
        self.nodes.last_mut()?.attribute.clone_from(&node.attribute);
        Some(())
    }
}
