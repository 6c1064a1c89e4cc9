//! An ONNX tensor as a rearrangement of a tensor of channels × height × width.
//!
//! Reshape, Transpose, Flatten, Squeeze and Unsqueeze move no value: they change the way in which
//! the values are counted. A view keeps that way as NumPy's strides do, but an axis may count along
//! several strides, one after another.

use gazelle_model::Shape;

/// `size` values, `stride` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Factor {
    size: usize,
    stride: usize,
}

/// What an axis of a view runs along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Unit,
    Channels,
    Height,
    Width,
}

/// The axes, the batch (of one image) first; each the factors that it counts along, the slowest
/// first, none of size 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    axes: Vec<Vec<Factor>>,
}

impl View {
    /// Batch, channels, rows, columns.
    pub(super) fn map(shape: Shape) -> Self {
        Self::of_roles(&[Role::Unit, Role::Channels, Role::Height, Role::Width], shape)
    }

    /// Batch and values.
    pub(super) fn vector(len: usize) -> Self {
        Self { axes: vec![vec![], whole(len, 1)] }
    }

    /// Axes that run along what `roles` say.
    pub(super) fn of_roles(roles: &[Role], shape: Shape) -> Self {
        let axis = |role: &Role| match role {
            Role::Unit => vec![],
            Role::Channels => whole(shape.channels, shape.map_len()),
            Role::Height => whole(shape.height, shape.width),
            Role::Width => whole(shape.width, 1),
        };
        Self { axes: roles.iter().map(axis).collect() }
    }

    pub(super) fn rank(&self) -> usize {
        self.axes.len()
    }

    pub(super) fn dims(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.iter().map(|f| f.size).product()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.dims().iter().product()
    }

    /// The same values in axes of sizes `dims`; `None` if they cannot be counted so.
    pub(super) fn reshaped(&self, dims: &[usize]) -> Option<Self> {
        if self.len() != dims.iter().product::<usize>() {
            return None;
        }
        let mut rest: Vec<Factor> = merged(self.axes.concat());
        rest.reverse();
        let mut axes = Vec::with_capacity(dims.len());
        for &dim in dims {
            let (mut axis, mut left) = (Vec::new(), dim);
            while left > 1 {
                let Factor { size, stride } = rest.pop()?;
                if left % size == 0 {
                    axis.push(Factor { size, stride });
                    left /= size;
                } else if size % left == 0 {
                    let inner = size / left;
                    axis.push(Factor { size: left, stride: stride * inner });
                    rest.push(Factor { size: inner, stride });
                    left = 1;
                } else {
                    return None;
                }
            }
            axes.push(axis);
        }
        Some(Self { axes })
    }

    /// The axes in another order.
    pub(super) fn transposed(&self, order: &[usize]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        let permutes = sorted.iter().copied().eq(0..self.axes.len());
        permutes.then(|| Self { axes: order.iter().map(|&i| self.axes[i].clone()).collect() })
    }

    /// The place of each value in the tensor, in the view's order.
    pub(super) fn order(&self) -> Vec<usize> {
        places(&self.axes.concat())
    }

    /// What each axis runs along, and the order of the channels if it is not the tensor's own;
    /// `None` if axes mix channels, rows and columns.
    pub(super) fn roles(&self, shape: Shape) -> Option<(Vec<Role>, Option<Vec<u32>>)> {
        let (mut roles, mut order) = (Vec::new(), None);
        for axis in &self.axes {
            let axis = merged(axis.clone());
            roles.push(match &axis[..] {
                [] => Role::Unit,
                [one]
                    if shape.channels > 1 && *one == whole(shape.channels, shape.map_len())[0] =>
                {
                    Role::Channels
                }
                [one] if shape.height > 1 && *one == whole(shape.height, shape.width)[0] => {
                    Role::Height
                }
                [one] if shape.width > 1 && *one == whole(shape.width, 1)[0] => Role::Width,
                all if all.iter().map(|f| f.size).product::<usize>() == shape.channels
                    && all.iter().all(|f| f.stride % shape.map_len() == 0) =>
                {
                    let channel = |place: usize| (place / shape.map_len()) as u32;
                    order = Some(places(all).into_iter().map(channel).collect());
                    Role::Channels
                }
                _ => return None,
            });
        }
        Some((roles, order))
    }
}

/// One factor, or none of size 1.
fn whole(size: usize, stride: usize) -> Vec<Factor> {
    if size == 1 { vec![] } else { vec![Factor { size, stride }] }
}

/// Factors that go on where the one before ends, joined.
fn merged(factors: Vec<Factor>) -> Vec<Factor> {
    let mut joined: Vec<Factor> = Vec::with_capacity(factors.len());
    for factor in factors.into_iter().filter(|f| f.size > 1) {
        match joined.last_mut() {
            Some(last) if last.stride == factor.size * factor.stride => {
                *last = Factor { size: last.size * factor.size, stride: factor.stride };
            }
            _ => joined.push(factor),
        }
    }
    joined
}

fn places(factors: &[Factor]) -> Vec<usize> {
    let mut places = vec![0];
    for factor in factors {
        let steps = |&place: &usize| (0..factor.size).map(move |i| place + i * factor.stride);
        places = places.iter().flat_map(steps).collect();
    }
    places
}
