//! The walk along an ONNX graph: constants are computed, everything else must be one chain from
//! the image to the class values.

use std::collections::{HashMap, HashSet};

use super::attributes::Attributes;
use super::constant::{self, Constant, position};
use super::fault::{NodeFault, OnnxFault};
use super::operator::{self, Context, SUPPORTED, Step, Tensor};
use super::proto::{self, data_type};
use gazelle_model::{MAX_TENSOR, MAX_WEIGHTS, Shape};

/// A step with the node it came from.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) node: String,
    pub(super) operator: String,
    pub(super) step: Step,
}

/// A network as a chain.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// What the first step reads.
    pub(super) input: Tensor,
    pub(super) steps: Vec<Placed>,
}

/// Follows the graph's nodes, which ONNX keeps in an order of computation.
pub(super) fn follow(graph: &proto::Graph) -> Result<Chain, OnnxFault> {
    let mut walk = Walk::begin(graph)?;
    let input = walk.tensor;
    for node in &graph.node {
        walk.visit(node)?;
    }
    match &graph.output[..] {
        [output] if output.name == walk.head => Ok(Chain { input, steps: walk.steps }),
        [output] => Err(OnnxFault::Interface(format!(
            "the network's output `{}` is not where its chain of operators ends (`{}`)",
            output.name, walk.head
        ))),
        outputs => Err(OnnxFault::Interface(format!(
            "the network has {} outputs; export one that returns the class values alone",
            outputs.len()
        ))),
    }
}

struct Walk {
    constants: HashMap<String, Constant>,
    /// The tensor that the chain has reached.
    head: String,
    tensor: Tensor,
    /// Every tensor on the chain, for Shape nodes and for messages.
    passed: HashMap<String, Vec<i64>>,
    batch: i64,
    steps: Vec<Placed>,
    /// Numbers that the steps and computed constants hold.
    held: usize,
}

impl Walk {
    fn begin(graph: &proto::Graph) -> Result<Self, OnnxFault> {
        let mut constants = HashMap::with_capacity(graph.initializer.len());
        for tensor in &graph.initializer {
            constants.insert(tensor.name.clone(), Constant::read(tensor)?);
        }
        // Old files list the initializers among the inputs.
        let inputs: Vec<_> =
            graph.input.iter().filter(|input| !constants.contains_key(&input.name)).collect();
        let &[input] = &inputs[..] else {
            return Err(OnnxFault::Interface(format!(
                "the network has {} inputs; only one image is supported",
                inputs.len()
            )));
        };
        let (batch, tensor) = image(input)?;
        let mut walk = Self {
            constants,
            head: input.name.clone(),
            tensor,
            passed: HashMap::new(),
            batch,
            steps: Vec::new(),
            held: 0,
        };
        walk.pass();
        Ok(walk)
    }

    fn visit(&mut self, node: &proto::Node) -> Result<(), OnnxFault> {
        let output = node.output.first().cloned().unwrap_or_default();
        let name = if node.name.is_empty() { output.clone() } else { node.name.clone() };
        let operator = match &node.domain[..] {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        };
        let unknown = || OnnxFault::Operator {
            node: name.clone(),
            operator: operator.clone(),
            supported: SUPPORTED,
        };
        let at = |fault| OnnxFault::Node { node: name.clone(), operator: operator.clone(), fault };
        if operator != node.op_type {
            return Err(unknown());
        }
        if self.constants.contains_key(&output) || self.passed.contains_key(&output) {
            let what = format!("makes `{output}`, which was made before");
            return Err(at(NodeFault::Structure(what)));
        }
        if let Some(value) = self.constant_result(node).map_err(at)? {
            let value = value.ok_or_else(unknown)?;
            self.hold(value.len()).map_err(at)?;
            self.constants.insert(output, value);
            return Ok(());
        }
        let context = Context {
            node,
            attributes: Attributes::of(node),
            constants: &self.constants,
            tensor: self.tensor,
            batch: self.batch,
        };
        let step = operator::read(&context).ok_or_else(unknown)?;
        self.reads_head(node).map_err(at)?;
        let (step, tensor) = step.map_err(at)?;
        self.hold(step.len()).map_err(at)?;
        let sides = Shape { channels: 1, ..tensor.shape };
        if sides.checked().is_none() || tensor.shape.len() > MAX_TENSOR {
            let what = format!("makes a tensor of {}, which is too large", tensor.shape);
            return Err(at(NodeFault::Shape(what)));
        }
        (self.head, self.tensor) = (output, tensor);
        self.pass();
        self.steps.push(Placed { node: name, operator, step });
        Ok(())
    }

    /// The value of a node that does not depend on the image's pixels: `None` if it does,
    /// `Some(None)` if its operator is not known.
    fn constant_result(&self, node: &proto::Node) -> Result<Option<Option<Constant>>, NodeFault> {
        let attributes = Attributes::of(node);
        if node.op_type == "Shape" {
            let dims = node.input.first().and_then(|input| self.passed.get(input));
            if let Some(dims) = dims {
                return part(dims, &attributes).map(|part| Some(Some(part)));
            }
        }
        let inputs = node.input.iter().filter(|name| !name.is_empty());
        let Some(inputs) = inputs.map(|name| self.constants.get(name)).collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };
        match constant::evaluate(&node.op_type, &inputs, &attributes) {
            None => Ok(Some(None)),
            Some(value) => value.map(|value| Some(Some(value))),
        }
    }

    /// Checks that of the node's inputs only the head of the chain depends on the image.
    fn reads_head(&self, node: &proto::Node) -> Result<(), NodeFault> {
        let varying: HashSet<&str> = node
            .input
            .iter()
            .filter(|name| !name.is_empty() && !self.constants.contains_key(*name))
            .map(String::as_str)
            .collect();
        let first = node.input.first() == Some(&self.head);
        match varying.iter().find(|name| **name != self.head) {
            None if first || matches!(&node.op_type[..], "Add" | "Sub" | "Mul" | "Div") => Ok(()),
            None => {
                Err(NodeFault::Unsupported("a constant in the place of the image's data".into()))
            }
            Some(other) if self.passed.contains_key(*other) => Err(NodeFault::Structure(format!(
                "reads `{other}`, which another node reads too: branches, such as residual \
                     connections, are not supported"
            ))),
            Some(other) => {
                Err(NodeFault::Structure(format!("reads `{other}`, which no node before it makes")))
            }
        }
    }

    /// Counts numbers that the import keeps.
    fn hold(&mut self, len: usize) -> Result<(), NodeFault> {
        self.held += len;
        match self.held > MAX_WEIGHTS {
            false => Ok(()),
            true => Err(NodeFault::Shape(format!("more than {MAX_WEIGHTS} weights, the most"))),
        }
    }

    fn pass(&mut self) {
        let Shape { channels, height, width } = self.tensor.shape;
        let sizes: &[usize] =
            if self.tensor.flat { &[channels] } else { &[channels, height, width] };
        let dims = [self.batch].into_iter().chain(sizes.iter().map(|&d| d as i64)).collect();
        self.passed.insert(self.head.clone(), dims);
    }
}

/// The result of a Shape node.
fn part(dims: &[i64], attributes: &Attributes<'_>) -> Result<Constant, NodeFault> {
    let clamp = |name, default: usize| {
        let index = attributes.int(name, default as i64);
        if index >= dims.len() as i64 {
            dims.len()
        } else {
            position(index, dims.len()).unwrap_or(0)
        }
    };
    let range = clamp("start", 0)..clamp("end", dims.len());
    let part = dims.get(range).ok_or(NodeFault::Unsupported("an empty range of axes".into()))?;
    Ok(Constant::ints(part.to_vec()))
}

/// The batch size and the shape of the network's input; a batch size that is left open counts as 1.
fn image(input: &proto::ValueInfo) -> Result<(i64, Tensor), OnnxFault> {
    let fault = |what: String| OnnxFault::Interface(format!("the input `{}` {what}", input.name));
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| fault("is not a tensor".into()))?;
    if tensor.elem_type != data_type::FLOAT {
        return Err(fault("is not in 32-bit floating point; export the network in that".into()));
    }
    let dims: Vec<i64> =
        tensor.shape.iter().flat_map(|shape| shape.dim.iter().map(|d| d.dim_value)).collect();
    let size = |d: i64| usize::try_from(d).ok().filter(|d| (1..=1 << 24).contains(d));
    let sizes: Option<Vec<usize>> = dims.iter().skip(1).map(|&d| size(d)).collect();
    let tensor = match sizes.as_deref() {
        Some(&[channels, height, width]) => {
            Tensor { shape: Shape { channels, height, width }, flat: false }
        }
        Some(&[len]) => Tensor { shape: Shape::flat(len), flat: true },
        _ => {
            return Err(fault(format!(
                "has the shape {dims:?}; it must be batch × channels × height × width, all but the \
                 batch fixed"
            )));
        }
    };
    match tensor.shape.checked() {
        Some(_) => Ok((dims[0].clamp(1, 1 << 20), tensor)),
        None => Err(fault(format!("of shape {dims:?} is too large"))),
    }
}
