//! Pooling, over windows and over whole maps, and padding.

use gazelle_model::{Padding, Shape, SumPool, Window};

use super::attributes::Attributes;
use super::constant::{Constant, position};
use super::fault::NodeFault;
use super::graph;
use super::lower::{Fault, Lowering};
use super::proto::Node;
use super::value::{Body, Made, Value};
use super::view::{Role, View};
use super::windows::{self, WindowKind};
use crate::{FloatActivation, FloatFunction, FloatNode};

impl Lowering<'_> {
    pub(super) fn max_pool(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let value = self.take(node, 0)?;
        let value = self.map(&name, value)?;
        // Zeros in a maximum are values, unlike a pooling's own padding.
        let value = self.build.unpadded(&name, value)?;
        let kind = WindowKind::Max;
        let geometry =
            windows::read(&Attributes::of(node), None, value.shape, Padding::NONE, kind)?;
        self.pool_largest(&name, value, geometry.window)
    }

    /// The largest value under each window.
    fn pool_largest(
        &mut self,
        name: &str,
        mut value: Value,
        window: Window,
    ) -> Result<Value, Fault> {
        let shape = window.pool(value.shape).ok_or_else(|| {
            NodeFault::Shape("a window does not fit the map, or lies in its padding".into())
        })?;
        if let Body::Open(open) = &mut value.body
            && open.pool.is_none()
        {
            open.pool = Some(window);
            return Ok(Value { shape, view: View::map(shape), ..value });
        }
        let shared = value.shared;
        let mut made = self.build.made(name, value)?;
        let increasing = made.scale.iter().all(|&s| s > 0.0);
        let by_value = made.shift.len() > self.build.shapes[made.tensor].channels;
        // Sums over windows are wider than what an activation yields: they are scaled anew.
        if !increasing || by_value || !self.build.is_small(made.tensor) {
            let mut open = self.build.identity(name, &made, Padding::NONE)?;
            open.pool = Some(window);
            return Ok(Value::new(Body::Open(open), shape));
        }
        let before = made.tensor.checked_sub(1);
        if let Some(FloatNode::Activation(activation)) = before.map(|i| &mut self.build.nodes[i])
            && !shared
            && activation.max_pool.is_none()
            && matches!(
                activation.function,
                FloatFunction::Clamp { .. } | FloatFunction::Leaky { .. }
            )
        {
            activation.max_pool = Some(window);
            self.build.shapes[made.tensor] = shape;
            return Ok(Value::made(made, shape));
        }
        let (input, function, max_pool) = (made.tensor, FloatFunction::IDENTITY, Some(window));
        made.tensor = self.build.push(FloatNode::Activation(FloatActivation {
            input,
            function,
            max_pool,
        }))?;
        Ok(Value::made(made, shape))
    }

    pub(super) fn average_pool(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let value = self.take(node, 0)?;
        let mut value = self.map(&name, value)?;
        let before = std::mem::take(&mut value.padding);
        let made = self.build.made(&name, value)?;
        let attributes = Attributes::of(node);
        let input = self.build.shapes[made.tensor];
        let geometry = windows::read(&attributes, None, input, before, WindowKind::Average)?;
        // Zeros that a Pad has put there count in any case.
        let all = attributes.int("count_include_pad", 0) != 0;
        let counted = if all { geometry.stated } else { before };
        self.pool_average(&name, made, geometry.window, counted)
    }

    pub(super) fn pool_average(
        &mut self,
        name: &str,
        mut made: Made,
        window: Window,
        counted: Padding,
    ) -> Result<Value, Fault> {
        let channels = self.build.shapes[made.tensor].channels;
        let by_value = made.scale.len() > channels || made.shift.len() > channels;
        if by_value || (!counted.is_none() && made.shifts()) {
            let open = self.build.identity(name, &made, Padding::NONE)?;
            let shape = open.sums;
            made = self.build.made(name, Value::new(Body::Open(open), shape))?;
        }
        let pool = SumPool { input: made.tensor, window, counted };
        let divisor = pool.divisor(self.build.shapes[made.tensor]);
        let divisor = divisor.ok_or_else(|| {
            NodeFault::Shape("windows that do not fit the map or count too many cells".into())
        })?;
        made.tensor = self.build.push(FloatNode::SumPool(pool))?;
        made.scale.iter_mut().for_each(|s| *s /= f64::from(divisor));
        let shape = self.build.shapes[made.tensor];
        Ok(Value::made(made, shape))
    }

    /// The mean or the largest value of each whole map.
    pub(super) fn global_pool(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let others = self.others(node)?;
        let attributes = Attributes::of(node);
        let value = self.take(node, 0)?;
        let value = self.build.unpadded(&name, value)?;
        let (value, roles) = self.layout(&name, value)?;
        let reduce = node.op_type.starts_with("Reduce");
        let axes: Option<Vec<usize>> = if reduce {
            let listed = others.get(1).and_then(Option::as_ref).and_then(Constant::as_ints);
            let listed = listed.or_else(|| attributes.ints("axes")).unwrap_or_default();
            listed.iter().map(|&axis| position(axis, roles.len())).collect()
        } else {
            Some((2..roles.len()).collect())
        };
        let axes = axes.ok_or(NodeFault::Missing("axes"))?;
        let covers = |role: Role| axes.iter().any(|&axis| roles[axis] == role);
        let whole = (covers(Role::Height) || value.shape.height == 1)
            && (covers(Role::Width) || value.shape.width == 1);
        if !whole || covers(Role::Channels) {
            return Err(NodeFault::Unsupported(
                "this over other axes than the rows and columns of a map".into(),
            )
            .into());
        }
        let keeps = !reduce || attributes.int("keepdims", 1) != 0;
        let left = (0..roles.len()).filter(|axis| keeps || !axes.contains(axis));
        let left: Vec<Role> =
            left.map(|axis| if axes.contains(&axis) { Role::Unit } else { roles[axis] }).collect();
        let window = Window::tiling(value.shape.extent());
        let pooled = if node.op_type.ends_with("Max") || node.op_type.contains("MaxPool") {
            self.pool_largest(&name, value, window)?
        } else {
            let made = self.build.made(&name, value)?;
            self.pool_average(&name, made, window, Padding::NONE)?
        };
        let view = View::of_roles(&left, pooled.shape);
        Ok(pooled.with_view(view))
    }

    /// Zeros around maps are kept for what reads them; around channels they are rows of zeros.
    pub(super) fn pad(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let attributes = Attributes::of(node);
        if !matches!(attributes.text("mode"), b"" | b"constant") {
            let mode = String::from_utf8_lossy(attributes.text("mode")).into_owned();
            return Err(NodeFault::Unsupported(format!("the mode {mode}; pad with zeros")).into());
        }
        let others = self.others(node)?;
        let input = |i: usize| others.get(i).and_then(Option::as_ref);
        let filler = input(2).and_then(Constant::scalar);
        if filler.unwrap_or(attributes.float("value", 0.0).into()) != 0.0 {
            return Err(NodeFault::Unsupported("padding with another value than 0".into()).into());
        }
        let pads = input(1).and_then(Constant::as_ints).or_else(|| attributes.ints("pads"));
        let pads = pads.ok_or(NodeFault::Missing("pads"))?.to_vec();
        let axes = input(3).and_then(Constant::as_ints).map(<[i64]>::to_vec);
        let value = self.take(node, 0)?;
        let (mut value, roles) = self.layout(&name, value)?;
        let axes = axes.unwrap_or_else(|| (0..roles.len() as i64).collect());
        let mut channels = [0, 0];
        for (i, &axis) in axes.iter().enumerate() {
            let role = position(axis, roles.len()).map(|axis| roles[axis]);
            let [before, after] = [i, i + axes.len()].map(|i| {
                let size = pads.get(i).and_then(|&pad| usize::try_from(pad).ok());
                size.filter(|&size| size <= gazelle_model::MAX_SIDE)
            });
            let (Some(role), Some(before), Some(after)) = (role, before, after) else {
                return Err(NodeFault::Unsupported(format!("pads {pads:?}")).into());
            };
            match role {
                _ if before + after == 0 => {}
                Role::Channels => channels = [before, after],
                Role::Height => {
                    value.padding.top += before;
                    value.padding.bottom += after;
                }
                Role::Width => {
                    value.padding.left += before;
                    value.padding.right += after;
                }
                Role::Unit => {
                    return Err(
                        NodeFault::Unsupported("padding along an axis of size 1".into()).into()
                    );
                }
            }
        }
        if channels == [0, 0] {
            Ok(value)
        } else {
            self.more_channels(&name, value, channels, &roles)
        }
    }

    /// Channels of zeros before and after the tensor's own.
    fn more_channels(
        &mut self,
        name: &str,
        value: Value,
        [before, after]: [usize; 2],
        roles: &[Role],
    ) -> Result<Value, Fault> {
        let made = self.build.made(name, value)?;
        let inputs = self.build.shapes[made.tensor].channels;
        let outputs = inputs + before + after;
        let window = Window::tiling(gazelle_model::Extent::square(1));
        let map = gazelle_model::LinearMap::convolution(outputs, window);
        self.build.hold(inputs.saturating_mul(outputs))?;
        let mut weights = vec![0.0; inputs * outputs];
        (0..inputs).for_each(|c| weights[(before + c) * inputs + c] = 1.0);
        let open = self.build.term(name, &made, map, &weights, vec![0.0; outputs])?;
        let shape: Shape = open.sums;
        Ok(Value::new(Body::Open(open), shape).with_view(View::of_roles(roles, shape)))
    }
}
