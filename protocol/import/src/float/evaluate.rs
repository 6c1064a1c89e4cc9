//! Evaluation in floating point; a tensor is dropped after its last reader.

use gazelle_model::clear::pool;
use gazelle_model::{ModelError, Shape, SumPool, Upsample};

use super::{FloatActivation, FloatHead, FloatNetwork, FloatNode, linear_map};
use crate::Error;

impl FloatNetwork {
    /// The values that the head reads for `image`, which holds the pixels in the order of the
    /// network's input shape.
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn forward(&self, image: &[u8]) -> Result<Vec<f32>, Error> {
        self.visit(image, |_, _| {})
    }

    /// As [`FloatNetwork::forward`]; shows each tensor's number and values to `see` on the way.
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn visit(
        &self,
        image: &[u8],
        mut see: impl FnMut(usize, &[f32]),
    ) -> Result<Vec<f32>, Error> {
        let expected = self.input.len();
        if image.len() != expected {
            return Err(ModelError::ImageLen { expected, got: image.len() }.into());
        }
        let last = self.last_readers();
        let mut tensors: Vec<Vec<f32>> = Vec::with_capacity(self.nodes.len() + 1);
        tensors.push(image.iter().map(|&pixel| pixel.into()).collect());
        for (i, node) in self.nodes.iter().enumerate() {
            let tensor = node.evaluate(&self.shapes, self.shapes[i + 1], &tensors);
            see(i + 1, &tensor);
            tensors.push(tensor);
            for input in node.inputs().into_iter().filter(|&input| last[input] == i) {
                tensors[input] = Vec::new();
            }
        }
        let mut y = std::mem::take(&mut tensors[self.output]);
        y.iter_mut().for_each(|y| *y *= self.output_scale);
        Ok(y)
    }

    /// The lowest index of the largest value, or which values are at least 0.
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn result(&self, image: &[u8]) -> Result<Vec<i32>, Error> {
        Ok(self.decide(&self.forward(image)?))
    }

    /// The result for the values that the head reads.
    pub(crate) fn decide(&self, y: &[f32]) -> Vec<i32> {
        let mut ranked: Vec<usize> = (0..y.len()).collect();
        ranked.sort_by(|&i, &j| y[j].total_cmp(&y[i]));
        let first = |count: usize| ranked.iter().take(count).map(|&i| i as i32).collect();
        match self.head {
            FloatHead::Class => first(1),
            FloatHead::Top(count) => first(count as usize),
            FloatHead::Thresholds => y.iter().map(|&y| (y >= 0.0).into()).collect(),
        }
    }

    /// The last node that reads each tensor; the head's stays.
    fn last_readers(&self) -> Vec<usize> {
        let mut last = vec![usize::MAX; self.nodes.len() + 1];
        for (i, node) in self.nodes.iter().enumerate() {
            node.inputs().into_iter().for_each(|input| last[input] = i);
        }
        last[self.output] = usize::MAX;
        last
    }
}

impl FloatNode {
    fn evaluate(&self, shapes: &[Shape], output: Shape, tensors: &[Vec<f32>]) -> Vec<f32> {
        match self {
            Self::Linear(linear) => {
                let copies = output.len() / linear.bias.len();
                let bias = linear.bias.iter().flat_map(|&b| std::iter::repeat_n(b, copies));
                let mut sums: Vec<f32> = bias.collect();
                for term in &linear.terms {
                    let (input, x) = (shapes[term.input], &tensors[term.input]);
                    linear_map(&term.map, input, &term.weights, x, &mut sums);
                }
                sums
            }
            Self::Activation(FloatActivation { input, function, max_pool }) => {
                let shape = shapes[*input];
                let maps = tensors[*input].chunks_exact(shape.map_len()).enumerate();
                let values =
                    maps.flat_map(|(c, map)| map.iter().map(move |&x| function.apply(x, c)));
                let values: Vec<f32> = values.collect();
                match max_pool {
                    None => values,
                    Some(window) => pool(window, &values, shape, f32::NEG_INFINITY, f32::max),
                }
            }
            Self::Sum(parts) => {
                let mut sums = vec![0.0; output.len()];
                for &(input, factor) in parts {
                    sums.iter_mut().zip(&tensors[input]).for_each(|(sum, x)| *sum += factor * x);
                }
                sums
            }
            Self::Concat(parts) => parts.iter().flat_map(|&part| &tensors[part]).copied().collect(),
            Self::Select(select) => {
                let (x, len) = (&tensors[select.input], output.map_len());
                let map = |&c: &u32| &x[c as usize * len..][..len];
                select.channels.iter().flat_map(map).copied().collect()
            }
            Self::Upsample(upsample) => copies(upsample, shapes[upsample.input], tensors),
            Self::SumPool(sum) => window_sums(sum, shapes[sum.input], output, tensors),
        }
    }
}

fn copies(upsample: &Upsample, input: Shape, tensors: &[Vec<f32>]) -> Vec<f32> {
    let rows = tensors[upsample.input].chunks_exact(input.width);
    let copied = |row: &[f32]| -> Vec<f32> {
        row.iter().flat_map(|&x| std::iter::repeat_n(x, upsample.factor.width)).collect()
    };
    rows.flat_map(|row| copied(row).repeat(upsample.factor.height)).collect()
}

/// Sums times D / n, as [`SumPool`] says: D times the averages.
fn window_sums(node: &SumPool, input: Shape, output: Shape, tensors: &[Vec<f32>]) -> Vec<f32> {
    let mut sums = pool(&node.window, &tensors[node.input], input, 0.0, |a, b| a + b);
    // The same windows over ones, with the padding that counts made cells of the map.
    let counted = node.counted;
    let inner = Shape {
        channels: 1,
        height: input.height + counted.top + counted.bottom,
        width: input.width + counted.left + counted.right,
    };
    let mut window = node.window;
    window.padding.top -= counted.top;
    window.padding.bottom -= counted.bottom;
    window.padding.left -= counted.left;
    window.padding.right -= counted.right;
    let counts = pool(&window, &vec![1.0; inner.len()], inner, 0.0, |a: f32, b| a + b);
    let divisor = node.divisor(input).map_or(1.0, |d| d as f32);
    for map in sums.chunks_exact_mut(output.map_len()) {
        map.iter_mut().zip(&counts).for_each(|(sum, n)| *sum *= divisor / n);
    }
    sums
}
