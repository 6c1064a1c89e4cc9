//! Operators that compute each value of a constant by itself.

use super::constant::Constant;
use super::fold::{broadcast, broadcast_places, typed};

/// A function of two numbers.
pub(super) type Binary = fn(f64, f64) -> f64;

/// The operator on two numbers.
pub(super) fn binary(operator: &str) -> Option<Binary> {
    Some(match operator {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Pow" => f64::powf,
        "Min" => f64::min,
        "Max" => f64::max,
        "Mod" => |a, b| a - b * (a / b).floor(),
        "Equal" => |a, b| (a == b).into(),
        "Less" => |a, b| (a < b).into(),
        "Greater" => |a, b| (a > b).into(),
        "LessOrEqual" => |a, b| (a <= b).into(),
        "GreaterOrEqual" => |a, b| (a >= b).into(),
        "And" => |a, b| (a != 0.0 && b != 0.0).into(),
        "Or" => |a, b| (a != 0.0 || b != 0.0).into(),
        _ => return None,
    })
}

/// Whether the operator's results are true or false.
pub(super) fn compares(operator: &str) -> bool {
    matches!(
        operator,
        "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or"
    )
}

/// The operator on two constants that meet as NumPy broadcasts.
pub(super) fn pairwise(
    a: &Constant,
    b: &Constant,
    f: Binary,
    compares: bool,
    most: usize,
) -> Option<Constant> {
    let dims = broadcast(&a.dims, &b.dims)?;
    dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1))).filter(|&n| n <= most)?;
    let (x, y) = (broadcast_places(&a.dims, &dims)?, broadcast_places(&b.dims, &dims)?);
    let whole = a.as_ints().is_some() && b.as_ints().is_some();
    let value = |(&i, &j): (&u32, &u32)| {
        let value = f(a.at(i as usize), b.at(j as usize));
        // Whole numbers are divided towards zero.
        if whole { value.trunc() } else { value }
    };
    Some(typed(dims, x.iter().zip(&y).map(value), whole || compares))
}

/// The operator on one number.
pub(super) fn unary(operator: &str) -> Option<fn(f64) -> f64> {
    Some(match operator {
        "Neg" => |x| -x,
        "Abs" => f64::abs,
        "Sqrt" => f64::sqrt,
        "Reciprocal" => f64::recip,
        "Exp" => f64::exp,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Not" => |x| (x == 0.0).into(),
        _ => return None,
    })
}

/// The operator on each value.
pub(super) fn mapped(x: &Constant, f: fn(f64) -> f64) -> Constant {
    typed(x.dims.clone(), (0..x.len()).map(|i| f(x.at(i))), x.as_ints().is_some())
}
