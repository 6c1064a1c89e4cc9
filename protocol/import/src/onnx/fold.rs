//! Arithmetic on constants: what exporters leave of shapes, masks, bounds and weights.

use std::rc::Rc;

use super::attributes::Attributes;
use super::constant::{Constant, MAX_VALUES, Values, position};
use super::elementwise::{binary, compares, mapped, pairwise, unary};
use super::fault::NodeFault;
use super::proto::data_type;
use super::quantised::dequantise;
use super::reduce::{matmul, reduced, reduces};
use super::slice::Slice;

/// The value of a node all of whose inputs are constants; `None` if this is not an operator that is
/// computed at import. At most `most` values are made.
pub(super) fn evaluate(
    operator: &str,
    inputs: &[Option<&Constant>],
    attributes: &Attributes<'_>,
    most: usize,
) -> Option<Result<Constant, NodeFault>> {
    let x = inputs.first().copied().flatten();
    let second = inputs.get(1).copied().flatten();
    let value = match (operator, x, second) {
        ("Identity" | "Dropout", Some(x), _) => Some(x.clone()),
        ("Cast", Some(x), _) => cast(x, attributes.int("to", 0)),
        ("Shape", Some(x), _) => Some(Constant::ints(x.dims.iter().map(|&d| d as i64).collect())),
        ("Size", Some(x), _) => Some(scalar_int(x.len() as i64)),
        ("Reshape" | "Unsqueeze" | "Squeeze" | "Flatten", Some(x), _) => {
            let target = target(operator, &x.dims, second, attributes);
            target.map(|dims| Constant { dims, ..x.clone() })
        }
        ("Transpose", Some(x), _) => transpose(x, attributes),
        ("Gather", Some(x), Some(at)) => gather(x, at, attributes.int("axis", 0), most),
        ("DequantizeLinear", Some(x), Some(scale)) => {
            dequantise(x, scale, inputs.get(2).copied().flatten(), attributes)
        }
        ("Concat", Some(_), _) => concat(inputs, attributes, most),
        ("Slice", Some(x), _) => {
            Slice::read(x.dims.len(), inputs, attributes).and_then(|slice| sliced(&slice, x))
        }
        ("Expand", Some(x), Some(shape)) => expand(x, shape, most),
        ("ConstantOfShape", Some(shape), _) => constant_of_shape(shape, attributes, most),
        ("Range", Some(first), Some(end)) => {
            inputs.get(2).copied().flatten().and_then(|step| range(first, end, step, most))
        }
        ("Where", Some(mask), Some(a)) => {
            let b = inputs.get(2).copied().flatten();
            // Three tensors of places are made on the way.
            b.and_then(|b| choose(mask, a, b, most / 2))
        }
        (_, Some(x), axes) if reduces(operator) => reduced(operator, x, axes, attributes),
        ("MatMul", Some(a), Some(b)) => matmul(a, b, most),
        (_, Some(a), Some(b)) if binary(operator).is_some() => {
            pairwise(a, b, binary(operator)?, compares(operator), most)
        }
        (_, Some(x), None) if unary(operator).is_some() => Some(mapped(x, unary(operator)?)),
        _ => return None,
    };
    // An empty dimension hides no other's size.
    let bounded = |c: &Constant| {
        let len = c.dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)));
        len.is_some_and(|len| len <= MAX_VALUES)
    };
    Some(value.filter(bounded).ok_or_else(|| {
        NodeFault::Unsupported("this computation on constants, or one of so many values".into())
    }))
}

fn scalar_int(value: i64) -> Constant {
    Constant { dims: vec![], values: Values::Ints([value].into()) }
}

fn cast(x: &Constant, to: i64) -> Option<Constant> {
    let floats = [data_type::FLOAT, data_type::DOUBLE, data_type::FLOAT16, data_type::BFLOAT16];
    let values = (0..x.len()).map(|i| x.at(i));
    let values = match &x.values {
        Values::Ints(_) if floats.iter().any(|&t| to == t.into()) => {
            Values::Floats(values.map(|v| v as f32).collect())
        }
        Values::Floats(_) if !floats.iter().any(|&t| to == t.into()) => {
            let truth = to == data_type::BOOL.into();
            Values::Ints(
                values.map(|v| if truth { i64::from(v != 0.0) } else { v as i64 }).collect(),
            )
        }
        same => same.clone(),
    };
    Some(Constant { dims: x.dims.clone(), values })
}

/// The sizes after a Reshape, Flatten, Squeeze or Unsqueeze of a tensor of sizes `dims`.
pub(super) fn target(
    operator: &str,
    dims: &[usize],
    input: Option<&Constant>,
    attributes: &Attributes<'_>,
) -> Option<Vec<usize>> {
    let listed = input.and_then(Constant::as_ints).or_else(|| attributes.ints("axes"));
    match operator {
        "Flatten" => {
            let axis = attributes.int("axis", 1);
            let at =
                if axis == dims.len() as i64 { dims.len() } else { position(axis, dims.len())? };
            Some(vec![dims[..at].iter().product(), dims[at..].iter().product()])
        }
        "Reshape" => {
            let target = input.and_then(Constant::as_ints).or_else(|| attributes.ints("shape"))?;
            let zero = attributes.int("allowzero", 0) == 0;
            let mut sizes = Vec::with_capacity(target.len());
            for (i, &size) in target.iter().enumerate() {
                sizes.push(match size {
                    0 if zero => *dims.get(i)? as i64,
                    size => size,
                });
            }
            let total = dims.iter().product::<usize>() as i64;
            let known =
                sizes.iter().filter(|&&d| d != -1).try_fold(1i64, |n, &d| n.checked_mul(d))?;
            if let Some(open) = sizes.iter().position(|&d| d == -1) {
                sizes[open] = total.checked_div(known)?;
            }
            sizes.iter().map(|&d| usize::try_from(d).ok()).collect()
        }
        "Squeeze" => {
            let gone: Vec<usize> = match listed {
                None => (0..dims.len()).filter(|&i| dims[i] == 1).collect(),
                Some(axes) => {
                    axes.iter().map(|&a| position(a, dims.len())).collect::<Option<_>>()?
                }
            };
            let ones = gone.iter().all(|&i| dims[i] == 1);
            let rest = (0..dims.len()).filter(|i| !gone.contains(i)).map(|i| dims[i]);
            ones.then(|| rest.collect())
        }
        _ => {
            let axes = listed?;
            let rank = dims.len() + axes.len();
            let new: Vec<usize> = axes.iter().map(|&a| position(a, rank)).collect::<Option<_>>()?;
            let mut old = dims.iter();
            (0..rank)
                .map(|i| if new.contains(&i) { Some(1) } else { old.next().copied() })
                .collect()
        }
    }
}

/// The values of `x` at `places`, as many as the sizes say.
fn picked(x: &Constant, dims: Vec<usize>, places: impl Iterator<Item = usize>) -> Constant {
    let len = dims.iter().product();
    let values = match &x.values {
        Values::Floats(v) => Values::Floats(gathered(len, places.map(|i| v[i]))),
        Values::Ints(v) => Values::Ints(gathered(len, places.map(|i| v[i]))),
    };
    Constant { dims, values }
}

/// The `len` values of an iterator that does not tell how many it has: without room to grow.
fn gathered<T>(len: usize, values: impl Iterator<Item = T>) -> Rc<[T]> {
    let mut all = Vec::with_capacity(len);
    all.extend(values);
    all.into()
}

/// The places of a walk with `strides` along axes of sizes `dims`; a constant has at most 2^28.
fn walk(dims: &[usize], strides: &[usize]) -> Vec<u32> {
    let mut places = vec![0];
    for (&size, &stride) in dims.iter().zip(strides) {
        let mut longer = Vec::with_capacity(places.len() * size);
        longer.extend(
            places.iter().flat_map(|&place| (0..size).map(move |i| place + (i * stride) as u32)),
        );
        places = longer;
    }
    places
}

fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides: Vec<usize> = dims
        .iter()
        .rev()
        .scan(1, |product, &d| {
            let stride = *product;
            *product *= d;
            Some(stride)
        })
        .collect();
    strides.reverse();
    strides
}

fn transpose(x: &Constant, attributes: &Attributes<'_>) -> Option<Constant> {
    let rank = x.dims.len();
    let order: Vec<usize> = match attributes.ints("perm") {
        None => (0..rank).rev().collect(),
        Some(order) => order.iter().map(|&i| position(i, rank)).collect::<Option<_>>()?,
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return None;
    }
    let own = strides(&x.dims);
    let (dims, steps): (Vec<_>, Vec<_>) = order.iter().map(|&i| (x.dims[i], own[i])).unzip();
    let places = walk(&dims, &steps);
    Some(picked(x, dims, places.into_iter().map(|i| i as usize)))
}

fn gather(x: &Constant, at: &Constant, axis: i64, most: usize) -> Option<Constant> {
    let axis = position(axis, x.dims.len())?;
    let (before, len) = (&x.dims[..axis], x.dims[axis]);
    let inner: usize = x.dims[axis + 1..].iter().product();
    let outer: usize = before.iter().product();
    let indices: Vec<usize> =
        at.as_ints()?.iter().map(|&i| position(i, len)).collect::<Option<_>>()?;
    let total = outer.checked_mul(indices.len())?.checked_mul(inner)?;
    let dims = [before, &at.dims, &x.dims[axis + 1..]].concat();
    let at = &indices;
    let places = (0..outer).flat_map(move |o| {
        at.iter().flat_map(move |i| (0..inner).map(move |j| (o * len + i) * inner + j))
    });
    (total <= most).then(|| picked(x, dims, places))
}

fn concat(
    parts: &[Option<&Constant>],
    attributes: &Attributes<'_>,
    most: usize,
) -> Option<Constant> {
    let parts: Vec<&Constant> = parts.iter().copied().collect::<Option<_>>()?;
    let first = parts.first()?;
    let axis = position(attributes.int("axis", 0), first.dims.len())?;
    let alike = |part: &&Constant| {
        part.dims.len() == first.dims.len()
            && part.dims[..axis] == first.dims[..axis]
            && part.dims[axis + 1..] == first.dims[axis + 1..]
            && part.as_ints().is_some() == first.as_ints().is_some()
    };
    if !parts.iter().all(alike) || parts.iter().map(|part| part.len()).sum::<usize>() > most {
        return None;
    }
    let mut dims = first.dims.clone();
    dims[axis] = parts.iter().map(|part| part.dims[axis]).sum();
    let outer: usize = dims[..axis].iter().product();
    let rows = |o: usize| {
        parts.iter().flat_map(move |part| {
            let run = part.len() / outer.max(1);
            (o * run..(o + 1) * run).map(move |i| part.at(i))
        })
    };
    let all = (0..outer).flat_map(rows);
    let len = dims.iter().product();
    let values = match first.values {
        Values::Floats(_) => Values::Floats(gathered(len, all.map(|v| v as f32))),
        Values::Ints(_) => Values::Ints(gathered(len, all.map(|v| v as i64))),
    };
    Some(Constant { dims, values })
}

/// What a Slice leaves of a constant.
fn sliced(slice: &Slice, x: &Constant) -> Option<Constant> {
    let along = slice.places(&x.dims)?;
    let mut places = vec![0];
    for (axis, stride) in along.iter().zip(strides(&x.dims)) {
        let steps = |&place: &u32| axis.iter().map(move |i| place + (i * stride) as u32);
        places = places.iter().flat_map(steps).collect();
    }
    let dims = along.iter().map(Vec::len).collect();
    Some(picked(x, dims, places.into_iter().map(|i| i as usize)))
}

/// The sizes of two tensors that meet, as NumPy broadcasts.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).map_or(1, |i| dims[i]);
    (0..rank)
        .map(|i| match (size(a, i), size(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// The place in a tensor of sizes `dims` for each place in one of sizes `to`.
pub(super) fn broadcast_places(dims: &[usize], to: &[usize]) -> Option<Vec<u32>> {
    if broadcast(dims, to)? != to {
        return None;
    }
    let own = strides(dims);
    let skip = to.len() - dims.len();
    let step = |i: usize| match i.checked_sub(skip) {
        Some(i) if dims[i] > 1 => own[i],
        _ => 0,
    };
    Some(walk(to, &(0..to.len()).map(step).collect::<Vec<_>>()))
}

fn expand(x: &Constant, shape: &Constant, most: usize) -> Option<Constant> {
    let shape: Vec<usize> = sizes(shape, most)?;
    let dims = broadcast(&x.dims, &shape)?;
    let places = broadcast_places(&x.dims, &dims)?;
    Some(picked(x, dims, places.into_iter().map(|i| i as usize)))
}

/// Sizes whose product is at most `most`.
fn sizes(shape: &Constant, most: usize) -> Option<Vec<usize>> {
    let sizes: Vec<usize> =
        shape.as_ints()?.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<_>>()?;
    sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1))).filter(|&n| n <= most)?;
    Some(sizes)
}

fn constant_of_shape(
    shape: &Constant,
    attributes: &Attributes<'_>,
    most: usize,
) -> Option<Constant> {
    let dims = sizes(shape, most)?;
    let len = dims.iter().product();
    let values = match attributes.tensor("value") {
        None => Values::Floats(vec![0.0; len].into()),
        Some(Ok(one)) => match &one.values {
            Values::Floats(v) => Values::Floats(vec![*v.first()?; len].into()),
            Values::Ints(v) => Values::Ints(vec![*v.first()?; len].into()),
        },
        Some(Err(_)) => return None,
    };
    Some(Constant { dims, values })
}

fn range(first: &Constant, end: &Constant, step: &Constant, most: usize) -> Option<Constant> {
    let (first, end, step) = (first.scalar()?, end.scalar()?, step.scalar()?);
    let count = ((end - first) / step).ceil().max(0.0);
    let values = || (0..count as usize).map(|i| first + i as f64 * step);
    (count.is_finite() && count <= most as f64 && first.fract() == 0.0 && step.fract() == 0.0)
        .then(|| Constant::ints(values().map(|v| v as i64).collect()))
}

fn choose(mask: &Constant, a: &Constant, b: &Constant, most: usize) -> Option<Constant> {
    let dims = broadcast(&mask.dims, &broadcast(&a.dims, &b.dims)?)?;
    dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1))).filter(|&n| n <= most)?;
    let [m, x, y] = [mask, a, b].map(|c| broadcast_places(&c.dims, &dims));
    let (m, x, y) = (m?, x?, y?);
    let value = |i: usize| match mask.at(m[i] as usize) != 0.0 {
        true => a.at(x[i] as usize),
        false => b.at(y[i] as usize),
    };
    Some(typed(dims, (0..m.len()).map(value), a.as_ints().is_some() && b.as_ints().is_some()))
}

pub(super) fn typed(dims: Vec<usize>, values: impl Iterator<Item = f64>, whole: bool) -> Constant {
    let values = match whole {
        true => Values::Ints(values.map(|v| v as i64).collect()),
        false => Values::Floats(values.map(|v| v as f32).collect()),
    };
    Constant { dims, values }
}
