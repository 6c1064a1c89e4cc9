//! Concatenation, split, slice and repetition of channels, and of parts of maps.

use gazelle_model::{Convolution, Extent, LinearMap, Padding, Select, Shape, SumPool, Window};

use super::attributes::Attributes;
use super::build::too_large;
use super::constant::{Constant, position};
use super::fault::NodeFault;
use super::graph;
use super::lower::{Fault, Lowering, axis_of};
use super::proto::Node;
use super::slice::Slice;
use super::value::{Body, Made, Value, gathered, spread};
use super::view::{Role, View};
use crate::FloatNode;

impl Lowering<'_> {
    pub(super) fn concat(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let axis = Attributes::of(node).int("axis", 1);
        let (mut parts, mut layout): (Vec<Made>, Option<Vec<Role>>) = (Vec::new(), None);
        for i in 0..node.input.len() {
            let value = self.take(node, i)?;
            let (value, mut roles) = self.layout(&name, value)?;
            let at = position(axis, roles.len()).ok_or(NodeFault::Missing("axis"))?;
            // One channel alone is no axis of its own.
            if value.shape.channels == 1 && roles[at] == Role::Unit {
                roles[at] = Role::Channels;
            }
            let first = layout.get_or_insert_with(|| roles.clone());
            if roles[at] != Role::Channels || *first != roles {
                let what = "a concatenation along another axis than the channels of like tensors";
                return Err(NodeFault::Unsupported(what.into()).into());
            }
            parts.push(self.build.made(&name, value)?);
        }
        let tensor =
            self.build.push(FloatNode::Concat(parts.iter().map(|p| p.tensor).collect()))?;
        let shape = self.build.shapes[tensor];
        let shapes = &self.build.shapes;
        let by_value =
            parts.iter().any(|p| p.scale.len().max(p.shift.len()) > shapes[p.tensor].channels);
        let join = |of: &dyn Fn(&Made) -> Vec<f64>| {
            let values = parts.iter().flat_map(|part| {
                let own = shapes[part.tensor];
                spread(&of(part), if by_value { own.len() } else { own.channels })
            });
            gathered(values.collect(), shape.channels)
        };
        let (scale, shift) = (join(&|p| p.scale.clone()), join(&|p| p.shift.clone()));
        let view = View::of_roles(&layout.unwrap_or_default(), shape);
        Ok(Value::made(Made { tensor, scale, shift }, shape).with_view(view))
    }

    /// Some channels of a value in some order, as a map.
    pub(super) fn selected(
        &mut self,
        name: &str,
        value: Value,
        channels: Vec<u32>,
    ) -> Result<Value, Fault> {
        let made = self.build.made(name, value)?;
        let own = self.build.shapes[made.tensor];
        let pick = |values: &[f64]| -> Vec<f64> {
            if values.len() <= 1 {
                return values.to_vec();
            }
            let run = values.len() / own.channels;
            channels.iter().flat_map(|&c| values[c as usize * run..][..run].to_vec()).collect()
        };
        let (scale, shift) = (pick(&made.scale), pick(&made.shift));
        let select = Select { input: made.tensor, channels };
        let tensor = self.build.push(FloatNode::Select(select))?;
        let shape = self.build.shapes[tensor];
        let scale = gathered(scale, shape.channels);
        let shift = gathered(shift, shape.channels);
        Ok(Value::made(Made { tensor, scale, shift }, shape))
    }

    pub(super) fn split(&mut self, node: &Node) -> Result<Vec<Value>, Fault> {
        let name = graph::name(node);
        let attributes = Attributes::of(node);
        let others = self.others(node)?;
        let listed = others.get(1).and_then(Option::as_ref).and_then(Constant::as_ints);
        let listed = listed.or_else(|| attributes.ints("split")).map(<[i64]>::to_vec);
        let value = self.take(node, 0)?;
        let (value, roles) = self.layout(&name, value)?;
        let Some((at, Role::Channels)) = axis_of(&roles, attributes.int("axis", 0)) else {
            return Err(NodeFault::Unsupported(
                "a split along another axis than the channels".into(),
            )
            .into());
        };
        let total = value.view.dims()[at];
        let sizes: Vec<usize> = match listed {
            Some(sizes) => sizes.iter().map(|&s| usize::try_from(s).unwrap_or(0)).collect(),
            None => {
                let each = total.div_ceil(node.output.len().max(1));
                (0..node.output.len()).map(|i| each.min(total.saturating_sub(i * each))).collect()
            }
        };
        if sizes.contains(&0) || sizes.iter().sum::<usize>() != total {
            let what = format!("parts of {sizes:?} of {total} channels");
            return Err(NodeFault::Shape(what).into());
        }
        let made = self.build.made(&name, value)?;
        let shape = self.build.shapes[made.tensor];
        let (mut first, mut parts) = (0, Vec::new());
        for (size, output) in sizes.into_iter().zip(&node.output) {
            let channels = (first..first + size).map(|c| c as u32).collect();
            first += size;
            if output.is_empty() || !self.is_read(output) {
                // Keeps the outputs in their places.
                parts.push(Value::made(made.clone(), shape));
                continue;
            }
            let part = self.selected(&name, Value::made(made.clone(), shape), channels)?;
            let view = View::of_roles(&roles, part.shape);
            parts.push(part.with_view(view));
        }
        Ok(parts)
    }

    pub(super) fn slice(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let others = self.others(node)?;
        let inputs: Vec<Option<&Constant>> = others.iter().map(Option::as_ref).collect();
        let value = self.take(node, 0)?;
        let value = self.build.unpadded(&name, value)?;
        let (value, roles) = self.layout(&name, value)?;
        let dims = value.view.dims();
        let slice = Slice::read(dims.len(), &inputs, &Attributes::of(node));
        let places = slice.and_then(|slice| slice.places(&dims));
        let places = places.ok_or(NodeFault::Missing("bounds"))?;
        if places.iter().any(Vec::is_empty) {
            return Err(NodeFault::Shape("a slice of nothing".into()).into());
        }
        self.parts(&name, value, &roles, &places)
    }

    /// What stands at `places` along each axis.
    fn parts(
        &mut self,
        name: &str,
        mut value: Value,
        roles: &[Role],
        places: &[Vec<usize>],
    ) -> Result<Value, Fault> {
        let (mut rows, mut columns) = (None, None);
        let dims = value.view.dims();
        for ((role, places), size) in roles.iter().zip(places).zip(dims) {
            if places.iter().copied().eq(0..size) {
                continue;
            }
            match role {
                Role::Height => rows = Some(places),
                Role::Width => columns = Some(places),
                Role::Channels => {
                    let channels = places.iter().map(|&c| c as u32).collect();
                    value = self.selected(name, value, channels)?;
                }
                Role::Unit => {
                    return Err(
                        NodeFault::Unsupported("copies along an axis of size 1".into()).into()
                    );
                }
            }
        }
        if rows.is_some() || columns.is_some() {
            value = self.cut(name, value, rows, columns)?;
        }
        let view = View::of_roles(roles, value.shape);
        Ok(value.with_view(view))
    }

    /// Rows and columns with a fixed step: windows of one cell, or a kernel with one cell of 1.
    fn cut(
        &mut self,
        name: &str,
        value: Value,
        rows: Option<&Vec<usize>>,
        columns: Option<&Vec<usize>>,
    ) -> Result<Value, Fault> {
        let regular = |places: Option<&Vec<usize>>, size: usize| match places.map(|p| &p[..]) {
            None => Some((0, 1, size)),
            Some([one]) => Some((*one, 1, 1)),
            Some(all @ [first, second, ..]) => {
                let step = second.checked_sub(*first).filter(|&step| step > 0)?;
                all.windows(2).all(|p| p[1] == p[0] + step).then_some((*first, step, all.len()))
            }
            Some([]) => None,
        };
        let shape = value.shape;
        let (Some((top, down, height)), Some((left, right, width))) =
            (regular(rows, shape.height), regular(columns, shape.width))
        else {
            let what = "rows or columns backwards, in another order or several times; take them at \
                        a fixed step, or change the pictures before";
            return Err(NodeFault::Unsupported(what.into()).into());
        };
        let mut made = self.build.made(name, value)?;
        let channels = shape.channels;
        let by_value = made.scale.len().max(made.shift.len()) > channels;
        // The kernel reaches from the map's first cell to the last that a whole step needs.
        let kernel =
            Extent::new(shape.height - (height - 1) * down, shape.width - (width - 1) * right);
        let point = Window::new(Extent::square(1), Extent::new(down, right), Padding::NONE);
        if top == 0
            && left == 0
            && !by_value
            && point.slide(shape).map(|s| s.extent()) == Some(Extent::new(height, width))
        {
            made.tensor =
                self.build.push(FloatNode::SumPool(SumPool::plain(made.tensor, point)))?;
            return Ok(Value::made(made.clone(), self.build.shapes[made.tensor]));
        }
        let window = Window::new(kernel, Extent::new(down, right), Padding::NONE);
        self.build.hold(channels.checked_mul(kernel.cells()).ok_or_else(too_large)?)?;
        let mut taps = vec![0.0; kernel.cells()];
        taps[top * kernel.width + left] = 1.0;
        let map = LinearMap::Convolution(Convolution {
            outputs: channels,
            window,
            dilation: Extent::square(1),
            groups: channels,
        });
        let open =
            self.build.term(name, &made, map, &taps.repeat(channels), vec![0.0; channels])?;
        let shape: Shape = open.sums;
        Ok(Value::new(Body::Open(open), shape))
    }

    /// A Gather of channels, rows or columns.
    pub(super) fn gather(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let indices = self.constant(node, 1)?.ok_or(NodeFault::Missing("indices"))?;
        let value = self.take(node, 0)?;
        let value = self.build.unpadded(&name, value)?;
        let (value, mut roles) = self.layout(&name, value)?;
        let dims = value.view.dims();
        let at = position(Attributes::of(node).int("axis", 0), dims.len());
        let at = at.ok_or(NodeFault::Missing("axis"))?;
        let listed = indices.as_ints().unwrap_or_default();
        let listed: Option<Vec<usize>> = listed.iter().map(|&i| position(i, dims[at])).collect();
        let listed = listed.filter(|l| !l.is_empty()).ok_or(NodeFault::Missing("indices"))?;
        let mut places: Vec<Vec<usize>> = dims.iter().map(|&d| (0..d).collect()).collect();
        places[at] = listed;
        let value = self.parts(&name, value, &roles, &places)?;
        if indices.dims.is_empty() {
            roles.remove(at);
            let view = View::of_roles(&roles, value.shape);
            return Ok(value.with_view(view));
        }
        Ok(value)
    }

    /// An Expand or Tile of one channel to several: copies of it.
    pub(super) fn repeat(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let target = self.constant(node, 1)?.ok_or(NodeFault::Missing("shape"))?;
        let value = self.take(node, 0)?;
        let (value, roles) = self.layout(&name, value)?;
        let dims = value.view.dims();
        let wanted = target.as_ints().unwrap_or_default();
        let tile = node.op_type == "Tile";
        let size = |i: usize| -> Option<usize> {
            let wanted = match (i + wanted.len()).checked_sub(dims.len()) {
                None => 1,
                Some(at) => usize::try_from(wanted[at]).ok()?,
            };
            Some(if tile { dims[i].checked_mul(wanted)? } else { dims[i].max(wanted) })
        };
        let sizes: Option<Vec<usize>> = (0..dims.len()).map(size).collect();
        let sizes =
            sizes.filter(|_| wanted.len() <= dims.len()).ok_or(NodeFault::Missing("shape"))?;
        let changed: Vec<usize> = (0..dims.len()).filter(|&i| sizes[i] != dims[i]).collect();
        match (&changed[..], value.shape.channels) {
            ([], _) => Ok(value),
            (&[at], count)
                if at == 1 && sizes[1] % count == 0 && sizes[1] <= gazelle_model::MAX_CHANNELS =>
            {
                let channels: Vec<u32> = (0..sizes[1]).map(|c| (c % count) as u32).collect();
                let padding = value.padding;
                let value = Value { padding: Padding::NONE, ..value };
                let mut all = self.selected(&name, value, channels)?;
                let mut roles = roles;
                roles[1] = Role::Channels;
                all.view = View::of_roles(&roles, all.shape);
                all.padding = padding;
                Ok(all)
            }
            _ => {
                Err(NodeFault::Unsupported("copies along another axis than the channels".into())
                    .into())
            }
        }
    }
}
