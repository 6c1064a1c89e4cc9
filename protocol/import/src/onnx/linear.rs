//! Convolutions and products with matrices.

use gazelle_model::{Convolution, Extent, LinearMap, Shape};

use super::attributes::Attributes;
use super::constant::Constant;
use super::fault::NodeFault;
use super::graph;
use super::lower::{Fault, Lowering};
use super::proto::Node;
use super::value::{Body, Value};
use super::view::{Role, View};
use super::windows::{self, WindowKind};

impl Lowering<'_> {
    pub(super) fn convolution(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let weights = self.floats(node, 1, "weights")?;
        let &[outputs, depth, height, width] = &weights.dims[..] else {
            return Err(NodeFault::Unsupported(format!(
                "weights of shape {:?}: only convolutions over rows and columns",
                weights.dims
            ))
            .into());
        };
        let bias = match node.input.get(2).is_some_and(|name| !name.is_empty()) {
            true => self.floats(node, 2, "bias")?,
            false => Constant::floats(vec![0.0; outputs]),
        };
        let value = self.take(node, 0)?;
        let mut value = self.map(&name, value)?;
        // A sum is made a tensor without the zeros around it, which the kernel takes over.
        let before = std::mem::take(&mut value.padding);
        let made = self.build.made(&name, value)?;
        let input = self.build.shapes[made.tensor];
        let attributes = Attributes::of(node);
        let groups = usize::try_from(attributes.int("group", 1)).unwrap_or(0);
        if groups == 0 || depth.checked_mul(groups) != Some(input.channels) || outputs % groups != 0
        {
            return Err(NodeFault::Shape(format!(
                "{outputs} outputs of {depth} channels in {groups} groups do not fit an input of {} \
                 channels",
                input.channels
            ))
            .into());
        }
        if bias.len() != outputs {
            let what = format!("{} biases for {outputs} outputs", bias.len());
            return Err(NodeFault::Shape(what).into());
        }
        let kernel = Some(Extent { height, width });
        let geometry = windows::read(&attributes, kernel, input, before, WindowKind::Convolution)?;
        let map = LinearMap::Convolution(Convolution {
            outputs,
            window: geometry.window,
            dilation: geometry.dilation,
            groups,
        });
        let bias = (0..outputs).map(|o| bias.at(o)).collect();
        let floats = weights.as_floats().unwrap_or_default();
        let open = self.build.term(&name, &made, map, floats, bias)?;
        let shape = open.sums;
        Ok(Value::new(Body::Open(open), shape))
    }

    pub(super) fn gemm(&mut self, node: &Node) -> Result<Value, Fault> {
        let attributes = Attributes::of(node);
        if attributes.int("transA", 0) != 0 {
            return Err(NodeFault::Unsupported("transA".into()).into());
        }
        let matrix = self.floats(node, 1, "matrix of weights")?;
        let by_row = attributes.int("transB", 0) != 0;
        let alpha = f64::from(attributes.float("alpha", 1.0));
        let beta = f64::from(attributes.float("beta", 1.0));
        let bias = match node.input.get(2).is_some_and(|name| !name.is_empty()) {
            true => Some(self.floats(node, 2, "bias")?),
            false => None,
        };
        let value = self.take(node, 0)?;
        let mut value = self.product(&graph::name(node), value, &matrix, by_row)?;
        if alpha != 1.0 {
            value = self.affine(&graph::name(node), value, &[alpha], &[0.0])?;
        }
        let outputs = value.shape.channels;
        match bias {
            None => Ok(value),
            Some(bias) if bias.len() == 1 || bias.len() == outputs => {
                let shift: Vec<f64> = (0..bias.len()).map(|i| beta * bias.at(i)).collect();
                self.affine(&graph::name(node), value, &[1.0], &shift)
            }
            Some(bias) => {
                let what = format!("{} biases for {outputs} outputs", bias.len());
                Err(NodeFault::Shape(what).into())
            }
        }
    }

    pub(super) fn matmul(&mut self, node: &Node) -> Result<Value, Fault> {
        if self.varies(node, 0) && self.varies(node, 1) {
            return Err(NodeFault::Structure(
                "multiplies two matrices that both depend on the image, as attention does; use a \
                 convolutional network"
                    .into(),
            )
            .into());
        }
        let matrix = self.floats(node, 1, "matrix of weights")?;
        let value = self.take(node, 0)?;
        self.product(&graph::name(node), value, &matrix, false)
    }

    /// A matrix times the values along the last axis.
    fn product(
        &mut self,
        name: &str,
        value: Value,
        matrix: &Constant,
        by_row: bool,
    ) -> Result<Value, Fault> {
        let value = self.build.unpadded(name, value)?;
        let dims = value.view.dims();
        let [inputs, outputs] = matrix_size(matrix, by_row, &dims)?;
        let values = matrix.as_floats().unwrap_or_default();
        let weight = |o: usize, i: usize| {
            if by_row { values[o * inputs + i] } else { values[i * outputs + o] }
        };
        let all = dims.iter().product::<usize>() == inputs;
        let (view, rank) = (value.view.clone(), dims.len());
        let (mut map, mut order) = (LinearMap::dense(outputs), view.order());
        let mut roles = vec![Role::Unit; rank];
        roles[rank - 1] = Role::Channels;
        let value = if all {
            value
        } else {
            // The same matrix at every place of a map: a convolution 1×1.
            let (value, found) = self.layout(name, value)?;
            if found[rank - 1] != Role::Channels {
                return Err(NodeFault::Structure(
                    "multiplies along another axis than the channels; use a Flatten or a convolution"
                        .into(),
                )
                .into());
            }
            let point = gazelle_model::Window::tiling(Extent::square(1));
            (map, order, roles) =
                (LinearMap::convolution(outputs, point), (0..inputs).collect(), found);
            value
        };
        let made = self.build.made(name, value)?;
        let mut weights = vec![0.0; inputs * outputs];
        for o in 0..outputs {
            for (i, &place) in order.iter().enumerate() {
                weights[o * inputs + place] = weight(o, i);
            }
        }
        let open = self.build.term(name, &made, map, &weights, vec![0.0; outputs])?;
        let shape: Shape = open.sums;
        Ok(Value::new(Body::Open(open), shape).with_view(View::of_roles(&roles, shape)))
    }
}

/// Inputs and outputs of a matrix that is multiplied with values of these dimensions along the last.
fn matrix_size(matrix: &Constant, by_row: bool, dims: &[usize]) -> Result<[usize; 2], NodeFault> {
    let &[rows, columns] = &matrix.dims[..] else {
        return Err(NodeFault::Missing("matrix of weights"));
    };
    let (inputs, outputs) = if by_row { (columns, rows) } else { (rows, columns) };
    let Some(&last) = dims.last() else {
        let what = "works on a vector, but a single value reaches it";
        return Err(NodeFault::Shape(what.into()));
    };
    if last != inputs || outputs == 0 || inputs == 0 {
        let what = format!("its matrix takes {inputs} values, but {last} reach it");
        return Err(NodeFault::Shape(what));
    }
    Ok([inputs, outputs])
}
