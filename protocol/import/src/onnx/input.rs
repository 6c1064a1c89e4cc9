//! What a file says of its input.

use gazelle_model::Shape;

use super::OnnxFault;
use super::proto::{self, data_type};
use super::view::{Role, View};

/// Batch, rows, columns, channels: the order of other frameworks.
const CHANNELS_LAST: [Role; 4] = [Role::Unit, Role::Height, Role::Width, Role::Channels];

/// The images in a batch, the shape of one, and how the file counts its values. `stated` is for a
/// file that reads a flat vector or leaves sizes open.
pub(super) fn image(
    input: &proto::ValueInfo,
    stated: Option<Shape>,
) -> Result<(usize, Shape, View), OnnxFault> {
    let fault = |what: String| OnnxFault::Interface(format!("the input `{}` {what}", input.name));
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| fault("is not a tensor".into()))?;
    let floats = [data_type::FLOAT, data_type::FLOAT16, data_type::DOUBLE, data_type::BFLOAT16];
    if !floats.contains(&tensor.elem_type) {
        return Err(fault("is not in floating point; export the network in that".into()));
    }
    let dims: Vec<i64> =
        tensor.shape.iter().flat_map(|shape| shape.dim.iter().map(|d| d.dim_value)).collect();
    let batch = dims.first().map_or(1, |&d| d.clamp(1, 1 << 20) as usize);
    let size = |d: i64| usize::try_from(d).ok().filter(|d| (1..=1 << 24).contains(d));
    let sizes: Option<Vec<usize>> = dims.iter().skip(1).map(|&d| size(d)).collect();
    let found = match (sizes.as_deref(), stated) {
        (Some(&[len]), stated) => flat(len, stated),
        (Some(&[a, b, c]), stated) => map(Shape::new(a, b, c), Shape::new(c, a, b), stated),
        (None, Some(shape)) if dims.len() == 4 => open(&dims, shape),
        (None, None) if dims.len() == 4 => Err(format!(
            "leaves sizes open ({dims:?}); state them with `--shape CHANNELS,HEIGHT,WIDTH`"
        )),
        _ => Err(format!("has the shape {dims:?}; it must be batch × channels × height × width")),
    };
    let (shape, view) = found.map_err(fault)?;
    match shape.checked() {
        Some(shape) => Ok((batch, shape, view)),
        None => Err(fault(format!("of shape {dims:?} is too large"))),
    }
}

/// A vector of `len` values.
fn flat(len: usize, stated: Option<Shape>) -> Result<(Shape, View), String> {
    match stated {
        Some(shape) if shape.checked().is_some() && shape.len() == len => {
            Ok((shape, View::vector(len)))
        }
        Some(shape) => Err(format!("has {len} values, and an image of {shape} has another number")),
        None => Err(format!(
            "is a flat vector of {len} values; state the image's shape (`--shape \
             CHANNELS,HEIGHT,WIDTH`)"
        )),
    }
}

/// A map whose channels are the first of its sizes, or the last.
fn map(first: Shape, last: Shape, stated: Option<Shape>) -> Result<(Shape, View), String> {
    // Pictures have few channels: rows come first where the last size alone is so small.
    let channels_last = match stated {
        Some(shape) if shape == first => false,
        Some(shape) if shape == last => true,
        Some(shape) => return Err(format!("is an image of {first}, not {shape}")),
        None => last.channels <= 4 && first.channels > 4,
    };
    match channels_last {
        true => Ok((last, View::of_roles(&CHANNELS_LAST, last))),
        false => Ok((first, View::map(first))),
    }
}

/// A map with open sizes, which `shape` gives.
fn open(dims: &[i64], shape: Shape) -> Result<(Shape, View), String> {
    let fits = |order: [usize; 3]| {
        dims[1..].iter().zip(order).all(|(&d, size)| d <= 0 || d as u64 == size as u64)
    };
    let Shape { channels, height, width } = shape;
    if fits([channels, height, width]) {
        Ok((shape, View::map(shape)))
    } else if fits([height, width, channels]) {
        Ok((shape, View::of_roles(&CHANNELS_LAST, shape)))
    } else {
        Err(format!("has the shape {dims:?}, which {shape} does not fit"))
    }
}
