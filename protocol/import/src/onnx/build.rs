//! The graph that is made, node by node.

use gazelle_model::{Extent, LinearMap, Padding, Shape, Window};

use super::fault::NodeFault;
use super::value::{Body, Made, Open, Value, spread, uniform};
use super::view::View;
use crate::float::bias_map;
use crate::{FloatActivation, FloatFunction, FloatLinear, FloatNode, FloatTerm};

/// The most multiplications for the bias of one map.
const MAX_BIAS_PRODUCTS: u64 = 1 << 33;

/// The nodes so far.
pub(super) struct Build {
    pub(super) nodes: Vec<FloatNode>,
    pub(super) shapes: Vec<Shape>,
    /// Of each tensor whether its values become integers of about 8 bits, and whether all of its
    /// channels have one unit.
    kinds: Vec<[bool; 2]>,
    /// Numbers that may still be held.
    pub(super) budget: usize,
}

impl Build {
    /// No nodes yet, of which weights and biases may be `budget` numbers in all.
    pub(super) fn new(input: Shape, budget: usize) -> Self {
        Self { nodes: Vec::new(), shapes: vec![input], kinds: vec![[true, true]], budget }
    }

    /// Appends a node; the number of its tensor.
    pub(super) fn push(&mut self, node: FloatNode) -> Result<usize, NodeFault> {
        let shape = node.shape(&self.shapes).ok_or_else(too_large)?;
        self.hold(match &node {
            FloatNode::Linear(linear) => linear.bias.len(),
            _ => shape.channels,
        })?;
        let all = |i: usize| node.inputs().iter().all(|&input| self.kinds[input][i]);
        let kind = match &node {
            FloatNode::Activation(_) => [true, all(1) || !all(0)],
            FloatNode::Linear(_) => [false, false],
            FloatNode::Sum(_) => [all(0), all(1)],
            FloatNode::Concat(_) => [all(0), false],
            FloatNode::SumPool(_) => [false, all(1)],
            FloatNode::Select(_) | FloatNode::Upsample(_) => [all(0), all(1)],
        };
        self.kinds.push(kind);
        self.shapes.push(shape);
        self.nodes.push(node);
        Ok(self.nodes.len())
    }

    /// Whether the tensor's values become integers of about 8 bits.
    pub(super) fn is_small(&self, tensor: usize) -> bool {
        self.kinds[tensor][0]
    }

    /// Whether the integers of all its channels have one unit.
    pub(super) fn has_one_unit(&self, tensor: usize) -> bool {
        self.kinds[tensor][1]
    }

    /// Counts numbers that are kept.
    pub(super) fn hold(&mut self, len: usize) -> Result<(), NodeFault> {
        let what = "more weights and biases than a file of this size may ask for";
        let fault = || NodeFault::Shape(what.into());
        self.budget = self.budget.checked_sub(len).ok_or_else(fault)?;
        Ok(())
    }

    /// A linear map of what stands in `made`, whose scale and shift go into weights and bias.
    pub(super) fn term(
        &mut self,
        node: &str,
        made: &Made,
        map: LinearMap,
        weights: &[f32],
        bias: Vec<f64>,
    ) -> Result<Open, NodeFault> {
        let input = self.shapes[made.tensor];
        let sums = map.output(input).ok_or_else(too_large)?;
        self.hold(weights.len())?;
        let bias = match made.shifts() {
            true => self.moved(made, &map, weights, bias, sums)?,
            false => bias,
        };
        let weights = scaled(&map, input, weights, &made.scale)?;
        let terms = vec![FloatTerm { input: made.tensor, map, weights }];
        Ok(Open { node: node.into(), terms, skips: vec![], bias, sums, pool: None })
    }

    /// The bias with what the map makes of the shift that its input stands for.
    fn moved(
        &mut self,
        made: &Made,
        map: &LinearMap,
        weights: &[f32],
        bias: Vec<f64>,
        sums: Shape,
    ) -> Result<Vec<f64>, NodeFault> {
        let input = self.shapes[made.tensor];
        let products = map.row_len(input).checked_mul(sums.len() as u64);
        if products.is_none_or(|products| products > MAX_BIAS_PRODUCTS) {
            return Err(too_large());
        }
        self.hold(sums.len())?;
        let shifts = made.shift.len().max(input.channels);
        let shift: Vec<f32> = spread(&made.shift, shifts).iter().map(|&s| s as f32).collect();
        let moved = bias_map(map, input, weights, &shift);
        let padded = matches!(map, LinearMap::Convolution(map) if !map.window.padding.is_none());
        let by_place = padded || shifts > input.channels;
        let step = if by_place { 1 } else { sums.map_len() };
        let moved: Vec<f64> = moved.into_iter().step_by(step).map(f64::from).collect();
        Ok(spread(&bias, moved.len()).iter().zip(&moved).map(|(b, m)| b + m).collect())
    }

    /// A convolution 1×1 that computes what stands in `made`, channel by channel, with zeros around.
    pub(super) fn identity(
        &mut self,
        node: &str,
        made: &Made,
        padding: Padding,
    ) -> Result<Open, NodeFault> {
        let channels = self.shapes[made.tensor].channels;
        let window = Window::new(Extent::square(1), Extent::square(1), padding);
        let map = LinearMap::grouped(channels, window, channels);
        self.term(node, made, map, &vec![1.0; channels], vec![0.0; channels])
    }

    /// The sums of `open` as a tensor, before its pooling.
    pub(super) fn sums(&mut self, mut open: Open) -> Result<usize, NodeFault> {
        if open.terms.is_empty() {
            let (tensor, factor) = open.skips.remove(0);
            let made = Made { tensor, scale: vec![factor], shift: vec![0.0] };
            let identity = self.identity(&open.node, &made, Padding::NONE)?;
            open.terms = identity.terms;
        }
        let bias = spread(&open.bias, open.bias.len().max(open.sums.channels));
        let bias = bias.into_iter().map(|b| b as f32).collect();
        let linear = FloatLinear { node: open.node, terms: open.terms, bias };
        let sums = self.push(FloatNode::Linear(linear))?;
        if open.skips.is_empty() {
            return Ok(sums);
        }
        let skips = open.skips.iter().map(|&(tensor, factor)| (tensor, factor as f32));
        self.push(FloatNode::Sum(std::iter::once((sums, 1.0)).chain(skips).collect()))
    }

    /// An activation of `value` as a tensor of the graph.
    pub(super) fn activate(
        &mut self,
        node: &str,
        value: Value,
        function: FloatFunction,
    ) -> Result<Value, NodeFault> {
        let value = self.unpadded(node, value)?;
        let view = value.view.clone();
        let monotone =
            matches!(function, FloatFunction::Clamp { .. } | FloatFunction::Leaky { .. });
        let open = match value.body {
            Body::Open(open) if open.pool.is_some() && !monotone => {
                let shape = value.shape;
                let sealed = self.seal(node, Value { body: Body::Open(open), ..value })?;
                let made = self.made(node, sealed)?;
                debug_assert_eq!(self.shapes[made.tensor], shape);
                self.identity(node, &made, Padding::NONE)?
            }
            Body::Open(open) => open,
            Body::Made(made) => {
                if let Some(value) = self.merged(&made, &function, value.shared) {
                    return Ok(value.with_view(view));
                }
                if made.is_plain() && self.kinds[made.tensor][0] && is_relu(&function) {
                    let (input, max_pool) = (made.tensor, None);
                    let node = FloatActivation { input, function, max_pool };
                    let tensor = self.push(FloatNode::Activation(node))?;
                    let made = Made { tensor, ..made };
                    return Ok(Value::made(made, self.shapes[tensor]).with_view(view));
                }
                self.identity(node, &made, Padding::NONE)?
            }
        };
        let (mut open, mut moved) = (open, 0.0);
        // Bounds of one sign: the value moves until 0 is the nearer bound.
        let function = match function {
            FloatFunction::Clamp { least, most } if least > 0.0 || most < 0.0 => {
                moved = if least > 0.0 { least } else { most };
                open.bias.iter_mut().for_each(|b| *b -= f64::from(moved));
                FloatFunction::Clamp { least: least - moved, most: most - moved }
            }
            other => other,
        };
        let max_pool = open.pool.take();
        let input = self.sums(open)?;
        let tensor =
            self.push(FloatNode::Activation(FloatActivation { input, function, max_pool }))?;
        let made = Made { tensor, scale: vec![1.0], shift: vec![moved.into()] };
        Ok(Value::made(made, self.shapes[tensor]).with_view(view))
    }

    /// The activation that made the value, with tighter bounds, where nothing else reads it.
    fn merged(&mut self, made: &Made, function: &FloatFunction, shared: bool) -> Option<Value> {
        let factor = made.factor().filter(|&f| f > 0.0 && !shared && !made.shifts())? as f32;
        let &FloatFunction::Clamp { least, most } = function else { return None };
        let node = self.nodes.get_mut(made.tensor.checked_sub(1)?)?;
        let FloatNode::Activation(FloatActivation { input, function, .. }) = node else {
            return None;
        };
        // A pooling of channels that have units of their own has no one bound.
        if self.kinds[*input] == [true, false] {
            return None;
        }
        let FloatFunction::Clamp { least: a, most: b } = function else { return None };
        let (least, most) = (least / factor, most / factor);
        let (low, high) = (a.max(least).min(most), b.max(least).min(most));
        if low > 0.0 || high < 0.0 || low >= high {
            return None;
        }
        (*a, *b) = (low, high);
        Some(Value::made(made.clone(), self.shapes[made.tensor]))
    }

    /// The value as a tensor of the graph: an open sum becomes integers of 8 bits with a sign.
    pub(super) fn seal(&mut self, node: &str, value: Value) -> Result<Value, NodeFault> {
        match value.is_open() {
            true => self.activate(node, value, FloatFunction::IDENTITY),
            false => Ok(value),
        }
    }

    /// As [`Build::seal`], what stands in the value alone.
    pub(super) fn made(&mut self, node: &str, value: Value) -> Result<Made, NodeFault> {
        let value = self.unpadded(node, value)?;
        match self.seal(node, value)?.body {
            Body::Made(made) => Ok(made),
            Body::Open(_) => Err(NodeFault::Structure("reads a sum that is still open".into())),
        }
    }

    /// The value whose zeros around each map are cells of the map.
    pub(super) fn unpadded(&mut self, node: &str, mut value: Value) -> Result<Value, NodeFault> {
        let padding = std::mem::replace(&mut value.padding, Padding::NONE);
        if padding.is_none() {
            return Ok(value);
        }
        let view = value.view.clone();
        let made = self.made(node, value)?;
        let open = self.identity(node, &made, padding)?;
        let (roles, _) = view.roles(self.shapes[made.tensor]).ok_or_else(mixed)?;
        let shape = open.sums;
        Ok(Value::new(Body::Open(open), shape).with_view(View::of_roles(&roles, shape)))
    }

    /// The value as a sum that others can be added to.
    pub(super) fn open(&mut self, node: &str, value: Value) -> Result<Open, NodeFault> {
        let value = self.unpadded(node, value)?;
        match value.body {
            Body::Open(open) if open.pool.is_none() => Ok(open),
            Body::Open(_) => {
                let made = self.made(node, value)?;
                self.skip(node, made)
            }
            Body::Made(made) => self.skip(node, made),
        }
    }

    fn skip(&mut self, node: &str, made: Made) -> Result<Open, NodeFault> {
        match made.factor() {
            // The channels of a concatenation have scales of their own.
            Some(factor) if self.kinds[made.tensor][1] => {
                let sums = self.shapes[made.tensor];
                let bias = spread(&made.shift, made.shift.len().max(sums.channels));
                let skips = vec![(made.tensor, factor)];
                Ok(Open { node: node.into(), terms: vec![], skips, bias, sums, pool: None })
            }
            _ => self.identity(node, &made, Padding::NONE),
        }
    }

    /// scale·x + shift of an open sum.
    pub(super) fn affine(
        &mut self,
        node: &str,
        open: &mut Open,
        scale: &[f64],
        shift: &[f64],
    ) -> Result<bool, NodeFault> {
        let (channels, len) = (open.sums.channels, open.sums.len());
        let by_channel =
            scale.len() <= channels && (shift.len() <= channels || open.pool.is_none());
        if !by_channel || (open.pool.is_some() && scale.iter().any(|&s| s < 0.0)) {
            return Ok(false);
        }
        if uniform(scale).is_none() {
            for (tensor, factor) in std::mem::take(&mut open.skips) {
                let made = Made { tensor, scale: vec![factor], shift: vec![0.0] };
                open.terms.extend(self.identity(node, &made, Padding::NONE)?.terms);
            }
        }
        let factors = spread(scale, channels);
        open.skips.iter_mut().for_each(|skip| skip.1 *= factors[0]);
        for term in &mut open.terms {
            let row = (term.weights.len() / channels).max(1);
            for (weights, &a) in term.weights.chunks_exact_mut(row).zip(&factors) {
                weights.iter_mut().for_each(|w| *w = (f64::from(*w) * a) as f32);
            }
        }
        let biases = open.bias.len().max(shift.len()).max(channels).min(len);
        let bias = spread(&open.bias, biases).into_iter().zip(spread(&factors, biases));
        let bias = bias.zip(spread(shift, biases)).map(|((b, a), s)| b * a + s).collect();
        open.bias = bias;
        Ok(true)
    }
}

fn is_relu(function: &FloatFunction) -> bool {
    let free = |bound: f32| bound == 0.0 || bound.is_infinite();
    matches!(function, FloatFunction::Clamp { least, most } if free(*least) && most.is_infinite())
}

/// The weights times the scale of what each reads.
fn scaled(
    map: &LinearMap,
    input: Shape,
    weights: &[f32],
    scale: &[f64],
) -> Result<Vec<f32>, NodeFault> {
    let times = |w: f32, s: f64| (f64::from(w) * s) as f32;
    if let Some(one) = uniform(scale) {
        return Ok(weights.iter().map(|&w| times(w, one)).collect());
    }
    match map {
        LinearMap::Dense { .. } => {
            let scale = spread(scale, input.len());
            Ok(weights.iter().zip(scale.iter().cycle()).map(|(&w, &s)| times(w, s)).collect())
        }
        LinearMap::Convolution(map) => {
            if scale.len() > input.channels {
                let what = "convolves a map that was scaled value by value; scale by channel";
                return Err(NodeFault::Structure(what.into()));
            }
            let (depth, cells) = (input.channels / map.groups, map.window.kernel.cells());
            let share = map.outputs / map.groups;
            let channel = |i: usize| i / (depth * cells) / share * depth + i / cells % depth;
            Ok(weights.iter().enumerate().map(|(i, &w)| times(w, scale[channel(i)])).collect())
        }
    }
}

pub(super) fn too_large() -> NodeFault {
    NodeFault::Shape("its tensor is too large, or a window does not fit it".into())
}

pub(super) fn mixed() -> NodeFault {
    NodeFault::Structure(
        "reads a tensor whose axes mix channels, rows and columns; keep them apart, as in batch × \
         channels × rows × columns"
            .into(),
    )
}
