//! A layer's published polynomials.

use std::sync::OnceLock;

use crate::parallel::prelude::*;
use gazelle_ntt::pack;
use gazelle_ntt::prg::Seed;
use zeroize::Zeroizing;

use super::blinding::{HintSecret, LayerFormat, Place, public, public_words};
use super::modular::{Moduli, Term, Transformed};
use super::{Format, HintParameters};
use crate::error::Misuse;
use crate::wiped::Wiped;

/// Outputs whose sums are made together: what is fetched of a public polynomial serves all of them.
const TOGETHER: usize = 8;

/// As many terms of a weight polynomial take less time one by one than transforms do.
const FEW: usize = 24;

/// Appends layer number `layer` of a hint to `out`: h_o = ⌊(Σᵢ aᵢ·w_{o,i} + a_pk·u_o + e′_o)/2^(λ−κ)⌉
/// for every output o. `weights` appends the terms of w_{o,i}: how many there are, and where, depends on what is
/// public alone.
///
/// # Errors
/// [`Misuse::Layer`] if an error e′ and the rounding are longer than the bound on the noise allows,
/// which happens to one hint in 2^60.
pub(super) fn build_layer(
    layer: &LayerFormat,
    (seed, index): (&Seed, usize),
    secret: &HintSecret,
    weights: impl Fn(usize, usize, &mut Vec<Term>) + Sync,
    out: &mut Vec<u8>,
) -> Result<(), Misuse> {
    let LayerFormat { format, inputs, .. } = layer;
    let parameters = &format.parameters;
    let input = |i| Input::new(parameters, (seed, index), Place::Input(i));
    let inputs: Vec<Input> = (0..*inputs).into_par_iter().map(input).collect();
    let key = public(parameters, (seed, index), Place::Key);
    let start = out.len();
    out.resize(start + layer.len(), 0);
    let groups = out[start..].par_chunks_mut(TOGETHER * layer.polynomial_len()).enumerate();
    groups
        .map(|(group, out)| {
            let polynomials = out.chunks_exact_mut(layer.polynomial_len()).enumerate();
            let outputs = group * TOGETHER..group * TOGETHER + polynomials.len();
            let blind =
                |output| Sum::new(parameters, &key, secret.blinding(parameters.n(), index, output));
            let mut sums: Vec<Sum> = outputs.clone().map(blind).collect();
            let mut terms = Zeroizing::new(Vec::with_capacity(parameters.n()));
            for (i, input) in inputs.iter().enumerate() {
                for (sum, output) in sums.iter_mut().zip(outputs.clone()) {
                    terms.clear();
                    weights(output, i, &mut terms);
                    sum.add(parameters, input, &terms);
                }
            }
            sums.into_iter()
                .zip(polynomials)
                .try_for_each(|(sum, (_, out))| publish(format, &sum.finish(parameters), out))
        })
        .collect()
}

/// A public polynomial of an input.
struct Input {
    unrolled: Vec<u64>,
    /// If weights have more than a few terms.
    transformed: OnceLock<Transformed>,
}

impl Input {
    fn new(parameters: &HintParameters, layer: (&Seed, usize), place: Place) -> Self {
        let unrolled = parameters.products().unroll(&public_words(parameters, layer, place));
        Self { unrolled, transformed: OnceLock::new() }
    }

    fn transformed(&self, parameters: &HintParameters) -> &Transformed {
        let (n, bits) = (parameters.n(), parameters.log2_q());
        let transform = || parameters.products().transform_below(bits, &self.unrolled[n..]);
        self.transformed.get_or_init(transform)
    }
}

/// c = Σᵢ aᵢ·wᵢ + a_pk·u + e′ on the way.
struct Sum {
    /// The products by transforms.
    transformed: Transformed,
    /// The others modulo 2^64.
    direct: Wiped<u64>,
    error: Wiped<i8>,
}

impl Sum {
    /// a_pk·u + e′.
    fn new(
        parameters: &HintParameters,
        key: &Transformed,
        [ephemeral, error]: [Wiped<i8>; 2],
    ) -> Self {
        let products = parameters.products();
        let mut transformed = products.zero();
        let ephemeral = products.transform_small(&ephemeral, Moduli::Both);
        products.multiply_add(&mut transformed, key, &ephemeral);
        Self { transformed, direct: Wiped::zeros(parameters.n()), error }
    }

    /// Adds the product of an input's polynomial and weights.
    fn add(&mut self, parameters: &HintParameters, input: &Input, terms: &[Term]) {
        let products = parameters.products();
        if terms.len() <= FEW {
            return products.add_terms(&mut self.direct, &input.unrolled, terms);
        }
        let mut weights = Wiped::zeros(parameters.n());
        terms.iter().for_each(|&(exponent, weight)| weights[exponent as usize] = weight);
        let weights = products.transform_weights(&weights);
        products.multiply_add(&mut self.transformed, input.transformed(parameters), &weights);
    }

    fn finish(self, parameters: &HintParameters) -> Polynomial {
        let mut exact = parameters.products().coefficients(self.transformed);
        for (exact, direct) in exact.iter_mut().zip(&*self.direct) {
            *exact = exact.wrapping_add(*direct) & parameters.mask();
        }
        let with_error = exact.iter().zip(&*self.error);
        let values = with_error.map(|(&c, &e)| c.wrapping_add(e as u64) & parameters.mask());
        Polynomial { values: values.collect(), exact }
    }
}

/// A polynomial to publish, before it is rounded, without its error and with it.
struct Polynomial {
    exact: Wiped<u64>,
    values: Wiped<u64>,
}

/// Packs a polynomial, rounded.
fn publish(format: &Format, sum: &Polynomial, out: &mut [u8]) -> Result<(), Misuse> {
    let (lambda, mask) = (format.parameters.log2_q(), format.parameters.mask());
    let dropped = lambda - format.hint_bits;
    let half = (1 << dropped) >> 1;
    let rounded: Vec<u64> =
        sum.values.iter().map(|&c| (c.wrapping_add(half) & mask) >> dropped).collect();
    let error = |(&h, &c): (&u64, &u64)| {
        let difference = (h << dropped).wrapping_sub(c) << (u64::BITS - lambda);
        let difference = (difference as i64 >> (u64::BITS - lambda)) as f64;
        difference * difference
    };
    let norm: f64 = rounded.iter().zip(&*sum.exact).map(error).sum();
    if norm > format.largest_norm() {
        return Err(Misuse::Layer(
            "the hint's errors are larger than its bound; build the hint again".into(),
        ));
    }
    pack::pack_u64_into(&rounded, format.hint_bits, out);
    Ok(())
}
