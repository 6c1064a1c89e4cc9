//! Operators that change a tensor's shape or type and not its values.

use super::constant::{Constant, position};
use super::fault::NodeFault;
use super::operator::{Context, Step, Tensor};
use super::proto::data_type;
use gazelle_model::Shape;

impl Context<'_> {
    pub(super) fn flatten(&self) -> Result<(Step, Tensor), NodeFault> {
        let rank = if self.tensor.flat { 2 } else { 4 };
        match position(self.attributes.int("axis", 1), rank) {
            Some(1) => Ok(self.flattened()),
            _ => Err(NodeFault::Unsupported("an axis other than 1".into())),
        }
    }

    fn flattened(&self) -> (Step, Tensor) {
        let tensor = Tensor { shape: Shape::flat(self.tensor.shape.len()), flat: true };
        (if self.tensor.flat { Step::Nothing } else { Step::Flatten }, tensor)
    }

    /// Only to a vector, or to the shape that the tensor already has.
    pub(super) fn reshape(&self) -> Result<(Step, Tensor), NodeFault> {
        let target = self.constant(1).and_then(Constant::as_ints);
        let target = target.ok_or(NodeFault::Missing("target shape"))?;
        let dims = self.dims();
        let keeps_zero = self.attributes.int("allowzero", 0) != 0;
        let mut resolved: Vec<i64> = Vec::with_capacity(target.len());
        for (i, &size) in target.iter().enumerate() {
            resolved.push(match size {
                0 if !keeps_zero => *dims.get(i).ok_or(NodeFault::Missing("target shape"))?,
                size => size,
            });
        }
        let total = dims.iter().product::<i64>();
        let known = resolved.iter().filter(|&&d| d != -1).try_fold(1i64, |n, &d| n.checked_mul(d));
        if let (Some(at), Some(known @ 1..)) = (resolved.iter().position(|&d| d == -1), known) {
            resolved[at] = total / known;
        }
        if resolved == dims {
            return Ok((Step::Nothing, self.tensor));
        }
        if resolved == [self.batch, total / self.batch] {
            return Ok(self.flattened());
        }
        Err(NodeFault::Unsupported(format!(
            "a reshape from {dims:?} to {target:?}; only to one vector per image"
        )))
    }

    pub(super) fn squeeze(&self) -> Result<(Step, Tensor), NodeFault> {
        let Shape { height: 1, width: 1, .. } = self.map()? else {
            return Err(NodeFault::Unsupported("a map of more than one cell".into()));
        };
        Ok(self.flattened())
    }

    pub(super) fn cast(&self) -> Result<(Step, Tensor), NodeFault> {
        match self.attributes.int("to", 0) {
            to if to == data_type::FLOAT.into() || to == data_type::DOUBLE.into() => {
                Ok((Step::Nothing, self.tensor))
            }
            to => Err(NodeFault::Unsupported(format!("element type {to}; only floating point"))),
        }
    }

    pub(super) fn softmax(&self) -> Result<(Step, Tensor), NodeFault> {
        self.vector()?;
        match position(self.attributes.int("axis", -1), 2) {
            Some(1) => Ok((Step::Softmax, self.tensor)),
            _ => Err(NodeFault::Unsupported("an axis other than the classes'".into())),
        }
    }

    /// The tensor's dimensions, batch included.
    pub(super) fn dims(&self) -> Vec<i64> {
        let Shape { channels, height, width } = self.tensor.shape;
        let sizes: &[usize] =
            if self.tensor.flat { &[channels] } else { &[channels, height, width] };
        [self.batch].into_iter().chain(sizes.iter().map(|&d| d as i64)).collect()
    }
}
