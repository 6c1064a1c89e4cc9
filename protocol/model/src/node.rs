//! The nodes of a graph, each with its definition over the integers.
//!
//! Below, x is a value of a tensor that the node reads, y one of a tensor that an activation or the
//! head reads, and `>>` rounds towards −∞. Nodes name tensors by number, see [`crate::Card`].

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Extent, Function, LinearMap, Padding, Shift, Window};

/// A node of the graph. All but activations are linear: they act on each party's shares, in any
/// ring Z_{2^k}, as they act on the values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Node {
    /// Linear maps with secret weights.
    Linear(LinearNode),
    /// The one node that is not linear.
    Activation(ActivationNode),
    /// Σ m·x over tensors of one shape, such as a residual connection.
    Sum(Vec<Scaled>),
    /// The channels of one tensor after those of another; all have the same height and width.
    Concat(Vec<usize>),
    /// Some channels in some order: a permutation, a selection, a slice, a part of a split.
    Select(Select),
    /// Every value copied into a block of cells: nearest-neighbour upsampling.
    Upsample(Upsample),
    /// Sums over windows: average pooling without its divisor.
    SumPool(SumPool),
}

/// Σ over terms of linear maps with secret weights, and a secret bias: a convolution or a dense
/// layer, or several of one output shape, such as a block's last convolution and the projection
/// around the block.
///
/// ```text
/// y[o, i, j] = Σ_t (M_t·x_t)[o, i, j] + b[o]        (Bias::Channel)
/// y[o, i, j] = Σ_t (M_t·x_t)[o, i, j] + b[o, i, j]  (Bias::Map)
/// ```
///
/// It reads the image and tensors that local nodes make of the image and of activations, not
/// another linear node's sums.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LinearNode {
    /// The maps; at least one. The node's weights are those of one term after another.
    pub terms: Vec<Term>,
    /// How many biases there are.
    pub bias: Bias,
    /// Every weight w has |w| < 2^(weight_bits − 1); 2 to 16.
    pub weight_bits: u32,
}

/// One linear map of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Term {
    /// The tensor that it reads.
    pub input: usize,
    /// Its geometry.
    pub map: LinearMap,
}

/// How many biases a linear node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Bias {
    /// One for each output channel.
    Channel,
    /// One for each output value: what padding needs where an input of 0 does not stand for 0, as
    /// with an image that has a mean.
    Map,
}

/// What activations do: y becomes `function(y)`, value by value, then the largest of each window if
/// there is a pooling; a padded cell is absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ActivationNode {
    /// The tensor that it reads.
    pub input: usize,
    /// ℓ, 8 to 31: |y| < 2^ℓ for every y that it reads, whatever the image, and |y − least·2^f|
    /// < 2^ℓ for [`Function::Clamp`], so that one ring serves the clamp's subtraction. It reads
    /// shares in Z_{2^k}, k = ℓ + 1.
    pub sum_bits: u32,
    /// What becomes of each value.
    pub function: Function,
    /// f, the bits that the function drops. Rounding to the nearest is a bias of 2^(f−1).
    pub shift: Shift,
    /// Max pooling of the results; not after a function with a table.
    pub max_pool: Option<Window>,
}

/// A tensor times a public integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scaled {
    /// The tensor.
    pub input: usize,
    /// m, not 0.
    pub factor: i32,
}

/// Some channels of a tensor in some order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Select {
    /// The tensor that it reads.
    pub input: usize,
    /// Output channel c is input channel `channels[c]`.
    pub channels: Vec<u32>,
}

/// Upsampling by copies: y[c, i, j] = x[c, i div height, j div width].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Upsample {
    /// The tensor that it reads.
    pub input: usize,
    /// Rows and columns of a block of copies.
    pub factor: Extent,
}

/// Sums over windows, each times the integer that gives all of them one divisor.
///
/// An average divides the sum of a window's cells by how many of them count: those of the map and of
/// the padding `counted` around it. With n[i, j] that number and D the least common multiple of the
/// rows that count times that of the columns,
///
/// ```text
/// y[c, i, j] = D / n[i, j] · Σ x over the cells of the map under window (i, j),
/// ```
///
/// so y / D is the average, and D is one number to fold into what reads y ([`SumPool::divisor`]).
/// Where all windows count alike, y is the plain sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SumPool {
    /// The tensor that it reads.
    pub input: usize,
    /// The windows; a padded cell is 0.
    pub window: Window,
    /// The part of the padding whose cells count: the window's padding to count them all, none to
    /// average over the map alone.
    pub counted: Padding,
}

/// The head: what the client learns of the tensor that it reads, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeadNode {
    /// The tensor that it reads; its values are y_0, y_1, ….
    pub input: usize,
    /// ℓ, 8 to 31: |y| < 2^ℓ for every y, and |y_i − t_i| < 2^ℓ for [`Head::Thresholds`].
    pub sum_bits: u32,
    /// What the client learns.
    pub head: Head,
}

/// What the client learns. Of equal values the one with the lower index counts as larger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Head {
    /// The index of the largest value.
    Class,
    /// The indices of the so many largest values, the largest first; 1 to [`crate::MAX_TOP`].
    Top(u32),
    /// [y_i ≥ t_i] for each i: 1 or 0. A threshold that is to stay secret goes into the bias.
    Thresholds(Vec<i32>),
    /// The index of the largest value, and how many of three rising bounds its lead over the second
    /// largest reaches: 0 to 3. There are at least two values.
    Confidence([u32; 3]),
    /// The values themselves.
    Values,
}

impl Node {
    /// The tensors that the node reads, in its order.
    pub fn inputs(&self) -> impl Iterator<Item = usize> {
        let (mut terms, mut scaled, mut list, mut one) = Default::default();
        match self {
            Self::Linear(node) => terms = Some(&node.terms),
            Self::Sum(parts) => scaled = Some(parts),
            Self::Concat(parts) => list = Some(parts),
            Self::Activation(ActivationNode { input, .. })
            | Self::Select(Select { input, .. })
            | Self::Upsample(Upsample { input, .. })
            | Self::SumPool(SumPool { input, .. }) => one = Some(*input),
        }
        let terms = terms.into_iter().flatten().map(|term: &Term| term.input);
        let scaled = scaled.into_iter().flatten().map(|part: &Scaled| part.input);
        terms.chain(scaled).chain(list.into_iter().flatten().copied()).chain(one)
    }

    /// Whether the node acts on each party's shares alone.
    pub const fn is_local(&self) -> bool {
        !matches!(self, Self::Linear(_) | Self::Activation(_))
    }
}

impl Head {
    /// How many numbers the client learns of a tensor of `values` values.
    pub const fn results(&self, values: usize) -> usize {
        match self {
            Self::Class => 1,
            Self::Top(count) => *count as usize,
            Self::Confidence(_) => 2,
            Self::Thresholds(_) | Self::Values => values,
        }
    }
}
