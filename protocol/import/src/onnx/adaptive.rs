//! Averages over windows of a size of their own each, as adaptive pooling has them.
//!
//! PyTorch writes `adaptive_avg_pool2d` to a size that does not divide the map's by gathering all cells
//! of all windows, with zeros where a window is smaller than the largest, adding them up cell by cell
//! and dividing by how many there are. [`recognise`](super::pattern::recognise) puts one node in the
//! place of that, which names the first row and the end of each window, and its columns.

use gazelle_model::{Convolution, Extent, LinearMap, Padding, Shape, Window};

use super::attributes::Attributes;
use super::constant::Constant;
use super::fault::NodeFault;
use super::graph;
use super::lower::{Fault, Lowering};
use super::pattern::{Found, Group};
use super::proto::{Attribute, Node};
use super::value::{Body, Value};
use super::view::View;

/// The operator of the node that is put in.
pub(super) const OPERATOR: &str = "AverageOfWindows";
/// The most cells of a window, each of which is three nodes of the file.
const MAX_CELLS: usize = 1 << 12;

/// The first and the end of each window along an axis.
type Spans = Vec<[usize; 2]>;

impl Group<'_, '_> {
    /// The pooling whose division by the windows' sizes `node` is.
    pub(super) fn adaptive_pooling(&mut self, node: &Node) -> Option<Found> {
        let [sum, sizes] = &node.input[..] else { return None };
        let sizes = self.constants.find(sizes).ok()??;
        let (taps, gathered) = self.taps(sum)?;
        let (gather, masks) = self.gather(&gathered)?;
        let places = self.constants.find(gather.input.get(1)?).ok()??;
        let &[height, down, width, across, 2] = &places.dims[..] else { return None };
        let all = (0..down).flat_map(|p| (0..across).map(move |q| [p, q]));
        if places.dims.contains(&0)
            || !all.eq(taps)
            || sizes.dims.len() < 2
            || sizes.len() != height * width
        {
            return None;
        }
        let dims = [height, down, width, across];
        let kept = |at: [usize; 4]| {
            masks
                .iter()
                .try_fold(true, |kept, mask| Some(kept && broadcast(mask, dims, at)? == 0.0))
        };
        let (mut rows, mut columns) = (vec![Vec::new(); height], vec![Vec::new(); width]);
        // The cells of a window are all pairs of some rows and some columns.
        for (i, row) in rows.iter_mut().enumerate() {
            row.extend(
                (0..down).filter(|&p| (0..across).any(|q| kept([i, p, 0, q]) == Some(true))),
            );
        }
        for (j, column) in columns.iter_mut().enumerate() {
            let some = |q: &usize| (0..down).any(|p| kept([0, p, j, *q]) == Some(true));
            column.extend((0..across).filter(some));
        }
        let place = |[i, p, j, q]: [usize; 4], axis: usize| {
            places.at((((i * down + p) * width + j) * across + q) * 2 + axis)
        };
        let indices = (0..height * down * width * across).map(|n| {
            let (n, q) = (n / across, n % across);
            let (n, j) = (n / width, n % width);
            [n / down, n % down, j, q]
        });
        for at @ [i, p, j, q] in indices {
            let own = rows[i].contains(&p) && columns[j].contains(&q);
            let cell =
                [place(at, 0), place(at, 1)] == [place([i, p, 0, 0], 0), place([0, 0, j, q], 1)];
            if kept(at)? != own || !cell {
                return None;
            }
        }
        let rows = spans(&rows, |i, p| place([i, p, 0, 0], 0))?;
        let columns = spans(&columns, |j, q| place([0, 0, j, q], 1))?;
        let cells = |i: usize, j: usize| (len(rows[i]) * len(columns[j])) as f64;
        if (0..height * width).any(|n| sizes.at(n) != cells(n / width, n % width)) {
            return None;
        }
        let x = self.permuted(gather.input.first()?, [2, 3, 0, 1])?;
        Some((OPERATOR, x, vec![listed("rows", &rows), listed("columns", &columns)]))
    }

    /// Which cells of each window are added, in order, and of what tensor.
    fn taps(&mut self, sum: &str) -> Option<(Vec<[usize; 2]>, String)> {
        let (mut open, mut taps, mut source) = (vec![sum.to_owned()], Vec::new(), None);
        while let Some(name) = open.pop() {
            let node = self.maker(&name)?.clone();
            match &node.op_type[..] {
                "Add" if taps.len() + open.len() < MAX_CELLS => open.extend(node.input),
                "Gather" => {
                    let (q, outer) = self.picked(&node, 4)?;
                    let outer = self.maker(&outer).filter(|n| n.op_type == "Gather")?.clone();
                    let (p, inner) = self.picked(&outer, 3)?;
                    if source.get_or_insert_with(|| inner.clone()) != &inner {
                        return None;
                    }
                    taps.push([p, q]);
                }
                _ => return None,
            }
        }
        taps.sort_unstable();
        Some((taps, source?))
    }

    /// The place that a Gather takes along `axis`, which it drops, and of what.
    fn picked(&mut self, node: &Node, axis: i64) -> Option<(usize, String)> {
        let [from, index] = &node.input[..] else { return None };
        let index = self.constants.find(index).ok()??;
        let along = Attributes::of(node).int("axis", 0) == axis && index.dims.is_empty();
        let at = index.scalar().filter(|&at| along && at >= 0.0)?;
        Some((at as usize, from.clone()))
    }

    /// The GatherND behind a tensor, and the masks of what becomes 0 on the way.
    fn gather(&mut self, name: &str) -> Option<(Node, Vec<Constant>)> {
        let (mut name, mut masks) = (name.to_owned(), Vec::new());
        while let Some(node) = self.maker(&name).filter(|node| node.op_type == "Where").cloned() {
            let [mask, zero, rest] = &node.input[..] else { return None };
            self.constants.scalar(zero).filter(|&zero| zero == 0.0 && masks.len() < 4)?;
            masks.push(self.constants.find(mask).ok()??);
            name.clone_from(rest);
        }
        let name = self.permuted(&name, [4, 5, 0, 1, 2, 3])?;
        let node = self.maker(&name).filter(|node| node.op_type == "GatherND")?.clone();
        (Attributes::of(&node).int("batch_dims", 0) == 0).then_some((node, masks))
    }

    /// What a Transpose with this order reads.
    fn permuted<const N: usize>(&self, name: &str, order: [i64; N]) -> Option<String> {
        let node = self.maker(name).filter(|node| node.op_type == "Transpose")?;
        let same = Attributes::of(node).ints("perm") == Some(&order);
        node.input.first().filter(|_| same).cloned()
    }
}

fn len([first, end]: [usize; 2]) -> usize {
    end - first
}

fn listed(name: &str, spans: &Spans) -> Attribute {
    let ints = spans.iter().flatten().map(|&at| at as i64).collect();
    Attribute { name: name.into(), ints, ..Attribute::default() }
}

/// A mask's value at a place of a tensor whose last axes have the sizes `dims`.
fn broadcast(mask: &Constant, dims: [usize; 4], at: [usize; 4]) -> Option<f64> {
    let mut index = 0;
    for (axis, &own) in mask.dims.iter().enumerate() {
        let from_end = mask.dims.len() - axis;
        let (size, at) = match 4usize.checked_sub(from_end) {
            Some(axis) => (dims[axis], at[axis]),
            None => (1, 0),
        };
        if own != 1 && own != size {
            return None;
        }
        index = index * own + if own == 1 { 0 } else { at };
    }
    Some(mask.at(index))
}

/// The windows whose kept cells follow each other.
fn spans(kept: &[Vec<usize>], place: impl Fn(usize, usize) -> f64) -> Option<Spans> {
    let span = |(i, kept): (usize, &Vec<usize>)| {
        let first = place(i, *kept.first()?);
        let follow = kept.iter().enumerate().all(|(n, &p)| place(i, p) == first + n as f64);
        (follow && first >= 0.0).then_some([first as usize, first as usize + kept.len()])
    };
    kept.iter().enumerate().map(span).collect()
}

/// A kernel, a stride and the padding before and after, whose windows are these where they lie on the
/// map.
fn sliding(spans: &Spans, size: usize) -> Option<[usize; 4]> {
    let kernel = spans.iter().map(|&span| len(span)).max()?;
    let before = kernel - len(*spans.first()?);
    let stride = spans.get(1).map_or(1, |second| second[0] + before).max(1);
    let last = (spans.len() - 1) * stride + kernel;
    let after = last.saturating_sub(before + size);
    let window = |i: usize| {
        let first = i * stride;
        [first.saturating_sub(before), (first + kernel).saturating_sub(before).min(size)]
    };
    let count = (before + size + after - kernel) / stride + 1;
    let same = count == spans.len() && spans.iter().enumerate().all(|(i, s)| *s == window(i));
    same.then_some([kernel, stride, before, after])
}

impl Lowering<'_> {
    /// The average over each window of each map: a sum pooling where one window slides over the map in
    /// even steps, and otherwise a linear map of each channel to the flat list of its averages.
    pub(super) fn average_of_windows(&mut self, node: &Node) -> Result<Value, Fault> {
        let name = graph::name(node);
        let attributes = Attributes::of(node);
        let value = self.take(node, 0)?;
        let value = self.map(&name, value)?;
        let value = self.build.unpadded(&name, value)?;
        let shape = value.shape;
        let list = |which: &'static str, size: usize| -> Result<Spans, NodeFault> {
            let list = attributes.ints(which).ok_or(NodeFault::Missing(which))?;
            let span = |pair: &[i64]| match *pair {
                [first, end] if 0 <= first && first < end && end <= size as i64 => {
                    Ok([first as usize, end as usize])
                }
                _ => Err(NodeFault::Shape("a window beyond the map".into())),
            };
            list.chunks(2).map(span).collect()
        };
        let (rows, columns) = (list("rows", shape.height)?, list("columns", shape.width)?);
        if rows.is_empty() || columns.is_empty() {
            return Err(NodeFault::Missing("windows").into());
        }
        if let (Some([height, down, top, bottom]), Some([width, across, left, right])) =
            (sliding(&rows, shape.height), sliding(&columns, shape.width))
        {
            let (kernel, stride) = (Extent::new(height, width), Extent::new(down, across));
            let window = Window::new(kernel, stride, Padding { top, left, bottom, right });
            let made = self.build.made(&name, value)?;
            return self.pool_average(&name, made, window, Padding::NONE);
        }
        self.averages(&name, value, &rows, &columns)
    }

    fn averages(
        &mut self,
        name: &str,
        value: Value,
        rows: &Spans,
        columns: &Spans,
    ) -> Result<Value, Fault> {
        let shape = value.shape;
        let made = self.build.made(name, value)?;
        let count = rows.len() * columns.len();
        let outputs = count.saturating_mul(shape.channels);
        self.build.hold(outputs.saturating_mul(shape.map_len()))?;
        let mut kernels = vec![0f32; count * shape.map_len()];
        let windows = rows.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column)));
        for (kernel, (row, column)) in kernels.chunks_exact_mut(shape.map_len()).zip(windows) {
            let share = 1.0 / (len(row) * len(column)) as f32;
            for line in kernel.chunks_exact_mut(shape.width).take(row[1]).skip(row[0]) {
                line[column[0]..column[1]].fill(share);
            }
        }
        let window = Window::tiling(shape.extent());
        let (groups, dilation) = (shape.channels, Extent::square(1));
        let map = LinearMap::Convolution(Convolution { outputs, window, dilation, groups });
        let weights = kernels.repeat(shape.channels);
        let open = self.build.term(name, &made, map, &weights, vec![0.0; outputs])?;
        let dims = [1, shape.channels, rows.len(), columns.len()];
        let flat = Shape::flat(outputs);
        let view = View::vector(outputs).reshaped(&dims);
        let view = view.ok_or_else(|| NodeFault::Shape("no averages".into()))?;
        Ok(Value::new(Body::Open(open), flat).with_view(view))
    }
}

#[cfg(test)]
mod tests {
    use super::{Spans, sliding};

    fn adaptive(size: usize, count: usize) -> Spans {
        (0..count).map(|i| [i * size / count, ((i + 1) * size).div_ceil(count)]).collect()
    }

    #[test]
    fn windows_slide_where_steps_are_even() {
        assert_eq!(sliding(&adaptive(7, 3), 7), Some([3, 2, 0, 0]));
        assert_eq!(sliding(&adaptive(5, 3), 5), Some([3, 2, 1, 1]));
        assert_eq!(sliding(&adaptive(8, 3), 8), Some([4, 3, 1, 1]));
        assert_eq!(sliding(&adaptive(8, 7), 8), Some([2, 1, 0, 0]));
        assert_eq!(sliding(&adaptive(6, 1), 6), Some([6, 1, 0, 0]));
        assert_eq!(sliding(&adaptive(7, 5), 7), None);
        assert_eq!(sliding(&adaptive(8, 5), 8), None);
        // A window that slides is these windows, for every size.
        for size in 1..40 {
            for count in 1..=size {
                let Some([kernel, stride, before, after]) = sliding(&adaptive(size, count), size)
                else {
                    continue;
                };
                let windows = (0..=before + size + after - kernel)
                    .step_by(stride)
                    .map(|first| [first.max(before) - before, (first + kernel - before).min(size)]);
                assert_eq!(windows.collect::<Vec<_>>(), adaptive(size, count));
            }
        }
    }
}
