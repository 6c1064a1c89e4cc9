//! From the nodes of a file to the nodes of a graph.

use std::collections::HashMap;

use super::attributes::Attributes;
use super::build::{Build, mixed};
use super::constant::{Constant, position};
use super::fault::{NodeFault, OnnxFault};
use super::fold;
use super::graph::{self, Constants, Source};
use super::proto::Node;
use super::value::{Body, Value};
use super::view::{Role, View};
use super::{adaptive, advice};

/// The walk along a file's nodes.
pub(super) struct Lowering<'a> {
    pub(super) build: Build,
    pub(super) constants: Constants<'a>,
    values: HashMap<String, Value>,
    /// How many readers each tensor of the file still has.
    uses: HashMap<String, usize>,
    /// The images in a batch of the file, which is read for one.
    batch: usize,
}

/// Lowers all nodes to weights and biases of at most `budget` numbers; the graph so far, and the value
/// of the output.
pub(super) fn lower(
    source: Source<'_>,
    image: Value,
    batch: usize,
    budget: usize,
) -> Result<(Build, Value), OnnxFault> {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for name in source.nodes.iter().flat_map(|node| &node.input) {
        *uses.entry(name.clone()).or_default() += 1;
    }
    *uses.entry(source.output.clone()).or_default() += 1;
    let mut lowering = Lowering {
        build: Build::new(image.shape, budget),
        constants: source.constants,
        values: HashMap::from([(source.input.name.clone(), image)]),
        uses,
        batch,
    };
    for node in &source.nodes {
        lowering.visit(node)?;
    }
    match lowering.values.remove(&source.output) {
        Some(value) => Ok((lowering.build, value)),
        None => Err(OnnxFault::Interface(format!(
            "the output `{}` does not depend on the image",
            source.output
        ))),
    }
}

impl Lowering<'_> {
    fn visit(&mut self, node: &Node) -> Result<(), OnnxFault> {
        let output = node.output.first().cloned().unwrap_or_default();
        if self.constants.has(&output) || self.constants.fold(node)? {
            return Ok(());
        }
        if graph::operator(node) != node.op_type {
            return Err(advice::unknown(node));
        }
        if node.op_type == "Shape"
            && let Some(value) = node.input.first().and_then(|input| self.values.get(input))
        {
            let part = part(&value.view.dims(), &Attributes::of(node));
            self.constants.insert(&output, part.map_err(|fault| graph::at(node, fault))?);
            return Ok(());
        }
        let made = self.operator(node).map_err(|fault| match fault {
            Fault::Node(fault) => graph::at(node, fault),
            Fault::Onnx(fault) => fault,
        })?;
        let readers = |name: &String| self.uses.get(name).copied().unwrap_or(0);
        for (value, name) in made.into_iter().zip(&node.output) {
            let value = match readers(name) > 1 {
                true => self.build.seal(&graph::name(node), value),
                false => Ok(value),
            };
            let value = value.map_err(|fault| graph::at(node, fault))?;
            self.values.insert(name.clone(), value);
        }
        Ok(())
    }

    fn operator(&mut self, node: &Node) -> Result<Vec<Value>, Fault> {
        let one = |value: Value| vec![value];
        match &node.op_type[..] {
            "Conv" => self.convolution(node).map(one),
            "Gemm" => self.gemm(node).map(one),
            "MatMul" => self.matmul(node).map(one),
            "BatchNormalization" => self.batch_normalization(node).map(one),
            "Add" | "Sub" | "Mul" | "Div" | "Sum" | "Neg" => self.arithmetic(node).map(one),
            "MaxPool" => self.max_pool(node).map(one),
            "AveragePool" => self.average_pool(node).map(one),
            adaptive::OPERATOR => self.average_of_windows(node).map(one),
            "GlobalMaxPool" | "GlobalAveragePool" | "ReduceMean" | "ReduceMax" => {
                self.global_pool(node).map(one)
            }
            "Pad" => self.pad(node).map(one),
            "Concat" => self.concat(node).map(one),
            "Split" => self.split(node),
            "Slice" => self.slice(node).map(one),
            "Gather" => self.gather(node).map(one),
            "Expand" | "Tile" => self.repeat(node).map(one),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" => {
                self.rearrange(node).map(one)
            }
            "Dropout" | "Identity" => self.take(node, 0).map(one),
            "Cast" => self.cast(node).map(one),
            "HardSigmoid" => self.hard_sigmoid(node).map(one),
            "Elu" | "Selu" | "Celu" | "Mish" | "Softplus" => self.bent(node).map(one),
            "HardSwish6" => self.hard_swish_6(node).map(one),
            _ => match self.function(node)? {
                Some(function) => {
                    let value = self.take(node, 0)?;
                    Ok(one(self.build.activate(&graph::name(node), value, function)?))
                }
                None => Err(advice::unknown(node).into()),
            },
        }
    }

    /// The value that input number `i` names; the last reader gets it.
    pub(super) fn take(&mut self, node: &Node, i: usize) -> Result<Value, Fault> {
        let name = node.input.get(i).filter(|name| !name.is_empty());
        let name = name.ok_or(NodeFault::Missing("input"))?;
        if self.constants.has(name) {
            return Err(NodeFault::Unsupported(
                "a constant in the place of the image's data".into(),
            )
            .into());
        }
        let left = self.uses.get_mut(name).ok_or(NodeFault::Missing("input"))?;
        *left = left.saturating_sub(1);
        let unmade = || NodeFault::Structure(format!("reads `{name}`, which no node makes"));
        if *left == 0 {
            return Ok(self.values.remove(name).ok_or_else(unmade)?);
        }
        let value = self.values.get_mut(name).ok_or_else(unmade)?;
        value.shared = true;
        Ok(value.clone())
    }

    /// Whether a node reads the tensor of that name.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.uses.get(name).is_some_and(|&uses| uses > 0)
    }

    /// The constant that input number `i` names; `None` if there is none or it is no constant.
    pub(super) fn constant(&mut self, node: &Node, i: usize) -> Result<Option<Constant>, Fault> {
        match node.input.get(i).filter(|name| !name.is_empty()) {
            None => Ok(None),
            Some(name) => Ok(self.constants.find(name)?),
        }
    }

    /// Whether input number `i` is there and is no constant.
    pub(super) fn varies(&self, node: &Node, i: usize) -> bool {
        node.input.get(i).is_some_and(|name| !name.is_empty() && !self.constants.has(name))
    }

    pub(super) fn floats(
        &mut self,
        node: &Node,
        i: usize,
        what: &'static str,
    ) -> Result<Constant, Fault> {
        let constant = self.constant(node, i)?.filter(|c| c.as_floats().is_some());
        constant.ok_or(Fault::Node(NodeFault::Missing(what)))
    }

    /// The constant inputs; an error names one that is not.
    pub(super) fn others(&mut self, node: &Node) -> Result<Vec<Option<Constant>>, Fault> {
        let mut found = vec![None];
        for i in 1..node.input.len() {
            if self.varies(node, i) {
                return Err(NodeFault::Missing("second input").into());
            }
            found.push(self.constant(node, i)?);
        }
        Ok(found)
    }

    fn rearrange(&mut self, node: &Node) -> Result<Value, Fault> {
        let others = self.others(node)?;
        let name = graph::name(node);
        let value = self.take(node, 0)?;
        let attributes = Attributes::of(node);
        let keeps = value.padding.is_none() || node.op_type == "Transpose";
        let value = if keeps { value } else { self.build.unpadded(&name, value)? };
        let dims = value.view.dims();
        let view = if node.op_type == "Transpose" {
            let rank = dims.len();
            let order: Option<Vec<usize>> = match attributes.ints("perm") {
                None => Some((0..rank).rev().collect()),
                Some(order) => order.iter().map(|&i| position(i, rank)).collect(),
            };
            order.and_then(|order| value.view.transposed(&order))
        } else {
            let target = others.get(1).and_then(Option::as_ref);
            let target = target.map(|target| self.one_image(target, &dims));
            let sizes = fold::target(&node.op_type, &dims, target.as_ref(), &attributes);
            sizes.and_then(|sizes| value.view.reshaped(&sizes))
        };
        let view = view.ok_or_else(|| {
            NodeFault::Shape(format!("a tensor of {dims:?} cannot be rearranged like this"))
        })?;
        Ok(value.with_view(view))
    }

    /// The target of a reshape, for one image where the file has a batch.
    fn one_image(&self, target: &Constant, dims: &[usize]) -> Constant {
        match target.as_ints() {
            Some([first, rest @ ..]) if self.batch > 1 && *first == self.batch as i64 => {
                let own = rest.iter().product::<i64>() == dims.iter().product::<usize>() as i64;
                let first = if own || rest.contains(&-1) { 1 } else { *first };
                Constant::ints([&[first], rest].concat())
            }
            _ => target.clone(),
        }
    }

    fn cast(&mut self, node: &Node) -> Result<Value, Fault> {
        use super::proto::data_type::{BFLOAT16, DOUBLE, FLOAT, FLOAT16};
        let to = Attributes::of(node).int("to", 0);
        match [FLOAT, DOUBLE, FLOAT16, BFLOAT16].iter().any(|&float| to == float.into()) {
            true => self.take(node, 0),
            false => {
                let what = format!("element type {to}; only floating point");
                Err(NodeFault::Unsupported(what).into())
            }
        }
    }

    /// The value with channels in the tensor's own order, and what its axes run along.
    pub(super) fn layout(&mut self, name: &str, value: Value) -> Result<(Value, Vec<Role>), Fault> {
        // Zeros around a map do not change its axes: those of the tensor count.
        let inner = match &value.body {
            Body::Made(made) => self.build.shapes[made.tensor],
            Body::Open(_) => value.shape,
        };
        let (roles, order) = value.view.roles(inner).ok_or_else(mixed)?;
        let Some(channels) = order else { return Ok((value, roles)) };
        let (padding, shared) = (value.padding, value.shared);
        let value =
            self.selected(name, Value { padding: Default::default(), ..value }, channels)?;
        let view = View::of_roles(&roles, value.shape);
        Ok((Value { padding, shared, ..value.with_view(view) }, roles))
    }

    /// A map of batch × channels × rows × columns.
    pub(super) fn map(&mut self, name: &str, value: Value) -> Result<Value, Fault> {
        let (value, roles) = self.layout(name, value)?;
        let fits = |role: Role, wanted: Role| role == wanted || role == Role::Unit;
        match roles[..] {
            [Role::Unit, c, h, w]
                if fits(c, Role::Channels) && fits(h, Role::Height) && fits(w, Role::Width) =>
            {
                Ok(value)
            }
            _ => {
                let dims = value.view.dims();
                let what = format!(
                    "works on batch × channels × rows × columns, but a tensor of {dims:?} reaches it"
                );
                Err(NodeFault::Shape(what).into())
            }
        }
    }
}

/// What is wrong with a node, or with the file.
pub(super) enum Fault {
    Node(NodeFault),
    Onnx(OnnxFault),
}

impl From<NodeFault> for Fault {
    fn from(fault: NodeFault) -> Self {
        Self::Node(fault)
    }
}

impl From<OnnxFault> for Fault {
    fn from(fault: OnnxFault) -> Self {
        Self::Onnx(fault)
    }
}

/// The result of a Shape node.
fn part(dims: &[usize], attributes: &Attributes<'_>) -> Result<Constant, NodeFault> {
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
    Ok(Constant::ints(part.iter().map(|&d| d as i64).collect()))
}

/// The places of a tensor's channels, rows and columns for maps of `shape`.
pub(super) fn axis_of(roles: &[Role], axis: i64) -> Option<(usize, Role)> {
    let at = position(axis, roles.len())?;
    Some((at, roles[at]))
}
