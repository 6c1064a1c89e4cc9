//! One node against the shapes of the tensors that it reads.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::{
    ActivationNode, Axis, Bias, CLAMP_MAX, CardFault, Extent, Function, LinearNode, MAX_POOLED,
    MAX_PRODUCTS, MAX_SIDE, MAX_WINDOW, Node, Scaled, Select, Shape, SumPool, Upsample, Window,
};

/// What a node yields, holds and does.
pub(crate) struct NodeShape {
    /// The shape of its tensor.
    pub(crate) shape: Shape,
    /// Its weights.
    pub(crate) weights: u64,
    /// The sums that its activation reads, a pooled sum once for each of its windows.
    pub(crate) sums: u64,
}

impl NodeShape {
    /// Of `node`, which yields tensor `i + 1`; `shapes` are those of the tensors before.
    pub(crate) fn new(i: usize, node: &Node, shapes: &[Shape]) -> Result<Self, CardFault> {
        let misfit = |part| CardFault::Misfit { node: i + 1, part };
        let (mut weights, mut sums) = (0, 0);
        let (shape, part) = match node {
            Node::Linear(linear) => {
                check_bits(i, "weight", linear.weight_bits, 2..=16)?;
                let found = linear.shape(shapes);
                weights = found.map_or(0, |(_, weights)| weights);
                (found.map(|(shape, _)| shape), "linear map")
            }
            Node::Activation(activation) => {
                let input = shapes[activation.input];
                activation.check(i, input)?;
                let shape = activation.shape(input);
                // Of a shape that there is, the window was in its cap.
                let cells = || activation.max_pool.map_or(1, |window| window.kernel.cells() as u64);
                sums = shape.map_or(0, |shape| shape.len() as u64 * cells());
                (shape, "max pooling")
            }
            Node::Sum(parts) => (sum(parts, shapes), "sum"),
            Node::Concat(parts) => (concat(parts, shapes), "concatenation"),
            Node::Select(select) => (select.shape(shapes[select.input]), "channel selection"),
            Node::Upsample(upsample) => (upsample.shape(shapes[upsample.input]), "upsampling"),
            Node::SumPool(pool) => (pool.shape(shapes[pool.input]), "sum pooling"),
        };
        Ok(Self { shape: shape.ok_or(misfit(part))?, weights, sums })
    }
}

impl LinearNode {
    /// The shape of the sums and the number of weights; `None` if a term does not fit.
    fn shape(&self, shapes: &[Shape]) -> Option<(Shape, u64)> {
        let mut found = None;
        // At most 2^8 terms of 2^36 products.
        let (mut weights, mut products) = (0, 0);
        for term in &self.terms {
            let input = shapes[term.input];
            let shape = term.map.output(input)?;
            if *found.get_or_insert(shape) != shape {
                return None;
            }
            let row = term.map.row_len(input);
            let own = row.checked_mul(shape.len() as u64).filter(|&n| n <= MAX_PRODUCTS)?;
            products += own;
            weights += row * shape.channels as u64;
        }
        Some((found?, weights)).filter(|_| products <= MAX_PRODUCTS)
    }

    /// How many biases the node has when its sums have shape `shape`.
    pub fn bias_len(&self, shape: Shape) -> usize {
        match self.bias {
            Bias::Channel => shape.channels,
            Bias::Map => shape.len(),
        }
    }
}

impl ActivationNode {
    fn shape(&self, input: Shape) -> Option<Shape> {
        let Some(window) = &self.max_pool else { return Some(input) };
        let table = matches!(self.function, Function::ReluMinusTable { .. } | Function::Odd { .. });
        let small = window.kernel.height.checked_mul(window.kernel.width)? <= MAX_WINDOW;
        window.pool(input).filter(|_| small && !table)
    }

    fn check(&self, i: usize, input: Shape) -> Result<(), CardFault> {
        check_bits(i, "sum", self.sum_bits, 8..=31)?;
        let one_or_each = |len: usize| len == 1 || len == input.channels;
        if !one_or_each(self.shift.all().len()) {
            return Err(CardFault::Misfit { node: i + 1, part: "list of shifts" });
        }
        if !self.function.fits(input.channels) {
            return Err(CardFault::Function { node: i + 1 });
        }
        let least = match self.function {
            Function::ReluMinusTable { step, .. } => -i32::from(step),
            _ => 0,
        };
        let allowed = least..=self.sum_bits as i32 - self.function.kept_bits();
        match self.shift.all().iter().find(|&&f| !allowed.contains(&f.into())) {
            Some(&f) => Err(CardFault::Bits { node: i + 1, what: "shift", bits: f.into() }),
            None => Ok(()),
        }
    }

    /// The least sum bits that the shifts leave enough of.
    pub(crate) fn least_sum_bits(&self) -> u32 {
        let most = self.shift.all().iter().copied().max().unwrap_or(0);
        u32::from(most).saturating_add_signed(self.function.kept_bits())
    }
}

impl Function {
    /// Whether bounds, slopes and table are in range.
    fn fits(&self, channels: usize) -> bool {
        match self {
            Self::Clamp { least, most } => check_clamp(*least, *most),
            Self::Leaky { slopes, slope_shift, least, most } => {
                (slopes.len() == 1 || slopes.len() == channels)
                    && *slope_shift <= 8
                    && slopes.iter().all(|&slope| slope <= 1 << slope_shift)
                    && check_clamp(*least, *most)
            }
            Self::ReluMinusTable { table, step } => check_table(table) && (-8..=8).contains(step),
            Self::Odd { table, centre } => check_table(table) && (-255..=255).contains(centre),
        }
    }

    /// How many of a sum's bits the shift must leave: those of a result and of a table's index.
    fn kept_bits(&self) -> i32 {
        let index_bits = |table: &[u8]| table.len().max(1).ilog2() as i32;
        match self {
            Self::Clamp { least, most } | Self::Leaky { least, most, .. } => {
                8.max((u16::BITS - most.abs_diff(*least).leading_zeros()) as i32)
            }
            Self::ReluMinusTable { table, step } => 8.max(index_bits(table) + i32::from(*step)),
            Self::Odd { table, .. } => index_bits(table),
        }
    }
}

fn check_clamp(least: i16, most: i16) -> bool {
    least <= 0 && 0 <= most && (1..=CLAMP_MAX).contains(&most.abs_diff(least))
}

fn check_table(table: &[u8]) -> bool {
    matches!(table.len(), 32 | 64)
}

fn check_bits(
    i: usize,
    what: &'static str,
    bits: u32,
    allowed: RangeInclusive<u32>,
) -> Result<(), CardFault> {
    match allowed.contains(&bits) {
        true => Ok(()),
        false => Err(CardFault::Bits { node: i + 1, what, bits }),
    }
}

fn sum(parts: &[Scaled], shapes: &[Shape]) -> Option<Shape> {
    let shape = shapes[parts.first()?.input];
    let fits = |part: &Scaled| part.factor != 0 && shapes[part.input] == shape;
    parts.iter().all(fits).then_some(shape)
}

fn concat(parts: &[usize], shapes: &[Shape]) -> Option<Shape> {
    let first = shapes[*parts.first()?];
    let fits = |&part: &usize| shapes[part].extent() == first.extent();
    // At most 2^8 parts of 2^20 channels.
    let channels = parts.iter().map(|&part| shapes[part].channels).sum();
    let shape = Shape { channels, ..first };
    shape.checked().filter(|_| parts.iter().all(fits))
}

impl Select {
    fn shape(&self, input: Shape) -> Option<Shape> {
        let exist = self.channels.iter().all(|&channel| (channel as usize) < input.channels);
        Shape { channels: self.channels.len(), ..input }.checked().filter(|_| exist)
    }
}

impl Upsample {
    fn shape(&self, input: Shape) -> Option<Shape> {
        let Extent { height, width } = self.factor;
        let fits = (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width);
        // Sides of at most 2^12 each.
        let larger = || Shape::new(input.channels, input.height * height, input.width * width);
        if fits { larger().checked() } else { None }
    }
}

impl SumPool {
    /// Plain sums: every cell of a window counts, padded ones too.
    pub const fn plain(input: usize, window: Window) -> Self {
        Self { input, window, counted: window.padding }
    }

    fn shape(&self, input: Shape) -> Option<Shape> {
        let Window { padding, .. } = self.window;
        let [all, counted] = [padding, self.counted].map(|p| [p.top, p.left, p.bottom, p.right]);
        let inside = all.iter().zip(counted).all(|(&all, counted)| counted <= all);
        let shape = self.window.pool(input)?;
        // At most 2^24 cells under each of 2^24 windows.
        let small = self.window.kernel.cells() as u64 * shape.len() as u64 <= MAX_POOLED;
        self.divisor(input).filter(|_| inside && small).map(|_| shape)
    }

    /// D, what an average of maps of `input` divides y by; `None` if the windows do not fit or D is
    /// 2^31 or more.
    pub fn divisor(&self, input: Shape) -> Option<u32> {
        let [rows, columns] = self.counts(input)?;
        let divisor = multiple(&rows)?.checked_mul(multiple(&columns)?)?;
        u32::try_from(divisor).ok().filter(|&d| d < 1 << 31)
    }

    /// D / n for each row of windows, and for each column: their products are the factors.
    pub(crate) fn factors(&self, input: Shape) -> Option<[Vec<u64>; 2]> {
        let [rows, columns] = self.counts(input)?;
        let (all_rows, all_columns) = (multiple(&rows)?, multiple(&columns)?);
        Some([
            rows.iter().map(|n| all_rows / n).collect(),
            columns.iter().map(|n| all_columns / n).collect(),
        ])
    }

    /// How many rows count in each row of windows, and how many columns in each column.
    fn counts(&self, input: Shape) -> Option<[Vec<u64>; 2]> {
        let [rows, columns] = self.window.axes(input)?;
        let counted = self.counted;
        Some([
            counts(&rows, [counted.top, counted.bottom])?,
            counts(&columns, [counted.left, counted.right])?,
        ])
    }
}

/// How many cells of each window lie in the map or in the counted part of its padding.
fn counts(axis: &Axis, [before, after]: [usize; 2]) -> Option<Vec<u64>> {
    let first = axis.before.checked_sub(before)?;
    let end = axis.before + axis.input + after.min(axis.after);
    let count = |i: usize| {
        let start = i * axis.stride;
        (start + axis.kernel).min(end).saturating_sub(start.max(first)) as u64
    };
    Some((0..axis.output).map(count).collect())
}

/// The least common multiple of counts; `None` if one is 0 or it is 2^32 or more.
fn multiple(counts: &[u64]) -> Option<u64> {
    counts.iter().try_fold(1u64, |multiple, &n| {
        let (mut a, mut b) = (multiple, n);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        // a is the greatest common divisor, at least 1; counts are under 2^14.
        (multiple / a).checked_mul(n).filter(|&m| 0 < m && m < 1 << 32)
    })
}
