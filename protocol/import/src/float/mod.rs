//! A network in floating point, as it was trained: what quantisation starts from and is measured
//! against.

mod evaluate;
mod function;
mod linear;

pub use function::{Bend, FloatFunction};
pub(crate) use linear::{Real, bias_map, linear_map};

use gazelle_model::{LinearMap, Preprocessing, Select, Shape, SumPool, Upsample, Window};

use crate::Error;

/// One linear map of a sum, with its weights in the layout that [`LinearMap`] states.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatTerm {
    /// The tensor that it reads.
    pub input: usize,
    /// Its geometry.
    pub map: LinearMap,
    /// Its weights.
    pub weights: Vec<f32>,
}

/// Linear maps with a bias: [`gazelle_model::LinearNode`] in floating point.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatLinear {
    /// Where it comes from, for reports.
    pub node: String,
    /// The maps; at least one.
    pub terms: Vec<FloatTerm>,
    /// One for each output channel, or for each output value.
    pub bias: Vec<f32>,
}

/// [`gazelle_model::ActivationNode`] in floating point.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatActivation {
    /// The tensor that it reads.
    pub input: usize,
    /// What becomes of each value.
    pub function: FloatFunction,
    /// Max pooling of the results.
    pub max_pool: Option<Window>,
}

/// A node of the graph, as [`gazelle_model::Node`] in floating point.
#[derive(Clone, Debug, PartialEq)]
pub enum FloatNode {
    /// Linear maps.
    Linear(FloatLinear),
    /// The one node that is not linear.
    Activation(FloatActivation),
    /// Tensors times factors.
    Sum(Vec<(usize, f32)>),
    /// The channels of one tensor after those of another.
    Concat(Vec<usize>),
    /// Some channels in some order.
    Select(Select),
    /// Copies.
    Upsample(Upsample),
    /// Window sums.
    SumPool(SumPool),
}

/// What the client learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatHead {
    /// The class of the largest value.
    Class,
    /// The so many classes of the largest values.
    Top(u32),
    /// Which values are at least 0: a probability of at least one half behind a sigmoid.
    Thresholds,
}

/// A network in floating point that reads pixels as stored, 0 to 255.
///
/// Tensor 0 is the image; `nodes[i]` yields tensor i + 1.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatNetwork {
    pub(crate) name: String,
    pub(crate) input: Shape,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) nodes: Vec<FloatNode>,
    pub(crate) output: usize,
    /// What the head's tensor is multiplied by, above 0: the divisor of a last mean.
    pub(crate) output_scale: f32,
    pub(crate) head: FloatHead,
    pub(crate) classes: Vec<String>,
    pub(crate) shapes: Vec<Shape>,
}

impl FloatNetwork {
    /// A network whose head reads the last tensor; its classes are numbered.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`] for a weight that is no number; the fault of a graph whose nodes do not
    /// fit the tensors that they read.
    pub fn try_new(
        name: &str,
        input: Shape,
        nodes: Vec<FloatNode>,
        head: FloatHead,
    ) -> Result<Self, Error> {
        let shapes = check(input, &nodes)?;
        let output = nodes.len();
        let classes = (0..shapes[output].len()).map(|i| format!("class {i}")).collect();
        let (name, preprocessing) = (name.into(), Preprocessing::default());
        let output_scale = 1.0;
        Ok(Self { name, input, preprocessing, nodes, output, output_scale, head, classes, shapes })
    }

    /// The image's shape.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// How a picture becomes the image.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// The nodes.
    pub fn nodes(&self) -> &[FloatNode] {
        &self.nodes
    }

    /// The shape of every tensor, the image's first.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// What the client learns.
    pub fn head(&self) -> FloatHead {
        self.head
    }

    /// The classes' names.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The network with the classes' names.
    #[must_use]
    pub fn with_classes(mut self, classes: Vec<String>) -> Self {
        self.classes = classes;
        self
    }
}

impl FloatNode {
    /// The tensors that the node reads.
    pub fn inputs(&self) -> Vec<usize> {
        match self {
            Self::Linear(linear) => linear.terms.iter().map(|term| term.input).collect(),
            Self::Activation(FloatActivation { input, .. })
            | Self::Select(Select { input, .. })
            | Self::Upsample(Upsample { input, .. })
            | Self::SumPool(SumPool { input, .. }) => vec![*input],
            Self::Sum(parts) => parts.iter().map(|part| part.0).collect(),
            Self::Concat(parts) => parts.clone(),
        }
    }

    /// Lets the node read tensor `numbers[i]` instead of tensor i.
    pub(crate) fn renumber(&mut self, numbers: &[usize]) {
        match self {
            Self::Linear(linear) => {
                linear.terms.iter_mut().for_each(|term| term.input = numbers[term.input]);
            }
            Self::Activation(FloatActivation { input, .. })
            | Self::Select(Select { input, .. })
            | Self::Upsample(Upsample { input, .. })
            | Self::SumPool(SumPool { input, .. }) => *input = numbers[*input],
            Self::Sum(parts) => parts.iter_mut().for_each(|part| part.0 = numbers[part.0]),
            Self::Concat(parts) => parts.iter_mut().for_each(|part| *part = numbers[*part]),
        }
    }

    /// The shape of what the node makes of tensors of `shapes`; `None` if it does not fit them.
    pub(crate) fn shape(&self, shapes: &[Shape]) -> Option<Shape> {
        let shape = match self {
            Self::Linear(linear) => linear.shape(shapes)?,
            Self::Activation(FloatActivation { input, function, max_pool }) => {
                let shape = shapes[*input];
                if let FloatFunction::Leaky { slopes } = function
                    && slopes.len() != 1
                    && slopes.len() != shape.channels
                {
                    return None;
                }
                match max_pool {
                    Some(window) => window.pool(shape)?,
                    None => shape,
                }
            }
            Self::Sum(parts) => {
                let shape = shapes[parts.first()?.0];
                parts.iter().all(|part| shapes[part.0] == shape).then_some(shape)?
            }
            Self::Concat(parts) => {
                let first = shapes[*parts.first()?];
                let alike = parts.iter().all(|&part| shapes[part].extent() == first.extent());
                let channels = parts.iter().map(|&part| shapes[part].channels).sum();
                alike.then_some(Shape { channels, ..first })?
            }
            Self::Select(Select { input, channels }) => {
                let shape = shapes[*input];
                let exist = channels.iter().all(|&channel| (channel as usize) < shape.channels);
                exist.then_some(Shape { channels: channels.len(), ..shape })?
            }
            Self::Upsample(Upsample { input, factor }) => {
                let Shape { channels, height, width } = shapes[*input];
                let times = |side: usize, factor| side.checked_mul(factor);
                Shape::new(channels, times(height, factor.height)?, times(width, factor.width)?)
            }
            Self::SumPool(pool) => {
                pool.divisor(shapes[pool.input])?;
                pool.window.pool(shapes[pool.input])?
            }
        };
        shape.checked()
    }
}

impl FloatLinear {
    fn shape(&self, shapes: &[Shape]) -> Option<Shape> {
        let mut found = None;
        for term in &self.terms {
            let input = shapes[term.input];
            let shape = term.map.output(input)?;
            let weights = term.map.row_len(input) as usize * shape.channels;
            let products = term.map.row_len(input).checked_mul(shape.len() as u64)?;
            let fits = weights == term.weights.len() && products <= gazelle_model::MAX_PRODUCTS;
            if *found.get_or_insert(shape) != shape || !fits {
                return None;
            }
        }
        let biases = self.bias.len();
        found.filter(|shape| biases == shape.channels || biases == shape.len())
    }
}

/// The shapes of all tensors.
fn check(input: Shape, nodes: &[FloatNode]) -> Result<Vec<Shape>, Error> {
    use gazelle_model::CardFault;
    let mut shapes = vec![input.checked().ok_or(CardFault::Input(input))?];
    for (i, node) in nodes.iter().enumerate() {
        if let Some(&tensor) = node.inputs().iter().find(|&&tensor| tensor > i) {
            return Err(CardFault::Order { node: i + 1, tensor }.into());
        }
        let misfit = CardFault::Misfit { node: i + 1, part: "geometry" };
        shapes.push(node.shape(&shapes).ok_or(misfit)?);
        if let FloatNode::Linear(FloatLinear { node, terms, bias }) = node {
            let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
            if !finite(bias) || !terms.iter().all(|term| finite(&term.weights)) {
                return Err(Error::NotFinite { node: node.clone() });
            }
        }
    }
    Ok(shapes)
}
