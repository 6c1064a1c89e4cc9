//! The integer network, evaluated one output at a time in `i64` with no care for speed.

mod graph;

pub use graph::{Trace, forward};

use gazelle_protocol::model::{
    Activation, Block, BlockCard, Extent, Linear, Padding, Shape, Window,
};

/// The largest |y| that `sums` of a block can reach when every input lies in `0..=input_max`.
pub fn largest_sum(card: &BlockCard, block: &Block, input_max: i64) -> i64 {
    let rows = block.bias.len();
    let row = block.weights.len() / rows;
    let reach = |i: usize| {
        let weights = &block.weights[i * row..(i + 1) * row];
        let total: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
        let cells = card.sum_pool.map_or(1, |w| w.kernel.height * w.kernel.width) as i64;
        total * cells * input_max + i64::from(block.bias[i]).abs()
    };
    (0..rows).map(reach).max().unwrap_or(0)
}

/// The shape after the whole block, given the shape before it.
pub fn output_shape(card: &BlockCard, input: Shape) -> Shape {
    let sums = linear_shape(&card.linear, card.sum_pool.map_or(input, |w| window_shape(&w, input)));
    match card.activation {
        Activation::Relu { max_pool: Some(window), .. } => window_shape(&window, sums),
        Activation::Argmax => Shape::flat(1),
        _ => sums,
    }
}

/// The shape of the linear map's result.
pub fn linear_shape(linear: &Linear, input: Shape) -> Shape {
    match *linear {
        Linear::Dense { outputs } => Shape::flat(outputs),
        Linear::Convolution { outputs, kernel, stride, padding, .. } => {
            Shape { channels: outputs, ..window_shape(&Window { kernel, stride, padding }, input) }
        }
    }
}

/// The shape after sliding `window` over `input`.
pub fn window_shape(window: &Window, input: Shape) -> Shape {
    let Window { kernel, stride, padding } = window;
    let steps = |size: usize, kernel: usize, stride: usize| (size - kernel) / stride + 1;
    Shape {
        channels: input.channels,
        height: steps(input.height + padding.top + padding.bottom, kernel.height, stride.height),
        width: steps(input.width + padding.left + padding.right, kernel.width, stride.width),
    }
}

/// A block's linear map of `x`, a tensor of shape `input`: the sums, bias included, and their shape.
pub fn linear(card: &BlockCard, block: &Block, x: &[i64], input: Shape) -> (Vec<i64>, Shape) {
    let shape = linear_shape(&card.linear, input);
    let sums = match card.linear {
        Linear::Dense { outputs } => (0..outputs)
            .map(|o| {
                let row = &block.weights[o * x.len()..(o + 1) * x.len()];
                let dot: i64 = row.iter().zip(x).map(|(&w, x)| i64::from(w) * x).sum();
                dot + i64::from(block.bias[o])
            })
            .collect(),
        Linear::Convolution { outputs, kernel, stride, padding, groups } => {
            let depth = input.channels / groups;
            let window = Window { kernel, stride, padding };
            positions(outputs, shape, |o, y, x_out| {
                let first = o / (outputs / groups) * depth;
                let mut sum = i64::from(block.bias[o]);
                for d in 0..depth {
                    for (cell, at) in cells(&window, input, y, x_out) {
                        let Some(at) = at else { continue };
                        let weight = (o * depth + d) * kernel.height * kernel.width + cell;
                        let value = x[(first + d) * input.height * input.width + at];
                        sum += i64::from(block.weights[weight]) * value;
                    }
                }
                sum
            })
        }
    };
    (sums, shape)
}

/// `f` at every channel, row and column, row-major.
fn positions(
    channels: usize,
    shape: Shape,
    mut f: impl FnMut(usize, usize, usize) -> i64,
) -> Vec<i64> {
    let mut values = Vec::with_capacity(channels * shape.height * shape.width);
    for c in 0..channels {
        for y in 0..shape.height {
            for x in 0..shape.width {
                values.push(f(c, y, x));
            }
        }
    }
    values
}

/// The values of channel `c` under the window at `(y, x)`; padding has none.
fn window_values(
    window: &Window,
    values: &[i64],
    input: Shape,
    c: usize,
    y: usize,
    x: usize,
) -> Vec<i64> {
    let map = &values[c * input.height * input.width..];
    cells(window, input, y, x).into_iter().filter_map(|(_, at)| Some(map[at?])).collect()
}

/// The window's cells at output `(y, x)`, in order: each with its position in the input's map, or
/// `None` in the padding.
fn cells(window: &Window, input: Shape, y: usize, x: usize) -> Vec<(usize, Option<usize>)> {
    let Window { kernel: Extent { height, width }, stride, padding } = *window;
    let Padding { top, left, .. } = padding;
    let inside = |at: usize, before: usize, size: usize| {
        at.checked_sub(before).filter(|position| *position < size)
    };
    let cell = |i: usize| {
        let row = inside(y * stride.height + i / width, top, input.height);
        let column = inside(x * stride.width + i % width, left, input.width);
        (i, row.zip(column).map(|(row, column)| row * input.width + column))
    };
    (0..height * width).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gazelle_protocol::model::{Chain, Network};

    fn square(size: usize) -> Extent {
        Extent { height: size, width: size }
    }

    /// One 3×3 map through a 2×2 convolution of stride 1, ReLU without shift and argmax, by hand.
    #[test]
    fn a_hand_computed_network() {
        let kernel = Window::new(square(2), square(1), Padding::NONE);
        let convolution = BlockCard::new(Linear::convolution(1, kernel), Activation::relu(1));
        let dense = BlockCard::new(Linear::Dense { outputs: 2 }, Activation::Argmax);
        let chain = Chain {
            name: "hand".into(),
            input: Shape { channels: 1, height: 3, width: 3 },
            blocks: vec![convolution, dense]
                .into_iter()
                .map(|b| BlockCard { sum_bits: 12, ..b })
                .collect(),
            classes: vec!["a".into(), "b".into()],
        };
        let blocks = vec![
            Block { weights: vec![1, 2, -3, 4], bias: vec![-20] },
            Block { weights: vec![1, 1, 1, 1, 2, 0, 0, 1], bias: vec![0, 1] },
        ];
        assert_eq!(largest_sum(&chain.blocks[0], &blocks[0], 255), 2570);
        let network = Network::try_new(chain.to_card().unwrap(), blocks).ok().unwrap();
        let trace = forward(&network, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        // 1 + 4 − 12 + 20 = 13, then 4 more for each column and 12 more for each row; less 20.
        assert_eq!(trace.tensors[1], [-7, -3, 5, 9]);
        assert_eq!(trace.tensors[2], [0, 0, 2, 4]);
        assert_eq!(trace.tensors[3], [6, 5]);
        assert_eq!(trace.result, [0]);
    }

    #[test]
    fn padding_is_zero_for_sums_and_absent_for_maxima() {
        let window = Window {
            kernel: square(2),
            stride: square(2),
            padding: Padding { top: 1, left: 1, bottom: 0, right: 0 },
        };
        let input = Shape { channels: 1, height: 3, width: 3 };
        assert_eq!(window_shape(&window, input), Shape { channels: 1, height: 2, width: 2 });
        let values = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(window_values(&window, &values, input, 0, 0, 0), [1]);
        assert_eq!(window_values(&window, &values, input, 0, 1, 0), [4, 7]);
        assert_eq!(window_values(&window, &values, input, 0, 1, 1), [5, 6, 8, 9]);
    }
}
