//! The Slice operator: which places of each axis it takes.

use super::attributes::Attributes;
use super::constant::{Constant, position};

/// A Slice: for each axis its first place, its step and how many.
pub(super) struct Slice {
    bounds: Vec<(usize, i64, i64, i64)>,
}

impl Slice {
    /// Starts, ends, axes and steps, as inputs or (before opset 10) as attributes.
    pub(super) fn read(
        rank: usize,
        inputs: &[Option<&Constant>],
        attributes: &Attributes<'_>,
    ) -> Option<Self> {
        let list = |i: usize, name: &str| -> Option<Vec<i64>> {
            match inputs.get(i).copied().flatten() {
                Some(constant) => constant.as_ints().map(<[i64]>::to_vec),
                None => attributes.ints(name).map(<[i64]>::to_vec),
            }
        };
        let (starts, ends) = (list(1, "starts")?, list(2, "ends")?);
        let axes = list(3, "axes").unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = list(4, "steps").unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return None;
        }
        let bound = |i: usize| Some((position(axes[i], rank)?, starts[i], ends[i], steps[i]));
        let bounds = (0..starts.len()).map(bound).collect::<Option<_>>()?;
        Some(Self { bounds })
    }

    /// The places along each axis of sizes `dims`.
    pub(super) fn places(&self, dims: &[usize]) -> Option<Vec<Vec<usize>>> {
        let mut places: Vec<Vec<usize>> = dims.iter().map(|&d| (0..d).collect()).collect();
        for &(axis, start, end, step) in &self.bounds {
            let len = dims[axis] as i64;
            let from_end = |i: i64| if i < 0 { i.saturating_add(len) } else { i };
            let (start, end) = match step {
                1.. => (from_end(start).clamp(0, len), from_end(end).clamp(0, len)),
                _ => (from_end(start).clamp(-1, len - 1), from_end(end).clamp(-1, len - 1)),
            };
            let step_size = usize::try_from(step.unsigned_abs()).ok().filter(|&s| s > 0)?;
            places[axis] = if step > 0 {
                (start..end).step_by(step_size).map(|i| i as usize).collect()
            } else {
                (end + 1..=start).rev().step_by(step_size).map(|i| i as usize).collect()
            };
        }
        Some(places)
    }
}
