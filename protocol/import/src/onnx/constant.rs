//! Constants of a graph: tensors whose values are known at import.

use std::rc::Rc;

use super::fault::OnnxFault;
use super::proto::{self, data_type};
use super::side_file::SideFiles;

/// The most values of a constant: the cap on a network's weights.
pub(super) const MAX_VALUES: usize = gazelle_model::MAX_WEIGHTS;

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

    pub(super) fn floats(values: Vec<f32>) -> Self {
        Self { dims: vec![values.len()], values: Values::Floats(values.into()) }
    }

    /// Reads an initializer or a constant's attribute.
    pub(super) fn read(tensor: &proto::Tensor, side: &SideFiles<'_>) -> Result<Self, OnnxFault> {
        let fault = |what: String| OnnxFault::Tensor { tensor: tensor.name.clone(), what };
        let dims: Option<Vec<usize>> = tensor.dims.iter().map(|&d| d.try_into().ok()).collect();
        // An empty dimension counts as 1, so that it hides no other's size.
        let most = dims.iter().flatten().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)));
        let (Some(dims), Some(..=MAX_VALUES)) = (dims, most) else {
            return Err(fault(format!("has the impossible shape {:?}", tensor.dims)));
        };
        let outside;
        let raw = if tensor.data_location != 0 || !tensor.external_data.is_empty() {
            outside = side.read(tensor)?;
            &outside
        } else {
            &tensor.raw_data
        };
        let values = values(tensor, raw).map_err(fault)?;
        let (len, constant) = (dims.iter().product::<usize>(), Self { dims, values });
        match constant.len() {
            got if got == len => Ok(constant),
            got => Err(fault(format!("has {got} values instead of {len}: the file is damaged"))),
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

    pub(super) fn as_ints(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Ints(values) => Some(values),
            Values::Floats(_) => None,
        }
    }

    /// Value number `i`, whatever its type.
    pub(super) fn at(&self, i: usize) -> f64 {
        match &self.values {
            Values::Floats(values) => values[i].into(),
            Values::Ints(values) => values[i] as f64,
        }
    }

    /// The value, if there is one alone.
    pub(super) fn scalar(&self) -> Option<f64> {
        (self.len() == 1).then(|| self.at(0))
    }
}

/// The values in the tensor's typed fields or in `raw`.
fn values(tensor: &proto::Tensor, raw: &[u8]) -> Result<Values, String> {
    fn read<const N: usize, T>(raw: &[u8], from: impl Fn([u8; N]) -> T) -> Result<Rc<[T]>, String> {
        match raw.as_chunks() {
            (values, []) => Ok(values.iter().map(|&bytes| from(bytes)).collect()),
            _ => Err(format!(
                "has {} bytes, no whole number of values: the file is damaged",
                raw.len()
            )),
        }
    }
    let typed = raw.is_empty();
    let small = || tensor.int32_data.iter();
    Ok(match tensor.data_type {
        data_type::FLOAT if typed => Values::Floats(tensor.float_data[..].into()),
        data_type::FLOAT => Values::Floats(read(raw, f32::from_le_bytes)?),
        data_type::DOUBLE if typed => {
            Values::Floats(tensor.double_data.iter().map(|&x| x as f32).collect())
        }
        data_type::DOUBLE => Values::Floats(read(raw, |b| f64::from_le_bytes(b) as f32)?),
        data_type::FLOAT16 if typed => Values::Floats(small().map(|&x| half(x as u16)).collect()),
        data_type::FLOAT16 => Values::Floats(read(raw, |b| half(u16::from_le_bytes(b)))?),
        data_type::BFLOAT16 if typed => Values::Floats(small().map(|&x| brain(x as u16)).collect()),
        data_type::BFLOAT16 => Values::Floats(read(raw, |b| brain(u16::from_le_bytes(b)))?),
        data_type::INT64 if typed => Values::Ints(tensor.int64_data[..].into()),
        data_type::INT64 => Values::Ints(read(raw, i64::from_le_bytes)?),
        data_type::INT32 if !typed => Values::Ints(read(raw, |b| i32::from_le_bytes(b).into())?),
        data_type::INT16 if !typed => Values::Ints(read(raw, |b| i16::from_le_bytes(b).into())?),
        data_type::UINT16 if !typed => Values::Ints(read(raw, |b| u16::from_le_bytes(b).into())?),
        data_type::INT8 if !typed => Values::Ints(raw.iter().map(|&b| (b as i8).into()).collect()),
        data_type::UINT8 | data_type::BOOL if !typed => {
            Values::Ints(raw.iter().map(|&b| b.into()).collect())
        }
        data_type::INT32
        | data_type::INT16
        | data_type::INT8
        | data_type::UINT16
        | data_type::UINT8
        | data_type::BOOL => Values::Ints(small().map(|&x| x.into()).collect()),
        other => {
            return Err(format!(
                "has element type {other}; export the network in 32-bit floating point"
            ));
        }
    })
}

/// IEEE 754's 16-bit format.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 31, f32::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * (-24f32).exp2(),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * (f32::from(exponent) - 25.0).exp2(),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

/// The upper half of a 32-bit number.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// An index that may count from the end.
pub(super) fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len.try_into().ok()?)? } else { index };
    usize::try_from(index).ok().filter(|&i| i < len)
}
