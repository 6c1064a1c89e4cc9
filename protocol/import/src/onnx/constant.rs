//! Constants of a graph, and the arithmetic on them that exporters leave behind: the chains of
//! Shape, Gather and Concat that compute a flattened shape.

use std::rc::Rc;

use super::attributes::Attributes;
use super::fault::{NodeFault, OnnxFault};
use super::proto::{self, data_type};

/// The most values of a constant: the cap on a network's weights.
const MAX_VALUES: usize = gazelle_model::MAX_WEIGHTS;

/// The most values of a computed shape; what is computed from shapes cannot grow without bound.
const MAX_COMPUTED: usize = 64;

/// A tensor whose values are known at import; a clone shares them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub(super) dims: Vec<usize>,
    pub(super) values: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Floats(Rc<[f32]>),
    Ints(Rc<[i64]>),
}

impl Constant {
    pub(super) fn ints(values: Vec<i64>) -> Self {
        Self { dims: vec![values.len()], values: Values::Ints(values.into()) }
    }

    /// Reads an initializer or a constant's attribute.
    pub(super) fn read(tensor: &proto::Tensor) -> Result<Self, OnnxFault> {
        let fault = |what: String| OnnxFault::Tensor { tensor: tensor.name.clone(), what };
        if tensor.data_location != 0 || !tensor.external_data.is_empty() {
            return Err(OnnxFault::ExternalData { tensor: tensor.name.clone() });
        }
        let dims: Option<Vec<usize>> = tensor.dims.iter().map(|&d| d.try_into().ok()).collect();
        // An empty dimension counts as 1, so that it hides no other's size.
        let most = dims.iter().flatten().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)));
        let (Some(dims), Some(..=MAX_VALUES)) = (dims, most) else {
            return Err(fault(format!("has the impossible shape {:?}", tensor.dims)));
        };
        let values = match tensor.data_type {
            data_type::FLOAT if tensor.raw_data.is_empty() => {
                Values::Floats(tensor.float_data[..].into())
            }
            data_type::FLOAT => Values::Floats(raw(tensor, f32::from_le_bytes)),
            data_type::DOUBLE if tensor.raw_data.is_empty() => {
                Values::Floats(tensor.double_data.iter().map(|&x| x as f32).collect())
            }
            data_type::DOUBLE => Values::Floats(raw(tensor, |b| f64::from_le_bytes(b) as f32)),
            data_type::INT64 if tensor.raw_data.is_empty() => {
                Values::Ints(tensor.int64_data[..].into())
            }
            data_type::INT64 => Values::Ints(raw(tensor, i64::from_le_bytes)),
            data_type::INT32 if tensor.raw_data.is_empty() => {
                Values::Ints(tensor.int32_data.iter().map(|&x| x.into()).collect())
            }
            data_type::INT32 => Values::Ints(raw(tensor, |b| i32::from_le_bytes(b).into())),
            other => {
                return Err(fault(format!(
                    "has element type {other}; export the network in 32-bit floating point"
                )));
            }
        };
        let len = dims.iter().product::<usize>();
        let constant = Self { dims, values };
        let got = constant.len();
        match got == len {
            true => Ok(constant),
            false => Err(fault(format!("has {got} values instead of {len}: the file is damaged"))),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Floats(values) => values.len(),
            Values::Ints(values) => values.len(),
        }
    }

    pub(super) fn as_floats(&self) -> Option<&[f32]> {
        match &self.values {
            Values::Floats(values) => Some(values),
            Values::Ints(_) => None,
        }
    }

    /// Few whole numbers.
    fn as_shape(&self) -> Option<&[i64]> {
        self.as_ints().filter(|values| values.len() <= MAX_COMPUTED)
    }

    pub(super) fn as_ints(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Ints(values) => Some(values),
            Values::Floats(_) => None,
        }
    }
}

/// Nothing if the bytes are not a whole number of values.
fn raw<const N: usize, T>(tensor: &proto::Tensor, from: impl Fn([u8; N]) -> T) -> Rc<[T]> {
    match tensor.raw_data.as_chunks() {
        (values, []) => values.iter().map(|&bytes| from(bytes)).collect(),
        _ => Rc::new([]),
    }
}

/// The value of a node all of whose inputs are constants; `None` if this is not an operator that
/// works on constants.
pub(super) fn evaluate(
    operator: &str,
    inputs: &[&Constant],
    attributes: &Attributes<'_>,
) -> Option<Result<Constant, NodeFault>> {
    let value = match (operator, inputs) {
        ("Identity" | "Cast" | "Unsqueeze" | "Squeeze", [x, ..]) => reshaped(operator, x),
        ("Gather", [x, at]) => gather(x, at),
        ("Concat", parts) => concat(parts),
        ("Slice", [x, bounds @ ..]) => slice(x, bounds),
        ("ReduceProd", [x, ..]) => x
            .as_shape()
            .and_then(|v| v.iter().try_fold(1i64, |a, &b| a.checked_mul(b)))
            .map(|product| Constant::ints(vec![product])),
        ("Mul", [a, b]) => pairwise(a, b, i64::checked_mul),
        ("Add", [a, b]) => pairwise(a, b, i64::checked_add),
        ("Sub", [a, b]) => pairwise(a, b, i64::checked_sub),
        ("Div", [a, b]) => pairwise(a, b, i64::checked_div),
        ("Transpose", [x]) => transposed(x, attributes),
        ("Constant", []) => return Some(attributes.constant()),
        _ => return None,
    };
    Some(value.ok_or_else(|| {
        NodeFault::Unsupported(format!(
            "a computation on constants other than shapes, of up to {MAX_COMPUTED} whole numbers"
        ))
    }))
}

/// Constants here are scalars or vectors of whole numbers, for which these change nothing, or
/// weights that pass through.
fn reshaped(operator: &str, x: &Constant) -> Option<Constant> {
    (operator == "Identity" || x.as_shape().is_some()).then(|| x.clone())
}

fn transposed(x: &Constant, attributes: &Attributes<'_>) -> Option<Constant> {
    let (&[rows, columns], None | Some([1, 0])) = (&x.dims[..], attributes.ints("perm")) else {
        return None;
    };
    let values = transpose(x.as_floats()?, rows, columns);
    Some(Constant { dims: vec![columns, rows], values: Values::Floats(values.into()) })
}

/// The values of a matrix column by column.
pub(super) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}

fn gather(x: &Constant, at: &Constant) -> Option<Constant> {
    let (values, indices) = (x.as_shape()?, at.as_shape()?);
    let picked: Option<Vec<i64>> =
        indices.iter().map(|&i| values.get(position(i, values.len())?).copied()).collect();
    Some(Constant { dims: at.dims.clone(), values: Values::Ints(picked?.into()) })
}

fn concat(parts: &[&Constant]) -> Option<Constant> {
    let parts: Option<Vec<&[i64]>> = parts.iter().map(|part| part.as_shape()).collect();
    Some(Constant::ints(parts?.concat()))
}

/// Inputs starts, ends, axes, steps; along the only axis, with step 1.
fn slice(x: &Constant, bounds: &[&Constant]) -> Option<Constant> {
    let values = x.as_shape()?;
    let bounds: Option<Vec<i64>> =
        bounds.iter().map(|b| b.as_shape().filter(|b| b.len() == 1).map(|b| b[0])).collect();
    let (start, end) = match bounds?[..] {
        [start, end] | [start, end, 0] | [start, end, 0, 1] => (start, end),
        _ => return None,
    };
    let clamp = |i: i64| {
        let len = values.len() as i64;
        (if i < 0 { i.saturating_add(len) } else { i }).clamp(0, len) as usize
    };
    Some(Constant::ints(values.get(clamp(start)..clamp(end))?.to_vec()))
}

fn pairwise(a: &Constant, b: &Constant, f: impl Fn(i64, i64) -> Option<i64>) -> Option<Constant> {
    let (x, y) = (a.as_shape()?, b.as_shape()?);
    if x.len() != y.len() {
        return None;
    }
    let values: Option<Vec<i64>> = x.iter().zip(y).map(|(&x, &y)| f(x, y)).collect();
    Some(Constant { dims: a.dims.clone(), values: Values::Ints(values?.into()) })
}

/// An index that may count from the end.
pub(super) fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len.try_into().ok()?)? } else { index };
    usize::try_from(index).ok().filter(|&i| i < len)
}
