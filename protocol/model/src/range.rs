//! Ranges: what values a tensor can have, for any image.

use alloc::vec::Vec;

use crate::{
    ActivationNode, Card, Function, Head, HeadNode, LinearNode, Node, Place, Reach, Scaled, Select,
    Shape, SumPool, Upsample,
};

/// The integers from `least` to `most`. Every range contains 0, which padding puts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The least, at most 0.
    pub least: i64,
    /// The most, at least 0.
    pub most: i64,
}

impl Interval {
    /// 0 alone.
    pub(crate) const ZERO: Self = Self { least: 0, most: 0 };
    /// A pixel.
    pub const PIXEL: Self = Self { least: 0, most: 255 };

    /// The largest magnitude.
    pub const fn reach(&self) -> u64 {
        let (below, above) = (self.least.unsigned_abs(), self.most.unsigned_abs());
        if below > above { below } else { above }
    }

    /// The largest value less the least.
    pub const fn width(&self) -> u64 {
        self.most.abs_diff(self.least)
    }

    /// The least range that contains both.
    pub(crate) fn hull(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    // Both ends move away from 0 alone, so that saturating keeps what it must: a range that contains
    // all values.

    pub(crate) fn times(self, factor: i64) -> Self {
        let [a, b] = [self.least, self.most].map(|end| end.saturating_mul(factor));
        Self { least: a.min(b), most: a.max(b) }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            least: self.least.saturating_add(other.least),
            most: self.most.saturating_add(other.most),
        }
    }

    /// The range of y + b for any of some biases, with 0. (A bias may bring a saturated end nearer to 0
    /// by 2^31; it stays far beyond every ring.)
    pub(crate) fn with_biases(self, biases: &[i32]) -> Self {
        let (least, most) = biases
            .iter()
            .fold((i32::MAX, i32::MIN), |(least, most), &b| (least.min(b), most.max(b)));
        let least = self.least.saturating_add(least.into());
        let most = self.most.saturating_add(most.into());
        Self { least: least.min(0), most: most.max(0) }
    }

    /// The range of y − c, and of y and 0.
    fn less(self, constant: i64) -> Self {
        let [least, most] = [self.least, self.most].map(|end| end.saturating_sub(constant));
        Self { least: least.min(self.least), most: most.max(self.most) }
    }
}

/// The range of every tensor. `linear` gives that of a linear node, the n-th of them, from the
/// ranges of the tensors that its terms read.
pub(crate) fn of_tensors(
    card: &Card,
    shapes: &[Shape],
    mut linear: impl FnMut(usize, &LinearNode, &[Interval]) -> Option<Interval>,
) -> Vec<Option<Interval>> {
    let mut ranges = Vec::with_capacity(shapes.len());
    ranges.push(Some(Interval::PIXEL));
    let mut linear_nodes = 0..;
    for node in &card.nodes {
        let read = |tensor: usize| -> Option<Interval> { ranges[tensor] };
        let range = match node {
            Node::Linear(node) => {
                let inputs: Option<Vec<_>> =
                    node.terms.iter().map(|term| read(term.input)).collect();
                linear_nodes.next().zip(inputs).and_then(|(n, inputs)| linear(n, node, &inputs))
            }
            Node::Activation(activation) => Some(activation.function.range()),
            Node::Sum(parts) => {
                let part = |&Scaled { input, factor }| Some(read(input)?.times(factor.into()));
                parts.iter().map(part).reduce(|a, b| Some(a?.plus(b?))).flatten()
            }
            Node::Concat(parts) => {
                parts.iter().map(|&part| read(part)).reduce(|a, b| Some(a?.hull(b?))).flatten()
            }
            Node::Select(Select { input, .. }) | Node::Upsample(Upsample { input, .. }) => {
                read(*input)
            }
            // A window has at most as many cells as count, and D / n times n is D.
            Node::SumPool(pool @ SumPool { input, .. }) => {
                let divisor = pool.divisor(shapes[*input]).unwrap_or(u32::MAX);
                read(*input).map(|range| range.times(divisor.into()))
            }
        };
        ranges.push(range);
    }
    ranges
}

/// Checks that all values whose range is known fit their ring, and what each node reads.
pub(crate) fn check(
    card: &Card,
    ring_bits: &[u32],
    ranges: &[Option<Interval>],
) -> Result<(), Reach> {
    let fits = |place, range: Option<Interval>, bits: u32| match range.map(|range| range.reach()) {
        Some(reach) if reach >> bits != 0 => Err(Reach { place, reach, bits }),
        _ => Ok(()),
    };
    for (i, node) in card.nodes.iter().enumerate() {
        if let Node::Activation(activation) = node {
            let read = ranges[activation.input].map(|range| activation.reads(range));
            fits(Place::Node(i + 1), read, activation.sum_bits)?;
        }
    }
    let read = ranges[card.head.input].map(|range| card.head.reads(range));
    fits(Place::Head, read, card.head.sum_bits)?;
    let mut tensors = ranges.iter().zip(ring_bits).enumerate();
    tensors.try_for_each(|(i, (range, bits))| fits(Place::Tensor(i), *range, bits - 1))
}

impl ActivationNode {
    /// The range of the values that must fit when y lies in `range`: y, and what a clamp makes of
    /// it before it looks.
    pub(crate) fn reads(&self, range: Interval) -> Interval {
        let Function::Clamp { least, .. } = self.function else { return range };
        let most = self.shift.all().iter().copied().max().unwrap_or(0);
        range.less(i64::from(least) << most.min(32))
    }
}

impl HeadNode {
    /// As [`ActivationNode::reads`]: y, and y less its threshold.
    pub(crate) fn reads(&self, range: Interval) -> Interval {
        let Head::Thresholds(thresholds) = &self.head else { return range };
        thresholds.iter().fold(range, |all, &t| all.hull(range.less(t.into())))
    }
}

impl Function {
    /// What the results lie in.
    pub fn range(&self) -> Interval {
        let largest = |table: &[u8]| i64::from(table.iter().copied().max().unwrap_or(0));
        match self {
            Self::Clamp { least, most } | Self::Leaky { least, most, .. } => {
                Interval { least: (*least).into(), most: (*most).into() }
            }
            Self::ReluMinusTable { table, .. } => Interval { least: -largest(table), most: 255 },
            Self::Odd { table, centre } => {
                let (centre, swing) = (i64::from(*centre), largest(table));
                Interval { least: (centre - swing).min(0), most: (centre + swing).max(0) }
            }
        }
    }
}
