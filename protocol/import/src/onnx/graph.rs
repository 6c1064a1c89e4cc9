//! The nodes that lead from the image to the network's output, in an order of computation, and the
//! constants.

use std::collections::{HashMap, HashSet};

use super::attributes::Attributes;
use super::constant::Constant;
use super::fault::{NodeFault, OnnxFault};
use super::fold;
use super::integer_operators::written_out;
use super::proto::{self, Node};
use super::side_file::SideFiles;

/// The most nodes of a file.
const MAX_NODES: usize = 1 << 16;

/// Tensors whose values are known: those of the file, read when they are asked for, and what is
/// computed of them.
pub(super) struct Constants<'a> {
    stored: HashMap<&'a str, &'a proto::Tensor>,
    known: HashMap<String, Constant>,
    /// The element types of Constant nodes' values.
    kinds: HashMap<String, i32>,
    side: SideFiles<'a>,
    /// How many values may still be computed.
    budget: usize,
}

impl<'a> Constants<'a> {
    fn new(graph: &'a proto::Graph, side: SideFiles<'a>, budget: usize) -> Self {
        let stored = graph.initializer.iter().map(|tensor| (&tensor.name[..], tensor)).collect();
        Self { stored, known: HashMap::new(), kinds: HashMap::new(), side, budget }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.stored.contains_key(name) || self.known.contains_key(name)
    }

    fn is_stored(&self, name: &str) -> bool {
        self.stored.contains_key(name)
    }

    /// The constant of that name, if it is one.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<Constant>, OnnxFault> {
        if let Some(known) = self.known.get(name) {
            return Ok(Some(known.clone()));
        }
        let Some(tensor) = self.stored.get(name) else { return Ok(None) };
        let constant = Constant::read(tensor, &self.side)?;
        self.known.insert(name.into(), constant.clone());
        Ok(Some(constant))
    }

    /// A single value.
    pub(super) fn scalar(&mut self, name: &str) -> Option<f64> {
        self.find(name).ok().flatten()?.scalar()
    }

    /// The type of the elements of a constant that the file holds.
    pub(super) fn kind(&self, name: &str) -> Option<i32> {
        let stored = self.stored.get(name).map(|tensor| tensor.data_type);
        stored.or_else(|| self.kinds.get(name).copied())
    }

    pub(super) fn insert(&mut self, name: &str, value: Constant) {
        self.known.insert(name.into(), value);
    }

    /// Computes a node all of whose inputs are constants; whether it is one.
    pub(super) fn fold(&mut self, node: &Node) -> Result<bool, OnnxFault> {
        let present = || node.input.iter().filter(|name| !name.is_empty());
        let constant = node.op_type == "Constant";
        if !constant && (present().count() == 0 || !present().all(|name| self.has(name))) {
            return Ok(false);
        }
        let attributes = Attributes::of(node);
        let output = node.output.first().cloned().unwrap_or_default();
        let value = if constant {
            attributes.kind("value").and_then(|kind| self.kinds.insert(output.clone(), kind));
            Some(attributes.constant())
        } else {
            let inputs: Vec<Option<Constant>> =
                node.input.iter().map(|name| self.find(name)).collect::<Result<_, _>>()?;
            let inputs: Vec<Option<&Constant>> = inputs.iter().map(Option::as_ref).collect();
            fold::evaluate(&node.op_type, &inputs, &attributes, self.budget)
        };
        let Some(value) = value else { return Ok(false) };
        let value = value.map_err(|fault| at(node, fault))?;
        // Weights in few bits, which are read for this alone, take more memory than what they stand for.
        if matches!(&node.op_type[..], "DequantizeLinear" | "Cast")
            && let Some(weights) = node.input.first().filter(|name| self.is_stored(name))
        {
            self.known.remove(weights);
        }
        self.budget = self.budget.saturating_sub(value.len());
        self.known.insert(output, value);
        Ok(true)
    }
}

/// What is wrong, with the node it is wrong with.
pub(super) fn at(node: &Node, fault: NodeFault) -> OnnxFault {
    OnnxFault::Node { node: name(node), operator: operator(node), fault }
}

/// The node's name, or its output if it has none.
pub(super) fn name(node: &Node) -> String {
    if node.name.is_empty() {
        node.output.first().cloned().unwrap_or_default()
    } else {
        node.name.clone()
    }
}

/// The node's operator, with its domain if that is not ONNX's own.
pub(super) fn operator(node: &Node) -> String {
    match &node.domain[..] {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

/// A graph, its image and one of its outputs.
pub(super) struct Source<'a> {
    pub(super) input: &'a proto::ValueInfo,
    pub(super) output: String,
    pub(super) nodes: Vec<Node>,
    pub(super) constants: Constants<'a>,
}

impl<'a> Source<'a> {
    pub(super) fn read(
        graph: &'a proto::Graph,
        output: Option<&str>,
        side: SideFiles<'a>,
        budget: usize,
    ) -> Result<Self, OnnxFault> {
        if graph.node.len() > MAX_NODES {
            let what = format!("the network has {} nodes; at most {MAX_NODES}", graph.node.len());
            return Err(OnnxFault::Interface(what));
        }
        let mut constants = Constants::new(graph, side, budget);
        let output = choose_output(graph, output)?;
        let nodes = ordered(&written_out(&graph.node), &output)?;
        // Old files list the initializers among the inputs.
        let read: HashSet<&str> =
            nodes.iter().flat_map(|n| n.input.iter().map(|s| &s[..])).collect();
        let open = |input: &&proto::ValueInfo| !constants.has(&input.name);
        let inputs: Vec<_> = graph.input.iter().filter(open).collect();
        let used = inputs.iter().filter(|input| read.contains(&input.name[..])).copied();
        let input = match used.collect::<Vec<_>>()[..] {
            [input] => input,
            ref several => {
                return Err(OnnxFault::Interface(format!(
                    "the network reads {} inputs; only one image is supported",
                    several.len()
                )));
            }
        };
        for node in &nodes {
            // What depends on shapes of tensors is computed when they are known.
            let _ = constants.fold(node)?;
        }
        Ok(Self { input, output, nodes, constants })
    }
}

fn choose_output(graph: &proto::Graph, chosen: Option<&str>) -> Result<String, OnnxFault> {
    let names: Vec<&str> = graph.output.iter().map(|output| &output.name[..]).collect();
    let list = || names.join("`, `");
    match (chosen, &names[..]) {
        (Some(name), all) if all.contains(&name) => Ok(name.into()),
        (Some(name), _) => Err(OnnxFault::Interface(format!(
            "the network has no output `{name}`; it has `{}`",
            list()
        ))),
        (None, [one]) => Ok((*one).into()),
        (None, []) => Err(OnnxFault::Interface("the network has no output".into())),
        // Both of a TopK.
        (None, [_, second])
            if graph
                .node
                .iter()
                .any(|n| n.op_type == "TopK" && n.output.get(1).is_some_and(|o| o == second)) =>
        {
            Ok((*second).into())
        }
        (None, _) => Err(OnnxFault::Interface(format!(
            "the network has {} outputs, `{}`; choose one with `--output-name`",
            names.len(),
            list()
        ))),
    }
}

/// Which node makes each tensor.
pub(super) fn makers(nodes: &[Node]) -> HashMap<String, usize> {
    let outputs = |(i, node): (usize, &Node)| -> Vec<(String, usize)> {
        node.output.iter().map(|name| (name.clone(), i)).collect()
    };
    nodes.iter().enumerate().flat_map(outputs).collect()
}

/// The nodes that lead to `output`, each after those that it reads.
pub(super) fn ordered(nodes: &[Node], output: &str) -> Result<Vec<Node>, OnnxFault> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        for made in node.output.iter().filter(|name| !name.is_empty()) {
            if makers.insert(made, i).is_some() {
                let what = format!("makes `{made}`, which another node makes too");
                return Err(at(node, NodeFault::Structure(what)));
            }
        }
    }
    let (mut order, mut state) = (Vec::new(), vec![0u8; nodes.len()]);
    let mut stack: Vec<(usize, usize)> = makers.get(output).map(|&i| (i, 0)).into_iter().collect();
    while let Some((i, next)) = stack.pop() {
        state[i] = 1;
        let Some(input) = nodes[i].input.get(next) else {
            state[i] = 2;
            order.push(nodes[i].clone());
            continue;
        };
        stack.push((i, next + 1));
        match makers.get(&input[..]) {
            Some(&maker) if state[maker] == 0 => stack.push((maker, 0)),
            Some(&maker) if state[maker] == 1 => {
                let what = format!("reads `{input}`, which is made of its own result");
                return Err(at(&nodes[i], NodeFault::Structure(what)));
            }
            _ => {}
        }
    }
    Ok(order)
}
