//! The graph: every node by the definition in its documentation, value by value.

use gazelle_model::{
    ActivationNode, Bias, Block, Convolution, Extent, Function, Head, LinearMap, LinearNode,
    Network, Node, Padding, Shape, Shift, SumPool, Window,
};

use super::{cells, positions, window_shape, window_values};

/// Every tensor of an evaluation, and what the client learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The image, then what each node yields.
    pub tensors: Vec<Vec<i64>>,
    /// Their shapes.
    pub shapes: Vec<Shape>,
    /// What the client learns.
    pub result: Vec<i64>,
}

/// A tensor with its shape.
#[derive(Clone)]
struct Tensor {
    shape: Shape,
    values: Vec<i64>,
}

impl Tensor {
    /// The tensor of this shape whose value at each channel, row and column is `f`'s.
    fn build(shape: Shape, f: impl FnMut(usize, usize, usize) -> i64) -> Self {
        Self { shape, values: positions(shape.channels, shape, f) }
    }

    fn at(&self, c: usize, i: usize, j: usize) -> i64 {
        self.values[(c * self.shape.height + i) * self.shape.width + j]
    }

    /// The value, or 0 outside of the map.
    fn padded(&self, c: usize, i: i64, j: i64) -> i64 {
        let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|&at| at < size);
        match (inside(i, self.shape.height), inside(j, self.shape.width)) {
            (Some(i), Some(j)) => self.at(c, i, j),
            _ => 0,
        }
    }
}

/// The evaluation of `network` on an image of `network.card().input` pixels.
pub fn forward(network: &Network, image: &[u8]) -> Trace {
    let card = network.card();
    assert_eq!(image.len(), card.input.len(), "an image of another size");
    let values = image.iter().map(|&pixel| pixel.into()).collect();
    let mut tensors = vec![Tensor { shape: card.input, values }];
    let mut blocks = network.blocks().iter();
    for node in &card.nodes {
        let tensor = match node {
            Node::Linear(node) => linear(node, blocks.next().expect("a block"), &tensors),
            Node::Activation(node) => activation(node, &tensors[node.input]),
            Node::Sum(parts) => Tensor::build(tensors[parts[0].input].shape, |c, i, j| {
                let part =
                    |&p: &gazelle_model::Scaled| i64::from(p.factor) * tensors[p.input].at(c, i, j);
                parts.iter().map(part).sum()
            }),
            Node::Concat(parts) => concat(parts, &tensors),
            Node::Select(node) => {
                let x = &tensors[node.input];
                let shape = Shape { channels: node.channels.len(), ..x.shape };
                Tensor::build(shape, |c, i, j| x.at(node.channels[c] as usize, i, j))
            }
            Node::Upsample(node) => {
                let (x, Extent { height, width }) = (&tensors[node.input], node.factor);
                let Shape { channels, height: rows, width: columns } = x.shape;
                let shape = Shape::new(channels, rows * height, columns * width);
                Tensor::build(shape, |c, i, j| x.at(c, i / height, j / width))
            }
            Node::SumPool(node) => sum_pool(node, &tensors[node.input]),
        };
        tensors.push(tensor);
    }
    let result = head(&card.head.head, &tensors[card.head.input].values);
    let shapes = tensors.iter().map(|tensor| tensor.shape).collect();
    Trace { tensors: tensors.into_iter().map(|tensor| tensor.values).collect(), shapes, result }
}

fn linear(node: &LinearNode, block: &Block, tensors: &[Tensor]) -> Tensor {
    let mut sums: Option<Tensor> = None;
    let mut weights = block.weights.iter().map(|&w| i64::from(w));
    for term in &node.terms {
        let x = &tensors[term.input];
        let part = match &term.map {
            LinearMap::Dense { outputs } => Tensor::build(Shape::flat(*outputs), |_, _, _| {
                weights.by_ref().take(x.values.len()).zip(&x.values).map(|(w, x)| w * x).sum()
            }),
            LinearMap::Convolution(map) => {
                let row = x.shape.channels / map.groups * map.window.kernel.cells();
                let weights: Vec<i64> = weights.by_ref().take(map.outputs * row).collect();
                convolution(map, &weights, x)
            }
        };
        match &mut sums {
            None => sums = Some(part),
            Some(sums) => sums.values.iter_mut().zip(part.values).for_each(|(a, b)| *a += b),
        }
    }
    assert_eq!(weights.next(), None, "every weight is used");
    let mut sums = sums.expect("a term");
    let map = sums.shape.height * sums.shape.width;
    for (at, sum) in sums.values.iter_mut().enumerate() {
        *sum += i64::from(block.bias[if node.bias == Bias::Map { at } else { at / map }]);
    }
    sums
}

fn convolution(map: &Convolution, weights: &[i64], x: &Tensor) -> Tensor {
    let Convolution { outputs, window, dilation, groups } = *map;
    let Window { kernel, stride, padding } = window;
    let depth = x.shape.channels / groups;
    let reach = |taps: usize, step: usize| 1 + (taps - 1) * step;
    let covered = Extent {
        height: reach(kernel.height, dilation.height),
        width: reach(kernel.width, dilation.width),
    };
    let shape = window_shape(&Window { kernel: covered, ..window }, x.shape);
    Tensor::build(Shape { channels: outputs, ..shape }, |o, i, j| {
        let mut sum = 0;
        for d in 0..depth {
            for (u, v) in (0..kernel.height).flat_map(|u| (0..kernel.width).map(move |v| (u, v))) {
                let weight = weights[((o * depth + d) * kernel.height + u) * kernel.width + v];
                let row = (i * stride.height + u * dilation.height) as i64 - padding.top as i64;
                let column = (j * stride.width + v * dilation.width) as i64 - padding.left as i64;
                sum += weight * x.padded(o * groups / outputs * depth + d, row, column);
            }
        }
        sum
    })
}

fn activation(node: &ActivationNode, y: &Tensor) -> Tensor {
    let value = |c, i, j| {
        let shift = match &node.shift {
            Shift::Tensor(shift) => *shift,
            Shift::Channels(shifts) => shifts[c],
        };
        function(&node.function, y.at(c, i, j), c, shift.into())
    };
    let results = Tensor::build(y.shape, value);
    let Some(window) = &node.max_pool else { return results };
    Tensor::build(window_shape(window, y.shape), |c, i, j| {
        let values = window_values(window, &results.values, y.shape, c, i, j);
        values.into_iter().max().expect("a window that covers the map somewhere")
    })
}

fn function(function: &Function, y: i64, channel: usize, shift: i64) -> i64 {
    let floor = |y: i64, bits: i64| y.div_euclid(1 << bits);
    let entry = |table: &[u8], bits: i64| {
        let magnitude = if y >= 0 { y } else { -1 - y };
        i64::from(table[(floor(magnitude, bits) as usize).min(table.len() - 1)])
    };
    match function {
        Function::Clamp { least, most } => floor(y, shift).max((*least).into()).min((*most).into()),
        Function::Leaky { slopes, slope_shift, least, most } => {
            let slope = i64::from(*slopes.get(channel).unwrap_or(&slopes[0]));
            let t = floor(y, shift);
            let t = if t >= 0 { t } else { floor(slope * t, (*slope_shift).into()) };
            t.max((*least).into()).min((*most).into())
        }
        Function::ReluMinusTable { table, step } => {
            floor(y.max(0), shift).min(255) - entry(table, shift + i64::from(*step))
        }
        Function::Odd { table, centre } => {
            let sign = if y >= 0 { 1 } else { -1 };
            i64::from(*centre) + sign * entry(table, shift)
        }
    }
}

fn concat(parts: &[usize], tensors: &[Tensor]) -> Tensor {
    let channels = parts.iter().map(|&part| tensors[part].shape.channels).sum();
    let values = parts.iter().flat_map(|&part| tensors[part].values.clone()).collect();
    Tensor { shape: Shape { channels, ..tensors[parts[0]].shape }, values }
}

fn sum_pool(node: &SumPool, x: &Tensor) -> Tensor {
    let shape = window_shape(&node.window, x.shape);
    let Padding { top, left, bottom, right } = node.window.padding;
    let counts = |rows: bool| -> Vec<i64> {
        let (windows, kernel, stride) = match rows {
            true => (shape.height, node.window.kernel.height, node.window.stride.height),
            false => (shape.width, node.window.kernel.width, node.window.stride.width),
        };
        let (before, after, size) = match rows {
            true => (node.counted.top, node.counted.bottom, x.shape.height),
            false => (node.counted.left, node.counted.right, x.shape.width),
        };
        let padding = if rows { top } else { left };
        let counts = |at: usize| at + before >= padding && at < padding + size + after;
        let cells = |i: usize| (i * stride..i * stride + kernel).filter(|&at| counts(at)).count();
        assert!(before <= padding && after <= if rows { bottom } else { right });
        (0..windows).map(|i| cells(i) as i64).collect()
    };
    let (rows, columns) = (counts(true), counts(false));
    let multiple = |counts: &[i64]| {
        (1..).find(|m| counts.iter().all(|n| m % n == 0)).expect("counts are not 0")
    };
    let (all_rows, all_columns) = (multiple(&rows), multiple(&columns));
    Tensor::build(shape, |c, i, j| {
        let map = &x.values[c * x.shape.height * x.shape.width..];
        let cells = cells(&node.window, x.shape, i, j);
        let sum: i64 = cells.into_iter().filter_map(|(_, at)| Some(map[at?])).sum();
        sum * (all_rows / rows[i]) * (all_columns / columns[j])
    })
}

fn head(head: &Head, y: &[i64]) -> Vec<i64> {
    let mut left: Vec<Option<i64>> = y.iter().copied().map(Some).collect();
    let mut next = || {
        let most = left.iter().flatten().max().copied();
        let at = left.iter().position(|y| y.is_some() && *y == most).expect("a value");
        left[at] = None;
        at
    };
    match head {
        Head::Class => vec![next() as i64],
        Head::Top(count) => (0..*count).map(|_| next() as i64).collect(),
        Head::Thresholds(least) => {
            y.iter().zip(least).map(|(&y, &t)| i64::from(y >= t.into())).collect()
        }
        Head::Confidence([a, b, c]) => {
            let (first, second) = (next(), next());
            let lead = y[first] - y[second];
            let reached = |bound: &u32| i64::from(lead >= i64::from(*bound));
            vec![first as i64, reached(a) + reached(b) + reached(c)]
        }
        Head::Values => y.to_vec(),
    }
}
