//! From a chain of steps to blocks: window sums, one linear map, one activation.
//!
//! What stands before a linear map (normalisation, the divisor of a mean) is folded into its
//! weights, and so is what stands between it and its ReLU. Where a block lacks a linear map, one
//! that changes nothing takes its place.

use super::fault::{NodeFault, OnnxFault};
use super::graph::{Chain, Placed};
use super::operator::Step;
use crate::FloatBlock;
use gazelle_model::{Activation, BlockCard, Extent, Linear, MAX_BLOCKS, Shape, Window};

/// The blocks of a network, with cards whose bits and shifts are not yet chosen.
pub(super) struct Blocks {
    pub(super) cards: Vec<BlockCard>,
    pub(super) blocks: Vec<FloatBlock>,
}

/// `scale` and `shift`: what the network expects of a pixel, x·scale + shift, one per channel of
/// `image`.
pub(super) fn assemble(
    chain: &Chain,
    image: Shape,
    scale: Vec<f64>,
    shift: Vec<f64>,
) -> Result<Blocks, OnnxFault> {
    let mut assembly = Assembly {
        input: image,
        shape: image,
        before: Before { pool: None, scale, shift },
        open: None,
        done: Blocks { cards: Vec::new(), blocks: Vec::new() },
    };
    let at = |placed: &Placed| {
        let (node, operator) = (placed.node.clone(), placed.operator.clone());
        move |fault| OnnxFault::Node { node, operator, fault }
    };
    if chain.input.flat {
        assembly.flatten();
    }
    let mut ended: Option<&Placed> = None;
    for placed in &chain.steps {
        match (&placed.step, ended) {
            (Step::Nothing, _) => {}
            (_, Some(end)) => {
                let what = format!("follows `{}` ({}), which must be last", end.node, end.operator);
                return Err(at(placed)(NodeFault::Structure(what)));
            }
            (Step::Softmax, None) => ended = Some(placed),
            (step, None) => assembly.push(step, &placed.node).map_err(at(placed))?,
        }
    }
    match chain.steps.last() {
        None => Err(OnnxFault::Interface("the network has no operators".into())),
        Some(last) => assembly.finish().map_err(at(last)),
    }
}

struct Assembly {
    /// The shape that reaches the block in the making.
    input: Shape,
    /// The shape that the chain has reached.
    shape: Shape,
    before: Before,
    open: Option<Open>,
    done: Blocks,
}

/// What stands before the next linear map: first the window sums, then x·scale + shift.
struct Before {
    pool: Option<Window>,
    /// One per channel of the chain's shape.
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// A block that has its linear map but no activation yet.
struct Open {
    node: String,
    sum_pool: Option<Window>,
    linear: Linear,
    /// In `f64` until the block is closed.
    weights: Vec<f64>,
    bias: Vec<f64>,
    /// Max pooling that stands before the ReLU; the two commute.
    max_pool: Option<Window>,
}

impl Before {
    fn nothing(channels: usize) -> Self {
        Self { pool: None, scale: vec![1.0; channels], shift: vec![0.0; channels] }
    }

    fn is_nothing(&self) -> bool {
        self.pool.is_none() && self.scale.iter().all(|&s| s == 1.0) && !self.shifts()
    }

    fn shifts(&self) -> bool {
        self.shift.iter().any(|&s| s != 0.0)
    }

    /// Whether values that are not negative stay so.
    fn keeps_sign(&self) -> bool {
        self.scale.iter().chain(&self.shift).all(|&s| s >= 0.0)
    }
}

impl Assembly {
    fn push(&mut self, step: &Step, node: &str) -> Result<(), NodeFault> {
        match step {
            Step::Linear { linear, weights, bias } => self.linear(node, linear, weights, bias),
            Step::Affine { scale, shift } => self.affine(scale, shift),
            Step::Relu { most } => self.relu(node, *most),
            Step::MaxPool(window) => self.max_pool(node, *window),
            Step::AveragePool(window) => self.average_pool(node, *window),
            Step::Flatten => {
                self.flatten();
                Ok(())
            }
            Step::Nothing | Step::Softmax => Ok(()),
        }
    }

    fn linear(
        &mut self,
        node: &str,
        linear: &Linear,
        weights: &[f32],
        bias: &[f32],
    ) -> Result<(), NodeFault> {
        if let Some(open) = &self.open {
            return Err(NodeFault::Structure(format!(
                "follows the linear node `{}` with no ReLU between them, and a block has one linear \
                 map; put a ReLU there or merge the two",
                open.node
            )));
        }
        if self.done.cards.len() == MAX_BLOCKS {
            return Err(NodeFault::Structure(format!(
                "begins block {}, one too many",
                MAX_BLOCKS + 1
            )));
        }
        let mut weights: Vec<f64> = weights.iter().map(|&w| w.into()).collect();
        let mut bias: Vec<f64> = bias.iter().map(|&b| b.into()).collect();
        if let Linear::Convolution { padding, .. } = linear
            && !padding.is_none()
            && self.before.shifts()
        {
            return Err(NodeFault::Structure(
                "pads with zeros after a step that moves the zero (the mean of pixels, or a \
                 normalisation that follows a ReLU), which cannot be folded exactly; train without \
                 a mean, normalise before the ReLU, or convolve without padding"
                    .into(),
            ));
        }
        self.fold_before(linear, &mut weights, &mut bias);
        let sum_pool = self.before.pool.take();
        let pooled = self.shape;
        self.shape = linear.output(pooled).ok_or_else(too_large)?;
        self.before = Before::nothing(self.shape.channels);
        let (node, linear) = (node.into(), *linear);
        self.open = Some(Open { node, sum_pool, linear, weights, bias, max_pool: None });
        Ok(())
    }

    /// Folds x·scale + shift of the linear map's input into its weights and bias.
    fn fold_before(&self, linear: &Linear, weights: &mut [f64], bias: &mut [f64]) {
        let Before { scale, shift, .. } = &self.before;
        let outputs = bias.len();
        let row_len = weights.len() / outputs;
        // A dense layer reads whole channels one after another; the chain's shape may be a map.
        let (depth, groups, cells) = match *linear {
            Linear::Dense { .. } => (scale.len(), 1, row_len / scale.len()),
            Linear::Convolution { groups, kernel, .. } => {
                (scale.len() / groups, groups, kernel.cells())
            }
        };
        for (o, row) in weights.chunks_exact_mut(row_len).enumerate() {
            let first = o / (outputs / groups) * depth;
            for (i, w) in row.iter_mut().enumerate() {
                let channel = first + i / cells;
                bias[o] += *w * shift[channel];
                *w *= scale[channel];
            }
        }
    }

    fn affine(&mut self, scale: &[f32], shift: &[f32]) -> Result<(), NodeFault> {
        let Some(open) = &mut self.open else {
            for c in 0..scale.len() {
                let (a, b) = (f64::from(scale[c]), f64::from(shift[c]));
                self.before.scale[c] *= a;
                self.before.shift[c] = self.before.shift[c] * a + b;
            }
            return Ok(());
        };
        if open.bias.len() != scale.len() {
            return Err(NodeFault::Structure(
                "scales a flattened convolution value by value; put it before the Flatten".into(),
            ));
        }
        if open.max_pool.is_some() && scale.iter().any(|&s| s < 0.0) {
            return Err(NodeFault::Structure(
                "scales by a negative value after max pooling; put it before the pooling".into(),
            ));
        }
        let row_len = open.weights.len() / open.bias.len();
        for (c, row) in open.weights.chunks_exact_mut(row_len).enumerate() {
            let (a, b) = (f64::from(scale[c]), f64::from(shift[c]));
            row.iter_mut().for_each(|w| *w *= a);
            open.bias[c] = open.bias[c] * a + b;
        }
        Ok(())
    }

    fn relu(&mut self, node: &str, most: Option<f32>) -> Result<(), NodeFault> {
        if self.open.is_none() {
            let last = self.done.blocks.last_mut();
            match (last, self.before.is_nothing()) {
                // Twice is once; the smaller bound holds.
                (Some(last), true) => {
                    last.most = match (last.most, most) {
                        (Some(a), Some(b)) => Some(a.min(b)),
                        (a, b) => a.or(b),
                    };
                    return Ok(());
                }
                _ => self.identity(node)?,
            }
        }
        self.close(most);
        Ok(())
    }

    fn max_pool(&mut self, node: &str, window: Window) -> Result<(), NodeFault> {
        if let Some(open) = &mut self.open {
            if open.max_pool.is_some() {
                return Err(NodeFault::Structure(
                    "follows another max pooling with no ReLU between; put a ReLU there".into(),
                ));
            }
            open.max_pool = Some(window);
            self.shape = window.slide(self.shape).ok_or_else(too_large)?;
            return Ok(());
        }
        if self.before.is_nothing()
            && let Some(BlockCard { activation: Activation::Relu { max_pool, .. }, .. }) =
                self.done.cards.last_mut()
            && max_pool.is_none()
        {
            *max_pool = Some(window);
            self.shape = window.slide(self.shape).ok_or_else(too_large)?;
            self.input = self.shape;
            return Ok(());
        }
        self.identity_of_positive(node)?;
        self.max_pool(node, window)?;
        self.close(None);
        Ok(())
    }

    fn average_pool(&mut self, node: &str, window: Window) -> Result<(), NodeFault> {
        if let Some(open) = &self.open {
            return Err(NodeFault::Structure(format!(
                "follows the linear node `{}` with no ReLU between them, and a block sums windows \
                 before its linear map; put a ReLU there, or the pooling before `{}`",
                open.node, open.node
            )));
        }
        let padded = !window.padding.is_none();
        if self.before.pool.is_some() || (padded && self.before.shifts()) {
            self.identity_of_positive(node)?;
            self.close(None);
        }
        let cells = window.kernel.cells() as f64;
        self.shape = window.slide(self.shape).ok_or_else(too_large)?;
        self.before.pool = Some(window);
        self.before.scale.iter_mut().for_each(|s| *s /= cells);
        Ok(())
    }

    fn flatten(&mut self) {
        let cells = self.shape.map_len();
        self.shape = Shape::flat(self.shape.len());
        if self.open.is_none() {
            let spread = |values: &[f64]| -> Vec<f64> {
                values.iter().flat_map(|&v| std::iter::repeat_n(v, cells)).collect()
            };
            self.before.scale = spread(&self.before.scale);
            self.before.shift = spread(&self.before.shift);
        }
    }

    /// Opens a block whose linear map only does what stands before it, channel by channel.
    fn identity(&mut self, node: &str) -> Result<(), NodeFault> {
        let channels = self.shape.channels;
        let pooled = match self.before.pool {
            None => self.input,
            Some(window) => window.slide(self.input).ok_or_else(too_large)?,
        };
        if pooled.channels != channels {
            return Err(NodeFault::Structure(
                "follows a Flatten with no linear layer between them; put it before the Flatten"
                    .into(),
            ));
        }
        let linear = Linear::grouped(channels, Window::tiling(Extent::square(1)), channels);
        self.linear(node, &linear, &vec![1.0; channels], &vec![0.0; channels])
    }

    /// As [`Assembly::identity`], for values that a ReLU leaves as they are.
    fn identity_of_positive(&mut self, node: &str) -> Result<(), NodeFault> {
        if !self.before.keeps_sign() {
            return Err(NodeFault::Structure(
                "reads values that may be negative, and only a ReLU can stand there; put a ReLU \
                 before it"
                    .into(),
            ));
        }
        self.identity(node)
    }

    /// Ends the open block with a ReLU.
    fn close(&mut self, most: Option<f32>) {
        let Some(open) = self.open.take() else { return };
        let activation = Activation::Relu { shift: 0, max_pool: open.max_pool };
        self.push_block(open, activation, most);
        self.input = self.shape;
        self.before = Before::nothing(self.shape.channels);
    }

    fn finish(mut self) -> Result<Blocks, NodeFault> {
        if self.open.is_none() {
            self.identity("output")?;
        }
        let Some(open) = self.open.take() else { return Ok(self.done) };
        if open.max_pool.is_some() {
            return Err(NodeFault::Structure(
                "the network ends in max pooling with no ReLU before it; put a ReLU there".into(),
            ));
        }
        self.push_block(open, Activation::Argmax, None);
        Ok(self.done)
    }

    fn push_block(&mut self, open: Open, activation: Activation, most: Option<f32>) {
        let Open { node, sum_pool, linear, weights, bias, .. } = open;
        let narrow = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect();
        self.done.cards.push(BlockCard { sum_pool, ..BlockCard::new(linear, activation) });
        let (weights, bias) = (narrow(weights), narrow(bias));
        self.done.blocks.push(FloatBlock { node, weights, bias, most });
    }
}

fn too_large() -> NodeFault {
    NodeFault::Shape("the tensor is too large, or a window does not fit it".into())
}
