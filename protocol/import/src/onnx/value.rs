//! What a tensor of the file is while the graph is made: a tensor of the graph with what is still to
//! be folded into its readers, or a sum of linear maps that no node holds yet.

use gazelle_model::{Padding, Shape, Window};

use super::view::View;
use crate::FloatTerm;

/// A tensor of the file.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) body: Body,
    pub(super) shape: Shape,
    /// How the file counts its values.
    pub(super) view: View,
    /// Zeros around each map that the file has added already.
    pub(super) padding: Padding,
    /// Whether other values read the same tensor of the graph.
    pub(super) shared: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Made(Made),
    Open(Open),
}

/// scale·t + shift, of a tensor t of the graph; each one for all, for each channel or for each
/// value.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) tensor: usize,
    pub(super) scale: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

/// A sum of linear maps, of tensors times factors, and of a bias for each channel or each value,
/// with a max pooling behind it.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) node: String,
    pub(super) terms: Vec<FloatTerm>,
    pub(super) skips: Vec<(usize, f64)>,
    pub(super) bias: Vec<f64>,
    /// The shape of the sums; the value's own is that after the pooling.
    pub(super) sums: Shape,
    pub(super) pool: Option<Window>,
}

impl Value {
    pub(super) fn new(body: Body, shape: Shape) -> Self {
        Self { body, shape, view: View::map(shape), padding: Padding::NONE, shared: false }
    }

    pub(super) fn made(made: Made, shape: Shape) -> Self {
        Self::new(Body::Made(made), shape)
    }

    pub(super) fn with_view(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.body, Body::Open(_))
    }
}

impl Made {
    /// The factor, if it is the same everywhere.
    pub(super) fn factor(&self) -> Option<f64> {
        uniform(&self.scale)
    }

    pub(super) fn shifts(&self) -> bool {
        self.shift.iter().any(|&s| s != 0.0)
    }

    /// Whether the tensor stands for itself but for a factor above 0.
    pub(super) fn is_plain(&self) -> bool {
        !self.shifts() && self.factor().is_some_and(|factor| factor > 0.0)
    }

    /// Then times `scale` and `shift` more.
    pub(super) fn affine(&mut self, scale: &[f64], shift: &[f64]) {
        let scaled = combine(&self.shift, scale, |s, a| s * a);
        self.shift = combine(&scaled, shift, |s, b| s + b);
        self.scale = combine(&self.scale, scale, |s, a| s * a);
    }
}

/// The one value of all.
pub(super) fn uniform(values: &[f64]) -> Option<f64> {
    values.first().copied().filter(|first| values.iter().all(|v| v == first))
}

/// Values for each of more places: one for all, one for each channel, or one for each value.
pub(super) fn spread(values: &[f64], len: usize) -> Vec<f64> {
    let copies = len / values.len().max(1);
    values.iter().flat_map(|&v| std::iter::repeat_n(v, copies)).collect()
}

fn combine(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let len = a.len().max(b.len());
    spread(a, len).into_iter().zip(spread(b, len)).map(|(a, b)| f(a, b)).collect()
}

/// Values one for each channel, or one for all, where they are no more; `cells` to a channel.
pub(super) fn gathered(values: Vec<f64>, channels: usize) -> Vec<f64> {
    if let Some(one) = uniform(&values) {
        return vec![one];
    }
    let cells = values.len() / channels.max(1);
    let alike = values.chunks_exact(cells.max(1)).all(|map| uniform(map).is_some());
    if alike { values.into_iter().step_by(cells.max(1)).collect() } else { values }
}
