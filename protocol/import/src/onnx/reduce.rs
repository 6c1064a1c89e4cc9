//! Sums, products and other reductions of constants, and products of constant matrices: what is left
//! of weights that a norm divides.

use super::attributes::Attributes;
use super::constant::{Constant, Values, position};
use super::fold::typed;

/// The reduction of numbers to one, if the operator is one.
fn reduction(operator: &str) -> Option<fn(&[f64]) -> f64> {
    Some(match operator {
        "ReduceProd" => |x| x.iter().product(),
        "ReduceSum" => |x| x.iter().sum(),
        "ReduceMean" => |x| x.iter().sum::<f64>() / x.len() as f64,
        "ReduceMax" => |x| x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => |x| x.iter().copied().fold(f64::INFINITY, f64::min),
        "ReduceL1" => |x| x.iter().map(|x| x.abs()).sum(),
        "ReduceL2" => |x| x.iter().map(|x| x * x).sum::<f64>().sqrt(),
        "ReduceSumSquare" => |x| x.iter().map(|x| x * x).sum(),
        _ => return None,
    })
}

/// Whether the operator is a reduction.
pub(super) fn reduces(operator: &str) -> bool {
    reduction(operator).is_some()
}

/// The reduction of `x` over the axes that the attributes or `axes` list; over all without.
pub(super) fn reduced(
    operator: &str,
    x: &Constant,
    axes: Option<&Constant>,
    attributes: &Attributes<'_>,
) -> Option<Constant> {
    let reduce = reduction(operator)?;
    let rank = x.dims.len();
    let listed = axes.and_then(Constant::as_ints).or_else(|| attributes.ints("axes"));
    let gone: Vec<usize> = match listed {
        Some(axes) if !axes.is_empty() => {
            axes.iter().map(|&axis| position(axis, rank)).collect::<Option<_>>()?
        }
        _ if attributes.int("noop_with_empty_axes", 0) != 0 => return Some(x.clone()),
        _ => (0..rank).collect(),
    };
    // The values of each result, side by side.
    let size = |i: usize| if gone.contains(&i) { 1 } else { x.dims[i] };
    let left: Vec<usize> = (0..rank).map(size).collect();
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); left.iter().product()];
    for i in 0..x.len() {
        groups[place(i, &x.dims, &left)].push(x.at(i));
    }
    let keeps = attributes.int("keepdims", 1) != 0;
    let dims = (0..rank).filter(|i| keeps || !gone.contains(i)).map(|i| left[i]).collect();
    Some(typed(dims, groups.iter().map(|group| reduce(group)), x.as_ints().is_some()))
}

/// The place, in a tensor of sizes `left` (1 where an axis is gone), of value number `i` of one of sizes
/// `dims`.
fn place(mut i: usize, dims: &[usize], left: &[usize]) -> usize {
    let (mut place, mut stride) = (0, 1);
    for (&size, &kept) in dims.iter().zip(left).rev() {
        place += (i % size % kept) * stride;
        stride *= kept;
        i /= size;
    }
    place
}

/// The product of two constant matrices, either of which may be a vector; at most `most` products.
pub(super) fn matmul(a: &Constant, b: &Constant, most: usize) -> Option<Constant> {
    let (rows, inner) = match a.dims[..] {
        [inner] => (1, inner),
        [rows, inner] => (rows, inner),
        _ => return None,
    };
    let (other, columns) = match b.dims[..] {
        [inner] => (inner, 1),
        [inner, columns] => (inner, columns),
        _ => return None,
    };
    rows.checked_mul(inner)?.checked_mul(columns).filter(|&n| n <= most && inner == other)?;
    let value = |i: usize| -> f64 {
        let (row, column) = (i / columns * inner, i % columns);
        (0..inner).map(|j| a.at(row + j) * b.at(j * columns + column)).sum()
    };
    let values = (0..rows * columns).map(|i| value(i) as f32).collect();
    let sizes = [(a.dims.len() == 2).then_some(rows), (b.dims.len() == 2).then_some(columns)];
    Some(Constant { dims: sizes.into_iter().flatten().collect(), values: Values::Floats(values) })
}
